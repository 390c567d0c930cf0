"""The gas of every operation of the compute market, and of proving a price among many consumers, on Anvil."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.protocol import MARKET_BOUNDS, cost
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import compile_contracts
from offchain.chain.connection import Connection
from offchain.chain.deploying import Bounds, Web3Deployer, deploy
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.market import ALL_POINTS, ComputeMarketClient, EpochSpec
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient
from offchain.economics.cover import IntegerGame, walk_cover
from offchain.economics.followers import LogConsumers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.integer import integer_followers
from offchain.economics.leader import LeaderSolution, solve_leader
from offchain.economics.wad import WAD, to_wad

CROWDS = (10, 100, 500)
PEOPLE = 10
UNIT = 10**18
TOLERANCE = WAD // 100
JOB = b"\x0a" * 32
# What the project set out to reach: for a declaration, for a consumer and a point of the cover, and for 500 consumers
# in one transaction.
GOALS = {"declare": 90_000, "consumer and point": 150, "500 consumers": 2**24}


@dataclass(frozen=True, slots=True)
class Crowd:
    """Consumers, half of them logarithmic, and the best price for them."""

    solution: LeaderSolution

    @classmethod
    def draw(cls, size: int) -> "Crowd":
        """Lognormal values, shapes and limits, of consumers who want something at a price of 0.5.

        There is capacity for half of what they want at the floor.
        """
        rng = np.random.default_rng(size)
        log, quad = (rng.lognormal([1.0, 0.0, 1.0], [0.7, 0.6, 0.8], (2 * size, 3)) for _ in range(2))
        log, quad = log[log[:, 0] * log[:, 1] > 0.5], quad[quad[:, 0] > 0.5]
        kinds = LogConsumers(*log[: size // 2].T), QuadConsumers(*quad[: size // 2].T)
        followers = Together(kinds)
        capacity = 0.5 * float(followers.demand(0.3).sum())
        return cls(solve_leader(followers, capacity, 0.2, (0.3, 20.0)))

    @property
    def integer(self) -> IntegerGame:
        """The game in WAD."""
        return IntegerGame.of(self.solution.game)

    @property
    def price(self) -> int:
        """The best price, WAD."""
        return to_wad(self.solution.price)

    @property
    def points(self) -> int:
        """How many prices the contract sums demand at: those of the cover before the last."""
        return len(walk_cover(self.integer, self.price, TOLERANCE).points) - 1


class MarketBench:
    """A deployment whose epochs are measured; the first of its people sells."""

    def __init__(self, chain: LocalChain) -> None:
        self.chain = chain
        deployer = Web3Deployer(chain.w3, dev_account(0), compile_contracts())
        deployment = deploy(deployer, Bounds(10, 10_000, 1, 1), MARKET_BOUNDS)
        self.connection = Connection.over(chain.w3, deployment)
        self.senders = [Sender(self.connection, dev_account(index)) for index in range(PEOPLE)]
        self.markets = [ComputeMarketClient(self.connection, sender) for sender in self.senders]
        for sender in self.senders:
            self._fund(sender)
        described = deployment.market
        self._functions: Any = chain.w3.eth.contract(
            chain.w3.to_checksum_address(described.address), abi=described.abi
        ).functions

    def _fund(self, sender: Sender) -> None:
        vault = VaultClient(self.connection, sender)
        TokenClient(self.connection, sender).mint(sender.address, 10**6 * UNIT)
        vault.deposit_with_permit(10**6 * UNIT)
        vault.set_operator(self.connection.deployment.market.address, True)

    def declared(self, crowd: Crowd, gas: dict[str, list[int]]) -> int:
        """An epoch with a crowd that waits for its price."""
        game = crowd.integer
        numbers = (game.capacity, game.unit_cost, game.price_floor, game.price_cap, 20 * UNIT, TOLERANCE)
        size = crowd.solution.demands.size
        spec = EpochSpec(*numbers, size, *(10_000,) * 6)
        epoch_id = self.markets[0].open(spec)
        gas["open"] = [self._newest()]
        followers: Any = integer_followers(crowd.solution.game.followers)
        log, quad = followers.kinds
        calls = [
            self._functions.declareLog(epoch_id, *row)
            for row in zip(log.value, log.efficiency, log.limit, strict=True)
        ]
        calls += [
            self._functions.declareQuadratic(epoch_id, *row)
            for row in zip(quad.value, quad.slope, quad.limit, strict=True)
        ]
        # Each account declares for several consumers: to the contract they are followers of their own.
        gas["declare"] = [
            cost(self.senders[1 + place % (PEOPLE - 1)].send(call)) for place, call in enumerate(calls)
        ]
        self.chain.advance(10_000)
        return epoch_id

    def proved(self, size: int) -> dict[str, Any]:
        """What it costs to prove the best price among so many consumers."""
        crowd = Crowd.draw(size)
        epoch_id = self.declared(crowd, {})
        go_back = self.chain.snapshot()
        first = cost(self.markets[0].post_price(epoch_id, crowd.price, 1))
        go_back()
        whole = cost(self.markets[0].post_price(epoch_id, crowd.price, ALL_POINTS))
        pairs = size * crowd.points
        return {
            "points": crowd.points,
            "gas": whole,
            "per consumer and point": round(whole / pairs, 1),
            "per further point and consumer": round((whole - first) / (pairs - size), 1),
            "to load a consumer": round((first - 60_000) / size),
        }

    def traded(self) -> dict[str, int]:
        """Every operation of an epoch, the median where there are several."""
        gas: dict[str, list[int]] = {}
        crowd = Crowd.draw(10)
        epoch_id = self.declared(crowd, gas)
        provider = self.markets[0]
        provider.post_price(epoch_id, crowd.price)
        buyers = [
            (found.index, self.markets[1 + found.index % (PEOPLE - 1)])
            for found in provider.declarations(epoch_id)
            if provider.best_response(epoch_id, found.index, crowd.price) > 0
        ]
        (quitter, leaver), *rest = buyers
        gas["return a lock"] = [cost(leaver.return_lock(epoch_id, quitter))]
        gas["buy"] = []
        for index, market in rest:
            units = provider.best_response(epoch_id, index, crowd.price)
            market.buy(epoch_id, index, units, JOB)
            gas["buy"].append(self._newest())
        self.chain.advance(10_000)
        leaver.buy_leftover(epoch_id, provider.epoch(epoch_id).units_left, JOB)
        gas["buy leftover"] = [self._newest()]
        purchases = provider.purchases(epoch_id)
        gas["deliver"] = [
            cost(provider.deliver(epoch_id, purchase.purchase_id, JOB)) for purchase in purchases[:2]
        ]
        accepting = next(m for m in self.markets if m.sender and m.sender.address == purchases[0].consumer)
        gas["accept"] = [cost(accepting.accept(epoch_id, purchases[0].purchase_id))]
        self.chain.advance(30_000)
        gas["settle, silent"] = [cost(provider.settle(epoch_id, purchases[1].purchase_id))]
        gas["settle, missed"] = [cost(provider.settle(epoch_id, p.purchase_id)) for p in purchases[2:]]
        gas["release the bond"] = [cost(provider.release_bond(epoch_id))] if self._bond(epoch_id) else []
        return {name: sorted(costs)[len(costs) // 2] for name, costs in gas.items() if costs}

    def _bond(self, epoch_id: int) -> int:
        return self.markets[0].epoch(epoch_id).free_bond

    def _newest(self) -> int:
        (sent,) = self.chain.w3.eth.get_block("latest")["transactions"]
        return int(self.chain.w3.eth.get_transaction_receipt(sent)["gasUsed"])  # type: ignore[arg-type]


def run(crowds: tuple[int, ...] = CROWDS) -> dict[str, Any]:
    """Measure and print."""
    with anvil_chain() as chain:
        bench = MarketBench(chain)
        bench.traded()  # the first epoch of a deployment writes what later ones overwrite
        operations = bench.traded()
        proofs = {str(size): bench.proved(size) for size in crowds}
    table = Table("operation", "gas", "goal", title="Gas of the compute market")
    for name, gas in operations.items():
        table.add_row(name, f"{gas:,}", f"{GOALS[name]:,}" if name in GOALS else "")
    Console().print(table)
    columns = next(iter(proofs.values()))
    table = Table("consumers", *columns, title="Gas of proving the best price at a tolerance of 1%")
    for size, proof in proofs.items():
        table.add_row(size, *(f"{value:,}" for value in proof.values()))
    Console().print(table)
    return {"gas": operations, "proofs": proofs, "goals": GOALS}
