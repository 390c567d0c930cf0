"""Reentrancy: a token calls an attacker in the middle of a deposit or a withdrawal, and the attacker the protocol.

Source: The DAO (June 2016), and by ERC-777 tokens imBTC on Uniswap v1 and Lendf.Me (April 2020).
Gain: a bond, a reward or a refund paid twice, or paid from money that is on its way out.
Defence: nobody but the vault calls the token, and only in deposits and withdrawals, which cannot be re-entered.
Every other call of the protocol is to contracts of the deployment: the vault's `move`, which calls nobody; the
registry, the ledger; and scorers, of which none calls anybody. So in the middle of a withdrawal all is as it is
behind it, in the middle of a deposit as it is before it, and every act does then what it does there. That is what is
tested here, for every external function, and that every view says so too.
Out of scope: a scorer that is hostile. Scorers are named in the constructor, their calls are static, and a task with
any other cannot be posted (`test_hostile_scorer.py`).
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from offchain.chain import errors
from offchain.chain.compiler import Artifact
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.market import ALL_POINTS
from offchain.chain.proof import ALL_ROWS, commitment_hash
from tests.attacks.hostile import Puppet, Stage
from tests.market_world import BEST_PRICE, JOB, RESULT, declare, epoch_spec, pass_phase, provider_of
from tests.stories import RIGHT, SALT, hash_of
from tests.world import BURNED, UNIT, deploy_world, toy_rows

FUNDS = 1000 * UNIT
NO_SIGNATURE = (bytes(32), bytes(32))  # a contract has none, and needs none for what it allowed before


class Plot:
    """A world whose token calls back, and a puppet with money in it."""

    def __init__(self, chain: LocalChain, artifacts: dict[str, Artifact]) -> None:
        stage = Stage(chain, artifacts)
        token = stage.create("CallbackToken")
        self.world = world = deploy_world(chain, artifacts, people=2, token=token.address)
        names = ("token", "vault", "registry", "proof", "ledger", "market")
        self.contracts: dict[str, Any] = {name: world.contract(name) for name in names}
        self.puppet = Puppet(stage, token)
        self.withdrawn = 0
        vault = self.contracts["vault"]
        world.people[0].token.mint(self.puppet.address, FUNDS + 1)
        self.puppet.act(self.contracts["token"].functions.approve(vault.address, FUNDS + 1))
        self.puppet.act(vault.functions.deposit(FUNDS))
        for operator in ("registry", "proof", "market"):
            self.puppet.act(vault.functions.setOperator(self.contracts[operator].address, True))

    def call(self, contract: str, function: str, *arguments: object) -> Any:
        """A call of a contract of the protocol."""
        return self.contracts[contract].functions[function](*arguments)

    @property
    def doors(self) -> dict[str, Any]:
        """What makes the token call."""
        return {
            "withdrawal": self.call("vault", "withdraw", 1, self.puppet.address),
            "deposit": self.call("vault", "deposit", 1),
            "deposit with a permit": self.call("vault", "depositWithPermit", 1, 0, 27, *NO_SIGNATURE),
        }

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

    @property
    def views(self) -> list[Any]:
        """Views of what there is besides money."""
        newest = [
            int(self.call(*count).call()) for count in (("registry", "taskCount"), ("market", "epochCount"))
        ]
        of_a_task = [
            self.call("registry", "task", newest[0]),
            *(self.call("proof", name, newest[0]) for name in ("round", "leaderOf", "phaseOf")),
            self.call("proof", "commitmentOf", newest[0], self.puppet.address),
        ]
        of_an_epoch = [
            self.call("market", name, newest[1]) for name in ("epoch", "walkOf", "declarations", "phaseOf")
        ]
        always = [
            self.call("registry", "taskCount"),
            self.call("market", "epochCount"),
            self.call("ledger", "tip"),
            self.call("vault", "isOperator", self.puppet.address, self.world.people[0].address),
        ]
        return [*always, *(of_a_task if newest[0] else []), *(of_an_epoch if newest[1] else [])]

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

    def posted(self) -> int:
        """A task of the puppet that can be drawn."""
        self.puppet.act(self.call("registry", "post", self.world.spec(toy_rows()).as_tuple()))
        self.world.chain.mine(3)
        return int(self.call("registry", "taskCount").call())

    def sells(self) -> int:
        """An epoch of the puppet in which somebody else declared, and that waits for its price."""
        self.puppet.act(self.call("market", "open", epoch_spec().as_tuple()))
        epoch_id = int(self.call("market", "epochCount").call())
        declare(self.world.people[1], epoch_id)
        pass_phase(self.world, epoch_id)
        return epoch_id

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


def post_and_draw_too_early(plot: Plot) -> list[Any]:
    task_id = plot.call("registry", "taskCount").call() + 1
    post = plot.call("registry", "post", plot.world.spec(toy_rows()).as_tuple())
    return [post, plot.call("registry", "draw", task_id)]


def draw_twice_and_publish(plot: Plot) -> list[Any]:
    task_id = plot.posted()
    draw = plot.call("registry", "draw", task_id)
    return [draw, draw, plot.call("registry", "publish", task_id, RESULT)]


def disclose_twice(plot: Plot) -> list[Any]:
    rows, registry, task_id = toy_rows(), plot.world.data_node.registry, plot.posted()
    plot.puppet.act(plot.call("registry", "draw", task_id))
    plot.world.close_commits(registry.task(task_id))
    indices = registry.next_part(task_id)
    disclose = plot.call("registry", "disclose", task_id, *rows.disclosure(indices))
    return [disclose, disclose]


def act_for_the_protocol(plot: Plot) -> list[Any]:
    task_id = plot.task()
    block = (task_id, plot.puppet.address, hash_of(RIGHT), RIGHT[2:34], UNIT)
    return [plot.call("proof", "open", task_id, 2**39, UNIT), plot.call("ledger", "append", *block)]


def enter_the_vault_again(plot: Plot) -> list[Any]:
    approve = plot.call("vault", "setOperator", plot.world.people[0].address, True)
    return [*plot.doors.values(), approve]


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
    terms = (epoch_id, 4 * UNIT, UNIT, 100 * UNIT)
    declare, other = (plot.call("market", name, *terms) for name in ("declareLog", "declareQuadratic"))
    return [plot.call("market", "open", epoch_spec(max_consumers=2).as_tuple()), declare, other, declare]


def price_and_walk(plot: Plot) -> list[Any]:
    epoch_id = plot.sells()
    post = plot.call("market", "postPrice", epoch_id, BEST_PRICE, 1)
    walk = plot.call("market", "continueWalk", epoch_id, ALL_POINTS)
    return [post, walk, walk, post]


def deliver_twice(plot: Plot) -> list[Any]:
    epoch_id, buyer = plot.sells(), plot.world.people[1].market
    plot.puppet.act(plot.call("market", "postPrice", epoch_id, BEST_PRICE, ALL_POINTS))
    buyer.buy(epoch_id, 0, UNIT, JOB)
    deliver = plot.call("market", "deliver", epoch_id, 1, RESULT)
    return [deliver, deliver]


def buy_all_that_is_left(plot: Plot) -> list[Any]:
    epoch_id = plot.priced()
    pass_phase(plot.world, epoch_id)
    buy = plot.call("market", "buyLeftover", epoch_id, 10 * UNIT, JOB)
    return [buy, buy]


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
    path, has = (plot.puppet.address, plot.world.people[0].address), FUNDS - plot.withdrawn
    more, all_ = (plot.call("vault", "move", *path, amount) for amount in (has + 1, has))
    return [more, all_, all_]


# Each act's outcome: None where it succeeds.
PLOTS: dict[Callable[[Plot], list[Any]], list[type[Exception] | None]] = {
    post_and_draw_too_early: [None, errors.DrawTooEarly],
    draw_twice_and_publish: [None, errors.AlreadyDrawn, None],
    disclose_twice: [None, errors.AlreadyDisclosed],
    act_for_the_protocol: [errors.NotRegistry, errors.NotWriter],
    enter_the_vault_again: [*[errors.ReentrancyGuardReentrantCall] * 3, None],
    commit_twice: [None, errors.AlreadyCommitted],
    reveal_and_settle_twice: [None, errors.AlreadyRevealed, None, errors.WrongPhase],
    abort_and_claim_twice: [None, errors.WrongPhase, None, errors.NotCommitted],
    open_and_declare: [None, None, None, errors.EpochFull],
    price_and_walk: [None, None, errors.WrongEpochPhase, errors.WrongEpochPhase],
    deliver_twice: [None, errors.WrongPurchaseStatus],
    buy_all_that_is_left: [None, errors.SoldOut],
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
def plotted(artifacts: dict[str, Artifact]) -> Iterator[Plot]:
    with anvil_chain(repeatable=True) as chain:
        yield Plot(chain, artifacts)


@pytest.fixture
def plot(plotted: Plot) -> Iterator[Plot]:
    go_back = plotted.world.chain.snapshot()
    yield plotted
    go_back()


def answers(views: list[Any]) -> list[bytes]:
    return [
        bytes(view.w3.eth.call({"to": view.address, "data": view._encode_transaction_data()}))
        for view in views
    ]


@pytest.mark.parametrize("instant", ["before the move", "after the move"])
@pytest.mark.parametrize("door", ["withdrawal", "deposit", "deposit with a permit"])
@pytest.mark.parametrize("scheme", PLOTS, ids=lambda scheme: scheme.__name__)
def test_acts_in_the_middle_do_what_they_do_outside(
    plot: Plot, scheme: Callable[[Plot], list[Any]], door: str, instant: str
) -> None:
    plot.withdrawn = int(door == "withdrawal")
    acts = scheme(plot)
    go_back = plot.world.chain.snapshot()
    entered = plot.doors[door]
    outside = [act for act, error in zip(acts, PLOTS[scheme], strict=True) if error is None]
    for act in [entered, *outside] if door == "withdrawal" else [*outside, entered]:
        plot.puppet.act(act)
    views, expected = plot.views, books_now(plot)
    go_back()

    plot.puppet.plan(*acts, *plot.books, *views, skip=int(instant == "after the move"))
    plot.puppet.act(entered)

    outcomes = plot.puppet.outcomes()
    assert [outcome.error and type(outcome.error) for outcome in outcomes[: len(acts)]] == PLOTS[scheme]
    held, *owed = (outcome.number for outcome in outcomes[len(acts) : -len(views)])
    assert sum(owed) <= held, "I-1, at the instant of the call"
    assert [outcome.answer for outcome in outcomes[-len(views) :]] == answers(views), "read-only reentrancy"
    assert books_now(plot) == expected
    assert sum(expected[1:]) == expected[0]


def test_the_acts_are_all_that_there_are(plot: Plot) -> None:
    """Every function of the protocol that is no view is among them."""
    tried = set()
    for scheme in PLOTS:
        go_back = plot.world.chain.snapshot()
        tried |= {(act.address, act.fn_name) for act in scheme(plot)}
        go_back()

    there_are = {
        (contract.address, entry["name"])
        for name, contract in plot.contracts.items()
        for entry in contract.abi
        if name != "token" and entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    assert tried == there_are


def books_now(plot: Plot) -> list[int]:
    return [int(view.call()) for view in plot.books]
