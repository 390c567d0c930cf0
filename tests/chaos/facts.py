"""What became of a run, read from the chain's transactions, events and calls by plain web3."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from eth_utils.abi import event_abi_to_log_topic
from hexbytes import HexBytes
from pydantic import TypeAdapter
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import BlockNotFound, Web3ValueError

from offchain.chain.deployment import Deployment
from tests.chaos.company import Life
from tests.chaos.profile import Profile

Value: TypeAlias = int | str

CONTRACTS = ("token", "vault", "registry", "proof", "ledger", "market")
REQUESTS = 8  # at a time: on a busy machine each takes long for its little work
SUBJECTS = {"taskId": "task", "epochId": "epoch"}


@dataclass(frozen=True, slots=True)
class Told:
    """An event."""

    contract: str
    name: str
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Act:
    """A transaction that one of the contracts told something in.

    subject : the task or the epoch that it is about, as "task 3"; empty where about neither
    """

    block: int
    timestamp: int
    sender: str
    function: str
    subject: str
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task's terms and its end."""

    task_id: int
    phase: int
    data_node: str
    reward: int
    data_node_bond: int
    miner_bond: int
    min_score_wad: int
    commit_ends_at: int
    disclose_seconds: int
    reveal_ends_at: int


@dataclass(frozen=True, slots=True)
class EpochFacts:
    """An epoch's terms and its end."""

    epoch_id: int
    phase: int
    provider: str
    capacity: int
    bond: int
    free_bond: int
    price: int
    sold_units: int
    delivers_until: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `pole ledger --verify` said, and its exit status."""

    home: str
    status: int
    said: str


@dataclass(frozen=True, slots=True)
class Done:
    """How much went wrong."""

    kills: int
    faults: int
    reorganisations: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a run is judged by.

    addresses : the protocol's contracts by name, `burned` among them
    accounts : the workers' addresses by name
    balances : in the vault, by address, of all that ever had one
    outside : tokens outside the vault, likewise
    clock : pairs of the wall clock and the newest block's timestamp, about one a second
    complaints : what the workers' logs have that no worker should say, with the log's name
    stamps : the timestamps of the chain's blocks, in their order
    """

    profile: Profile
    addresses: dict[str, str]
    accounts: dict[str, str]
    tasks: tuple[TaskFacts, ...]
    epochs: tuple[EpochFacts, ...]
    acts: tuple[Act, ...]
    balances: dict[str, int]
    outside: dict[str, int]
    supply: int
    ledger_length: int
    lives: tuple[Life, ...]
    clock: tuple[tuple[float, int], ...]
    done: Done
    verdicts: tuple[Verdict, ...]
    complaints: tuple[str, ...]
    stamps: tuple[int, ...] = ()

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        path.write_bytes(TypeAdapter(Facts).dump_json(self, indent=1))

    @classmethod
    def load(cls, path: Path) -> "Facts":
        """Read what `save` wrote."""
        return TypeAdapter(Facts).validate_json(path.read_bytes())


