"""Canonical JSON: one value, one byte string, so that a hash of it means the value."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, NoReturn, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

# A string without an end is one as far as the text goes, else every quote in it would be tried as a beginning.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.?)*+"?|[\[\]{}]', re.DOTALL)
_MAX_DEPTH: Final = 32


def to_canonical_json(value: Json) -> bytes:
    """ASCII JSON with sorted keys and no white space.

    Raises
    ------
    ValueError
        Where a float is not finite.

    >>> to_canonical_json({"solver": "lbfgs", "max_iter": 100})
    b'{"max_iter":100,"solver":"lbfgs"}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def from_json(data: bytes, limit_bytes: int) -> Json:
    """The value of JSON bytes from another party.

    Raises
    ------
    ValueError
        Where the bytes exceed the limit, are not UTF-8 JSON, nest too deeply, repeat a key of an object, or
        hold NaN or an infinity, or a number that a float can only call one.
    """
    if len(data) > limit_bytes:
        raise ValueError(f"{len(data)} bytes exceed the limit of {limit_bytes}")
    text = data.decode("utf-8")
    _reject_depth(text)
    value: Json = json.loads(
        text, object_pairs_hook=_unique_keys, parse_constant=_reject_constant, parse_float=_finite
    )
    return value


def parameters_hash(parameters: Mapping[str, Json]) -> bytes:
    """SHA-256 of the canonical JSON of training parameters: the name of a recipe in the learning ledger.

    >>> parameters_hash({"max_iter": 100, "solver": "lbfgs"}).hex()[:16]
    '1a8f77c023a06d14'
    """
    return hashlib.sha256(to_canonical_json(parameters)).digest()


def _reject_depth(text: str) -> None:
    """The parser recurses in C, where too deep a nesting ends the process instead of raising."""
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found.group(), 0)
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object repeats a key")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits[:40]} is beyond a float's range: it must be finite")
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
