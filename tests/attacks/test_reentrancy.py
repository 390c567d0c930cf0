"""Reentrancy: a token calls an attacker in the middle of a withdrawal, and the attacker calls the protocol.

Source: The DAO (June 2016), and by ERC-777 tokens imBTC on Uniswap v1 and Lendf.Me (April 2020).
Gain: a bond, a reward or a refund paid twice, or paid from money that is on its way out.
Defence: nobody but the vault calls the token, and only in deposits and withdrawals, which cannot be re-entered.
Every other call of the protocol is to contracts of the deployment: the vault's `move`, which calls nobody; the
registry, the ledger; and scorers, of which none calls anybody. So in the middle of a withdrawal all is as it is
behind it, and every act does then what it does later. That is what is tested here, act by act.
Out of scope: a scorer that is hostile. Scorers are named in the constructor, their calls are static, and a task with
any other cannot be posted (`tests/unit/test_registry.py`).
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from offchain.chain import errors
from offchain.chain.compiler import Artifact
from offchain.chain.local import LocalChain, eth_tester_chain
from offchain.chain.proof import ALL_ROWS, commitment_hash
from tests.attacks.hostile import Puppet, Stage
from tests.market_world import BEST_PRICE, JOB, RESULT, epoch_spec, pass_phase, provider_of
from tests.stories import RIGHT, SALT, hash_of
from tests.world import BURNED, UNIT, deploy_world, toy_rows

FUNDS = 1000 * UNIT


class Plot:
    """A world whose token calls back, and a puppet with money in it."""

    def __init__(self, chain: LocalChain, artifacts: dict[str, Artifact]) -> None:
        stage = Stage(chain, artifacts)
        token = stage.create("CallbackToken")
        self.world = world = deploy_world(chain, artifacts, people=2, token=token.address)
        names = ("token", "vault", "registry", "proof", "market")
        self.contracts: dict[str, Any] = {name: world.contract(name) for name in names}
        self.puppet = Puppet(stage, token)
        vault = self.contracts["vault"]
        world.people[0].token.mint(self.puppet.address, FUNDS)
        self.puppet.act(self.contracts["token"].functions.approve(vault.address, FUNDS))
        self.puppet.act(vault.functions.deposit(FUNDS))
        for operator in ("registry", "proof", "market"):
            self.puppet.act(vault.functions.setOperator(self.contracts[operator].address, True))

    def call(self, contract: str, function: str, *arguments: object) -> Any:
        """A call of a contract of the protocol."""
        return self.contracts[contract].functions[function](*arguments)

    @property
    def withdrawal(self) -> Any:
        """What makes the token call."""
        return self.call("vault", "withdraw", 1, self.puppet.address)

    @property
    def owners(self) -> list[str]:
        """Everybody who can have a balance."""
        contracts = [self.contracts[name].address for name in ("proof", "market")]
        return [*(person.address for person in self.world.people), self.puppet.address, *contracts, BURNED]

    @property
    def books(self) -> list[Any]:
        """Views: what the vault has, and what it owes to each."""
        has = self.call("token", "balanceOf", self.contracts["vault"].address)
        return [has, *(self.call("vault", "balanceOf", owner) for owner in self.owners)]

    def commitment(self, task_id: int) -> bytes:
        """The puppet's, to the right model."""
        domain = self.world.connection.deployment.chain_id, self.contracts["proof"].address
        return commitment_hash(*domain, task_id, self.puppet.address, hash_of(RIGHT), SALT)

    def task(self) -> int:
        """A task that takes commitments."""
        return self.world.drawn(self.world.spec(toy_rows())).task_id

    def committed(self) -> int:
        """A task that only the puppet committed to."""
        task_id = self.task()
        self.puppet.act(self.call("proof", "commit", task_id, self.commitment(task_id)))
        return task_id

    def epoch(self) -> int:
        """An epoch in which only the puppet declared."""
        epoch_id = provider_of(self.world).market.open(epoch_spec())
        self.puppet.act(self.call("market", "declareLog", epoch_id, 4 * UNIT, UNIT, 100 * UNIT))
        return epoch_id

    def priced(self) -> int:
        """The same with its price, at which the puppet wants one unit."""
        epoch_id = self.epoch()
        pass_phase(self.world, epoch_id)
        provider_of(self.world).market.post_price(epoch_id, BEST_PRICE)
        return epoch_id

    def bought(self) -> int:
        """The same with the puppet's purchase of one unit."""
        epoch_id = self.priced()
        self.puppet.act(self.call("market", "buy", epoch_id, 0, UNIT, JOB))
        return epoch_id


def commit_twice(plot: Plot) -> list[Any]:
    task_id = plot.task()
    return [plot.call("proof", "commit", task_id, plot.commitment(task_id))] * 2


