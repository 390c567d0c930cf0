"""An endpoint that fails when it is told to, and tells who sends a transaction."""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from eth_account import Account

from tests.attacks.lying_proxy import Answer, Ask, LyingProxy, Request, http
from tests.chaos.profile import Fault, Kill, Kind

SEND = "eth_sendRawTransaction"
HANG_UP: Answer = ()


class FailingProxy(LyingProxy):
    """Passes requests on to a node, but for those that a fault or a kill was armed for.

    taken : the faults that requests met, by their kind
    """

    def __init__(
        self, node: str, killed: Callable[[str, Kill], bool], asked_by: Callable[[str], None]
    ) -> None:
        """Make one that tells of what it sees.

        killed : called with a sender's address when its kill is due; gives whether there was anybody to kill
        asked_by : called with the name that the path of a request's URL is
        """
        super().__init__(node)
        self.lies["*"] = self._fail
        self.taken: Counter[Kind] = Counter()
        self._killed, self._asked_by = killed, asked_by
        self._lock = threading.Lock()
        self._faults: dict[bool, deque[Fault]] = {True: deque(), False: deque()}
        self._kills: deque[Kill] = deque()
        self._out_until = 0.0

    def arm(self, fault: Fault) -> None:
        """Have the next request of its kind meet a fault."""
        with self._lock:
            if fault.kind is Kind.OUTAGE:
                self._out_until = time.monotonic() + fault.seconds
                self.taken[fault.kind] += 1
            else:
                self._faults[fault.of_sending].append(fault)

    def arm_kill(self, kill: Kill) -> None:
        """Have the worker that sends the next transaction be killed over it."""
        with self._lock:
            self._kills.append(kill)

    def disarm(self) -> tuple[int, int]:
        """Forget the faults and kills that nothing has met; gives how many they were."""
        with self._lock:
            left = sum(map(len, self._faults.values())), len(self._kills)
            for faults in self._faults.values():
                faults.clear()
            self._kills.clear()
            return left

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """Serve a request."""
        self._asked_by(handler.path.strip("/"))
        super().__call__(handler)

    def _fail(self, request: Request, ask: Ask) -> Answer:
        if time.monotonic() < self._out_until:
            return HANG_UP
        sends = request["method"] == SEND
        if sends and (kill := self._next_kill()) is not None:
            sender = Account.recover_transaction(request["params"][0])
            if kill.passed_on:
                ask(request)
            if self._killed(sender, kill):
                return HANG_UP
            self.arm_kill(kill)
        fault = self._next_fault(sends)
        return ask(request) if fault is None else self._answer(fault, request, ask)

    def _next_kill(self) -> Kill | None:
        with self._lock:
            return self._kills.popleft() if self._kills else None

    def _next_fault(self, sends: bool) -> Fault | None:
        with self._lock:
            waiting = self._faults[sends]
            if not waiting:
                return None
            fault = waiting.popleft()
            self.taken[fault.kind] += 1
            return fault

    def _answer(self, fault: Fault, request: Request, ask: Ask) -> Answer:
        match fault.kind:
            case Kind.LOSE:
                ask(request)
            case Kind.TRUNCATE:
                body = json.dumps(ask(request)).encode()
                return [http(body[: len(body) // 2], length=len(body))]
            case Kind.DELAY:
                time.sleep(fault.seconds)
                return ask(request)
            case Kind.UNAVAILABLE:
                return [http(b"", status="503 Service Unavailable")]
            case Kind.BUSY:
                error = {"code": -32005, "message": "too many requests"}
                return {"jsonrpc": "2.0", "id": request["id"], "error": error}
            case Kind.NONSENSE:
                return [http(b"<html>Bad gateway</html>")]
        return HANG_UP
