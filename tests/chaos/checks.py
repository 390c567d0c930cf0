"""What must hold at the end of a run, each judged by the facts alone."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator

from offchain.chain.phase import EpochPhase, Phase
from tests.chaos.facts import Act, Facts, Told

WAD = 10**18
START_SECONDS = (
    15.0  # in which a process on a busy machine has loaded what it needs, and then listens to signals
)
Check = Callable[[Facts], Iterator[str]]
"""Gives a line for each thing that does not hold."""


def every_task_has_ended(facts: Facts) -> Iterator[str]:
    """As many tasks as were asked for, all settled or aborted."""
    if len(facts.tasks) < facts.profile.tasks:
        yield f"{len(facts.tasks)} tasks were posted, and {facts.profile.tasks} are asked for"
    for task in facts.tasks:
        if task.phase not in (Phase.SETTLED, Phase.ABORTED):
            yield f"task {task.task_id} is in phase {Phase(task.phase).name}"


def every_epoch_has_ended(facts: Facts) -> Iterator[str]:
    """All epochs are over, and the market keeps nobody's money."""
    for epoch in facts.epochs:
        if epoch.phase not in (EpochPhase.OVER, EpochPhase.UNPRICED):
            yield f"epoch {epoch.epoch_id} is in phase {EpochPhase(epoch.phase).name}"
    for contract in ("market", "proof"):
        if held := facts.balances.get(facts.addresses[contract], 0):
            yield f"the vault still keeps {held:,} for {contract}"


def the_vault_is_whole(facts: Facts) -> Iterator[str]:
    """Every balance is what its deposits, withdrawals and moves make; together they are what the vault has."""
    told: Counter[str] = Counter()
    for event in _events(facts, "vault"):
        amount = int(event.values.get("amount", 0))
        match event.name:
            case "Deposited":
                told[str(event.values["account"])] += amount
            case "Withdrawn":
                told[str(event.values["account"])] -= amount
            case "Moved":
                told[str(event.values["from"])] -= amount
                told[str(event.values["to"])] += amount
    for account in sorted(told.keys() | facts.balances.keys()):
        kept = facts.balances.get(account, 0)
        if told[account] != kept:
            yield f"the vault keeps {kept:,} for {account}, and its events say {told[account]:,}"
    inside = facts.outside.get(facts.addresses["vault"], 0)
    if inside != sum(facts.balances.values()):
        yield f"the vault has {inside:,} tokens, and keeps {sum(facts.balances.values()):,}"
    if facts.supply != sum(facts.outside.values()):
        yield f"there are {facts.supply:,} tokens, and {sum(facts.outside.values()):,} are accounted for"


def every_task_pays_out_what_it_took(facts: Facts) -> Iterator[str]:
    """Escrow and bonds in are payouts, refunds and slashes out, each to whom it belongs."""
    for task in facts.tasks:
        acts = _about(facts, f"task {task.task_id}")
        expected = Counter({(task.data_node, "in"): task.reward + task.data_node_bond})
        miners = [_who(event, "miner") for event in _named(acts, "ModelCommitted")]
        reveals = _named(acts, "ModelRevealed")
        revealed = [_who(event, "miner") for event in reveals]
        for miner in miners:
            expected[miner, "in"] += task.miner_bond
        for miner in revealed:
            expected[miner, "out"] += task.miner_bond
        if task.phase == Phase.SETTLED:
            best = max(
                reveals,
                key=lambda event: (int(event.values["scoreWad"]), -miners.index(_who(event, "miner"))),
                default=None,
            )
            winner = best if best and int(best.values["scoreWad"]) >= task.min_score_wad else None
            expected[_who(winner, "miner") if winner else task.data_node, "out"] += task.reward
            expected[task.data_node, "out"] += task.data_node_bond
            burned = task.miner_bond * (len(miners) - len(revealed))
            expected[facts.addresses["burned"], "out"] += burned
        elif task.phase == Phase.ABORTED:
            share = task.data_node_bond // len(miners) if miners else 0
            expected[task.data_node, "out"] += task.reward + task.data_node_bond - share * len(miners)
            for miner in miners:
                expected[miner, "out"] += task.miner_bond + share
        yield from _differences(f"task {task.task_id}", expected, _flows(acts, facts.addresses["proof"]))