class Reader:
    """Reads a deployment with nothing but its addresses and ABIs."""

    def __init__(self, w3: Web3, deployment: Deployment) -> None:
        self._w3 = w3
        self.first_block = deployment.block
        self.contracts: dict[str, Contract] = {
            name: w3.eth.contract(
                Web3.to_checksum_address(getattr(deployment, name).address), abi=getattr(deployment, name).abi
            )
            for name in CONTRACTS
        }
        self._names = {str(contract.address): name for name, contract in self.contracts.items()}
        self._events = {
            bytes(event_abi_to_log_topic(entry)): str(entry["name"])
            for contract in self.contracts.values()
            for entry in contract.abi
            if entry["type"] == "event"
        }

    def call(self, contract: str, function: str, *arguments: object) -> Any:
        """Call a view function."""
        return self.contracts[contract].functions[function](*arguments).call()

    def addresses(self) -> dict[str, str]:
        """The contracts' addresses, and that of what is burned."""
        named = {name: str(contract.address) for name, contract in self.contracts.items()}
        return {**named, "burned": str(self.call("proof", "BURNED"))}

    def task_count(self) -> int:
        """How many tasks there are."""
        return int(self.call("registry", "taskCount"))

    def tasks(self) -> Iterator[TaskFacts]:
        """All tasks."""
        for task_id in range(1, self.task_count() + 1):
            task = self._named("registry", "task", self.call("registry", "task", task_id))
            yield TaskFacts(
                task_id,
                int(self.call("proof", "phaseOf", task_id)),
                task["dataNode"],
                task["reward"],
                task["dataNodeBond"],
                task["minerBond"],
                task["minScoreWad"],
                task["commitEndsAt"],
                task["discloseSeconds"],
                task["revealEndsAt"],
            )

    def epochs(self) -> Iterator[EpochFacts]:
        """All epochs."""
        for epoch_id in range(1, int(self.call("market", "epochCount")) + 1):
            epoch = self._named("market", "epoch", self.call("market", "epoch", epoch_id))
            selling = sum(epoch[name] for name in ("buySeconds", "leftoverSeconds", "deliverSeconds"))
            yield EpochFacts(
                epoch_id,
                int(self.call("market", "phaseOf", epoch_id)),
                epoch["provider"],
                epoch["capacity"],
                epoch["bond"],
                epoch["freeBond"],
                epoch["price"],
                epoch["soldUnits"],
                epoch["pricedAt"] + selling,
            )

    def acts(self) -> Iterator[Act]:
        """All transactions with events of the contracts, oldest first."""
        logs = self._w3.eth.get_logs(
            {"fromBlock": self.first_block, "address": [c.address for c in self.contracts.values()]}
        )
        transactions = dict.fromkeys(log["transactionHash"] for log in logs)
        with ThreadPoolExecutor(REQUESTS) as pool:
            yield from pool.map(self._act, transactions)

    def stamps(self, first: int, last: int) -> Iterator[int]:
        """The timestamps of blocks, but for those that Anvil has lost in a reorganisation."""

        def stamps(number: int) -> list[int]:
            try:
                return [self._stamp(number)]
            except BlockNotFound:
                return []

        with ThreadPoolExecutor(REQUESTS) as pool:
            for found in pool.map(stamps, range(first, last + 1)):
                yield from found

    def _act(self, name: HexBytes) -> Act:
        receipt, transaction = self._w3.eth.get_transaction_receipt(name), self._w3.eth.get_transaction(name)
        told, number = tuple(self._told(receipt)), receipt["blockNumber"]
        function, arguments = self._input(transaction)
        subject = _subject(arguments, told)
        return Act(number, self._stamp(number), transaction["from"], function, subject, told)

    def _stamp(self, number: int) -> int:
        return int(self._w3.eth.get_block(number)["timestamp"])

    def _told(self, receipt: Any) -> Iterator[Told]:
        for log in receipt["logs"]:
            name = self._names.get(str(log["address"]))
            if name is not None:
                event = self.contracts[name].events[self._events[bytes(log["topics"][0])]]
                told = event().process_log(log)
                yield Told(name, told["event"], {key: _plain(value) for key, value in told["args"].items()})

    def _input(self, transaction: Any) -> tuple[str, dict[str, Any]]:
        contract = self.contracts.get(self._names.get(str(transaction.get("to")), ""))
        if contract is None:
            return "", {}
        try:
            function, arguments = contract.decode_function_input(transaction["input"])
        except Web3ValueError:
            return "", {}
        return function.fn_name, arguments

    def _named(self, contract: str, function: str, values: Any) -> dict[str, Any]:
        """The fields of a struct by their names in the ABI."""
        (entry,) = (
            e for e in self.contracts[contract].abi if e["type"] == "function" and e["name"] == function
        )
        names = [field["name"] for field in entry["outputs"][0]["components"]]
        return dict(zip(names, values, strict=True))


def _subject(arguments: dict[str, Any], told: tuple[Told, ...]) -> str:
    places: list[dict[str, Any]] = [arguments, *(each.values for each in told)]
    for place in places:
        for key, kind in SUBJECTS.items():
            if key in place:
                return f"{kind} {place[key]}"
    return ""


def _plain(value: Any) -> Value:
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value)
