"""The way to an RPC endpoint, on which every request ends in bounded time and memory, whoever answers it."""

import json
import math
import socket
import time
from contextlib import suppress
from threading import Timer
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from web3 import HTTPProvider, Web3
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from offchain.canonical import from_json
from offchain.chain.errors import EndpointFaulty, EndpointUnreachable

REQUEST_SECONDS = 30.0  # to connect, and again to answer
MAX_ANSWER_BYTES = 32 * 1024 * 1024


def shown(url: str) -> str:
    """A URL as it may be shown: without what follows the host, which is often a key."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{where}{'/…' if parts.path.strip('/') or parts.query else ''}" if where else url


def reason_of(error: Exception) -> str:
    """Why a request failed, as the operating system or the server puts it."""
    first: BaseException = error
    while deeper := first.__cause__ or first.__context__:
        first = deeper
    if isinstance(first, ConnectionResetError | BrokenPipeError):
        return "closed the connection"
    return first.strerror.lower() if isinstance(first, OSError) and first.strerror else str(error)


def without_key(text: str, url: str) -> str:
    """A text that quotes a URL, whole or from its path on, without what is often a key."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    text = text.replace(url, shown(url))
    return text.replace(path, "/…") if path.strip("/") else text


def open_web3(provider: BaseProvider) -> Web3:
    """A web3 without its validation, which asks the endpoint for its chain id before each call.

    No call names a chain, and what is signed is signed for that of the deployment.
    """
    w3 = Web3(provider)
    w3.middleware_onion.remove("validation")
    return w3


class Endpoint(HTTPProvider):
    """An RPC endpoint by HTTP. What it answers may be a lie, but it is JSON, and there is an end to it.

    A request that fails is not repeated here.
    """

    def __init__(self, url: str, seconds: float = math.inf) -> None:
        """seconds : to connect, and again to answer, where that is less than a request has in any case."""
        super().__init__(url, exception_retry_configuration=None)
        self._seconds = seconds
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter())

    def make_request(self, method: RPCEndpoint, params: Any, seconds: float | None = None) -> RPCResponse:
        """Ask once; raises EndpointUnreachable where no answer comes and EndpointFaulty where it is none.

        seconds : in place of the endpoint's own, for this request
        """
        url, began = str(self.endpoint_uri), time.monotonic()
        limit = min(self._seconds if seconds is None else seconds, REQUEST_SECONDS)
        request = self.encode_rpc_request(method, params)
        try:
            data = self._post(request, limit)
        except requests.RequestException as error:
            # A connection that was shut here for its slowness looks as if the other end had done it.
            is_late = isinstance(error, requests.Timeout) or time.monotonic() - began >= limit
            reason = f"no answer within {limit:g} s" if is_late else reason_of(error)
            raise EndpointUnreachable(shown(url), without_key(reason, url)) from None
        try:
            answer = from_json(data, MAX_ANSWER_BYTES)
        except ValueError:
            raise EndpointFaulty(f"{len(data):,} bytes that are not JSON") from None
        if not isinstance(answer, dict):
            raise EndpointFaulty(f"a {type(answer).__name__} in place of a response")
        if answer.get("id") != json.loads(request)["id"] and not (
            "error" in answer and answer.get("id") is None
        ):
            raise EndpointFaulty("the answer to another request")
        return cast(RPCResponse, answer)

    def _post(self, data: bytes, seconds: float) -> bytes:
        # Nothing compressed, which could become large only here; and nowhere else than where the user pointed.
        headers = {**self.get_request_headers(), "Accept-Encoding": "identity"}
        options: dict[str, Any] = {"timeout": seconds, "stream": True, "allow_redirects": False}
        with self._session.post(str(self.endpoint_uri), data, headers=headers, **options) as response:
            response.raise_for_status()
            try:
                answer: bytes = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=False)
            except HTTPError as error:
                raise requests.ConnectionError(f"the answer broke off: {error}") from error
        if len(answer) > MAX_ANSWER_BYTES:
            raise EndpointFaulty(f"more than {MAX_ANSWER_BYTES:,} bytes")
        return answer


class _Connection(HTTPConnection):
    """A connection that is shut when an answer has not ended in time.

    A socket's own timeout begins anew with every byte that comes.
    """

    _clock = Timer(0.0, lambda: None)  # of the last request, which has ended when the next one comes

    def request(self, *args: Any, **options: Any) -> None:
        self._clock.cancel()
        super().request(*args, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        assert self.timeout is not None  # what the request was given to be answered
        self._clock = Timer(self.timeout, _hang_up, (self.sock,))
        self._clock.daemon = True
        self._clock.start()
        return super().getresponse()


def _hang_up(line: socket.socket) -> None:
    """Let whoever reads from a line see its end."""
    with suppress(OSError):  # it is closed already
        # The plain socket's `shutdown`, for that of TLS would pull the rug from under who reads.
        socket.socket.shutdown(line, socket.SHUT_RDWR)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
