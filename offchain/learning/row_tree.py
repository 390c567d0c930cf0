"""The Merkle tree over salted rows. The twin of `contracts/libraries/RowTree.sol`, which specifies it."""

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_hash.auto import keccak

LEAF_DOMAIN = keccak(b"PoLeStar.Row.v1")
MAX_PART_BYTES = 24_555  # what one contract's code holds behind its first byte and an address
MAX_DISCLOSURE_WORDS = 3200  # what one transaction takes of salts and proof nodes


def leaf(index: int, salt: bytes, row: bytes) -> bytes:
    """The leaf of one row."""
    return keccak(encode(["bytes32", "uint256", "bytes32", "bytes"], [LEAF_DOMAIN, index, salt, row]))


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over all leaves, in the order of their rows; at least one."""
    return _levels(leaves)[-1][0]


def multiproof(leaves: Sequence[bytes], indices: Sequence[int]) -> list[bytes]:
    """The nodes that lead from the leaves at `indices` (ascending) to the root, in the order of their use."""
    nodes = []
    known = list(indices)
    for level in _levels(leaves)[:-1]:
        present = set(known)
        nodes += [level[i ^ 1] for i in known if i ^ 1 not in present and i ^ 1 < len(level)]
        known = sorted({i >> 1 for i in known})
    return nodes


def disclosure_words(test_count: int, row_count: int) -> int:
    """An upper bound on the salts and proof nodes that disclose so many of at least two rows.

    >>> disclosure_words(360, 1797)
    1440
    """
    if test_count == 0:
        return 0
    depth = (row_count - 1).bit_length()
    return test_count * (1 + depth - (test_count.bit_length() - 1))


def part_rows(test_count: int, row_count: int, row_length: int) -> int:
    """How many test rows each part of a disclosure has, but for the last; the registry's rule.

    >>> part_rows(45, 150, 5), part_rows(2000, 10_000, 65)
    (45, 377)
    """
    rows = min(test_count, MAX_PART_BYTES // row_length)
    while disclosure_words(rows, row_count) > MAX_DISCLOSURE_WORDS:
        rows -= (rows + 7) // 8
    return rows


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    levels = [list(leaves)]
    while len(level := levels[-1]) > 1:
        parents = [keccak(level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        levels.append(parents + level[len(parents) * 2 :])
    return levels
