"""The task registry: tasks from their posting to the disclosure of their test rows."""

from contextlib import suppress
from dataclasses import dataclass

from web3.types import TxReceipt

from offchain.chain.client import Client
from offchain.chain.errors import BalanceTooLow, EndpointFaulty, OperatorNotApproved


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What a data node asks for, in the order of the Solidity struct; money in token units, metric by number."""

    data_root: bytes
    manifest_hash: bytes
    scorer: str
    metric: int
    feature_count: int
    class_count: int
    mapping_width: int
    row_count: int
    test_count: int
    reward: int
    data_node_bond: int
    miner_bond: int
    min_score_wad: int
    commit_seconds: int
    disclose_seconds: int
    reveal_seconds: int

    def as_tuple(self) -> tuple[object, ...]:
        """The values as the ABI takes them."""
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is stored; see ITaskRegistry.Task."""

    task_id: int
    data_root: bytes
    manifest_hash: bytes
    seed: bytes
    ledger_tip: bytes
    data_node: str
    miner_bond: int
    reward: int
    data_node_bond: int
    scorer: str
    metric: int
    feature_count: int
    class_count: int
    mapping_width: int
    test_count: int
    row_count: int
    test_rows: str
    disclosed_count: int
    commit_ends_at: int
    reveal_ends_at: int
    draw_block: int
    commit_seconds: int
    disclose_seconds: int
    reveal_seconds: int
    min_score_wad: int

    @property
    def row_size(self) -> int:
        """Bytes of a row: one for each feature, then the target."""
        return self.feature_count + (4 if self.class_count == 0 else 1)


class TaskRegistryClient(Client):
    """The only module that knows this contract's function names."""

    name = "registry"

    def task_count(self) -> int:
        """How many tasks were posted; ids count from 1."""
        return self._count(self._contract.functions.taskCount(), self.task)

    def task(self, task_id: int) -> Task:
        """Everything about a task; raises UnknownTask."""
        return Task(task_id, *self._read(self._contract.functions.task(task_id)))

    def test_rows_of(self, task_id: int) -> list[int]:
        """The indices of the drawn test rows, ascending; none before the draw."""
        return list(self._read(self._contract.functions.testRowsOf(task_id)))

    def next_part(self, task_id: int) -> list[int]:
        """The indices of the rows to be disclosed next, ascending; none where there is nothing to disclose."""
        return list(self._read(self._contract.functions.nextPart(task_id)))

    def check(self, spec: TaskSpec, data_node: str) -> None:
        """Raise what `post` would but for the money, of which it is asked last; sends nothing."""
        with suppress(BalanceTooLow, OperatorNotApproved):
            self._try(self._contract.functions.post(spec.as_tuple()), data_node)

    def post(self, spec: TaskSpec) -> int:
        """Post a task and give its id; raises BalanceTooLow and what else the spec does not keep to."""
        receipt = self._write(self._contract.functions.post(spec.as_tuple()))
        return int(self._told(receipt, self._contract.events.TaskPosted())["taskId"])

    def draw(self, task_id: int) -> TxReceipt:
        """Draw the test rows, or name a new block to draw them; raises DrawTooEarly, AlreadyDrawn."""
        return self._write(self._contract.functions.draw(task_id))

    def publish(self, task_id: int, blob_hash: bytes) -> TxReceipt:
        """Name the blob that holds the training rows; raises PublishWindowClosed, NotDataNode."""
        return self._write(self._contract.functions.publish(task_id, blob_hash))

    def disclose(self, task_id: int, rows: bytes, salts: list[bytes], multiproof: list[bytes]) -> TxReceipt:
        """Disclose the next part; raises DiscloseWindowClosed, DataRootMismatch, DisclosureLengthMismatch."""
        return self._write(self._contract.functions.disclose(task_id, rows, salts, multiproof))

    def published_training_rows(self, task_id: int) -> bytes | None:
        """The name of the blob that the data node published last, if any."""
        since = self.task(task_id).draw_block  # nothing is published before the draw
        events = self._events(self._contract.events.TrainingRowsPublished(), since, taskId=task_id)
        return bytes(events[-1]["args"]["blobHash"]) if events else None

    def disclosed_rows(self, task: Task) -> bytes:
        """The disclosed test rows, read from the code that holds them; the last part comes first."""
        rows, address = b"", task.test_rows
        most = task.test_count * task.row_size
        while int(address, 16):
            with self.connection.asking():
                code = bytes(self.connection.w3.eth.get_code(self.connection.w3.to_checksum_address(address)))
            if len(code) <= 21 or len(rows) + len(code) - 21 > most:
                raise EndpointFaulty("code that holds no test rows")
            rows, address = rows + code[21:], "0x" + code[1:21].hex()
        return rows
