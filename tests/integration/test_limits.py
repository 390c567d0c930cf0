"""What the protocol accepts always fits one transaction (EIP-7825: 2^24 gas; nodes pass on 128 KiB)."""

from collections.abc import Iterator

import numpy as np
import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.chain.transactions import MAX_TRANSACTION_GAS
from offchain.learning.rows import SaltedRows
from tests.stories import RIGHT, commit
from tests.world import World, deploy_world


@pytest.fixture(scope="module")
def world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts, people=2)


@pytest.mark.parametrize(
    ("row_count", "test_count", "feature_count"),
    [
        (2048, 1600, 14),  # the most rows: 1,600 * (1 + 11 - 10) = 3,200 words
        (4096, 1066, 22),  # the most nodes for their number
        (1797, 360, 64),  # digits
    ],
)
def test_the_largest_disclosures_fit_one_transaction(
    world: World, row_count: int, test_count: int, feature_count: int
) -> None:
    table = np.random.default_rng(0).integers(0, 255, (row_count, feature_count + 1), np.uint8)
    rows = SaltedRows(tuple(row.tobytes() for row in table), b"\x07" * 32)
    shape = {"feature_count": feature_count, "test_count": test_count}
    task = world.drawn(world.spec(rows, **shape))
    commit(world.miners[0], task, RIGHT)
    world.close_commits(task)
    disclosure = rows.disclosure(world.data_node.registry.test_rows_of(task.task_id))

    receipt = world.data_node.registry.disclose(task.task_id, *disclosure)

    data, salts, nodes = disclosure
    assert receipt["gasUsed"] < MAX_TRANSACTION_GAS
    assert len(data) + 32 * (len(salts) + len(nodes)) < 127_000
