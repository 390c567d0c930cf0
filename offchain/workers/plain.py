"""Records as a script reads them in JSON: bytes as hex, amounts as text."""

from collections.abc import Mapping
from typing import Any

AMOUNTS = frozenset(
    {
        "best_response",
        "bond",
        "capacity",
        "data_node_bond",
        "demand",
        "free_bond",
        "limit",
        "locked",
        "min_score_wad",
        "miner_bond",
        "outside",
        "price",
        "price_cap",
        "price_floor",
        "reward",
        "score_wad",
        "shape",
        "sold",
        "sold_units",
        "tolerance_wad",
        "unit_cost",
        "units",
        "value",
        "vault",
    }
)
"""What is counted in 10^-18: most programs that read JSON round a number of more than 15 digits, a text they keep."""


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record for JSON; what it holds of other records is to be plain already."""
    return {name: _plain(name, value) for name, value in record.items()}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if name in AMOUNTS and value is not None else value