def every_epoch_pays_out_what_it_took(facts: Facts) -> Iterator[str]:
    """Bond and locks in are payments, refunds and what is given back, each to whom it belongs."""
    for epoch in facts.epochs:
        name = f"epoch {epoch.epoch_id}"
        acts = _about(facts, name)
        flows = _flows(acts, facts.addresses["market"])
        expected = Counter({(epoch.provider, "in"): epoch.bond, (epoch.provider, "out"): epoch.bond})
        # What a consumer locks is for the contract to say; all of it goes back to it, but for what it bought.
        for (account, way), amount in flows.items():
            if way == "in" and account != epoch.provider:
                expected[account, "in"] += amount
                expected[account, "out"] += amount
        costs: dict[int, tuple[str, int, int]] = {}
        for event in _named(acts, "UnitsBought"):
            units, cost = int(event.values["units"]), int(event.values["cost"])
            if cost != epoch.price * units // WAD:
                yield f"{name}: {units:,} units at {epoch.price:,} were sold for {cost:,}"
            costs[int(event.values["purchaseId"])] = _who(event, "consumer"), units, cost
        if sum(units for _, units, _ in costs.values()) != epoch.sold_units:
            yield f"{name}: {epoch.sold_units:,} units are sold, and its events say otherwise"
        for event in _named(acts, "PurchasePaid"):
            consumer, _, cost = costs.pop(int(event.values["purchaseId"]))
            expected[epoch.provider, "out"] += cost
            expected[consumer, "out"] -= cost
        for event in _named(acts, "PurchaseRefunded"):
            consumer, units, _ = costs.pop(int(event.values["purchaseId"]))
            share = epoch.bond * units // epoch.capacity
            expected[epoch.provider, "out"] -= share
            expected[consumer, "out"] += share
        for purchase_id in costs:
            yield f"{name}: purchase {purchase_id} is neither paid nor refunded"
        yield from _differences(name, expected, flows)


def no_bond_was_lost_that_could_be_kept(facts: Facts) -> Iterator[str]:
    """Whose bond is lost was not up for as long on end as it takes, in the time that the deadline left."""
    for loss in losses(facts):
        if loss.longest_up >= loss.room:
            yield str(loss)


class Loss:
    """A bond that was lost, or a part of one, and how long its owner was up in the time that there was."""

    def __init__(
        self, facts: Facts, what: str, account: str, opened_at: int, ends_at: int, jobs: int = 0
    ) -> None:
        """jobs : how many are to be trained first, one after the other."""
        names = {address: name for name, address in facts.accounts.items()}
        self.room = facts.profile.room + jobs * facts.profile.job_seconds
        self.what, self.worker = what, names.get(account, account)
        self.seconds = ends_at - opened_at
        self.longest_up = longest_up(facts, self.worker, opened_at, ends_at)

    def __str__(self) -> str:
        return (
            f"{self.what} {self.worker} lost its bond: of {self.seconds} s it was up for at most"
            f" {self.longest_up:.0f} on end, and needs {self.room:.0f}"
        )


def losses(facts: Facts) -> Iterator[Loss]:
    """All bonds that were lost."""
    for task in facts.tasks:
        acts = _about(facts, f"task {task.task_id}")
        committed = [_who(event, "miner") for event in _named(acts, "ModelCommitted")]
        if task.phase == Phase.ABORTED and committed:
            ends_at = task.commit_ends_at + task.disclose_seconds
            yield Loss(facts, f"task {task.task_id}:", task.data_node, task.commit_ends_at, ends_at)
        if task.phase != Phase.SETTLED:
            continue
        revealed = {_who(event, "miner") for event in _named(acts, "ModelRevealed")}
        (opened_at,) = (act.timestamp for act in acts if _named([act], "RevealsOpened"))
        for miner in committed:
            if miner not in revealed:
                yield Loss(facts, f"task {task.task_id}:", miner, opened_at, task.reveal_ends_at)
    for epoch in facts.epochs:
        acts = _about(facts, f"epoch {epoch.epoch_id}")
        bought = {
            event.values["purchaseId"]: act.timestamp
            for act in acts
            for event in _named([act], "UnitsBought")
        }
        for event in _named(acts, "PurchaseRefunded"):
            number = event.values["purchaseId"]
            what = f"epoch {epoch.epoch_id}, purchase {number}:"
            yield Loss(facts, what, epoch.provider, bought[number], epoch.delivers_until, len(bought))


