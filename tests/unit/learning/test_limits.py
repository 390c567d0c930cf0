"""The limits of models are those that the contracts enforce."""

import re
from pathlib import Path

import pytest

from offchain.cid import Cid
from offchain.learning import limits

LIBRARIES = Path(__file__).resolve().parents[3] / "contracts" / "libraries"


@pytest.mark.parametrize(
    ("library", "there", "here"),
    [
        ("ModelHeader", "MAX_FEATURES", limits.MAX_FEATURES),
        ("ModelHeader", "MAX_CLASSES", limits.MAX_CLASSES),
        ("ModelHeader", "MAX_MODEL_BYTES", limits.MAX_MODEL_BYTES),
        ("DenseFormat", "MAX_LAYERS", limits.MAX_DENSE_LAYERS),
    ],
)
def test_a_limit_is_that_of_the_contracts(library: str, there: str, here: int) -> None:
    source = (LIBRARIES / f"{library}.sol").read_text()

    declared = re.search(rf"uint256 (?:internal|private) constant {there} = ([\d_]+);", source)

    assert declared is not None
    assert int(declared[1]) == here


def test_a_manifest_is_at_most_one_block_of_ipfs() -> None:
    largest, larger = bytes(limits.MAX_MANIFEST_BYTES), bytes(limits.MAX_MANIFEST_BYTES + 1)

    names = [str(Cid.of(data)) for data in (largest, larger)]

    # The prefix tells the codec: a raw block, or a tree of several.
    assert [name[:7] for name in names] == ["bafkrei", "bafybei"]
