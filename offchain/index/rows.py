"""What an index knows of tasks, miners, learning blocks, epochs, purchases and money."""

from collections.abc import Mapping
from dataclasses import dataclass

from offchain.chain.ledger import Block
from offchain.chain.market import WAD, Declaration, Epoch, Purchase
from offchain.chain.phase import EpochPhase, Phase
from offchain.chain.registry import Task
from offchain.index.events import Plain
from offchain.index.kinds import EntryState, MoneyKind


@dataclass(frozen=True, slots=True)
class Status:
    """How far an index is.

    block : number of the last indexed block
    timestamp : of that block, which is what time it is on the chain
    events : how many are indexed
    """

    block: int
    block_hash: bytes
    timestamp: int
    events: int


@dataclass(frozen=True, slots=True)
class IndexedTask:
    """A task, what has come of it, and when; timestamps are None before their time."""

    task: Task
    posted_at: int
    training_rows: bytes | None
    commitments: int
    reveals: int
    outcome: Phase | None
    ended_at: int | None
    winner: str | None

    def phase(self, now: int) -> Phase:
        """Where it stands at a timestamp: the twin of `ProofOfLearning.phaseOf`."""
        task = self.task
        if self.outcome is not None:
            return self.outcome
        if task.commit_ends_at == 0:
            return Phase.DRAW
        if now < task.commit_ends_at:
            return Phase.COMMIT
        if task.reveal_ends_at:
            over = now >= task.reveal_ends_at or self.reveals == self.commitments
            return Phase.SETTLE if over else Phase.REVEAL
        late = now >= task.commit_ends_at + task.disclose_seconds
        return Phase.ABORT if late or self.commitments == 0 else Phase.DISCLOSE

    def phase_ends_at(self, now: int) -> int | None:
        """The timestamp at which the phase ends, where a deadline ends it."""
        task = self.task
        ends = {
            Phase.COMMIT: task.commit_ends_at,
            Phase.DISCLOSE: task.commit_ends_at + task.disclose_seconds,
            Phase.REVEAL: task.reveal_ends_at,
        }
        return ends.get(self.phase(now))


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened: an event with its time, named as in Solidity."""

    at: int
    block: int
    timestamp: int
    transaction_hash: bytes
    name: str
    arguments: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class Entrant:
    """A miner in a task; what its reveal tells is None before."""

    task_id: int
    miner: str
    order: int
    state: EntryState
    bond: int
    committed_at: int
    scored_count: int
    revealed_at: int | None
    model_hash: bytes | None
    parameters_hash: bytes | None
    score_wad: int | None


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """A learning block.

    is_valid : whether its hash is that of its header and its previous hash that of the block before it, as the node
        has told them; that the contract has stored the hash, only the contract can tell
    metric : of its task, by number; None for genesis
    """

    block: Block
    is_valid: bool
    metric: int | None


@dataclass(frozen=True, slots=True)
class IndexedEpoch:
    """An epoch of the market and what has come of it; money in token units.

    demand : units that all declared consumers want at the price, None before there is one
    unfinished : purchases that are neither paid nor refunded
    revenue : what all purchases cost, of which `paid` went to the provider and `refunded` back
    held_bond : what of the bond stands for unfinished purchases
    """

    epoch: Epoch
    opened_at: int
    ends_at: int
    demand: int | None
    unfinished: int
    revenue: int
    paid: int
    refunded: int
    held_bond: int

    def phase(self, now: int) -> EpochPhase:
        """Where it stands at a timestamp: the twin of `ComputeMarket.phaseOf`."""
        return self._phase(now)[0]

    def phase_ends_at(self, now: int) -> int | None:
        """The timestamp at which the phase ends, if it does."""
        return self._phase(now)[1]

    @property
    def utilisation(self) -> float:
        """The part of the capacity that is sold."""
        return self.epoch.sold_units / self.epoch.capacity

    @property
    def profit(self) -> int:
        """What is left of the revenue after the cost of the units that were sold, token units."""
        return self.revenue - self.epoch.unit_cost * self.epoch.sold_units // WAD

    def _phase(self, now: int) -> tuple[EpochPhase, int | None]:
        epoch = self.epoch
        steps = [
            (EpochPhase.DECLARE, epoch.declare_ends_at),
            (EpochPhase.PRICE, epoch.price_seconds),
        ]
        last = EpochPhase.UNPRICED
        if epoch.priced_at:
            steps = [
                (EpochPhase.BUY, epoch.priced_at + epoch.buy_seconds),
                (EpochPhase.LEFTOVER, epoch.leftover_seconds),
                (EpochPhase.DELIVER, epoch.deliver_seconds),
                (EpochPhase.ACCEPT, epoch.accept_seconds),
            ]
            last = EpochPhase.OVER
        ends_at = 0
        for phase, seconds in steps:
            ends_at += seconds
            if now < ends_at:
                return phase, ends_at
        return last, None


@dataclass(frozen=True, slots=True)
class IndexedPurchase:
    """A purchase with what it cost, token units, and its times; None before their time."""

    purchase: Purchase
    cost: int
    bond_share: int
    bought_at: int
    delivered_at: int | None
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class IndexedDeclaration:
    """A declaration and what is locked for it now, token units."""

    declaration: Declaration
    locked: int


@dataclass(frozen=True, slots=True)
class Payment:
    """One side of a move of money in the vault, token units.

    change : what the balance changed by
    balance : what it was afterwards
    other : the other side, where it is in the vault too; who got the tokens, for a withdrawal
    """

    at: int
    block: int
    timestamp: int
    account: str
    kind: MoneyKind
    change: int
    balance: int
    other: str | None
    task_id: int | None
    epoch_id: int | None


@dataclass(frozen=True, slots=True)
class Stakes:
    """What an account has in the vault and at stake, token units.

    balance : what it can withdraw; a token that takes a fee on top of a withdrawal leaves less
    escrows : rewards and bonds of its unfinished tasks
    miner_bonds : of its commitments that are neither revealed nor lost, and of aborted tasks, until claimed
    provider_bonds : for units that are not sold, and for purchases that are not finished
    locks : of its declarations that have not bought
    """

    balance: int
    escrows: int
    miner_bonds: int
    provider_bonds: int
    locks: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How much there is of what an index lists."""

    tasks: int
    learning_blocks: int
    epochs: int
