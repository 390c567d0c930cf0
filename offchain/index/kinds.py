"""Words for what happens to money and to miners."""

from enum import Enum


class EntryState(Enum):
    """Where a miner stands in a task, as far as its bond goes."""

    COMMITTED = "COMMITTED"
    REVEALED = "REVEALED"  # and the bond is back
    SLASHED = "SLASHED"
    CLAIMABLE = "CLAIMABLE"  # the task was aborted
    CLAIMED = "CLAIMED"


class MoneyKind(Enum):
    """Why a balance of the vault changed."""

    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    ESCROW = "ESCROW"  # reward and data-node bond of a task
    BOND = "BOND"  # of a miner
    BOND_BACK = "BOND_BACK"
    CLAIM = "CLAIM"  # a miner's bond and its part of the data node's, from an aborted task
    REFUND = "REFUND"  # to a data node
    SLASH = "SLASH"
    REWARD = "REWARD"
    EPOCH_BOND = "EPOCH_BOND"  # of a provider
    EPOCH_BOND_BACK = "EPOCH_BOND_BACK"  # for units that were not sold
    LOCK = "LOCK"  # of a declaration
    LOCK_BACK = "LOCK_BACK"  # all of it, or what a purchase left
    PURCHASE = "PURCHASE"  # of what was left over: a declared consumer's cost comes out of its lock
    PAYMENT = "PAYMENT"  # to a provider, with its bond share
    PURCHASE_REFUND = "PURCHASE_REFUND"  # to a consumer, with the provider's bond share
    TRANSFER = "TRANSFER"  # by its owner or an operator of another kind
