"""Books what the vault tells of money: whose balance changed, by how much, and why.

A `Moved` says who and how much. Why, says the event that the protocol emitted just before it in the same transaction;
where there is none and the market gets it, somebody declared.
"""

from dataclasses import dataclass
from typing import Any

from offchain.index.errors import LogMissing
from offchain.index.events import Event
from offchain.index.kinds import MoneyKind

BURNED = "0x000000000000000000000000000000000000dEaD"

_KINDS = {
    "TaskPosted": MoneyKind.ESCROW,
    "ModelCommitted": MoneyKind.BOND,
    "ModelRevealed": MoneyKind.BOND_BACK,
    "BondClaimed": MoneyKind.CLAIM,
    "TaskAborted": MoneyKind.REFUND,
    "EpochOpened": MoneyKind.EPOCH_BOND,
    "BondReleased": MoneyKind.EPOCH_BOND_BACK,
    "LockReturned": MoneyKind.LOCK_BACK,
    "PurchasePaid": MoneyKind.PAYMENT,
    "PurchaseRefunded": MoneyKind.PURCHASE_REFUND,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a move: `sign` is -1 for who gives and 1 for who gets."""

    account: str
    sign: int
    kind: MoneyKind
    other: str | None
    amount: int
    task_id: int | None = None
    epoch_id: int | None = None

    @property
    def side(self) -> int:
        """0 gives, 1 gets."""
        return (self.sign + 1) // 2


class Bookkeeper:
    """Reads events in their order and gives the entries that they make."""

    def __init__(self, market: str) -> None:
        self._market = market
        self._cause: Event | None = None
        self._moves = 0  # that the cause has explained so far

    def entries(self, event: Event) -> list[Entry]:
        """The entries of an event; none where it moves nothing. Raises LogMissing."""
        told: Any = event.arguments
        if event.contract != "vault":
            if event.contract != "ledger":
                self.check()
                self._cause, self._moves = event, 0
            return []
        if event.name == "Deposited":
            return [Entry(told["account"], 1, MoneyKind.DEPOSIT, None, int(told["amount"]))]
        if event.name == "Withdrawn":
            return [Entry(told["account"], -1, MoneyKind.WITHDRAWAL, told["to"], int(told["amount"]))]
        if event.name == "Moved":
            return self._moved(event)
        return []

    def check(self) -> None:
        """Raise LogMissing where the last event of the protocol should have moved more than it has."""
        cause = self._cause
        if cause is not None and self._moves < _moves_of(cause):
            raise LogMissing(cause.block, cause.log_index + 1, f"{cause.name} moves money")

    def _moved(self, event: Event) -> list[Entry]:
        told: Any = event.arguments
        giver, getter, amount = told["from"], told["to"], int(told["amount"])
        kind, cause = self._explained(event, giver, getter)
        subject = (None, None) if cause is None else subject_of(cause)
        return [
            Entry(giver, -1, kind, getter, amount, *subject),
            Entry(getter, 1, kind, giver, amount, *subject),
        ]

    def _explained(self, event: Event, giver: str, getter: str) -> tuple[MoneyKind, Event | None]:
        cause = self._cause
        if cause is not None and cause.transaction_hash == event.transaction_hash:
            self._moves += 1
            if cause.name == "TaskSettled":
                if self._moves == 1:
                    return MoneyKind.REFUND, cause
                return (MoneyKind.SLASH if getter == BURNED else MoneyKind.REWARD), cause
            if cause.name == "UnitsBought" and self._moves == 1:
                return (MoneyKind.LOCK_BACK if giver == self._market else MoneyKind.PURCHASE), cause
            if cause.name in _KINDS and self._moves == 1:
                return _KINDS[cause.name], cause
        return (MoneyKind.LOCK if getter == self._market else MoneyKind.TRANSFER), None


def _moves_of(event: Event) -> int:
    """How many moves an event of the protocol makes at least."""
    told: Any = event.arguments
    if event.name == "TaskSettled":
        return 1 + int(told["slashed"] != "0") + int(int(told["winner"], 16) != 0)
    return int(event.name in _KINDS or event.name == "UnitsBought")


def subject_of(event: Event) -> tuple[int | None, int | None]:
    """The task and the epoch that an event is about."""
    told: Any = event.arguments
    return told.get("taskId"), told.get("epochId")


def balance_after(event: Event, entry: Entry, before: int) -> int:
    """The account's balance; raises LogMissing where it would owe something, which no vault allows."""
    balance = before + entry.sign * entry.amount
    if balance < 0:
        reason = f"{entry.account} gives {entry.amount} and has {before}"
        raise LogMissing(event.block, event.log_index, reason)
    return balance
