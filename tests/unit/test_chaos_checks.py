"""The chaos test's checks find nothing where all is well, and each finds what it is there for."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from offchain.chain.phase import EpochPhase, Phase
from tests.chaos.checks import CHECKS, judge, longest_up, losses
from tests.chaos.company import Life
from tests.chaos.facts import Act, Done, EpochFacts, Facts, TaskFacts, Told, Value, Verdict
from tests.chaos.profile import Profile, draw_schedule

NODE, MINER, IDLE, SELLER, BUYER = (f"0x{number:040x}" for number in range(1, 6))
PROOF, MARKET, VAULT, BURNED = "0xproof", "0xmarket", "0xvault", "0xburned"
PROFILE = Profile(tasks=1, miners=2, providers=1, consumers=1, kills=1, faults=1, reorganisations=1)
NOBODY = f"0x{0:040x}"


def told(contract: str, name: str, **values: Value) -> Told:
    return Told(contract, name, values)


def moved(source: str, target: str, amount: int) -> Told:
    return Told("vault", "Moved", {"from": source, "to": target, "amount": amount})


def act(timestamp: int, subject: str, *events: Told) -> Act:
    return Act(timestamp, timestamp, NODE, "", subject, events)


def well() -> Facts:
    """One task of a reward of 100 and bonds of 30 and 5: one miner wins, another loses its bond, for it was down in
    the whole window from 200 to 300. One epoch with a bond of 10 of which half stands for 5 units, sold for 2 each."""
    deposits = {NODE: 130, MINER: 5, IDLE: 5, SELLER: 10, BUYER: 20}
    acts = (
        act(0, "", told("ledger", "BlockAppended", index=0)),
        act(1, "", *(told("vault", "Deposited", account=who, amount=n) for who, n in deposits.items())),
        act(2, "task 1", told("registry", "TaskPosted", taskId=1), moved(NODE, PROOF, 130)),
        act(20, "task 1", told("proof", "ModelCommitted", taskId=1, miner=MINER), moved(MINER, PROOF, 5)),
        act(21, "task 1", told("proof", "ModelCommitted", taskId=1, miner=IDLE), moved(IDLE, PROOF, 5)),
        act(200, "task 1", told("registry", "RevealsOpened", taskId=1, revealEndsAt=300)),
        act(
            210,
            "task 1",
            told("proof", "ModelRevealed", taskId=1, miner=MINER, scoreWad=7),
            moved(PROOF, MINER, 5),
        ),
        act(
            300,
            "task 1",
            told("proof", "TaskSettled", taskId=1, winner=MINER),
            moved(PROOF, NODE, 30),
            moved(PROOF, BURNED, 5),
            moved(PROOF, MINER, 100),
            told("ledger", "BlockAppended", index=1),
        ),
        act(30, "epoch 1", told("market", "EpochOpened", epochId=1), moved(SELLER, MARKET, 10)),
        act(31, "epoch 1", moved(BUYER, MARKET, 20)),
        act(
            60,
            "epoch 1",
            told("market", "UnitsBought", epochId=1, purchaseId=1, consumer=BUYER, units=5, cost=10),
            moved(MARKET, BUYER, 10),
        ),
        act(
            90,
            "epoch 1",
            told("market", "PurchasePaid", epochId=1, purchaseId=1, provider=SELLER, cost=10),
            moved(MARKET, SELLER, 15),
        ),
        act(95, "epoch 1", told("market", "BondReleased", epochId=1, amount=5), moved(MARKET, SELLER, 5)),
    )
    return Facts(
        profile=PROFILE,
        addresses={"proof": PROOF, "market": MARKET, "vault": VAULT, "burned": BURNED},
        accounts={"data-node-0": NODE, "miner-0": MINER, "miner-1": IDLE, "provider-0": SELLER},
        tasks=(TaskFacts(1, Phase.SETTLED, NODE, 100, 30, 5, 5, 100, 100, 300),),
        epochs=(EpochFacts(1, EpochPhase.OVER, SELLER, 10, 10, 0, 2 * 10**18, 5, 80),),
        acts=acts,
        balances={NODE: 30, MINER: 105, IDLE: 0, SELLER: 20, BUYER: 10, BURNED: 5, PROOF: 0, MARKET: 0},
        outside={VAULT: 170, NODE: 7},
        supply=177,
        ledger_length=2,
        lives=(
            Life("miner-1", 1000.0, 1190.0, -9, "kill"),
            Life("miner-1", 1300.0, 1400.0, 0, "stop"),
            Life("provider-0", 1390.0, 1400.0, -15, "stop"),
        ),
        clock=tuple((1000.0 + stamp, stamp) for stamp in range(400)),
        done=Done(1, 1, 1),
        verdicts=(Verdict("index", 0, "Is the learning ledger valid? True"),),
        complaints=(),
    )


def without(facts: Facts, name: str) -> Facts:
    """Facts without the acts in which an event was told."""
    return replace(
        facts, acts=tuple(each for each in facts.acts if all(event.name != name for event in each.told))
    )


def bond_of_the_other(facts: Facts) -> Facts:
    """The bond that was not revealed for goes to the data node."""
    return replace(
        facts,
        acts=tuple(
            replace(
                each,
                told=tuple(
                    moved(PROOF, NODE, 5) if event == moved(PROOF, BURNED, 5) else event
                    for event in each.told
                ),
            )
            for each in facts.acts
        ),
    )


def refunded(facts: Facts, **changes: int) -> Facts:
    """The purchase is not delivered: its cost and its share of the bond go to who bought."""
    paid = told("market", "PurchaseRefunded", epochId=1, purchaseId=1, consumer=BUYER, cost=10, bondShare=5)
    return replace(
        facts,
        acts=tuple(
            act(90, "epoch 1", paid, moved(MARKET, BUYER, changes.get("amount", 15)))
            if each.told[0].name == "PurchasePaid"
            else each
            for each in facts.acts
        ),
    )


def test_nothing_is_found_where_all_is_well() -> None:
    assert judge(well()) == {name: [] for name in CHECKS}


TASK, EPOCH = well().tasks[0], well().epochs[0]
DOCTORED: list[tuple[str, Callable[[Facts], Facts]]] = [
    ("every task has ended", lambda facts: replace(facts, tasks=(replace(TASK, phase=Phase.SETTLE),))),
    ("every task has ended", lambda facts: replace(facts, tasks=())),
    (
        "every epoch has ended",
        lambda facts: replace(facts, epochs=(replace(EPOCH, phase=EpochPhase.ACCEPT),)),
    ),
    ("every epoch has ended", lambda facts: replace(facts, balances={**facts.balances, MARKET: 1})),
    ("the vault is whole", lambda facts: replace(facts, balances={**facts.balances, MINER: 104})),
    ("the vault is whole", lambda facts: replace(facts, outside={**facts.outside, VAULT: 169})),
    ("the vault is whole", lambda facts: replace(facts, supply=178)),
    ("every task pays out what it took", bond_of_the_other),
    ("every task pays out what it took", lambda facts: without(facts, "TaskSettled")),
    ("every task pays out what it took", lambda facts: replace(facts, tasks=(replace(TASK, reward=101),))),
    (
        "every task pays out what it took",
        lambda facts: replace(facts, tasks=(replace(TASK, min_score_wad=8),)),
    ),
    ("every epoch pays out what it took", lambda facts: without(facts, "PurchasePaid")),
    ("every epoch pays out what it took", lambda facts: without(facts, "BondReleased")),
    ("every epoch pays out what it took", lambda facts: refunded(facts, amount=14)),
    (
        "every epoch pays out what it took",
        lambda facts: replace(facts, epochs=(replace(EPOCH, price=10**18),)),
    ),
    (
        "every epoch pays out what it took",
        lambda facts: replace(facts, epochs=(replace(EPOCH, sold_units=6),)),
    ),
    ("every block verifies", lambda facts: replace(facts, verdicts=())),
    ("every block verifies", lambda facts: replace(facts, verdicts=(Verdict("index", 1, "block 1"),))),
    ("every block verifies", lambda facts: replace(facts, ledger_length=3)),
    ("every block verifies", lambda facts: without(facts, "TaskSettled")),
    ("no worker crashed", lambda facts: replace(facts, complaints=("miner-0: Traceback",))),
    ("no worker crashed", lambda facts: replace(facts, lives=(Life("index", 0.0, 90.0, -15, "stop"),))),
    ("no worker crashed", lambda facts: replace(facts, lives=(Life("index", 0.0, 1.0, 1, "stop"),))),
    ("enough went wrong", lambda facts: replace(facts, done=Done(0, 1, 1))),
    ("enough went wrong", lambda facts: replace(facts, done=Done(1, 0, 1))),
    ("enough went wrong", lambda facts: replace(facts, done=Done(1, 1, 0))),
]


@pytest.mark.parametrize(("name", "doctor"), DOCTORED, ids=[name for name, _ in DOCTORED])
def test_a_check_finds_what_it_is_there_for(name: str, doctor: Callable[[Facts], Facts]) -> None:
    assert judge(doctor(well()))[name]


def test_every_check_has_a_test_that_it_fails() -> None:
    assert {name for name, _ in DOCTORED} | {"no bond was lost that could be kept"} == set(CHECKS)


@pytest.mark.parametrize(
    ("lives", "is_found"),
    [
        ([(0, 400)], True),
        ([(190, 240)], True),  # 40 s in the window, and 35 are enough
        ([(190, 230), (235, 265), (270, 299)], False),  # never as long on end
        ([(0, 199), (300, 400)], False),
        ([], False),
    ],
)
def test_a_lost_bond_is_a_fault_where_its_owner_was_up_for_long_enough(
    lives: list[tuple[int, int]], is_found: bool
) -> None:
    facts = replace(
        well(),
        lives=tuple(Life("miner-1", 1000.0 + start, 1000.0 + end, -9, "kill") for start, end in lives),
    )

    assert PROFILE.room == 35
    assert bool(judge(facts)["no bond was lost that could be kept"]) == is_found


@pytest.mark.parametrize(("up", "is_found"), [(44, False), (46, True)])
def test_a_provider_needs_time_for_the_job_too(up: int, is_found: bool) -> None:
    """It is up from the purchase at 60 on; what it sold is due at 120, and takes it 35 s and 10 for the job."""
    facts = refunded(replace(well(), epochs=(replace(EPOCH, delivers_until=120),)))
    facts = replace(facts, lives=(Life("provider-0", 1060.0, 1060.0 + up, -9, "kill"),))

    assert bool(judge(facts)["no bond was lost that could be kept"]) == is_found


def test_a_bond_counts_as_lost_by_whoever_lost_it() -> None:
    aborted = replace(well(), tasks=(replace(TASK, phase=Phase.ABORTED),))

    assert [(loss.worker, loss.seconds) for loss in losses(well())] == [("miner-1", 100)]
    assert [(loss.worker, loss.seconds) for loss in losses(aborted)] == [("data-node-0", 100)]
    assert [loss.worker for loss in losses(refunded(well()))] == ["miner-1", "provider-0"]


def test_a_window_is_measured_by_the_wall_clock_though_the_chain_goes_back() -> None:
    facts = replace(
        well(),
        clock=((1000.0, 100), (1001.0, 101), (1002.0, 100), (1003.0, 101), (1004.0, 102)),
        lives=(Life("miner-0", 990.0, 1010.0, -9, "kill"),),
    )

    assert longest_up(facts, "miner-0", 100, 102) == 3.0


def test_a_worker_is_up_from_its_first_request_on() -> None:
    facts = replace(well(), lives=(Life("miner-1", 1200.0, 1300.0, -9, "kill", ready_at=1270.0),))

    assert (
        longest_up(facts, "miner-1", 200, 300) == 29.0
    )  # to the last time at which the window was seen open


def test_a_schedule_is_the_same_for_the_same_seed() -> None:
    first, second = draw_schedule(Profile(seed=3)), draw_schedule(Profile(seed=3))

    assert first == second != draw_schedule(Profile(seed=4))
    assert [len(each) for each in (first.kills, first.faults, first.reorganisations)] == [100, 200, 10]
