"""Learning of types: two purchases identify, fewer bound, and the learner comes to the best price."""

import numpy as np
import pytest
from numpy.random import Generator

from offchain.economics.followers import LogConsumers, QuadConsumers
from offchain.economics.leader import solve_leader
from offchain.economics.learning_types import (
    ExploreThenCommit,
    GridUcb,
    Knowledge,
    TypeLearner,
    next_base_fee,
)

KINDS = [LogConsumers, QuadConsumers]
Kind = type[LogConsumers] | type[QuadConsumers]


def consumers(rng: Generator, kind: Kind, n: int = 40) -> LogConsumers | QuadConsumers:
    return kind(rng.lognormal(0, 1, n), rng.lognormal(0, 0.8, n), rng.lognormal(0, 1, n))


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(17)


@pytest.mark.parametrize("kind", KINDS)
def test_two_interior_purchases_identify_a_type(rng: Generator, kind: Kind) -> None:
    hidden = consumers(rng, kind)
    knowledge = Knowledge(kind, hidden.caps)

    for price in (0.5, 0.8):
        knowledge.observe(price, hidden.demand(price))

    bought = [hidden.demand(price) for price in (0.5, 0.8)]
    inside = np.logical_and.reduce([(x > 0) & (x < hidden.caps) for x in bought])
    assert inside.any() and (knowledge.identified == inside).all()
    other = hidden.efficiency if isinstance(hidden, LogConsumers) else hidden.slope
    np.testing.assert_allclose(knowledge.first[inside], hidden.value[inside], rtol=1e-9)
    np.testing.assert_allclose(knowledge.second[inside], other[inside], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_hold_the_true_demand_between_them(rng: Generator, kind: Kind) -> None:
    hidden = consumers(rng, kind)
    knowledge = Knowledge(kind, hidden.caps)
    for posted in rng.lognormal(0, 1, 5):
        knowledge.observe(float(posted), hidden.demand(float(posted)))

        for price in np.geomspace(0.01, 50, 200):
            true = hidden.demand(float(price))
            slack = 1e-9 * (1 + true)
            assert (knowledge.certain_demand(float(price)) <= true + slack).all()
            assert (true <= knowledge.possible_demand(float(price)) + slack).all()


@pytest.mark.parametrize("kind", KINDS)
def test_learner_settles_within_its_tolerance_in_few_prices(rng: Generator, kind: Kind) -> None:
    for _ in range(5):
        hidden = consumers(rng, kind)
        bounds = (0.05, float(hidden.choke.max()))
        best = solve_leader(hidden, np.inf, 0.2, bounds).profit
        learner = TypeLearner(Knowledge(kind, hidden.caps), np.inf, 0.2, bounds)

        prices = []
        for _ in range(40):
            prices.append(learner.choose())
            learner.learn(prices[-1], hidden.demand(prices[-1]))

        assert len(set(prices)) <= 25
        assert (prices[-1] - 0.2) * hidden.demand(prices[-1]).sum() >= best * (1 - 0.011)


def test_learner_refuses_consumers_without_limit() -> None:
    with pytest.raises(ValueError, match="needs limits"):
        TypeLearner(Knowledge(LogConsumers, np.array([np.inf])), 1.0, 0.1, (0.1, 1.0))


def test_ucb_posts_each_price_once_and_the_better_one_more_often() -> None:
    bandit, counts = GridUcb(np.array([1.0, 2.0, 3.0])), [0, 0, 0]

    for step in range(300):
        index = bandit.choose()
        assert step >= 3 or counts[index] == 0
        counts[index] += 1
        bandit.learn(index, [0.1, 1.0, 0.4][index])

    assert counts[1] == max(counts)


def test_explore_then_commit_commits_to_the_best_seen() -> None:
    policy = ExploreThenCommit(np.array([1.0, 2.0, 3.0]), rounds=2)

    chosen = []
    for _ in range(10):
        chosen.append(policy.choose())
        policy.learn(chosen[-1], [0.1, 1.0, 0.4][chosen[-1]])

    assert chosen == [0, 1, 2, 0, 1, 2, 1, 1, 1, 1]


def test_base_fee_stays_in_bounds_and_moves_by_an_eighth_at_most() -> None:
    assert next_base_fee(8.0, 1.0, 1.0, (1.0, 100.0)) == 8.0  # on target
    assert next_base_fee(8.0, 50.0, 1.0, (1.0, 100.0)) == 9.0  # twice the target counts as no more
    assert next_base_fee(1.0, 0.0, 1.0, (1.0, 100.0)) == 1.0