def longest_up(facts: Facts, worker: str, opened_at: int, ends_at: int) -> float:
    """The longest unbroken time, by the wall clock, that a worker was at work while a window was open on chain."""
    open_at = [wall for wall, stamp in facts.clock if opened_at <= stamp < ends_at]
    if not open_at:
        return 0.0
    first, last = min(open_at), max(open_at)
    lives = [life for life in facts.lives if life.worker == worker]
    return max(
        (min(life.ended_at, last) - max(life.started_at, life.ready_at, first) for life in lives), default=0.0
    )


def every_block_verifies(facts: Facts) -> Iterator[str]:
    """`pole ledger --verify` finds the ledger valid, and there is one block for each task that somebody won."""
    if not facts.verdicts:
        yield "nobody verified the ledger"
    for verdict in facts.verdicts:
        if verdict.status != 0 or "True" not in verdict.said:
            yield f"pole ledger --verify with {verdict.home} ended with {verdict.status}: {verdict.said}"
    blocks = _named(list(facts.acts), "BlockAppended")
    if len(blocks) != facts.ledger_length:
        yield f"the ledger has {facts.ledger_length} blocks, and its events tell of {len(blocks)}"
    winners = [
        event
        for event in _named(list(facts.acts), "TaskSettled")
        if int(str(event.values["winner"]), 16) != 0
    ]
    if len(winners) != len(blocks) - 1:  # all but genesis
        yield f"{len(winners)} tasks were won, and there are {len(blocks) - 1} blocks"


def no_worker_crashed(facts: Facts) -> Iterator[str]:
    """No worker says what none should, and all end as they are told to, but for one that has hardly begun."""
    yield from facts.complaints
    for life in facts.lives:
        started = life.ended_at - life.started_at > START_SECONDS or life.status != -signal.SIGTERM
        if life.ended_by == "stop" and life.status != 0 and started:
            yield f"{life.worker} was told to end, and ended with {life.status}"


def enough_went_wrong(facts: Facts) -> Iterator[str]:
    """As many kills, faults and reorganisations as were asked for."""
    for name in ("kills", "faults", "reorganisations"):
        done, asked = getattr(facts.done, name), getattr(facts.profile, name)
        if done < asked:
            yield f"{done} {name} happened, and {asked} are asked for"


CHECKS: dict[str, Check] = {
    "every task has ended": every_task_has_ended,
    "every epoch has ended": every_epoch_has_ended,
    "the vault is whole": the_vault_is_whole,
    "every task pays out what it took": every_task_pays_out_what_it_took,
    "every epoch pays out what it took": every_epoch_pays_out_what_it_took,
    "no bond was lost that could be kept": no_bond_was_lost_that_could_be_kept,
    "every block verifies": every_block_verifies,
    "no worker crashed": no_worker_crashed,
    "enough went wrong": enough_went_wrong,
}


def judge(facts: Facts) -> dict[str, list[str]]:
    """What does not hold, by the check that found it."""
    return {name: list(check(facts)) for name, check in CHECKS.items()}


def _events(facts: Facts, contract: str) -> list[Told]:
    return [told for act in facts.acts for told in act.told if told.contract == contract]


def _about(facts: Facts, subject: str) -> list[Act]:
    return [act for act in facts.acts if act.subject == subject]


def _named(acts: list[Act], name: str) -> list[Told]:
    return [told for act in acts for told in act.told if told.name == name]


def _who(event: Told, name: str) -> str:
    return str(event.values[name])


def _flows(acts: list[Act], contract: str) -> Counter[tuple[str, str]]:
    """What went into a contract's balance and out of it, by whose it was or became."""
    flows: Counter[tuple[str, str]] = Counter()
    for event in _named(acts, "Moved"):
        if event.values["to"] == contract:
            flows[str(event.values["from"]), "in"] += int(event.values["amount"])
        if event.values["from"] == contract:
            flows[str(event.values["to"]), "out"] += int(event.values["amount"])
    return flows


def _differences(
    name: str, expected: Counter[tuple[str, str]], actual: Counter[tuple[str, str]]
) -> Iterator[str]:
    for key in sorted(expected.keys() | actual.keys()):
        if expected[key] != actual[key]:
            account, way = key
            yield f"{name}: {actual[key]:,} went {way} for {account}, and {expected[key]:,} should have"
    total = sum(amount if way == "in" else -amount for (_, way), amount in actual.items())
    if total:
        yield f"{name}: {total:,} more went in than out"
