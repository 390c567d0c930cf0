"""What phases, events and payments are called on the pages."""

from dataclasses import dataclass
from enum import Enum

from offchain.chain.deployment import Deployment
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.index.kinds import EntryState, MoneyKind
from offchain.index.money import BURNED


class Tone(Enum):
    """How much something asks for attention."""

    OPEN = "open"  # it goes on
    DUE = "due"  # anyone could move it on
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Word:
    """What something is called, and what that means."""

    name: str
    tone: Tone
    meaning: str = ""


PHASES = {
    Phase.DRAW: Word("Draw", Tone.OPEN, "A block to come picks the hidden test rows."),
    Phase.COMMIT: Word("Commit", Tone.OPEN, "Miners train, and commit to their models."),
    Phase.DISCLOSE: Word("Disclose", Tone.OPEN, "The data node discloses the test rows."),
    Phase.REVEAL: Word("Reveal", Tone.OPEN, "Miners reveal their models, and the contract scores them."),
    Phase.SETTLE: Word("Settle", Tone.DUE, "All is told: anyone can settle the task."),
    Phase.ABORT: Word("Abort", Tone.DUE, "No model or no test rows came in time: anyone can abort the task."),
    Phase.SETTLED: Word("Settled", Tone.DONE, "The task has ended, and all of its money is paid out."),
    Phase.ABORTED: Word("Aborted", Tone.FAILED, "The task has ended without test rows or models."),
}

EPOCH_PHASES = {
    EpochPhase.DECLARE: Word("Declare", Tone.OPEN, "Consumers declare what compute is worth to them."),
    EpochPhase.PRICE: Word("Price", Tone.OPEN, "The provider posts its price, and the contract proves it."),
    EpochPhase.BUY: Word("Buy", Tone.OPEN, "Consumers buy what is best for them at the price."),
    EpochPhase.LEFTOVER: Word("Leftover", Tone.OPEN, "What is left is for anyone."),
    EpochPhase.DELIVER: Word("Deliver", Tone.OPEN, "The provider trains, and delivers."),
    EpochPhase.ACCEPT: Word("Accept", Tone.OPEN, "Consumers accept what was delivered, or time does."),
    EpochPhase.OVER: Word("Over", Tone.DONE, "The epoch has ended."),
    EpochPhase.UNPRICED: Word("Unpriced", Tone.FAILED, "No price came in time: nothing was sold."),
}

NOBODY_DECLARED = Word("Unpriced", Tone.DONE, "Nobody declared, so there was nothing to price or to sell.")
"""What an epoch without a price and without consumers is called."""

ENTRIES = {
    EntryState.COMMITTED: Word("Committed", Tone.OPEN),
    EntryState.REVEALED: Word("Revealed", Tone.DONE),
    EntryState.SLASHED: Word("Not revealed", Tone.FAILED),
    EntryState.CLAIMABLE: Word("Bond to claim", Tone.DUE),
    EntryState.CLAIMED: Word("Bond claimed", Tone.DONE),
}

PURCHASES = {
    PurchaseStatus.NONE: Word("None", Tone.OPEN),
    PurchaseStatus.BOUGHT: Word("Bought", Tone.OPEN),
    PurchaseStatus.DELIVERED: Word("Delivered", Tone.OPEN),
    PurchaseStatus.PAID: Word("Paid", Tone.DONE),
    PurchaseStatus.REFUNDED: Word("Refunded", Tone.FAILED),
}

MONEY = {
    MoneyKind.DEPOSIT: "Deposit",
    MoneyKind.WITHDRAWAL: "Withdrawal",
    MoneyKind.ESCROW: "Reward and bond put in escrow",
    MoneyKind.BOND: "Bond of a commitment",
    MoneyKind.BOND_BACK: "Bond returned",
    MoneyKind.CLAIM: "Bond and share of the data node's bond",
    MoneyKind.REFUND: "Refund to the data node",
    MoneyKind.SLASH: "Bonds burned",
    MoneyKind.REWARD: "Reward",
    MoneyKind.EPOCH_BOND: "Bond of an epoch",
    MoneyKind.EPOCH_BOND_BACK: "Bond of an epoch returned",
    MoneyKind.LOCK: "Locked by a declaration",
    MoneyKind.LOCK_BACK: "Lock returned",
    MoneyKind.PURCHASE: "Purchase",
    MoneyKind.PAYMENT: "Payment for a delivery, with its bond",
    MoneyKind.PURCHASE_REFUND: "Refund of a purchase, with the provider's bond",
    MoneyKind.TRANSFER: "Transfer",
}

EVENTS = {
    "TaskPosted": "Task posted",
    "DrawRearmed": "Draw missed, and set for a later block",
    "TaskDrawn": "Test rows drawn",
    "RoundOpened": "Commitments opened",
    "TrainingRowsPublished": "Training rows published",
    "ModelCommitted": "Model committed",
    "TestRowsDisclosed": "Test rows disclosed",
    "RevealsOpened": "Reveals opened",
    "ModelScoredInPart": "Model scored in part",
    "ModelRevealed": "Model revealed and scored",
    "TaskSettled": "Task settled",
    "TaskAborted": "Task aborted",
    "BondClaimed": "Bond claimed",
    "EpochOpened": "Epoch opened",
    "PriceWalked": "Proof of the price continued",
    "PriceAccepted": "Price proved and accepted",
    "UnitsBought": "Units bought",
    "LockReturned": "Lock returned",
    "ResultDelivered": "Result delivered",
    "PurchasePaid": "Purchase paid",
    "PurchaseRefunded": "Purchase refunded",
    "BondReleased": "Bond released",
}
"""The events of tasks and of epochs."""

ACTORS = ("miner", "winner", "consumer", "provider", "dataNode")
"""Which of an event's arguments say who did it, or who got something; the first that it has."""


def known_accounts(deployment: Deployment) -> dict[str, str]:
    """What those accounts are called that are nobody's."""
    contracts = (deployment.proof, deployment.market)  # which hold escrows and bonds, and locks
    names = ("proof of learning", "compute market")
    return {each.address: name for each, name in zip(contracts, names, strict=True)} | {BURNED: "burned"}
