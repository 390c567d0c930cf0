"""Hostile tokens: a vault over a token that does not do what ERC-20 says.

Sources: the list `d-xo/weird-erc20`, which names a live token for nearly each of these; the Balancer pool that the
fee of STA drained (June 2020); imBTC, an ERC-777 token whose calls drained Uniswap v1 and Lendf.Me (April 2020).
Gain: balances that no tokens stand behind, withdrawn from what others deposited.
Defence: a deposit counts what arrives and a withdrawal what leaves; neither can be re-entered. The vault works, or
refuses by name, and never owes more than it has.
Limit: balances that shrink by themselves, and an issuer that blocks the vault or lets its token refuse everything. A
token's own reasons have no name here: the caller is given an UnknownRevert with their bytes.
"""

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from web3.types import RPCEndpoint

from offchain.chain import errors
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.local import LocalChain
from offchain.chain.market import LARGEST_DECLARED
from tests.attacks.hostile import Bank, Puppet
from tests.market_world import epoch_spec
from tests.world import World, deploy_world, toy_rows

Artifacts = dict[str, Artifact]
INSTANTS = ("before the move", "after the move")


@pytest.mark.parametrize(
    ("token", "arguments"), [("SilentToken", ()), ("DecimalsToken", (0,)), ("DecimalsToken", (30,))]
)
def test_a_token_that_answers_nothing_or_has_odd_decimals_works(
    chain: LocalChain, artifacts: Artifacts, token: str, arguments: tuple[int, ...]
) -> None:
    bank = Bank(chain, artifacts, token, *arguments)
    bob = bank.depositors[1]
    bank.fund(1000)

    bank.deposit(1000)
    bank.withdraw(400, to=bob)

    assert (bank.owed(), bank.held, bank.tokens_of(bob)) == (600, 600, 400)


def test_thirty_decimals_leave_little_money_in_a_market(artifacts: Artifacts, chain: LocalChain) -> None:
    """2^96 - 1 wei, the most that a price, a bond or a lock can be, is 0.079 tokens of 30 decimals: no theft, but a
    token to deploy another market for."""
    token = Web3Deployer(chain.w3, dev_account(9), artifacts).create("DecimalsToken", 30)
    world = deploy_world(chain, artifacts, people=2, token=token)
    most = 2**96 - 1
    world.data_node.fund(2 * 10**30)

    epoch_id = world.data_node.market.open(epoch_spec(bond=most))
    assert world.data_node.market.epoch(epoch_id).bond == most
    assert most / 10**30 == pytest.approx(0.0792, abs=1e-4)
    assert pytest.approx(3.87e-5, rel=1e-3) == LARGEST_DECLARED / 10**30  # of what a declaration may say
    assert world.data_node.registry.post(world.spec(toy_rows(), reward=10**30)) == 1


def test_a_fee_at_the_deposit_is_refused(chain: LocalChain, artifacts: Artifacts) -> None:
    bank = Bank(chain, artifacts, "FeeToken")
    bank.fund(1000)

    with pytest.raises(errors.DepositMismatch) as caught:
        bank.deposit(1000)

    assert (caught.value.requestedAmount, caught.value.receivedAmount) == (1000, 990)


def test_a_fee_on_top_is_paid_by_who_withdraws(chain: LocalChain, artifacts: Artifacts) -> None:
    """STA's lesson from the other side: in and out again took a hundredth of what others had, each time."""
    bank = Bank(chain, artifacts, "FeeOnTopToken")
    mallory = bank.depositors[1]
    for depositor in range(2):
        bank.fund(2000, depositor)
        bank.deposit(1000, depositor)

    with pytest.raises(errors.BalanceTooLow):
        bank.withdraw(1000, 1)
    bank.withdraw(900, 1)

    # A hundredth of 900 left as the fee, out of the balance of who withdrew.
    assert bank.vault.functions.balanceOf(mallory).call() == 1000 - 900 - 9
    assert bank.owed() == bank.held == 1000 + 91


def test_a_fee_on_top_that_is_more_than_what_stays_is_paid_all_the_same(
    chain: LocalChain, artifacts: Artifacts
) -> None:
    bank = Bank(chain, artifacts, "FeeOnTopToken")
    bank.fund(2000)
    bank.deposit(1000)

    bank.withdraw(990)

    assert bank.owed() == bank.held == 1000 - 990 - 9


def test_an_answer_of_false_is_refused(chain: LocalChain, artifacts: Artifacts) -> None:
    bank = Bank(chain, artifacts, "FalseToken")
    bank.fund(1000)
    bank.deposit(400)
    bank.send(bank.token.functions.refuse(), bank.depositors[0])

    with pytest.raises(errors.SafeERC20FailedOperation):
        bank.deposit(600)
    with pytest.raises(errors.SafeERC20FailedOperation):
        bank.withdraw(400)

    assert bank.owed() == bank.held == 400


