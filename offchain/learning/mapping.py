r"""The secure mapping: a layer of signs and offsets that one miner's seed determines. The twin of `SecureMapping.sol`.

A row x of f bytes becomes z of `width` bytes, a multiple of 32:

.. math:: z_j = \operatorname{clip}\Bigl(\bigl\lfloor 2^{-r} (\sum_i s_{ji} x_i + b_j) \bigr\rfloor, 0, 255\Bigr),
          \qquad r = 1 + \min\{k : 4^k \ge f\}.

Output j belongs to block k = 2 (j div 32) + j mod 2 and there to the big-endian 16-bit word m = (j mod 32) div 2.
With H(k, g) = keccak256(abi.encode(seed, k, g)), the sign of input i is + where bit i mod 16 of word m of
H(k, i div 16) is set, and the offset is the lowest 8 + r bits of word m of H(k, 2^256 - 1).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from eth_abi.abi import encode
from eth_hash.auto import keccak
from numpy.typing import NDArray

from offchain.learning.errors import MappingError

MAX_FEATURES: Final = 96
MAX_WIDTH: Final = 256
MAPPING_DOMAIN: Final = keccak(b"PoLeStar.SecureMapping.v1")
_OFFSETS: Final = 2**256 - 1
_CHUNK_ROWS: Final = 4096  # 4 MiB of sums at a time


def check(feature_count: int, width: int) -> None:
    """Raise MappingError unless rows of so many features can be mapped to this width; 0 is no mapping."""
    if width and (width % 32 or not 0 < width <= MAX_WIDTH or feature_count > MAX_FEATURES):
        raise MappingError(feature_count, width)


def default_width(feature_count: int) -> int:
    """Twice the features or a little more, at least 64, and 0 for rows that are too wide.

    >>> [default_width(f) for f in (4, 13, 30, 64, 97)]
    [64, 64, 64, 128, 0]
    """
    return 0 if feature_count > MAX_FEATURES else max(64, (2 * feature_count + 31) // 32 * 32)


def mapping_seed(chain_id: int, contract: str, task_id: int, ledger_tip: bytes, miner: str) -> bytes:
    """The seed of a miner's mapping in a task: the twin of `ProofOfLearning.mappingSeed`."""
    kinds = ["bytes32", "uint256", "address", "uint256", "bytes32", "address"]
    return keccak(encode(kinds, [MAPPING_DOMAIN, chain_id, contract, task_id, ledger_tip, miner]))


def shift_of(feature_count: int) -> int:
    """By how many bits sums are shifted to the right.

    >>> [shift_of(f) for f in (1, 2, 4, 5, 16, 17, 64, 65, 96)]
    [1, 2, 2, 3, 3, 4, 4, 5, 5]
    """
    return 1 + next(k for k in range(6) if 4**k >= feature_count)


def matrix(seed: bytes, feature_count: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Signs, shape (f, width), and offsets, shape (width,), that a seed determines.

    Raises
    ------
    MappingError
        Where rows of so many features cannot be mapped to this width.
    """
    check(feature_count, width)
    signs = np.empty((feature_count, width), np.int64)
    offsets = np.empty(width, np.int64)
    columns = np.arange(width)
    blocks, words = 2 * (columns // 32) + columns % 2, columns % 32 // 2
    inputs = np.arange(feature_count)
    for block in range(width // 16):
        mine = blocks == block
        groups = [_words(seed, block, group) for group in range(-(-feature_count // 16))]
        hashed = np.stack(groups)[inputs // 16][:, words[mine]]  # (f, 16)
        signs[:, mine] = 2 * ((hashed >> (inputs % 16)[:, None]) & 1) - 1
        offsets[mine] = _words(seed, block, _OFFSETS)[words[mine]] % 2 ** (8 + shift_of(feature_count))
    return signs, offsets


def map_rows(features: NDArray[np.uint8], width: int, seed: bytes) -> NDArray[np.uint8]:
    """The rows as one miner's models see them; the rows themselves where `width` is 0.

    Parameters
    ----------
    features : ndarray of uint8, shape (n, f)

    Returns
    -------
    ndarray of uint8, shape (n, width)

    Raises
    ------
    MappingError
        Where rows of so many features cannot be mapped to this width.
    """
    if width == 0:
        return features
    signs, offsets = matrix(seed, features.shape[1], width)
    shift, mapped = shift_of(features.shape[1]), np.empty((len(features), width), np.uint8)
    # Exact, as no sum reaches 96 * 255 + 2^13 < 2^24; of integers numpy makes no fast product.
    weights, starts = signs.astype(np.float32), offsets.astype(np.float32)
    for first in range(0, len(features), _CHUNK_ROWS):
        part = slice(first, first + _CHUNK_ROWS)
        sums = (features[part].astype(np.float32) @ weights + starts).astype(np.int32)
        mapped[part] = np.clip(sums >> shift, 0, 255)
    return mapped


def _words(seed: bytes, block: int, group: int) -> NDArray[Any]:
    """The sixteen 16-bit words of H(block, group)."""
    digest = keccak(seed + block.to_bytes(32, "big") + group.to_bytes(32, "big"))
    return np.frombuffer(digest, ">u2").astype(np.int64)
