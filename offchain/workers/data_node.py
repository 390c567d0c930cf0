"""The data node: posts a task and carries it to its end."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from offchain.chain.phase import Phase
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import Task, TaskRegistryClient, TaskSpec
from offchain.chain.transactions import Sender
from offchain.chain.vault import shown_in_tokens
from offchain.cid import Cid
from offchain.learning.datasets import EncodedDataset
from offchain.learning.metrics import WAD, Metric
from offchain.learning.row_tree import part_rows
from offchain.learning.rows import SaltedRows
from offchain.workers.errors import OVERTAKEN, SecretsLost
from offchain.workers.funds import check_funds, make_available
from offchain.workers.home import Home
from offchain.workers.missed import missed_by_data_node, tell
from offchain.workers.moves import Moves

log = logging.getLogger(__name__)


class Move(Enum):
    """What a data node does next for one of its tasks."""

    WAIT = "wait"
    DRAW = "draw the test rows"
    PUBLISH = "publish the training rows"
    DISCLOSE = "disclose the test rows"
    SETTLE = "settle"
    ABORT = "abort"
    DONE = "done"


MOVES = Moves({
    # phase          due    published
    (Phase.DRAW,     False, False): Move.WAIT,
    (Phase.DRAW,     True,  False): Move.DRAW,
    (Phase.COMMIT,   False, False): Move.PUBLISH,
    (Phase.COMMIT,   False, True):  Move.WAIT,
    (Phase.DISCLOSE, False, False): Move.DISCLOSE,
    (Phase.DISCLOSE, False, True):  Move.DISCLOSE,
    (Phase.REVEAL,   False, False): Move.WAIT,
    (Phase.REVEAL,   False, True):  Move.WAIT,
    (Phase.SETTLE,   False, False): Move.WAIT,
    (Phase.SETTLE,   False, True):  Move.WAIT,
    (Phase.SETTLE,   True,  False): Move.SETTLE,
    (Phase.SETTLE,   True,  True):  Move.SETTLE,
    (Phase.ABORT,    False, False): Move.ABORT,
    (Phase.ABORT,    False, True):  Move.ABORT,
    (Phase.SETTLED,  False, False): Move.DONE,
    (Phase.SETTLED,  False, True):  Move.DONE,
    (Phase.ABORTED,  False, False): Move.DONE,
    (Phase.ABORTED,  False, True):  Move.DONE,
})  # fmt: skip


def decide(phase: Phase, *, due: bool, published: bool) -> Move:
    """The next move for a task in `phase`.

    due : in DRAW, the block that draws has a hash; in SETTLE, it is not left to a winner (any more)
    published : the training rows are published
    """
    return MOVES[phase, due, published]


@dataclass(frozen=True, slots=True)
class Terms:
    """The reward structure and the windows of a task; money in token units."""

    reward: int
    data_node_bond: int
    miner_bond: int
    min_score_wad: int
    commit_seconds: int
    disclose_seconds: int
    reveal_seconds: int
    mapping_width: int


def default_test_count(row_count: int, row_size: int) -> int:
    """Three rows in ten, or as many as one transaction can disclose."""
    count = max(1, round(0.3 * row_count))
    return min(count, part_rows(count, row_count, row_size))


class DataNode:
    """One account's tasks."""

    def __init__(
        self, sender: Sender, home: Home, token_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        """token_bytes : where secrets come from; a simulation that is to be repeated brings its own."""
        self.address = sender.address
        self.registry = TaskRegistryClient(sender.connection, sender)
        self.proof = ProofOfLearningClient(sender.connection, sender)
        self._sender, self._home, self._token_bytes = sender, home, token_bytes
        self._ended: set[int] = set()  # tasks of which is said what was missed
        self._told: set[int] = set()  # tasks of which is said what became of them
        self._own: list[int] = []
        self._published: dict[bytes, bytes] = {}  # the training rows' name by the draw's seed
        self._looked_at = 0  # the last task of which it is known whose it is

    def check(
        self, data: EncodedDataset, scorer: str, metric: Metric, test_count: int, terms: Terms
    ) -> TaskSpec:
        """What would be posted, but for its hashes; raises what the contract has against it, and FundsTooLow."""
        manifest = data.manifest
        spec = TaskSpec(
            data_root=bytes(32),
            manifest_hash=bytes(32),
            scorer=scorer,
            metric=metric,
            feature_count=manifest.feature_count,
            class_count=manifest.class_count,
            mapping_width=terms.mapping_width,
            row_count=manifest.row_count,
            test_count=test_count,
            reward=terms.reward,
            data_node_bond=terms.data_node_bond,
            miner_bond=terms.miner_bond,
            min_score_wad=terms.min_score_wad,
            commit_seconds=terms.commit_seconds,
            disclose_seconds=terms.disclose_seconds,
            reveal_seconds=terms.reveal_seconds,
        )
        self.registry.check(spec, self.address)
        check_funds(self._sender, terms.reward + terms.data_node_bond)
        return spec

    def post(self, data: EncodedDataset, scorer: str, metric: Metric, test_count: int, terms: Terms) -> int:
        """Check, salt the rows, keep them, publish the manifest and post the task; gives its id."""
        spec = self.check(data, scorer, metric, test_count, terms)
        rows = SaltedRows(
            tuple(data.row_bytes(index) for index in range(spec.row_count)), self._token_bytes(32)
        )
        self._home.save_rows(rows)
        manifest_hash = self._home.blobs.put(data.manifest.to_bytes()).digest
        make_available(self._sender, terms.reward + terms.data_node_bond, self.registry.address)
        return self.registry.post(replace(spec, data_root=rows.root(), manifest_hash=manifest_hash))

    def tasks(self) -> list[int]:
        """The ids of this account's tasks, but for those that had ended before they were looked at.

        A reorganisation may give a number to another task: so long as a task is not drawn it is looked at again, and
        where there are fewer tasks than before, all are.
        """
        count = self.registry.task_count()
        if count < self._looked_at:
            self._own, self._looked_at = [], 0
        recent, are_drawn = [], True
        for task_id in range(self._looked_at + 1, count + 1):
            phase = self.proof.phase_of(task_id)
            is_own = self.registry.task(task_id).data_node == self.address
            found = [task_id] if is_own and not phase.is_over else []
            are_drawn = are_drawn and phase != Phase.DRAW
            if are_drawn:
                self._own += found
                self._looked_at = task_id
            else:
                recent += found
        return self._own + recent

    def step(self, task_id: int) -> Move:
        """Make the next move for a task, if there is one, and tell which."""
        phase = self.proof.phase_of(task_id)
        task = self.registry.task(task_id)
        move = decide(
            phase,
            due=self._is_due(phase, task),
            published=phase != Phase.DRAW and self._is_published(phase, task),
        )
        if move in (Move.ABORT, Move.DONE) and task_id not in self._ended:
            self._ended.add(task_id)
            missed = missed_by_data_node(task, phase, self.proof.commitment_count(task_id))
            tell(f"task {task_id}", missed)
        if move is Move.DONE and task_id not in self._told:
            self._told.add(task_id)
            log.info("task %d: %s", task_id, self._outcome(phase, task))
        if move not in (Move.WAIT, Move.DONE):
            log.info("task %d: %s", task_id, move.value)
        try:
            self._make(move, task)
        except OVERTAKEN as error:
            log.info("task %d: somebody else was first, or its phase has ended: %s", task_id, error)
        return move

    def _outcome(self, phase: Phase, task: Task) -> str:
        """Who won a task that has ended, and what came back to the data node."""
        money = shown_in_tokens(self._sender.connection)
        reward, bond = money(task.reward), money(task.data_node_bond)
        if phase == Phase.ABORTED:
            is_kept = self.proof.commitment_count(task.task_id) == 0
            return f"aborted: the reward of {reward}{f' and the bond of {bond}' if is_kept else ''} came back"
        best = next(iter(self.proof.revealed_models(task.task_id)), None)
        if best is None or best.score_wad < task.min_score_wad:
            least = task.min_score_wad / WAD
            return f"settled: no model reached {least:g}; the reward of {reward} and the bond of {bond} came back"
        score = best.score_wad / WAD
        return f"settled: {best.miner} won {reward} with a score of {score:.4f}; the bond of {bond} came back"

    def _is_due(self, phase: Phase, task: Task) -> bool:
        head = self._sender.connection.head()
        if phase == Phase.DRAW:
            return head.number > task.draw_block
        if phase == Phase.SETTLE:
            nobody_leads = self.proof.leader_of(task.task_id) is None
            return nobody_leads or head.timestamp >= task.reveal_ends_at
        return False

    def _is_published(self, phase: Phase, task: Task) -> bool:
        """Whether the training rows are published, and not those of a draw that was reorganised away."""
        told = self.registry.published_training_rows(task.task_id)
        if told is None or phase != Phase.COMMIT or told == self._published.get(task.seed):
            return told is not None
        blob = self._rows(task).training_blob(self.registry.test_rows_of(task.task_id))
        self._published[task.seed] = Cid.of(blob).digest
        return told == self._published[task.seed]

    def _make(self, move: Move, task: Task) -> None:
        match move:
            case Move.DRAW:
                self.registry.draw(task.task_id)
            case Move.PUBLISH:
                indices = self.registry.test_rows_of(task.task_id)
                blob = self._rows(task).training_blob(indices)
                self.registry.publish(task.task_id, self._home.blobs.put(blob).digest)
            case Move.DISCLOSE:
                rows = self._rows(task)
                while indices := self.registry.next_part(task.task_id):
                    self.registry.disclose(task.task_id, *rows.disclosure(indices))
            case Move.SETTLE:
                self.proof.settle(task.task_id)
            case Move.ABORT:
                self.proof.abort(task.task_id)

    def _rows(self, task: Task) -> SaltedRows:
        rows = self._home.load_rows(task.data_root)
        if rows is None:
            raise SecretsLost(f"task {task.task_id}", str(self._home.account_folder))
        return rows
