"""Known bug: a split from `blockhash(block.number)`, which is always zero.

What is drawn by it everybody could compute before the data was posted.

Source: SWC-120 (weak sources of randomness from chain attributes). The contract of DanKu (Kurtulmus and Daniel, 2018)
draws the first of its groups so (`randomly_select_indexes`).
Here: a block's hash is asked for only after it, an unknown hash names a new block instead of drawing, and the seed is
never the one that a hash of zero gives.
"""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from offchain.chain import errors
from tests.world import World, toy_rows


@pytest.mark.parametrize("blocks_late", [3, 300])
def test_the_seed_is_never_that_of_a_hash_of_zero(world: World, blocks_late: int) -> None:
    registry = world.data_node.registry
    task_id = registry.post(world.spec(toy_rows()))
    with pytest.raises(errors.DrawTooEarly):
        registry.draw(task_id)

    world.chain.mine(blocks_late)
    registry.draw(task_id)
    if registry.task(task_id).commit_ends_at == 0:  # missed: another block was named
        world.chain.mine(3)
        registry.draw(task_id)

    where = (world.connection.deployment.chain_id, registry.address, task_id)
    of_zero = keccak(encode(["bytes32", "uint256", "address", "uint256"], [bytes(32), *where]))
    assert registry.task(task_id).seed not in (bytes(32), of_zero)
