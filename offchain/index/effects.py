"""What each event changes, in SQL.

A statement's parameters are the event's arguments, with those of a struct beside the others, and the block's
`timestamp` as `now`. The first statement of an event must change one row: else the event follows on nothing that was
told before, and some log is missing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from offchain.chain.deployment import Deployment
from offchain.chain.ledger import Header, block_hash
from offchain.chain.phase import Phase, PurchaseStatus
from offchain.index.events import Event

TERMS = (
    "data_root",
    "ledger_tip",
    "scorer",
    "metric",
    "feature_count",
    "class_count",
    "mapping_width",
    "row_count",
    "test_count",
    "reward",
    "data_node_bond",
    "miner_bond",
    "min_score_wad",
    "commit_seconds",
    "disclose_seconds",
    "reveal_seconds",
)
"""What a posted task's event does not tell of it; it is read from the registry, and added to the event."""

AMOUNT_TERMS = ("reward", "data_node_bond", "miner_bond")
"""Those that are kept as text."""

EFFECTS: dict[str, tuple[str, ...]] = {
    "TaskPosted": (
        f"INSERT INTO tasks (task_id, posted_at, data_node, manifest_hash, draw_block, {', '.join(TERMS)})"
        f" SELECT :taskId, :now, :dataNode, :manifestHash, :drawBlock, {', '.join(':' + name for name in TERMS)}"
        " WHERE :taskId = 1 OR EXISTS (SELECT 1 FROM tasks WHERE task_id = :taskId - 1)",
    ),
    "DrawRearmed": ("UPDATE tasks SET draw_block = :drawBlock WHERE task_id = :taskId",),
    "TaskDrawn": ("UPDATE tasks SET seed = :seed, commit_ends_at = :commitEndsAt WHERE task_id = :taskId",),
    "RoundOpened": (),
    "TrainingRowsPublished": ("UPDATE tasks SET training_rows = :blobHash WHERE task_id = :taskId",),
    "ModelCommitted": (
        "UPDATE tasks SET commitments = commitments + 1 WHERE task_id = :taskId AND commit_ends_at > 0",
        "INSERT INTO entries (task_id, miner, place, state, bond, committed_at)"
        " SELECT task_id, :miner, commitments, 'COMMITTED', miner_bond, :now FROM tasks WHERE task_id = :taskId",
    ),
    "TestRowsDisclosed": (
        "UPDATE tasks SET test_rows = :testRows, disclosed_count = :disclosedCount WHERE task_id = :taskId",
    ),
    "RevealsOpened": (
        "UPDATE tasks SET reveal_ends_at = :revealEndsAt WHERE task_id = :taskId AND disclosed_count = test_count",
    ),
    "ModelScoredInPart": (
        "UPDATE entries SET scored_count = :scoredCount WHERE task_id = :taskId AND miner = :miner",
    ),
    "ModelRevealed": (
        "UPDATE entries SET state = 'REVEALED', revealed_at = :now, model_hash = :modelHash,"
        " parameters_hash = :parametersHash, score_wad = :scoreWad"
        " WHERE task_id = :taskId AND miner = :miner AND state = 'COMMITTED'"
        " AND EXISTS (SELECT 1 FROM tasks WHERE task_id = :taskId AND reveal_ends_at > 0)",
        "UPDATE tasks SET reveals = reveals + 1 WHERE task_id = :taskId",
    ),
    "TaskSettled": (
        f"UPDATE tasks SET outcome = {Phase.SETTLED:d}, ended_at = :now,"
        " winner = NULLIF(:winner, '0x0000000000000000000000000000000000000000')"
        " WHERE task_id = :taskId AND outcome IS NULL AND reveal_ends_at > 0",
        "UPDATE entries SET state = 'SLASHED' WHERE task_id = :taskId AND state = 'COMMITTED'",
    ),
    "TaskAborted": (
        f"UPDATE tasks SET outcome = {Phase.ABORTED:d}, ended_at = :now"
        " WHERE task_id = :taskId AND outcome IS NULL",
        "UPDATE entries SET state = 'CLAIMABLE' WHERE task_id = :taskId",
    ),
    "BondClaimed": (
        "UPDATE entries SET state = 'CLAIMED' WHERE task_id = :taskId AND miner = :miner AND state = 'CLAIMABLE'",
    ),
    "BlockAppended": (
        "INSERT INTO learning_blocks SELECT :index, :at, :timestamp, :taskId, :winner, :modelHash,"
        " :parametersHash, :scoreWad, :previousHash, :blockHash, chained(:index, :timestamp, :taskId, :winner,"
        " :modelHash, :parametersHash, :scoreWad, :previousHash, :blockHash,"
        " (SELECT hash FROM learning_blocks WHERE block_index = :index - 1))"
        " WHERE :index = 0 OR EXISTS (SELECT 1 FROM learning_blocks WHERE block_index = :index - 1)",
    ),
    "EpochOpened": (
        "INSERT INTO epochs (epoch_id, provider, capacity, unit_cost, price_floor, price_cap, bond, tolerance_wad,"
        " max_consumers, price_seconds, buy_seconds, leftover_seconds, deliver_seconds, accept_seconds, opened_at,"
        " declare_ends_at, ends_at, free_bond) SELECT :epochId, :provider, :capacity, :unitCost, :priceFloor,"
        " :priceCap, :bond, :toleranceWad, :maxConsumers, :priceSeconds, :buySeconds, :leftoverSeconds,"
        " :deliverSeconds, :acceptSeconds, :now, :now + :declareSeconds, :now + :declareSeconds + :priceSeconds,"
        " :bond WHERE :epochId = 1 OR EXISTS (SELECT 1 FROM epochs WHERE epoch_id = :epochId - 1)",
    ),
    "PriceWalked": ("UPDATE epochs SET walk_price = :price, walk_point = :point WHERE epoch_id = :epochId",),
    "PriceAccepted": (
        "UPDATE epochs SET walk_price = '0', walk_point = '0', price = :price, priced_at = :now,"
        " demand = :demandUnits,"
        " ends_at = :now + buy_seconds + leftover_seconds + deliver_seconds + accept_seconds"
        " WHERE epoch_id = :epochId AND priced_at = 0",
    ),
    "UnitsBought": (
        "UPDATE epochs SET sold_units = plus(sold_units, :units), purchase_count = :purchaseId,"
        " unfinished = unfinished + 1, revenue = plus(revenue, :cost), stale = 1,"
        " free_bond = minus(free_bond, share(bond, :units, capacity)),"
        " held_bond = plus(held_bond, share(bond, :units, capacity))"
        " WHERE epoch_id = :epochId AND purchase_count = :purchaseId - 1 AND priced_at > 0",
        "INSERT INTO purchases (epoch_id, purchase_id, consumer, units, cost, bond_share, status, job_hash,"
        " bought_at) SELECT :epochId, :purchaseId, :consumer, :units, :cost, share(bond, :units, capacity),"
        f" {PurchaseStatus.BOUGHT:d}, :jobHash, :now FROM epochs WHERE epoch_id = :epochId",
    ),
    "LockReturned": ("UPDATE epochs SET stale = 1 WHERE epoch_id = :epochId",),
    "ResultDelivered": (
        f"UPDATE purchases SET status = {PurchaseStatus.DELIVERED:d}, result_hash = :resultHash,"
        " delivered_at = :now WHERE epoch_id = :epochId AND purchase_id = :purchaseId"
        f" AND status = {PurchaseStatus.BOUGHT:d}",
    ),
    "PurchasePaid": (
        f"UPDATE purchases SET status = {PurchaseStatus.PAID:d}, ended_at = :now"
        f" WHERE epoch_id = :epochId AND purchase_id = :purchaseId AND status = {PurchaseStatus.DELIVERED:d}",
        "UPDATE epochs SET paid = plus(paid, :cost), unfinished = unfinished - 1, held_bond = minus(held_bond,"
        " (SELECT bond_share FROM purchases WHERE epoch_id = :epochId AND purchase_id = :purchaseId))"
        " WHERE epoch_id = :epochId",
    ),
    "PurchaseRefunded": (
        f"UPDATE purchases SET status = {PurchaseStatus.REFUNDED:d}, ended_at = :now"
        f" WHERE epoch_id = :epochId AND purchase_id = :purchaseId AND status = {PurchaseStatus.BOUGHT:d}",
        "UPDATE epochs SET refunded = plus(refunded, :cost), unfinished = unfinished - 1,"
        " held_bond = minus(held_bond, :bondShare) WHERE epoch_id = :epochId",
    ),
    "BondReleased": ("UPDATE epochs SET free_bond = '0' WHERE epoch_id = :epochId",),
    # What moves money is booked by `offchain.index.money`.
    "Deposited": (),
    "Withdrawn": (),
    "Moved": (),
    "OperatorSet": (),
}


