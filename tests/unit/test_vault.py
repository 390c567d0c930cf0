"""The vault: I-1 and operators; tokens that misbehave are among the attacks."""

import pytest

from offchain.chain import errors
from tests.world import FUNDS, UNIT, World


def test_deposit_with_permit_credits_the_depositor(world: World) -> None:
    alice = world.miners[0]
    alice.token.mint(alice.address, 7 * UNIT)

    alice.vault.deposit_with_permit(7 * UNIT)

    assert alice.balance() == FUNDS + 7 * UNIT
    assert alice.token.balance_of(alice.address) == 0


def test_deposit_reverts_when_the_token_is_not_there(world: World) -> None:
    alice = world.miners[0]

    with pytest.raises(errors.TransactionReverted):
        alice.vault.deposit_with_permit(UNIT)

    assert alice.balance() == FUNDS


def test_withdraw_pays_any_address(world: World) -> None:
    alice, bob = world.miners[:2]

    alice.vault.withdraw(3 * UNIT, bob.address)

    assert alice.balance() == FUNDS - 3 * UNIT
    assert bob.token.balance_of(bob.address) == 3 * UNIT


def test_withdraw_reverts_when_the_balance_is_too_low(world: World) -> None:
    alice = world.miners[0]

    with pytest.raises(errors.BalanceTooLow) as caught:
        alice.vault.withdraw(FUNDS + 1, alice.address)

    assert (caught.value.account, caught.value.balance, caught.value.amount) == (
        alice.address,
        FUNDS,
        FUNDS + 1,
    )


def test_withdraw_reverts_when_the_vault_is_to_receive_it(world: World) -> None:
    # The tokens would be in the vault still, and in nobody's balance.
    alice = world.miners[0]

    with pytest.raises(errors.WithdrawalToVault):
        alice.vault.withdraw(UNIT, alice.vault.address)

    assert alice.balance() == FUNDS


def test_move_reverts_when_the_caller_is_no_operator(world: World) -> None:
    alice, mallory = world.miners[:2]
    vault = world.contract("vault")

    with pytest.raises(errors.OperatorNotApproved):
        mallory.sender.send(vault.functions.move(alice.address, mallory.address, 1))


def test_move_reverts_after_an_operator_was_dismissed(world: World) -> None:
    alice, bob = world.miners[:2]
    vault = world.contract("vault")
    alice.vault.set_operator(bob.address, True)
    bob.sender.send(vault.functions.move(alice.address, bob.address, UNIT))
    alice.vault.set_operator(bob.address, False)

    with pytest.raises(errors.OperatorNotApproved):
        bob.sender.send(vault.functions.move(alice.address, bob.address, UNIT))

    assert bob.balance() == FUNDS + UNIT


def test_who_is_an_operator_is_told(world: World) -> None:
    alice, bob = world.miners[:2]
    event = world.contract("vault").events.OperatorSet()

    receipts = [alice.vault.set_operator(bob.address, approved) for approved in (True, False)]

    told = [dict(log["args"]) for receipt in receipts for log in event.process_receipt(receipt)]
    assert told == [
        {"account": alice.address, "operator": bob.address, "approved": approved}
        for approved in (True, False)
    ]


def test_a_refusal_tells_money_as_people_write_it(world: World) -> None:
    alice = world.miners[0]

    with pytest.raises(
        errors.BalanceTooLow, match="has 1000 POLE in the vault and needs 1001 POLE"
    ) as caught:
        alice.vault.withdraw(FUNDS + UNIT, alice.address)

    assert caught.value.amount == FUNDS + UNIT


def test_move_to_oneself_changes_nothing(world: World) -> None:
    alice = world.miners[0]
    vault = world.contract("vault")

    alice.sender.send(vault.functions.move(alice.address, alice.address, UNIT))

    assert alice.balance() == FUNDS


def test_i1_the_vault_holds_the_sum_of_its_balances(world: World) -> None:
    world.miners[0].vault.withdraw(UNIT, world.miners[1].address)

    balances = sum(person.balance() for person in world.people)

    assert world.data_node.token.balance_of(world.data_node.vault.address) == balances
