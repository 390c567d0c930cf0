"""Synthetic events of a deployment, as consistent as real ones, in the proportions of busy tasks and epochs."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import to_checksum_address

from offchain.chain.deployment import Contract, Deployment
from offchain.chain.ledger import Header, block_hash
from offchain.chain.market import Declaration, Utility
from offchain.index.events import Event
from offchain.index.money import BURNED
from offchain.index.store import BlockMark, LockedDeclaration, Range

UNIT = 10**18
PEOPLE = 2_000
MINERS, REVEALING, CONSUMERS, BUYING, DELIVERED = 10, 8, 20, 15, 13
CROWD = 2_000  # in the first task and the first epoch: as many as an epoch admits
BLOCK_SECONDS, FIRST_TIMESTAMP = 12, 1_700_000_000
OPEN_EVERY = 50  # of tasks and epochs, one stays as it is when all have committed or bought

Told = tuple[str, str, dict[str, Any]]
Act = list[Told]  # what one transaction emits


def address(name: str) -> str:
    """The address of somebody."""
    return to_checksum_address(hashlib.sha256(name.encode()).digest()[:20])


def digest(name: str) -> str:
    """A hash of something."""
    return "0x" + hashlib.sha256(name.encode()).hexdigest()


ZEROS = "0x" + "0" * 64
NOBODY = "0x" + "0" * 40
NAMES = ("token", "vault", "registry", "proof", "ledger", "market")
CONTRACTS = {name: Contract(address=address(name), abi=[]) for name in NAMES}
DEPLOYMENT = Deployment(chain_id=31337, block=0, initialization={}, scorers={}, **CONTRACTS)
WHALE = address("person 0")
"""Who posts, sells, mines and buys more than anybody: the first of all people, in every task and every epoch."""


@dataclass
class SyntheticChain:
    """Acts as they come, and what no event tells: the declarations."""

    declared: dict[int, list[LockedDeclaration]] = field(default_factory=dict)
    _people: list[str] = field(default_factory=lambda: [address(f"person {i}") for i in range(PEOPLE)])
    _tip: str = ZEROS
    _blocks: int = 0

    def ranges(self, events: int, per_range: int = 2_000) -> Iterator[Range]:
        """Ranges with so many events in all, or a few more: an act is not broken off."""
        told, found, marks = 0, [], []
        for block, act in enumerate(self._acts(), 1):
            marks.append(_mark(block))
            transaction = hashlib.sha256(b"%d" % block).digest()
            found += [Event(block, place, transaction, *each) for place, each in enumerate(act)]
            told += len(act)
            if len(found) >= per_range or told >= events:
                yield Range(marks[-1], tuple(marks), tuple(found))
                found, marks = [], []
            if told >= events:
                return

    def _acts(self) -> Iterator[Act]:
        yield [self._block(0, NOBODY, 0)]
        for person in self._people:
            yield [("vault", "Deposited", {"account": person, "amount": str(10**9 * UNIT)})]
        number = 0
        while True:
            number += 1
            yield from self._task(number)
            if number % 2:
                yield from self._epoch(1 + number // 2)

    def _some(self, number: int, count: int) -> list[str]:
        """The whale, and others in turn."""
        others = [self._people[1 + (7 * number + i) % (PEOPLE - 1)] for i in range(count - 1)]
        return [WHALE, *others]

    def _task(self, task_id: int) -> Iterator[Act]:
        miners = self._some(task_id, CROWD if task_id == 1 else MINERS)
        owner = WHALE if task_id % 3 == 0 else self._people[task_id % PEOPLE]
        about, proof = {"taskId": task_id}, CONTRACTS["proof"].address
        yield [
            (
                "registry",
                "TaskPosted",
                {
                    **about,
                    "dataNode": owner,
                    "manifestHash": digest("manifest"),
                    "drawBlock": 1,
                    "terms": TERMS,
                },
            ),
            _moved(owner, proof, 130 * UNIT),
        ]
        drawn = {**about, "seed": digest(f"seed {task_id}"), "commitEndsAt": FIRST_TIMESTAMP + 600 * task_id}
        yield [("registry", "TaskDrawn", drawn), ("proof", "RoundOpened", about)]
        yield [("registry", "TrainingRowsPublished", {**about, "blobHash": digest(f"rows {task_id}")})]
        for miner in miners:
            yield [("proof", "ModelCommitted", {**about, "miner": miner}), _moved(miner, proof, 5 * UNIT)]
        if task_id % OPEN_EVERY == 0:
            return
        disclosed = {**about, "testRows": address(f"rows {task_id}"), "disclosedCount": 45}
        opened = {**about, "revealEndsAt": FIRST_TIMESTAMP + 600 * task_id + 300}
        yield [("registry", "TestRowsDisclosed", disclosed), ("registry", "RevealsOpened", opened)]
        revealing = miners[: len(miners) * REVEALING // MINERS]
        for place, miner in enumerate(revealing):
            score = 9 * UNIT // 10 + 37 * place % 1000 * 10**12
            model = {"modelHash": digest(miner), "parametersHash": digest("lbfgs"), "scoreWad": score}
            revealed = {**about, "miner": miner, **model}
            yield [("proof", "ModelRevealed", revealed), _moved(proof, miner, 5 * UNIT)]
        slashed, winner = 5 * UNIT * (len(miners) - len(revealing)), revealing[task_id % len(revealing)]
        ended = {**about, "winner": winner, "refunded": str(30 * UNIT), "slashed": str(slashed)}
        yield [
            ("proof", "TaskSettled", ended),
            _moved(proof, owner, 30 * UNIT),
            _moved(proof, BURNED, slashed),
            _moved(proof, winner, 100 * UNIT),
            self._block(task_id, winner, 9 * UNIT // 10),
        ]

    def _block(self, task_id: int, winner: str, score: int) -> Told:
        header = Header(
            self._blocks,
            FIRST_TIMESTAMP + 600 * task_id,
            task_id,
            winner,
            bytes.fromhex(digest(winner)[2:]),
            bytes.fromhex(digest("lbfgs")[2:]),
            score,
            bytes.fromhex(self._tip[2:]),
        )
        told = {
            "index": header.index,
            "timestamp": header.timestamp,
            "taskId": task_id,
            "winner": winner,
            "modelHash": digest(winner),
            "parametersHash": digest("lbfgs"),
            "scoreWad": score,
            "previousHash": self._tip,
        }
        own = block_hash(DEPLOYMENT.chain_id, DEPLOYMENT.ledger.address, header)
        self._tip, self._blocks = "0x" + own.hex(), self._blocks + 1
        arguments = {"index": header.index, "winner": winner, "header": told, "blockHash": self._tip}
        return "ledger", "BlockAppended", arguments

    def _epoch(self, epoch_id: int) -> Iterator[Act]:
        consumers = self._some(epoch_id, CROWD if epoch_id == 1 else CONSUMERS)
        provider = WHALE if epoch_id % 3 == 0 else self._people[epoch_id % PEOPLE]
        about, market = {"epochId": epoch_id}, CONTRACTS["market"].address
        capacity, price = len(consumers) * UNIT, 2 * UNIT
        bond = 20 * capacity // UNIT * UNIT
        spec = {**SPEC, "capacity": str(capacity), "bond": str(bond)}
        yield [
            ("market", "EpochOpened", {**about, "provider": provider, "spec": spec}),
            _moved(provider, market, bond),
        ]
        for consumer in consumers:
            yield [_moved(consumer, market, 3 * UNIT)]
        demand = {"price": str(price), "demandUnits": str(capacity), "capacity": str(capacity)}
        yield [("market", "PriceAccepted", {**about, **demand})]
        buying = consumers[: len(consumers) * BUYING // CONSUMERS]
        self.declared[epoch_id] = [
            LockedDeclaration(
                Declaration(
                    epoch_id, place, 4 * UNIT, UNIT, Utility.LOG, consumer in buying, consumer, 9 * UNIT
                ),
                0 if consumer in buying else 3 * UNIT,
            )
            for place, consumer in enumerate(consumers)
        ]
        for purchase_id, consumer in enumerate(buying, 1):
            bought = {"units": str(UNIT), "cost": str(price), "jobHash": digest("job")}
            told = {**about, "purchaseId": purchase_id, "consumer": consumer, **bought}
            yield [("market", "UnitsBought", told), _moved(market, consumer, UNIT)]
        if epoch_id % OPEN_EVERY == 0:
            return
        delivered = len(consumers) * DELIVERED // CONSUMERS
        for purchase_id, consumer in enumerate(buying, 1):
            named = {**about, "purchaseId": purchase_id}
            if purchase_id <= delivered:
                yield [("market", "ResultDelivered", {**named, "resultHash": digest("result")})]
                paid = {**named, "provider": provider, "cost": str(price)}
                yield [("market", "PurchasePaid", paid), _moved(market, provider, price + 20 * UNIT)]
            else:
                refund = {**named, "consumer": consumer, "cost": str(price), "bondShare": str(20 * UNIT)}
                yield [("market", "PurchaseRefunded", refund), _moved(market, consumer, price + 20 * UNIT)]
        free = bond - 20 * UNIT * len(buying)
        released = {**about, "provider": provider, "amount": str(free)}
        yield [("market", "BondReleased", released), _moved(market, provider, free)]


TERMS = {
    "data_root": digest("root"),
    "ledger_tip": ZEROS,
    "scorer": address("scorer"),
    "metric": 0,
    "feature_count": 4,
    "class_count": 3,
    "mapping_width": 64,
    "row_count": 150,
    "test_count": 45,
    "reward": str(100 * UNIT),
    "data_node_bond": str(30 * UNIT),
    "miner_bond": str(5 * UNIT),
    "min_score_wad": 0,
    "commit_seconds": 600,
    "disclose_seconds": 300,
    "reveal_seconds": 300,
}
SPEC = {
    "unitCost": str(UNIT),
    "priceFloor": str(UNIT),
    "priceCap": str(10 * UNIT),
    "toleranceWad": UNIT // 100,
    "maxConsumers": CROWD,
    "declareSeconds": 600,
    "priceSeconds": 600,
    "buySeconds": 600,
    "leftoverSeconds": 600,
    "deliverSeconds": 600,
    "acceptSeconds": 600,
}


def _mark(number: int) -> BlockMark:
    return BlockMark(
        number, hashlib.sha256(b"%d" % number).digest(), FIRST_TIMESTAMP + BLOCK_SECONDS * number
    )


def _moved(giver: str, getter: str, amount: int) -> Told:
    return "vault", "Moved", {"from": giver, "to": getter, "amount": str(amount)}
