"""The miner: checks a task's training rows, trains, commits, reveals."""

import logging
import secrets
from collections.abc import Callable, Sequence
from enum import Enum

from eth_utils.crypto import keccak

from offchain.canonical import to_canonical_json
from offchain.chain.phase import Phase
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import Task, TaskRegistryClient
from offchain.chain.transactions import MAX_TRANSACTION_GAS, Sender
from offchain.chain.vault import shown_in_tokens
from offchain.cid import Cid
from offchain.compute.errors import JobFailure
from offchain.compute.executor import JobExecutor
from offchain.compute.rows import JobRows
from offchain.compute.trained import Trained
from offchain.compute.trial import TrialResult, TrialSpec
from offchain.compute.work import Kind, Work
from offchain.learning import estimators
from offchain.learning.estimators import Parameters
from offchain.learning.metrics import WAD, Metric, ranked
from offchain.learning.scoring import decode
from offchain.learning.scoring_gas import rows_per_reveal
from offchain.storage import BlobMissing
from offchain.workers.errors import (
    OVERTAKEN,
    FundsTooLow,
    RevealTooLarge,
    ScorerUnsupported,
    SecretsLost,
)
from offchain.workers.funds import check_funds, make_available
from offchain.workers.home import Home, ModelSecret
from offchain.workers.jobs import Jobs
from offchain.workers.missed import Missed, missed_by_miner, tell, utc
from offchain.workers.moves import Moves
from offchain.workers.reading import parameters_of
from offchain.workers.saying import Sparingly
from offchain.workers.scorers import MODELS, SCORERS
from offchain.workers.task_rows import open_task_rows

log = logging.getLogger(__name__)

MAX_REVEAL_TRANSACTIONS = 64
SECONDS_PER_REVEAL = 24  # two slots of twelve seconds
DRAW_PATIENCE_BLOCKS = 8  # the draw is left to the data node for so long
MAX_SEARCHES = 4  # at a time, for each keeps its task's rows in memory


class Move(Enum):
    """What a miner does next for a task."""

    WAIT = "wait"
    DRAW = "draw the test rows"
    TRAIN = "train"
    COMMIT = "commit"
    REVEAL = "reveal"
    SETTLE = "settle"
    ABORT = "abort"
    CLAIM = "claim"
    DONE = "done"


MOVES = Moves({
    # phase          model  committed revealed
    (Phase.COMMIT,   False, False, False): Move.TRAIN,
    (Phase.COMMIT,   True,  False, False): Move.COMMIT,
    (Phase.COMMIT,   True,  True,  False): Move.WAIT,
    (Phase.DISCLOSE, False, False, False): Move.DONE,
    (Phase.DISCLOSE, True,  False, False): Move.DONE,
    (Phase.DISCLOSE, True,  True,  False): Move.WAIT,
    (Phase.REVEAL,   False, False, False): Move.DONE,
    (Phase.REVEAL,   True,  False, False): Move.DONE,
    (Phase.REVEAL,   True,  True,  False): Move.REVEAL,
    (Phase.REVEAL,   True,  True,  True):  Move.WAIT,
    (Phase.SETTLE,   False, False, False): Move.DONE,
    (Phase.SETTLE,   True,  False, False): Move.DONE,
    (Phase.SETTLE,   True,  True,  False): Move.DONE,
    (Phase.SETTLE,   True,  True,  True):  Move.SETTLE,
    (Phase.ABORT,    False, False, False): Move.DONE,
    (Phase.ABORT,    True,  False, False): Move.DONE,
    (Phase.ABORT,    True,  True,  False): Move.ABORT,
    (Phase.SETTLED,  False, False, False): Move.DONE,
    (Phase.SETTLED,  True,  False, False): Move.DONE,
    (Phase.SETTLED,  True,  True,  False): Move.DONE,
    (Phase.SETTLED,  True,  True,  True):  Move.DONE,
    (Phase.ABORTED,  False, False, False): Move.DONE,
    (Phase.ABORTED,  True,  False, False): Move.DONE,
    (Phase.ABORTED,  True,  True,  False): Move.CLAIM,
})  # fmt: skip


