"""Attack: a contract that its victim calls, and that acts in the victim's name.

Source: authorisation through `tx.origin` (SWC-115).
Gain: the victim's balance, its bonds, its purchases.
Defence: the protocol knows callers only. What a contract does is the contract's, whoever has called it.
"""

from typing import Any

import pytest
from web3.logs import DISCARD

from offchain.chain import errors
from offchain.chain.compiler import Artifact
from offchain.chain.market import ALL_POINTS
from offchain.chain.proof import commitment_hash
from tests.attacks.hostile import Stage
from tests.market_world import (
    BEST_PRICE,
    JOB,
    RESULT,
    bought,
    consumers_of,
    epoch_spec,
    pass_phase,
    priced,
    provider_of,
)
from tests.stories import RIGHT, SALT, hash_of
from tests.world import FUNDS, UNIT, Person, World, toy_rows


class Trap:
    """A contract that does what its owner wants when somebody calls it."""

    def __init__(self, world: World, artifacts: dict[str, Artifact]) -> None:
        self._world, stage = world, Stage(world.chain, artifacts)
        self._contract: Any = stage.create("Puppet")
        self.address = self._contract.address

    def spring(self, victim: Person, contract: str, function: str, *arguments: object) -> Any:
        """Let a victim call the trap, which calls the protocol; raises the error it reverts with."""
        act = self._world.contract(contract).functions[function](*arguments)
        return victim.sender.send(self._contract.functions.act(act.address, act._encode_transaction_data()))

    def arm(self, victim: Person) -> None:
        """Let the trap have money in the vault, and the protocol's contracts move it."""
        victim.sender.send(self._world.contract("token").functions.mint(self.address, FUNDS))
        vault = self._world.contract("vault").address
        self.spring(victim, "token", "approve", vault, FUNDS)
        self.spring(victim, "vault", "deposit", FUNDS)
        for operator in ("proof", "market"):
            self.spring(victim, "vault", "setOperator", self._world.contract(operator).address, True)


@pytest.fixture
def trap(world: World, artifacts: dict[str, Artifact]) -> Trap:
    return Trap(world, artifacts)


def test_a_trap_takes_nothing_of_its_callers_balance(world: World, trap: Trap) -> None:
    victim = world.miners[0]
    acts = (
        ("withdraw", UNIT, trap.address),
        ("move", victim.address, trap.address, UNIT),
        ("setOperator", trap.address, True),
    )

    with pytest.raises(errors.BalanceTooLow):
        trap.spring(victim, "vault", *acts[0])
    with pytest.raises(errors.OperatorNotApproved):
        trap.spring(victim, "vault", *acts[1])
    trap.spring(victim, "vault", *acts[2])  # for itself
    with pytest.raises(errors.OperatorNotApproved):
        trap.spring(victim, "vault", *acts[1])

    assert victim.balance() == FUNDS


def test_what_a_trap_commits_to_is_the_traps(world: World, trap: Trap) -> None:
    victim = world.miners[0]
    trap.arm(victim)
    task = world.drawn(world.spec(toy_rows()))
    domain = world.connection.deployment.chain_id, world.contract("proof").address
    digest = commitment_hash(*domain, task.task_id, trap.address, hash_of(RIGHT), SALT)

    trap.spring(victim, "proof", "commit", task.task_id, digest)

    ours, its = (victim.proof.commitment_of(task.task_id, one) for one in (victim.address, trap.address))
    assert (ours.order, its.order) == (0, 1)
    assert victim.balance() == FUNDS
    assert victim.vault.balance_of(trap.address) == FUNDS - 5 * UNIT


def test_what_a_trap_opens_declares_and_buys_is_the_traps(world: World, trap: Trap) -> None:
    victim = consumers_of(world)[1]
    trap.arm(victim)
    opened = trap.spring(victim, "market", "open", epoch_spec().as_tuple())
    epoch_id = victim.market.epoch_count()
    trap.spring(victim, "market", "declareLog", epoch_id, 4 * UNIT, UNIT, 100 * UNIT)
    pass_phase(world, epoch_id)
    trap.spring(victim, "market", "postPrice", epoch_id, BEST_PRICE, ALL_POINTS)
    sold = trap.spring(victim, "market", "buy", epoch_id, 0, UNIT, JOB)

    events = world.contract("market").events
    assert victim.market.epoch(epoch_id).provider == trap.address
    assert [declaration.consumer for declaration in victim.market.declarations(epoch_id)] == [trap.address]
    for receipt, event in ((opened, events.EpochOpened()), (sold, events.UnitsBought())):
        (log,) = event.process_receipt(receipt, DISCARD)
        assert trap.address in log["args"].values()
        assert victim.address not in log["args"].values()
    assert victim.balance() == FUNDS


def test_a_trap_cannot_buy_what_its_caller_declared(world: World, trap: Trap) -> None:
    epoch_id = priced(world)

    with pytest.raises(errors.NotConsumer):
        trap.spring(consumers_of(world)[0], "market", "buy", epoch_id, 0, UNIT, JOB)
    with pytest.raises(errors.NotConsumer):
        trap.spring(consumers_of(world)[0], "market", "returnLock", epoch_id, 0)


def test_a_trap_cannot_deliver_or_accept_for_its_caller(world: World, trap: Trap) -> None:
    epoch_id, purchase_id = bought(world)

    with pytest.raises(errors.NotProvider):
        trap.spring(provider_of(world), "market", "deliver", epoch_id, purchase_id, RESULT)
    provider_of(world).market.deliver(epoch_id, purchase_id, RESULT)
    with pytest.raises(errors.NotBuyer):
        trap.spring(consumers_of(world)[0], "market", "accept", epoch_id, purchase_id)
