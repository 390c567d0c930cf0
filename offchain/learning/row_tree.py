"""The Merkle tree over salted rows. The twin of `contracts/libraries/RowTree.sol`, which specifies it."""

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_hash.auto import keccak

LEAF_DOMAIN = keccak(b"PoLeStar.Row.v1")


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


def max_proof_nodes(row_count: int, count: int) -> int:
    """The most nodes that a proof of `count` of `row_count` rows can have, for 0 < count < row_count.

    >>> max_proof_nodes(150, 45)
    135
    """
    return count * ((row_count - 1).bit_length() - (count.bit_length() - 1))


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    levels = [list(leaves)]
    while len(level := levels[-1]) > 1:
        parents = [keccak(level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        levels.append(parents + level[len(parents) * 2 :])
    return levels
