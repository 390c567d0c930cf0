"""How much gas a data node spends on a task, before it is posted.

Bounds fitted above what was measured on rows without a zero byte; a test holds the contracts to them.
"""

from dataclasses import dataclass

from offchain.learning.row_tree import disclosure_words, part_rows

DEPOSIT_GAS = 140_000  # with a permit
APPROVAL_GAS = 50_000
POST_GAS = 240_000
DRAW_GAS = 110_000
PUBLICATION_GAS = 35_000
SETTLEMENT_GAS = 130_000
GAS_PER_PART = 82_000
GAS_PER_WORD = 1_950  # a salt or a proof node: calldata, and hashed
GAS_PER_ROW = 3_000
GAS_PER_BYTE = 218  # calldata, and kept as a contract's code


@dataclass(frozen=True, slots=True)
class Spending:
    """Transactions of one kind and the most gas that all of them take."""

    what: str
    count: int
    gas: int


def posting_gas(
    row_count: int, row_length: int, test_count: int, *, deposits: bool, approves: bool
) -> tuple[Spending, ...]:
    """What a task costs its data node, from the deposit to the settlement.

    deposits, approves : whether tokens have to be moved into the vault, and the registry to be let move them
    """
    part = max(1, part_rows(test_count, row_count, row_length))
    parts = [min(part, test_count - first) for first in range(0, test_count, part)]
    disclosure = sum(
        GAS_PER_PART
        + GAS_PER_WORD * disclosure_words(rows, row_count)
        + (GAS_PER_ROW + GAS_PER_BYTE * row_length) * rows
        for rows in parts
    )
    spending = (
        Spending("deposit", int(deposits), DEPOSIT_GAS * deposits),
        Spending("approve the registry", int(approves), APPROVAL_GAS * approves),
        Spending("post", 1, POST_GAS),
        Spending("draw", 1, DRAW_GAS),
        Spending("publish", 1, PUBLICATION_GAS),
        Spending("disclose", len(parts), disclosure),
        Spending("settle, where no winner does", 1, SETTLEMENT_GAS),
    )
    return tuple(each for each in spending if each.count)