def account_blocked(account: str) -> bytes:
    """What the token says, in its own bytes."""
    return function_signature_to_4byte_selector("AccountBlocked(address)") + encode(["address"], [account])


def test_a_blocked_depositor_withdraws_to_another_address(chain: LocalChain, artifacts: Artifacts) -> None:
    bank = Bank(chain, artifacts, "BlockToken")
    alice, bob = bank.depositors
    bank.fund(1000)
    bank.deposit(1000)
    bank.send(bank.token.functions.setBlocked(alice, True), bob)

    with pytest.raises(errors.UnknownRevert) as caught:
        bank.withdraw(1000)
    assert caught.value.data == account_blocked(alice)
    assert bank.owed() == 1000
    bank.withdraw(1000, to=bob)

    assert (bank.owed(), bank.tokens_of(bob)) == (0, 1000)


def test_a_blocked_vault_still_moves_what_it_keeps(chain: LocalChain, artifacts: Artifacts) -> None:
    """The limit: the issuer of such a token can lock everybody's money, and give it free again. No payment of the
    protocol fails meanwhile, because none touches the token."""
    bank = Bank(chain, artifacts, "BlockToken")
    alice, bob = bank.depositors
    bank.fund(1000)
    bank.deposit(1000)
    bank.send(bank.token.functions.setBlocked(bank.vault.address, True), bob)

    with pytest.raises(errors.UnknownRevert) as caught:
        bank.withdraw(1000)
    assert caught.value.data == account_blocked(bank.vault.address)
    bank.send(bank.vault.functions.move(alice, bob, 1000), alice)
    bank.send(bank.token.functions.setBlocked(bank.vault.address, False), bob)
    bank.withdraw(1000, 1)

    assert bank.tokens_of(bob) == 1000


# Tokens that change: most of those behind a proxy can, and some have a fee that is nought until their owner says.

ALWAYS_REVERTS = "0x5f5ffd"  # PUSH0 PUSH0 REVERT


@pytest.fixture
def bank(world: World, artifacts: Artifacts) -> Bank:
    """Two depositors of 1,000 each in a vault over a token that keeps its word so far."""
    bank = Bank(world.chain, artifacts, "TestToken")
    for depositor in range(2):
        bank.fund(2000, depositor)
        bank.deposit(1000, depositor)
    return bank


def upgrade(bank: Bank, code: str) -> None:
    """Let the token have other code, with the balances that it has."""
    bank.w3.provider.make_request(RPCEndpoint("anvil_setCode"), [bank.token.address, code])


def code_of(bank: Bank, token: str) -> str:
    return bank.w3.eth.get_code(bank.create(token).address).to_0x_hex()


def test_a_token_that_comes_to_revert_always_locks_what_is_in_and_moves_nothing(bank: Bank) -> None:
    """The limit: nobody gets any money out. Payments inside go on, and no balance is lost meanwhile."""
    alice, bob = bank.depositors
    honest = code_of(bank, "TestToken")
    upgrade(bank, ALWAYS_REVERTS)

    for act in (bank.deposit, bank.withdraw):
        with pytest.raises(errors.UnknownRevert, match="without a reason"):
            act(1000)
    bank.send(bank.vault.functions.move(alice, bob, 400), alice)
    assert [bank.owed(), bank.vault.functions.balanceOf(bob).call()] == [2000, 1400]

    upgrade(bank, honest)
    bank.withdraw(1400, 1)
    assert bank.owed() == bank.held == 600


def test_a_fee_that_is_switched_on_later_is_borne_by_who_withdraws(bank: Bank) -> None:
    """As Tether's token could. The vault sends what it owes; a part of it does not arrive."""
    upgrade(bank, code_of(bank, "FeeToken"))

    with pytest.raises(errors.DepositMismatch):
        bank.deposit(1000)
    bank.withdraw(1000, 0)
    assert bank.owed() == bank.held == 1000
    bank.withdraw(1000, 1)

    assert bank.owed() == bank.held == 0
    assert [bank.tokens_of(account) for account in bank.depositors] == [1990, 1990]


def test_a_fee_on_top_that_is_switched_on_later_takes_nothing_from_others(bank: Bank) -> None:
    """Who leaves pays the fee out of what it has, and so withdraws less than that; the others' money is there."""
    upgrade(bank, code_of(bank, "FeeOnTopToken"))

    with pytest.raises(errors.BalanceTooLow):
        bank.withdraw(1000, 0)
    bank.withdraw(990, 0)
    assert (bank.owed(), bank.held) == (1001, 1001)
    with pytest.raises(errors.ERC20InsufficientBalance):
        bank.withdraw(1000, 1)
    bank.withdraw(991, 1)

    assert bank.owed() == bank.held == 1


def test_balances_that_grow_leave_a_surplus_to_nobody(chain: LocalChain, artifacts: Artifacts) -> None:
    bank = Bank(chain, artifacts, "RebaseToken")
    bank.fund(1000)
    bank.deposit(1000)

    bank.send(bank.token.functions.rebase(11 * 10**17), bank.depositors[1])
    bank.withdraw(1000)

    # 1,000 of 1,100 are worth 909 shares; what is left of the 91 others is 100, and nobody's.
    assert bank.owed() == 0
    assert bank.held == 100


