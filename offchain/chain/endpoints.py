"""Several RPC endpoints of one chain as one: the next is asked where one is away, makes no sense or falls behind."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from offchain import metrics
from offchain.chain import endpoint
from offchain.chain.endpoint import Endpoint, open_web3, shown
from offchain.chain.errors import EndpointFaulty, EndpointUnreachable

log = logging.getLogger(__name__)

ATTEMPTS = 3  # of one request, for each endpoint
LOOK_SECONDS = 15.0
QUIET_SECONDS = 60.0  # after it is said of an endpoint that it was left
LAG_SECONDS = 60  # five slots
SEND = "eth_sendRawTransaction"


@dataclass(frozen=True, slots=True)
class Seen:
    """What an endpoint told of its chain: the id, and the newest block's timestamp."""

    chain_id: int
    timestamp: int


def is_behind(timestamp: int, newest: int, now: float) -> bool:
    """Whether a head is old.

    It is measured against the newest that another endpoint tells, but no further than to the own clock: whoever
    tells of blocks to come makes no honest endpoint look late.
    """
    return timestamp < min(newest, now) - LAG_SECONDS


def by_preference(seen: Sequence[Seen | None], order: Sequence[int], chain_id: int, now: float) -> list[int]:
    """Which endpoints to ask, the best first: those in time, in the order they had; those behind; those away.

    seen : what each told when it was looked at; None of one that is away
    An endpoint of another chain is not asked at all.
    """
    newest = max((one.timestamp for one in seen if one), default=0)

    def rank(index: int) -> int:
        one = seen[index]
        return 2 if one is None else int(is_behind(one.timestamp, newest, now))

    on_chain = [index for index in order if (one := seen[index]) is None or one.chain_id == chain_id]
    return sorted(on_chain, key=rank)


class Endpoints(BaseProvider):
    """Asks one endpoint until it fails, then the next; looks now and then whether it has fallen behind.

    A request that fails is tried again a few times with growing pauses, but one that sends a transaction: whether
    that has arrived is for the sender to find out.
    """

    def __init__(self, urls: Sequence[str], chain_id: int = 0) -> None:
        """chain_id : of the endpoints that may be asked, where there are several."""
        super().__init__()
        self.endpoints = tuple(map(Endpoint, urls))
        self._lookouts = tuple(map(Endpoint, urls))
        self._chain_id = chain_id
        self._order = list(range(len(urls)))
        self._lock = Lock()
        self._look_at = 0.0
        self._quiet_until: dict[str, float] = {}

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask; raises what `Endpoint` raises where none answers."""
        if len(self.endpoints) > 1 and time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            Thread(target=self.look_around, daemon=True).start()
        if method == SEND:
            return self._ask(method, params)
        asking = Retrying(
            stop=stop_after_attempt(ATTEMPTS * len(self.endpoints))
            | stop_after_delay(endpoint.REQUEST_SECONDS),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type((OSError, EndpointFaulty)),
            reraise=True,
        )
        away: dict[int, EndpointUnreachable] = {}
        try:
            return asking(self._ask, method, params, away)
        except EndpointUnreachable:
            raise EndpointUnreachable.together([away[index] for index in sorted(away)]) from None

    def distrust(self, reason: str) -> None:
        """Ask another endpoint from now on, where there is one."""
        with self._lock:
            if len(self._order) > 1:
                self._order = [*self._order[1:], self._order[0]]
                left, taken = (shown(str(self.endpoints[self._order[at]].endpoint_uri)) for at in (-1, 0))
                if time.monotonic() > self._quiet_until.get(left, 0.0):
                    self._quiet_until[left] = time.monotonic() + QUIET_SECONDS
                    log.warning("%s: %s; now asking %s", left, reason, taken)

    def look_around(self) -> None:
        """Look at every endpoint, and put those in time before those that are behind or away."""
        with ThreadPoolExecutor(len(self._lookouts)) as pool:
            seen = list(pool.map(look, self._lookouts))
        with self._lock:
            before = self._order[0]
            # One of another chain may be mended: it is in none of the orders, but is looked at again.
            candidates = [*self._order, *(set(range(len(seen))) - set(self._order))]
            self._order = by_preference(seen, candidates, self._chain_id, time.time()) or [before]
            if self._order[0] != before:
                names = [shown(str(self.endpoints[at].endpoint_uri)) for at in (before, self._order[0])]
                log.warning("%s is away or behind; now asking %s", *names)

    def _ask(
        self, method: RPCEndpoint, params: Any, away: dict[int, EndpointUnreachable] | None = None
    ) -> RPCResponse:
        """Ask the preferred endpoint; where it does not answer, that is noted in `away` as well."""
        asked = self._order[0]
        try:
            return self.endpoints[asked].make_request(method, params)
        except (OSError, EndpointFaulty) as error:
            metrics.ENDPOINT_FAILURES.labels(urlsplit(str(self.endpoints[asked].endpoint_uri)).hostname).inc()
            if isinstance(error, EndpointUnreachable) and away is not None:
                away[asked] = error
            if self._order[0] == asked:
                self.distrust(error.reason if isinstance(error, EndpointUnreachable) else str(error))
            raise


def look(lookout: Endpoint) -> Seen | None:
    """Ask an endpoint for its chain and its newest block; None where it is away or makes no sense."""
    w3 = open_web3(lookout)
    try:
        return Seen(int(w3.eth.chain_id), int(w3.eth.get_block("latest")["timestamp"]))
    except Exception:  # an answer that is none fails deep within web3, in as many ways as there are types
        return None