def reveal_and_settle_twice(plot: Plot) -> list[Any]:
    rows, task_id = toy_rows(), plot.committed()
    plot.world.disclose(plot.world.data_node.registry.task(task_id), rows)
    reveal = plot.call("proof", "reveal", task_id, SALT, RIGHT, (0, ()), ALL_ROWS)
    settle = plot.call("proof", "settle", task_id, hash_of(RIGHT), RIGHT[2:34])
    return [reveal, reveal, settle, settle]


def abort_and_claim_twice(plot: Plot) -> list[Any]:
    task_id = plot.committed()
    plot.world.chain.advance(10_000)
    abort, claim = plot.call("proof", "abort", task_id), plot.call("proof", "claim", task_id)
    return [abort, abort, claim, claim]


def open_and_declare(plot: Plot) -> list[Any]:
    epoch_id = plot.world.people[0].market.epoch_count() + 1
    declare = plot.call("market", "declareLog", epoch_id, 4 * UNIT, UNIT, 100 * UNIT)
    return [plot.call("market", "open", epoch_spec(max_consumers=1).as_tuple()), declare, declare]


def buy_and_return_the_lock(plot: Plot) -> list[Any]:
    buy = plot.call("market", "buy", epoch_id := plot.priced(), 0, UNIT, JOB)
    return [buy, buy, plot.call("market", "returnLock", epoch_id, 0)]


def return_the_lock_and_buy(plot: Plot) -> list[Any]:
    back = plot.call("market", "returnLock", epoch_id := plot.priced(), 0)
    return [back, back, plot.call("market", "buy", epoch_id, 0, UNIT, JOB)]


def accept_and_settle(plot: Plot) -> list[Any]:
    epoch_id = plot.bought()
    provider_of(plot.world).market.deliver(epoch_id, 1, RESULT)
    accept, settle = (plot.call("market", act, epoch_id, 1) for act in ("accept", "settle"))
    return [accept, accept, settle]


def be_refunded_and_release_the_bond(plot: Plot) -> list[Any]:
    epoch_id = plot.bought()
    for _ in range(3):
        pass_phase(plot.world, epoch_id)
    settle, release = plot.call("market", "settle", epoch_id, 1), plot.call("market", "releaseBond", epoch_id)
    return [settle, settle, release, release]


def take_out_more_than_is_left(plot: Plot) -> list[Any]:
    move = plot.call("vault", "move", plot.puppet.address, plot.world.people[0].address, FUNDS)
    less = plot.call("vault", "move", plot.puppet.address, plot.world.people[0].address, FUNDS - 1)
    return [move, less, less]


# Each act's outcome: None where it succeeds.
PLOTS: dict[Callable[[Plot], list[Any]], list[type[Exception] | None]] = {
    commit_twice: [None, errors.AlreadyCommitted],
    reveal_and_settle_twice: [None, errors.AlreadyRevealed, None, errors.WrongPhase],
    abort_and_claim_twice: [None, errors.WrongPhase, None, errors.NotCommitted],
    open_and_declare: [None, None, errors.EpochFull],
    buy_and_return_the_lock: [None, errors.DeclarationClosed, errors.DeclarationClosed],
    return_the_lock_and_buy: [None, errors.DeclarationClosed, errors.DeclarationClosed],
    accept_and_settle: [None, errors.WrongPurchaseStatus, errors.WrongPurchaseStatus],
    be_refunded_and_release_the_bond: [
        None,
        errors.WrongPurchaseStatus,
        None,
        errors.NothingToRelease,
    ],
    take_out_more_than_is_left: [errors.BalanceTooLow, None, errors.BalanceTooLow],
}


@pytest.fixture(scope="module")
def plotted(artifacts: dict[str, Artifact]) -> Plot:
    return Plot(eth_tester_chain(), artifacts)


@pytest.fixture
def plot(plotted: Plot) -> Iterator[Plot]:
    go_back = plotted.world.chain.snapshot()
    yield plotted
    go_back()


def books_now(plot: Plot) -> list[int]:
    return [int(view.call()) for view in plot.books]


@pytest.mark.parametrize("instant", ["before the move", "after the move"])
@pytest.mark.parametrize("scheme", PLOTS, ids=lambda scheme: scheme.__name__)
def test_acts_within_a_withdrawal_do_what_they_do_behind_it(
    plot: Plot, scheme: Callable[[Plot], list[Any]], instant: str
) -> None:
    acts = scheme(plot)
    behind = plot.world.chain.snapshot()
    plot.puppet.act(plot.withdrawal)
    for act, error in zip(acts, PLOTS[scheme], strict=True):
        if error is None:
            plot.puppet.act(act)
    expected = books_now(plot)
    behind()

    plot.puppet.plan(*acts, *plot.books, skip=int(instant == "after the move"))
    plot.puppet.act(plot.withdrawal)

    outcomes = plot.puppet.outcomes()
    assert [outcome.error and type(outcome.error) for outcome in outcomes[: len(acts)]] == PLOTS[scheme]
    held, *owed = (outcome.number for outcome in outcomes[len(acts) :])
    assert sum(owed) <= held, "I-1, at the instant of the call"
    assert books_now(plot) == expected
    assert sum(expected[1:]) == expected[0]