def test_an_amount_that_shares_cannot_tell_is_refused(chain: LocalChain, artifacts: Artifacts) -> None:
    """Tokens with shares inside, as stETH, move a wei less than they are asked to."""
    bank = Bank(chain, artifacts, "RebaseToken")
    bank.fund(2100)
    bank.send(bank.token.functions.rebase(11 * 10**17), bank.depositors[1])

    with pytest.raises(errors.DepositMismatch) as caught:
        bank.deposit(1000)
    bank.deposit(1100)

    assert (caught.value.requestedAmount, caught.value.receivedAmount) == (1000, 999)
    assert bank.owed() == bank.held == 1100


def test_balances_that_shrink_leave_the_last_one_unpaid(chain: LocalChain, artifacts: Artifacts) -> None:
    """The exception that `IVault` warns of: after a loss of a tenth the first depositor gets all its money, and the
    second bears the loss of both, a fifth of its own."""
    bank = Bank(chain, artifacts, "RebaseToken")
    for depositor in range(2):
        bank.fund(1000, depositor)
        bank.deposit(1000, depositor)

    bank.send(bank.token.functions.rebase(9 * 10**17), bank.depositors[0])

    assert (bank.owed(), bank.held) == (2000, 1800)
    bank.withdraw(1000, 0)
    with pytest.raises(errors.ERC20InsufficientBalance):
        bank.withdraw(1000, 1)
    bank.withdraw(800, 1)


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("act", ["deposit", "withdraw"])
def test_the_vault_cannot_be_re_entered(
    chain: LocalChain, artifacts: Artifacts, act: str, instant: str
) -> None:
    bank = Bank(chain, artifacts, "CallbackToken")
    mallory = Puppet(bank, bank.token)
    bank.fund(5000)
    bank.deposit(5000)
    bank.mint(2000, mallory.address)
    mallory.act(bank.token.functions.approve(bank.vault.address, 2000))
    mallory.act(bank.vault.functions.deposit(1000))

    functions = bank.vault.functions
    mallory.plan(
        functions.deposit(500),
        functions.withdraw(500, mallory.address),
        skip=INSTANTS.index(instant),
    )
    mallory.act(functions.deposit(700) if act == "deposit" else functions.withdraw(700, mallory.address))

    refused = [type(outcome.error) for outcome in mallory.outcomes()]
    assert refused == [errors.ReentrancyGuardReentrantCall] * 2
    assert bank.owed(mallory.address) == bank.held == (6700 if act == "deposit" else 5300)


def test_a_fee_is_not_made_up_for_by_a_deposit_within_a_deposit(
    chain: LocalChain, artifacts: Artifacts
) -> None:
    """A fee that is rounded away below a hundred, and a call back: 99 deposited within a deposit of 9,900 came
    where 99 of it had gone, and were counted twice. The vault owed 9,999 and had 9,900."""
    bank = Bank(chain, artifacts, "FeeCallbackToken")
    mallory = Puppet(bank, bank.token)
    bank.mint(9999, mallory.address)
    mallory.act(bank.token.functions.approve(bank.vault.address, 9999))
    mallory.plan(bank.vault.functions.deposit(99))

    with pytest.raises(errors.DepositMismatch) as caught:
        mallory.act(bank.vault.functions.deposit(9900))

    assert caught.value.receivedAmount == 9801
    assert bank.owed(mallory.address) == bank.held == 0


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("act", ["deposit", "withdraw"])
def test_i1_the_vault_owes_no_more_than_it_has_while_the_token_calls(
    chain: LocalChain, artifacts: Artifacts, act: str, instant: str
) -> None:
    """Read-only reentrancy, as in the Curve pools (2022 and 2023): whoever lends against a balance would have taken
    it for more than it is."""
    bank = Bank(chain, artifacts, "CallbackToken")
    mallory = Puppet(bank, bank.token)
    bank.mint(2000, mallory.address)
    mallory.act(bank.token.functions.approve(bank.vault.address, 2000))
    mallory.act(bank.vault.functions.deposit(1000))

    functions = bank.vault.functions
    mallory.plan(
        bank.token.functions.balanceOf(bank.vault.address),
        functions.balanceOf(mallory.address),
        skip=INSTANTS.index(instant),
    )
    mallory.act(functions.deposit(700) if act == "deposit" else functions.withdraw(700, mallory.address))

    held, owed = (outcome.number for outcome in mallory.outcomes())
    assert owed <= held
    assert (owed, held) == {
        ("deposit", "before the move"): (1000, 1000),
        ("deposit", "after the move"): (1000, 1700),
        ("withdraw", "before the move"): (300, 1000),
        ("withdraw", "after the move"): (300, 300),
    }[act, instant]
