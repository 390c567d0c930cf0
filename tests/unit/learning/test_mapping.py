"""The secure mapping of many rows; that it is the contract's is for tests/fuzz."""

import tracemalloc

import numpy as np
import pytest

from offchain.learning.mapping import map_rows, matrix, shift_of

SEED = b"\x07" * 32


@pytest.mark.parametrize("count", [1, 4095, 4096, 4097, 10_000])
def test_rows_are_mapped_as_integers_are_summed(count: int) -> None:
    features = np.random.default_rng(0).integers(0, 256, (count, 96), np.uint8)
    features[0] = 255  # the largest sums

    mapped = map_rows(features, 256, SEED)

    signs, offsets = matrix(SEED, 96, 256)
    sums = features.astype(np.int64) @ signs + offsets
    np.testing.assert_array_equal(mapped, np.clip(sums >> shift_of(96), 0, 255))


def test_many_rows_are_mapped_in_little_more_memory_than_the_result_takes() -> None:
    features = np.zeros((100_000, 1), np.uint8)
    tracemalloc.start()

    mapped = map_rows(features, 256, SEED)

    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mapped.nbytes == 25_600_000
    assert most < 2 * mapped.nbytes