def decide(phase: Phase, *, due: bool, has_model: bool, committed: bool, revealed: bool) -> Move:
    """The next move for a task in `phase`.

    due : in DRAW, the data node is late; in SETTLE, this miner leads, or the reveal window has ended
    has_model : a model and its salt are on disk, or were when they were committed to
    committed, revealed : what the chain says of this miner
    """
    if phase == Phase.DRAW:
        return Move.DRAW if due else Move.WAIT
    move = MOVES[phase, has_model, committed, revealed]
    return Move.WAIT if move == Move.SETTLE and not due else move


class Miner:
    """One account that competes for tasks with one kind of estimator."""

    def __init__(
        self,
        sender: Sender,
        home: Home,
        estimator: str,
        seed: int,
        executor: JobExecutor,
        token_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """token_bytes : where secrets come from; a simulation that is to be repeated brings its own."""
        self._token_bytes = token_bytes
        self.address = sender.address
        self.registry = TaskRegistryClient(sender.connection, sender)
        self.proof = ProofOfLearningClient(sender.connection, sender)
        self._sender, self._home, self._estimator, self._seed = sender, home, estimator, seed
        self._jobs = Jobs(home, executor)
        self._searches: dict[int, list[Work]] = {}
        self._untrainable: dict[int, JobFailure | RevealTooLarge] = {}
        self._unfunded: set[int] = set()  # tasks whose bond was not to be had before training
        self._sparingly = Sparingly()
        self._followed: set[int] = set()  # tasks of which is to be said how they end
        self._ended: set[int] = set()  # those of which that is said, or what was missed
        self._known: set[int] = set()  # those whose model this run has made, or told of

    def tasks(self) -> range:
        """The ids of all tasks."""
        return range(1, self.registry.task_count() + 1)

    def step(self, task_id: int) -> Move:
        """Make the next move for a task, if there is one, and tell which."""
        phase = self.proof.phase_of(task_id)
        task = self.registry.task(task_id)
        place = self.proof.commitment_of(task_id, self.address)
        secret = self._home.load_model(task)
        if place.order and not place.revealed and secret is None and phase <= Phase.REVEAL:
            raise SecretsLost(f"the commitment to task {task_id}", str(self._home.account_folder))
        move = decide(
            phase,
            due=self._is_due(phase, task),
            has_model=secret is not None or place.order != 0,
            committed=place.order != 0,
            revealed=place.revealed,
        )
        if move == Move.DONE and task_id not in self._ended:
            self._ended.add(task_id)
            committed, revealed = place.order != 0, place.revealed
            has_model = secret is not None
            missed = missed_by_miner(task, phase, has_model=has_model, committed=committed, revealed=revealed)
            if missed is None and not committed:
                missed = self._missed_bond(task)
            tell(f"task {task_id}", missed)
            if missed is None:
                self.tell_end(task, phase)
        if move != Move.DONE:
            self.follow(task_id)
        # Not before a reveal, on which a bond hangs: the storage that is asked may take its time.
        if move in (Move.COMMIT, Move.WAIT) and secret is not None:
            self._tell_kept(task, secret, committed=place.order != 0)
        if move != Move.TRAIN:
            self._end_search(task_id)
        try:
            self._make(move, task, secret)
        except OVERTAKEN as error:
            log.info("task %d: somebody else was first, or its phase has ended: %s", task_id, error)
        return move

    def follow(self, task_id: int) -> None:
        """Have it said how a task ends, though it has ended already."""
        self._followed.add(task_id)

    def tell_end(self, task: Task, phase: Phase) -> None:
        """Say how a task that is followed ended for this account."""
        if task.task_id in self._followed:
            log.info("task %d: %s", task.task_id, self._end_of(task, phase))

    def _end_of(self, task: Task, phase: Phase) -> str:
        if phase in (Phase.ABORT, Phase.ABORTED):
            nobody_came = self.proof.commitment_count(task.task_id) == 0
            why = "nobody committed to it" if nobody_came else "its test rows were not disclosed in time"
            return f"it is aborted, as {why}, and nobody is paid"
        if phase != Phase.SETTLED:
            return "it takes no commitments any more"
        shown = shown_in_tokens(self._sender.connection)
        board = self.proof.revealed_models(task.task_id)
        for rank, model in enumerate(board, 1):
            if model.miner == self.address:
                won = rank == 1 and model.score_wad >= task.min_score_wad
                place = f"scored {model.score_wad / WAD:.4f}, rank {rank} of {len(board)}"
                return f"it is settled: {place}{f', and won {shown(task.reward)}' if won else ''}"
        return "it is settled, without a model of this account's"

    def _missed_bond(self, task: Task) -> Missed | None:
        if task.task_id not in self._unfunded:
            return None
        shown = shown_in_tokens(self._sender.connection)
        return Missed(
            f"nothing was trained, as the bond of {shown(task.miner_bond)} was not to be had before"
            f" {utc(task.commit_ends_at)}: this costs the chance of the reward of {shown(task.reward)}, and no bond",
            0,
        )

    def _tell_kept(self, task: Task, secret: ModelSecret, *, committed: bool) -> None:
        """Say which model of an earlier run this one goes on with, whatever it was started with."""
        if task.task_id in self._known:
            return
        self._known.add(task.task_id)
        found = parameters_of(self._home.blobs, decode(secret.model).parameters_hash)
        log.info(
            "task %d: goes on with the model that was %s before: %s; --estimator is not used for it",
            *(task.task_id, "committed to" if committed else "trained"),
            _shown(found) if isinstance(found, dict) else found,
        )

    def _is_due(self, phase: Phase, task: Task) -> bool:
        head = self._sender.connection.head
        if phase == Phase.DRAW:
            return head().number > task.draw_block + DRAW_PATIENCE_BLOCKS
        if phase == Phase.SETTLE:
            leads = self.proof.leader_of(task.task_id) == self.address
            return leads or head().timestamp >= task.reveal_ends_at
        return False

    def _make(self, move: Move, task: Task, secret: ModelSecret | None) -> None:
        match move:
            case Move.DRAW:
                self.registry.draw(task.task_id)
            case Move.TRAIN:
                self._train(task)
            case Move.COMMIT:
                assert secret is not None
                make_available(self._sender, task.miner_bond, self.proof.address)
                self.proof.commit(task.task_id, keccak(secret.model), secret.salt)
                log.info("task %d: committed to 0x%s", task.task_id, keccak(secret.model).hex()[:16])
            case Move.REVEAL:
                assert secret is not None
                self._reveal(task, secret)
            case Move.SETTLE:
                self.proof.settle(task.task_id)
            case Move.ABORT:
                self.proof.abort(task.task_id)
            case Move.CLAIM:
                self.proof.claim(task.task_id)

    def _reveal(self, task: Task, secret: ModelSecret) -> None:
        """Score the model, from where it stopped if it did, in as many transactions as it takes."""
        self.proof.check_phase(task.task_id, Phase.REVEAL)  # whoever is told the model early can commit to it
        rows = _rows_per_reveal(task, secret.model)
        for _ in range(MAX_REVEAL_TRANSACTIONS):
            if self.proof.commitment_of(task.task_id, self.address).revealed:
                break
            progress = self.proof.progress_of(task.task_id, self.address)
            self.proof.reveal(task.task_id, secret.salt, secret.model, progress, rows)
            scored = min(progress.scored_count + rows, task.test_count)
            log.info(
                "task %d: revealed %d bytes, scored on %d of %d rows",
                *(task.task_id, len(secret.model), scored, task.test_count),
            )

    def check_scorer(self, task: Task) -> None:
        """Raise ScorerUnsupported where the task's scorer does not read this miner's models."""
        kind = estimators.kind(self._estimator, task.class_count)
        scorers = self._sender.connection.deployment.scorers
        if task.scorer != scorers[SCORERS[kind]].address:
            wanted = [MODELS[each] for each, name in SCORERS.items() if task.scorer == scorers[name].address]
            raise ScorerUnsupported(
                wanted[0] if wanted else f"models for {task.scorer}", self._estimator, MODELS[kind]
            )

    def keep(self, task: Task, model: bytes, parameters: Parameters) -> None:
        """Keep the model to commit to, however it was trained; raises RevealTooLarge."""
        rows = _rows_per_reveal(task, model)
        limit = max(1, min(MAX_REVEAL_TRANSACTIONS, task.reveal_seconds // SECONDS_PER_REVEAL))
        if rows * limit < task.test_count:
            raise RevealTooLarge(rows, task.test_count, limit)
        self._home.blobs.put(to_canonical_json(parameters))
        self._home.save_model(task, ModelSecret(model, self._token_bytes(32)))
        self._known.add(task.task_id)

    def _train(self, task: Task) -> None:
        """Search for the best hyperparameters on the published rows, if they are there, and keep the model.

        The trials are jobs, as long as commits are taken: this begins them, or looks how they go.
        """
        self.check_scorer(task)
        if task.task_id in self._untrainable:
            raise self._untrainable[task.task_id]
        if task.task_id not in self._searches:
            if len(self._searches) >= MAX_SEARCHES:
                return
            trials = self._open_trials(task)
            if trials is None:
                return
            self._searches[task.task_id] = trials
            log.info("task %d: %d trials of %s", task.task_id, len(trials), self._estimator)
        seconds = max(task.commit_ends_at - self._sender.connection.head().timestamp, 1)
        ended = [self._outcome(task, trial, seconds) for trial in self._searches[task.task_id]]
        if None not in ended:
            self._choose(task, [outcome for outcome in ended if outcome is not None])

    def _open_trials(self, task: Task) -> list[Work] | None:
        """A job for each choice of hyperparameters; None where the rows are not there yet."""
        published = self.registry.published_training_rows(task.task_id)
        if published is None:
            return None
        self._check_bond(task)
        try:
            deployment = self._sender.connection.deployment
            rows = open_task_rows(self._home.blobs, task, published, deployment, self.address)
        except BlobMissing as error:
            self._sparingly.say(logging.INFO, f"task {task.task_id}: {error}")
            return None
        content = JobRows(rows.features, rows.targets).to_bytes(task.class_count)
        name = str(Cid.of(content))
        specs = [
            TrialSpec.make(
                estimator=self._estimator,
                parameters=dict(parameters),
                rows=name,
                feature_count=rows.features.shape[1],
                class_count=task.class_count,
                metric=int(task.metric),
                seed=self._seed,
            )
            for parameters in estimators.candidates(self._estimator, task.class_count)
        ]
        return [Work(Kind.TRIAL, spec.to_bytes(), content) for spec in specs]

    def _check_bond(self, task: Task) -> None:
        """Raise FundsTooLow where what is trained could not be committed to."""
        try:
            check_funds(self._sender, task.miner_bond)
        except FundsTooLow:
            self._unfunded.add(task.task_id)
            raise
        self._unfunded.discard(task.task_id)

    def _outcome(self, task: Task, trial: Work, seconds: float) -> Trained | JobFailure | None:
        """What a trial came to, which may take so long; None while it is under way."""
        try:
            return self._jobs.answer(trial, f"task {task.task_id}", seconds)
        except JobFailure as failure:
            return failure

    def _choose(self, task: Task, ended: Sequence[Trained | JobFailure]) -> None:
        """Keep the best model that can be revealed in time; raises what keeps all of them from it."""
        trials = [TrialSpec.from_bytes(trial.spec) for trial in self._searches[task.task_id]]
        found = [
            (spec, TrialResult.from_bytes(outcome.result).score_wad, outcome.model)
            for spec, outcome in zip(trials, ended, strict=True)
            if isinstance(outcome, Trained)
        ]
        refusals: list[JobFailure | RevealTooLarge] = [one for one in ended if isinstance(one, JobFailure)]
        for place in ranked([score for _, score, _ in found]):
            spec, score, model = found[place]
            try:
                self.keep(task, model, spec.parameters)
            except RevealTooLarge as error:
                refusals.append(error)
                continue
            log.info(
                "task %d: best of %d: %s, %.4f in cross-validation",
                *(task.task_id, len(found), _shown(spec.parameters), score / WAD),
            )
            self._end_search(task.task_id)
            return
        self._end_search(task.task_id)
        self._untrainable[task.task_id] = refusals[0]
        raise refusals[0]

    def _end_search(self, task_id: int) -> None:
        for trial in self._searches.pop(task_id, ()):
            self._jobs.forget(trial)


def _shown(parameters: Parameters) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items())


def _rows_per_reveal(task: Task, model: bytes) -> int:
    mapped_from = task.feature_count if task.mapping_width else 0
    return rows_per_reveal(model, task.test_count, Metric(task.metric), MAX_TRANSACTION_GAS, mapped_from)
