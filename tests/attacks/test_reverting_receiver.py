"""Known bug: a reverting receiver that makes the honest side lose.

Where a winner is paid by a transfer, one that refuses it, or that a token has on its black list, stops the settlement
and with it everybody else's money. Source: King of the Ether Throne (2016); SWC-113.

Here: every payment is a move inside of the vault, which calls nobody. Who cannot receive the token keeps its balance
there, and withdraws it to another address.
"""

from collections.abc import Iterator

import pytest

from offchain.chain import errors
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.local import anvil_chain
from tests.stories import RIGHT, SALT, disclosed, held
from tests.world import FUNDS, UNIT, World, deploy_world


@pytest.fixture
def blocking_world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain(repeatable=True) as chain:
        token = Web3Deployer(chain.w3, dev_account(9), artifacts).create("BlockToken")
        yield deploy_world(chain, artifacts, token=token)


def test_a_winner_that_cannot_be_paid_stops_nobody(
    blocking_world: World, artifacts: dict[str, Artifact]
) -> None:
    world = blocking_world
    winner, loser = world.miners[:2]
    task, _ = disclosed(world, [RIGHT, RIGHT])
    address = world.connection.deployment.token.address
    token = world.chain.w3.eth.contract(address, abi=artifacts["BlockToken"].abi)  # type: ignore[call-overload]
    loser.sender.send(token.functions.setBlocked(winner.address, True))

    for miner in (winner, loser):
        miner.proof.reveal(task.task_id, SALT, RIGHT)
    loser.proof.settle(task.task_id)

    assert (winner.balance(), loser.balance(), held(world)) == (FUNDS + 100 * UNIT, FUNDS, 0)
    with pytest.raises(errors.UnknownRevert):
        winner.vault.withdraw(winner.balance(), winner.address)
    winner.vault.withdraw(winner.balance(), dev_account(7).address)
    loser.vault.withdraw(FUNDS, loser.address)
    assert token.functions.balanceOf(dev_account(7).address).call() == FUNDS + 100 * UNIT