def parameters(event: Event, now: int) -> dict[str, Any]:
    """What the statements of an event are executed with."""
    flat: dict[str, Any] = {"at": event.at, "now": now}
    for name, value in event.arguments.items():
        if isinstance(value, Mapping):
            flat.update(value)
        else:
            flat[name] = value
    return {name: value for name, value in flat.items() if isinstance(value, (int, str))}


def _plus(left: str, right: str) -> str:
    return str(int(left) + int(right))


def _minus(left: str, right: str) -> str:
    return str(int(left) - int(right))


def _share(bond: str, units: str, capacity: str) -> str:
    """The part of a provider's bond that stands for some units: the twin of the market's `_bondShare`."""
    return str(int(bond) * int(units) // int(capacity))


FUNCTIONS: dict[str, tuple[int, Callable[..., str]]] = {
    "plus": (2, _plus),
    "minus": (2, _minus),
    "share": (3, _share),
}
"""Arithmetic on amounts, for SQL: names, number of arguments, functions."""


def chained(deployment: Deployment) -> Callable[..., bool]:
    """Give the function that tells of a learning block, for SQL, whether it is right.

    Its arguments are those of a header, with hashes in hex, then the block's hash and that of the block before it: the
    hash must be the header's, and the header's previous hash the other, or zeros for genesis.
    """

    def is_right(*told: Any) -> bool:
        *values, own_hash, parent = told
        for place in (4, 5, 7):
            values[place] = bytes.fromhex(values[place][2:])
        header = Header(*values)
        expected = block_hash(deployment.chain_id, deployment.ledger.address, header)
        previous = "0x" + header.previous_hash.hex()
        follows = previous == parent if header.index else not any(header.previous_hash)
        return follows and own_hash == "0x" + expected.hex()

    return is_right
