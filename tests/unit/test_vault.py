"""The vault: I-1, operators, and tokens that misbehave."""

from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract

from offchain.chain import errors
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.reverts import RevertDecoder
from tests.world import FUNDS, UNIT, World


def test_deposit_with_permit_credits_the_depositor(world: World) -> None:
    alice = world.miners[0]
    alice.token.mint(alice.address, 7 * UNIT)

    alice.vault.deposit_with_permit(7 * UNIT)

    assert alice.balance() == FUNDS + 7 * UNIT
    assert alice.token.balance_of(alice.address) == 0


def test_deposit_with_permit_succeeds_when_the_permit_was_used_by_another(world: World) -> None:
    alice, mallory = world.miners[:2]
    alice.token.mint(alice.address, UNIT)
    deadline = world.chain.now() + 3600
    v, r, s = alice.token.sign_permit(alice.vault.address, UNIT, deadline)
    token: Any = world.contract("token")
    mallory.sender.send(token.functions.permit(alice.address, alice.vault.address, UNIT, deadline, v, r, s))

    vault: Any = world.contract("vault")
    alice.sender.send(vault.functions.depositWithPermit(UNIT, deadline, v, r, s))

    assert alice.balance() == FUNDS + UNIT


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


def test_move_reverts_when_the_caller_is_no_operator(world: World) -> None:
    alice, mallory = world.miners[:2]
    vault: Any = world.contract("vault")

    with pytest.raises(errors.OperatorNotApproved):
        mallory.sender.send(vault.functions.move(alice.address, mallory.address, 1))


def test_move_reverts_after_an_operator_was_dismissed(world: World) -> None:
    alice, bob = world.miners[:2]
    vault: Any = world.contract("vault")
    alice.vault.set_operator(bob.address, True)
    bob.sender.send(vault.functions.move(alice.address, bob.address, UNIT))
    alice.vault.set_operator(bob.address, False)

    with pytest.raises(errors.OperatorNotApproved):
        bob.sender.send(vault.functions.move(alice.address, bob.address, UNIT))

    assert bob.balance() == FUNDS + UNIT


def test_move_to_oneself_changes_nothing(world: World) -> None:
    alice = world.miners[0]
    vault: Any = world.contract("vault")

    alice.sender.send(vault.functions.move(alice.address, alice.address, UNIT))

    assert alice.balance() == FUNDS


def test_i1_the_vault_holds_the_sum_of_its_balances(world: World) -> None:
    world.miners[0].vault.withdraw(UNIT, world.miners[1].address)

    balances = sum(person.balance() for person in world.people)

    assert world.data_node.token.balance_of(world.data_node.vault.address) == balances


class Bank:
    """A vault over a token that misbehaves, and one depositor."""

    def __init__(self, world: World, artifacts: dict[str, Artifact], token: str) -> None:
        self.sender = world.miners[0].sender
        self._deployer = Web3Deployer(world.connection.w3, dev_account(9), artifacts)
        self._reverts = RevertDecoder([artifact.abi for artifact in artifacts.values()])
        self.token = self.create(token)
        self.vault = self.create("Vault", self.token.address)

    def create(self, name: str, *arguments: object) -> Contract:
        address = self._deployer.create(name, *arguments)
        return self.sender.connection.w3.eth.contract(
            Web3.to_checksum_address(address), abi=self._deployer.abi(name)
        )

    def send(self, call: Any) -> None:
        with self._reverts.typed():
            self.sender.connection.w3.eth.wait_for_transaction_receipt(
                call.transact({"from": self.sender.address})
            )


def test_deposit_reverts_when_the_token_takes_a_fee(world: World, artifacts: dict[str, Artifact]) -> None:
    bank = Bank(world, artifacts, "FeeToken")
    bank.send(bank.token.functions.mint(bank.sender.address, 1000))
    bank.send(bank.token.functions.approve(bank.vault.address, 1000))

    with pytest.raises(errors.DepositMismatch) as caught:
        bank.send(bank.vault.functions.deposit(1000))

    assert (caught.value.requestedAmount, caught.value.receivedAmount) == (1000, 990)


def test_deposit_and_withdraw_revert_when_the_token_returns_false(
    world: World, artifacts: dict[str, Artifact]
) -> None:
    bank = Bank(world, artifacts, "FalseToken")
    bank.send(bank.token.functions.mint(bank.sender.address, 1000))
    bank.send(bank.token.functions.approve(bank.vault.address, 1000))
    bank.send(bank.vault.functions.deposit(400))
    bank.send(bank.token.functions.refuse())

    with pytest.raises(errors.SafeERC20FailedOperation):
        bank.send(bank.vault.functions.deposit(600))
    with pytest.raises(errors.SafeERC20FailedOperation):
        bank.send(bank.vault.functions.withdraw(400, bank.sender.address))

    assert bank.vault.functions.balanceOf(bank.sender.address).call() == 400


def test_deposit_reverts_when_the_token_calls_back_into_it(
    world: World, artifacts: dict[str, Artifact]
) -> None:
    bank = Bank(world, artifacts, "CallbackToken")
    thief = bank.create("Reenterer", bank.vault.address)
    bank.send(bank.token.functions.mint(thief.address, 1000))

    with pytest.raises(errors.DepositMismatch) as caught:
        bank.send(thief.functions.attack(999))

    assert (caught.value.requestedAmount, caught.value.receivedAmount) == (999, 1000)
