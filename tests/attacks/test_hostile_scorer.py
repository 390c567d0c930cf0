"""Attack: a task with a scorer of the data node's own, which gives its accomplice the best score.

Source: the class's usual names are oracle manipulation, and a call to an untrusted contract (SWC-112).
Gain: the reward of an honest-looking task back, and a learning block for no model; or a scorer that calls the protocol
in the middle of a reveal, or burns the miner's gas.
Defence: a task names one of the scorers that the deployment was made with; there is no way to add one.
"""

import pytest

from offchain.chain import errors
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from tests.attacks.hostile import Stage
from tests.world import FUNDS, World, toy_rows


@pytest.mark.parametrize("kind", ["a contract", "a scorer's copy", "an account", "nobody"])
def test_a_task_with_another_scorer_is_refused(
    world: World, artifacts: dict[str, Artifact], kind: str
) -> None:
    stage = Stage(world.chain, artifacts)
    scorer = {
        "a contract": stage.create("Puppet").address,
        "a scorer's copy": stage.create("DenseScorer").address,
        "an account": dev_account(3).address,
        "nobody": "0x" + "00" * 20,
    }[kind]

    with pytest.raises(errors.ScorerNotAccepted):
        world.data_node.registry.post(world.spec(toy_rows(), scorer=scorer))

    assert world.data_node.balance() == FUNDS


def test_the_deployments_scorers_are_on_the_list_and_nothing_can_change_it(world: World) -> None:
    registry = world.contract("registry")

    assert all(
        registry.functions.isScorer(scorer.address).call()
        for scorer in world.connection.deployment.scorers.values()
    )
    functions = [entry for entry in registry.abi if entry["type"] == "function"]
    changing = {function["name"] for function in functions if function["stateMutability"] != "view"}
    assert changing == {"post", "draw", "publish", "disclose"}
