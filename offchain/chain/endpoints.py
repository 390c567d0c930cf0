"""Several RPC endpoints of one chain as one: the next is asked where one is away, makes no sense or falls behind."""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from offchain import metrics
from offchain.chain import endpoint
from offchain.chain.endpoint import Endpoint, open_web3, shown
from offchain.chain.errors import EndpointFaulty, EndpointUnreachable

log = logging.getLogger(__name__)

Asked = TypeVar("Asked")
Told = TypeVar("Told")

ATTEMPTS = 3  # of one request, for each endpoint
FIRST_SECONDS = 10.0  # for an endpoint to answer while there is another one that was not asked yet
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

    A request that fails is tried again a few times with growing pauses, each endpoint once before any is asked again.
    One that sends a transaction is not: whether that has arrived is for the sender to find out, and it asks the next.
    Of several each has little time at first, for one that hangs must not hold up what another would answer; where
    none answers in it, the request may be one that takes long, and they have the whole time.
    """

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int = 0,
        away: Collection[int] = (),
        seconds: float = math.inf,
    ) -> None:
        """Ask endpoints of which some may be known to be away.

        chain_id : of the endpoints that may be asked, where there are several
        away : the places of those to be asked last
        seconds : after which no request is tried again, where that is less than usual
        """
        super().__init__()
        own = FIRST_SECONDS if len(urls) > 1 else seconds
        self.endpoints = tuple(Endpoint(url, own) for url in urls)
        self._lookouts = tuple(Endpoint(url, own) for url in urls)
        self._chain_id, self._seconds = chain_id, seconds
        self._order = sorted(range(len(urls)), key=lambda index: index in away)
        self._lock = Lock()
        self._look_at = 0.0
        self._quiet_until: dict[str, float] = {}

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask; raises what `Endpoint` raises where none answers."""
        if len(self.endpoints) > 1 and time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            Thread(target=self.look_around, daemon=True).start()
        if method == SEND:
            return self._ask(method, params, {})
        failed: dict[int, Exception] = {}

        def is_over(state: RetryCallState) -> bool:
            is_late = (state.seconds_since_start or 0.0) >= min(self._seconds, endpoint.REQUEST_SECONDS)
            return state.attempt_number >= ATTEMPTS * len(self.endpoints) or (
                # One that hangs takes all the time there is: each is asked, and then one that is given time.
                is_late and (len(self.endpoints) == 1 or state.attempt_number > len(self.endpoints))
            )

        asking = Retrying(
            stop=is_over,
            wait=wait_random_exponential(multiplier=0.1, max=2),
            retry=retry_if_exception_type((OSError, EndpointFaulty)),
            reraise=True,
        )
        try:
            return asking(self._ask, method, params, failed)
        except EndpointUnreachable:
            away = [error for _, error in sorted(failed.items()) if isinstance(error, EndpointUnreachable)]
            raise EndpointUnreachable.together(away) from None

    @property
    def preferred(self) -> Endpoint:
        """The one that is asked first."""
        return self.endpoints[self._order[0]]

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
        seen = [looking.result() for looking in at_once(look, self._lookouts)]
        with self._lock:
            before = self._order[0]
            # One of another chain may be mended: it is in none of the orders, but is looked at again.
            candidates = [*self._order, *(set(range(len(seen))) - set(self._order))]
            self._order = by_preference(seen, candidates, self._chain_id, time.time()) or [before]
            if self._order[0] != before:
                names = [shown(str(self.endpoints[at].endpoint_uri)) for at in (before, self._order[0])]
                log.warning("%s is away or behind; now asking %s", *names)

    def _ask(self, method: RPCEndpoint, params: Any, failed: dict[int, Exception]) -> RPCResponse:
        """Ask the preferred endpoint of those that this request was not put to yet, or of all; notes how it failed."""
        order = self._order
        untried = [index for index in order if index not in failed]
        asked = (untried or order)[0]
        try:
            return self.endpoints[asked].make_request(method, params, None if untried else self._seconds)
        except (OSError, EndpointFaulty) as error:
            metrics.ENDPOINT_FAILURES.labels(urlsplit(str(self.endpoints[asked].endpoint_uri)).hostname).inc()
            failed[asked] = error
            if self._order[0] == asked:
                self.distrust(error.reason if isinstance(error, EndpointUnreachable) else str(error))
            raise


def at_once(ask: Callable[[Asked], Told], among: Iterable[Asked]) -> "list[Future[Told]]":
    """Ask all at the same time; unlike those of a pool, no thread keeps the process from ending."""

    def settle(told: "Future[Told]", one: Asked) -> None:
        try:
            told.set_result(ask(one))
        except BaseException as error:
            told.set_exception(error)

    asked: list[tuple[Future[Told], Asked]] = [(Future(), one) for one in among]
    for each in asked:
        Thread(target=settle, args=each, daemon=True).start()
    return [told for told, _ in asked]


def look(lookout: Endpoint) -> Seen | None:
    """Ask an endpoint for its chain and its newest block; None where it is away or makes no sense."""
    w3 = open_web3(lookout)
    try:
        return Seen(int(w3.eth.chain_id), int(w3.eth.get_block("latest")["timestamp"]))
    except Exception:  # an answer that is none fails deep within web3, in as many ways as there are types
        return None
