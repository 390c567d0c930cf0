"""The hidden test set: which rows a seed draws. The twin of `contracts/libraries/Split.sol`, which specifies it."""

from math import isqrt

from eth_hash.auto import keccak

ROUNDS = 8


def row_at(seed: bytes, row_count: int, position: int) -> int:
    """The image of `position` under the permutation of [0, row_count) that `seed` determines.

    >>> sorted(row_at(bytes(32), 10, position) for position in range(10))
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    a = isqrt(row_count - 1) + 1
    b = -(-row_count // a)
    x = position
    while True:
        left, right = divmod(x, b)
        for t in range(0, ROUNDS, 2):
            left = (left + _hash(seed, t, right)) % a
            right = (right + _hash(seed, t + 1, left)) % b
        x = left * b + right
        if x < row_count:
            return x


def drawn_rows(seed: bytes, row_count: int, end: int, first: int = 0) -> list[int]:
    """The indices of the test rows of the draws from `first` up to `end`, ascending."""
    return sorted(row_at(seed, row_count, position) for position in range(first, end))


def _hash(seed: bytes, t: int, half: int) -> int:
    return int.from_bytes(keccak(seed + t.to_bytes(32, "big") + half.to_bytes(32, "big")), "big")
