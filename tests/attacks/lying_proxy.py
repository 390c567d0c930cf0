"""A JSON-RPC endpoint that stands before a real node and lies."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias

import requests
from eth_utils.abi import function_signature_to_4byte_selector

from tests.attacks.lying_server import serving

Request: TypeAlias = dict[str, Any]
Answer: TypeAlias = "dict[str, Any] | Iterable[bytes]"
Ask: TypeAlias = Callable[[Request], dict[str, Any]]
Lie: TypeAlias = Callable[[Request, Ask], Answer]
"""What to answer in place of the node, which can be asked: a response, or bytes from the status line on."""


class LyingProxy:
    """Passes on what it has no lie for.

    asked : the methods it was asked, in their order
    sent : the raw transactions it was given
    """

    def __init__(self, node: str) -> None:
        self._node, self._session = node, requests.Session()
        self.lies: dict[str, Lie] = {}
        self.asked: list[str] = []
        self.sent: list[str] = []

    def answer(self, request: Request) -> Answer:
        """What is answered to a request."""
        method = request["method"]
        self.asked.append(method)
        if method == "eth_sendRawTransaction":
            self.sent.append(request["params"][0])
        lie = self.lies.get(self.selector_of(request)) or self.lies.get(method) or self.lies.get("*")
        return lie(request, self.ask) if lie else self.ask(request)

    def ask(self, request: Request) -> dict[str, Any]:
        """What the node answers."""
        answer: dict[str, Any] = self._session.post(self._node, json=request, timeout=30).json()
        return answer

    @staticmethod
    def selector_of(request: Request) -> str:
        """The first four bytes of a call's data, where the request is a call."""
        if request["method"] != "eth_call":
            return ""
        return str(request["params"][0].get("data", ""))[:10]

    @contextmanager
    def lying(self, about: str, lie: Lie) -> Iterator[None]:
        """Lie about a method, a function of a contract (by its signature), or everything ('*')."""
        key = "0x" + function_signature_to_4byte_selector(about).hex() if "(" in about else about
        self.lies[key] = lie
        try:
            yield
        finally:
            del self.lies[key]

    def serving(self) -> AbstractContextManager[str]:
        """Serve; gives the URL."""
        return serving(self)

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """Serve a request."""
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        answer = self.answer(request)
        if isinstance(answer, dict):
            answer = [http(json.dumps(answer).encode())]
        else:
            handler.close_connection = True
        for piece in answer:
            handler.wfile.write(piece)


def http(body: bytes, *headers: str, length: int | None = None, status: str = "200 OK") -> bytes:
    """A whole HTTP response, or one that promises another length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def result(value: object) -> Lie:
    """Always the same result."""
    return lambda request, _: {"jsonrpc": "2.0", "id": request["id"], "result": value}


def error(code: int, message: str, data: object = None) -> Lie:
    """Always the same error."""
    told = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return lambda request, _: {"jsonrpc": "2.0", "id": request["id"], "error": told}


def raw(answer: bytes) -> Lie:
    """Always the same bytes."""
    return lambda *_: [answer]


def drip(head: bytes, drop: bytes, seconds: float = 60.0) -> Lie:
    """An answer that goes on, drop by drop, for as long as anybody listens."""

    def drops(*_: object) -> Iterator[bytes]:
        yield head
        for _drop in range(int(10 * seconds)):
            time.sleep(0.1)
            yield drop

    return drops


silence = drip(b"", b"")


def once(lie: Lie) -> Lie:
    """A lie the first time, and then the truth."""
    told = threading.Event()

    def first(request: Request, ask: Ask) -> Answer:
        if told.is_set():
            return ask(request)
        told.set()
        return lie(request, ask)

    return first


def word(value: int) -> str:
    """A number as a contract returns it."""
    return f"0x{value % 2**256:064x}"
