"""Transactions as a node with blocks of its own answers them: overtaken in a block, rejected, without tokens."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eth_account import Account

from offchain.chain import errors
from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient
from tests.stories import RIGHT, SALT, commit, disclosed
from tests.world import UNIT, World, deploy_world, toy_rows


@pytest.fixture(scope="module")
def anvil(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts)


def request(world: World, method: str, *parameters: object) -> Any:
    return world.connection.w3.provider.make_request(method, list(parameters))["result"]  # type: ignore[arg-type]


def in_one_block(world: World, *acts: Callable[[], object]) -> list[BaseException | None]:
    """Have all acts send their transactions before a block takes them; gives what each raised."""
    request(world, "evm_setAutomine", False)
    try:
        with ThreadPoolExecutor(len(acts)) as pool:
            running = [pool.submit(act) for act in acts]
            while int(request(world, "txpool_status")["pending"], 16) < len(acts):
                pass
            request(world, "evm_mine")
            return [act.exception() for act in running]
    finally:
        request(world, "evm_setAutomine", True)


def test_a_draw_overtaken_in_its_block_says_so(anvil: World) -> None:
    task_id = anvil.data_node.registry.post(anvil.spec(toy_rows()))
    anvil.chain.mine(3)

    raised = in_one_block(anvil, *[lambda p=person: p.registry.draw(task_id) for person in anvil.people[:2]])

    assert sorted(map(type, raised), key=str) == [type(None), errors.AlreadyDrawn]


def test_a_settlement_overtaken_in_its_block_says_so(anvil: World) -> None:
    task, _ = disclosed(anvil, [RIGHT])
    anvil.miners[0].proof.reveal(task.task_id, SALT, RIGHT)

    raised = in_one_block(
        anvil, *[lambda p=person: p.proof.settle(task.task_id) for person in anvil.people[:2]]
    )

    assert sorted(map(type, raised), key=str) == [type(None), errors.WrongPhase]


def test_a_commitment_that_comes_too_late_in_its_block_says_so(anvil: World) -> None:
    task = anvil.drawn(anvil.spec(toy_rows()))
    request(anvil, "evm_setNextBlockTimestamp", task.commit_ends_at)

    (raised,) = in_one_block(anvil, lambda: commit(anvil.miners[0], task, RIGHT))

    assert isinstance(raised, errors.CommitWindowClosed)


def test_send_raises_when_the_account_cannot_pay_for_gas(anvil: World) -> None:
    penniless = Sender(anvil.connection, Account.from_key(b"\x11" * 32))

    with pytest.raises(errors.TransactionRejected, match=r"(?i)insufficient funds"):
        TokenClient(anvil.connection, penniless).mint(penniless.address, UNIT)


def test_deposit_raises_when_the_account_has_too_few_tokens(anvil: World) -> None:
    with pytest.raises(errors.ERC20InsufficientBalance) as caught:
        anvil.miners[0].vault.deposit_with_permit(UNIT)

    assert (caught.value.sender, caught.value.balance, caught.value.needed) == (
        anvil.miners[0].address,
        0,
        UNIT,
    )
