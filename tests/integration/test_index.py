"""An index tells what the chain tells, after reorganisations, refusals, kills and restarts too."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection, connect
from offchain.chain.local import anvil_chain
from offchain.chain.phase import EpochPhase, Phase
from offchain.index.errors import (
    GenesisMissing,
    IndexBehind,
    IndexBusy,
    IndexDamaged,
    IndexMissing,
    IndexOfAnother,
)
from offchain.index.follow import up_to_date
from offchain.index.kinds import EntryState, MoneyKind
from offchain.index.queries import all_of, reading
from offchain.index.store import Store, index_path
from tests.attacks.lying_proxy import LyingProxy, error, result
from tests.dashboards import pole
from tests.indexes import (
    abort_with_a_claim,
    catch_up,
    kept,
    kept_anew,
    open_epoch,
    open_task,
    pay_and_refund,
    play,
    settle_with_a_slash,
)
from tests.market_world import declare
from tests.seaweed import free_ports
from tests.stories import RIGHT, SALT, commit
from tests.world import BURNED, UNIT, World, deploy_world, toy_rows

POLE = Path(sys.executable).parent / "pole"


@pytest.fixture(scope="module")
def on_anvil(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts)


@pytest.fixture
def world(on_anvil: World) -> Iterator[World]:
    go_back = on_anvil.chain.snapshot()
    yield on_anvil
    go_back()


@pytest.fixture
def deployments(world: World, tmp_path: Path) -> Path:
    world.connection.deployment.save(tmp_path / "deployments")
    return tmp_path / "deployments"


@pytest.fixture
def proxy(world: World) -> LyingProxy:
    return LyingProxy(str(world.chain.w3.provider.endpoint_uri))  # type: ignore[attr-defined]


def reorganise(world: World, depth: int) -> None:
    """Put as many empty blocks in the place of the last ones."""
    world.chain.w3.provider.make_request("anvil_reorg", [depth, []])  # type: ignore[arg-type]


# What the chain says


def test_tasks_and_miners_are_those_of_the_chain(world: World, tmp_path: Path) -> None:
    play(world)
    registry, proof = world.data_node.registry, world.data_node.proof

    with up_to_date(index_path(tmp_path, world.connection.deployment), world.connection) as index:
        status = index.status()
        tasks = list(all_of(index.tasks, lambda found: found.task.task_id))

        assert status is not None and status.timestamp == world.chain.now()
        assert [found.task for found in tasks] == [registry.task(task_id) for task_id in (1, 2, 3)]
        assert [found.phase(status.timestamp) for found in tasks] == [
            Phase.SETTLED,
            Phase.ABORTED,
            Phase.COMMIT,
        ]
        assert [found.phase(status.timestamp) for found in tasks] == [proof.phase_of(n) for n in (1, 2, 3)]
        assert [found.commitments for found in tasks] == [proof.commitment_count(n) for n in (1, 2, 3)]
        assert [found.winner for found in tasks] == [world.miners[1].address, None, None]
        assert tasks[2].training_rows == registry.published_training_rows(3)
        assert [found.task.task_id for found in index.open_tasks()] == [3]
        assert [found.task.task_id for found in index.newest_tasks()] == [3, 2, 1]
        assert index.tasks_of(world.data_node.address) == index.newest_tasks()
        assert [
            (found.miner, found.model_hash, found.parameters_hash, found.score_wad, found.order)
            for found in index.leaderboard(1)
        ] == [
            (model.miner, model.model_hash, model.parameters_hash, model.score_wad, model.order)
            for model in proof.revealed_models(1)
        ]
        for miner in world.miners:
            orders = {
                found.task_id: found.order
                for found in index.entries_of(miner.address)
                if found.state is not EntryState.CLAIMED  # which leaves nothing on the chain
            }
            told = {task_id: proof.commitment_of(task_id, miner.address).order for task_id in (1, 2, 3)}
            assert orders == {task_id: order for task_id, order in told.items() if order}
        states = [[found.state.name for found in index.entrants(task_id)] for task_id in (1, 2, 3)]
        assert states == [["REVEALED", "REVEALED", "SLASHED"], ["CLAIMED", "CLAIMABLE"], ["COMMITTED"]]
        assert [moment.name for moment in index.timeline(1)] == [
            "TaskPosted",
            "TaskDrawn",
            "RoundOpened",
            "ModelCommitted",
            "ModelCommitted",
            "ModelCommitted",
            "TestRowsDisclosed",
            "RevealsOpened",
            "ModelRevealed",
            "ModelRevealed",
            "TaskSettled",
        ]


def test_learning_blocks_are_those_of_the_chain(world: World, tmp_path: Path) -> None:
    settle_with_a_slash(world)
    settle_with_a_slash(world)
    ledger = world.data_node.ledger

    with up_to_date(index_path(tmp_path, world.connection.deployment), world.connection) as index:
        found = index.learning_blocks()

        assert [each.block for each in found] == ledger.blocks()
        assert ledger.first_invalid([each.block for each in found]) is None
        assert all(each.is_valid for each in found)
        assert index.newest_learning_blocks() == found[::-1]
        assert index.blocks_of(world.miners[1].address) == found[:0:-1]
        assert (index.totals().tasks, index.totals().learning_blocks) == (2, ledger.length())


def test_epochs_and_purchases_are_those_of_the_chain(world: World, tmp_path: Path) -> None:
    play(world)
    market = world.data_node.market

    with up_to_date(index_path(tmp_path, world.connection.deployment), world.connection) as index:
        now = world.chain.now()
        epochs = index.epochs()

        assert [found.epoch for found in epochs] == [market.epoch(1), market.epoch(2)]
        assert [found.phase(now) for found in epochs] == [EpochPhase.ACCEPT, EpochPhase.DECLARE]
        for found in epochs:
            epoch_id = found.epoch.epoch_id
            assert found.phase(now) is market.phase_of(epoch_id)
            assert found.phase_ends_at(now) == market.phase_ends_at(epoch_id)
            declarations = index.declarations(epoch_id)
            assert [each.declaration for each in declarations] == market.declarations(epoch_id)
            assert [each.locked for each in declarations] == [
                0 if each.declaration.closed else market.lock_of(epoch_id, each.declaration.index)
                for each in declarations
            ]
            assert [each.purchase for each in index.purchases(epoch_id)] == market.purchases(epoch_id)
        first = epochs[0]  # 1, a half and 1 units at 2 each, with a unit cost of 1
        assert (first.revenue, first.paid, first.refunded) == (5 * UNIT, 2 * UNIT, UNIT)
        assert (first.profit, first.unfinished, first.utilisation) == (5 * UNIT // 2, 1, 0.25)
        assert index.market_history() == [first]
        assert [found.epoch.epoch_id for found in index.current_epochs(now)] == [1, 2]
        assert index.epochs_of(world.people[0].address) == index.newest_epochs() == epochs[::-1]
        assert [each.purchase.purchase_id for each in index.purchases_of(world.people[4].address)] == [3]


def test_money_is_that_of_the_vault(world: World, tmp_path: Path) -> None:
    play(world)
    vault, deployment = world.data_node.vault, world.connection.deployment
    contracts = [deployment.proof.address, deployment.market.address]
    people = [person.address for person in world.people]

    with up_to_date(index_path(tmp_path, deployment), world.connection) as index:
        stakes = {account: index.stakes(account) for account in (*people, *contracts, BURNED)}
        unfinished = [
            each for each in index.purchases(1) if not each.purchase.status.is_over
        ]  # whose cost the market holds

        assert {account: found.balance for account, found in stakes.items()} == {
            account: vault.balance_of(account) for account in stakes
        }
        everybody = [stakes[account] for account in people]
        assert (
            vault.balance_of(contracts[0])
            == sum(each.escrows + each.miner_bonds for each in everybody) + 15 * UNIT
        )
        assert vault.balance_of(contracts[1]) == sum(
            each.provider_bonds + each.locks for each in everybody
        ) + sum(each.cost for each in unfinished)
        for account in stakes:
            payments = index.payments(account)
            assert sum(each.change for each in payments) == vault.balance_of(account)
            assert payments == sorted(payments, key=lambda each: -each.at)


def test_payouts_tell_why(world: World, tmp_path: Path) -> None:
    settle_with_a_slash(world)
    abort_with_a_claim(world)
    first, second, third = (miner.address for miner in world.miners[:3])
    owner = world.data_node.address

    with up_to_date(index_path(tmp_path, world.connection.deployment), world.connection) as index:
        paid = [[(each.account, each.kind, each.change) for each in index.payouts(n)] for n in (1, 2)]
        kinds = [each.kind.name for each in index.payments(third)]

    assert paid[0] == [
        (first, MoneyKind.BOND_BACK, 5 * UNIT),
        (second, MoneyKind.BOND_BACK, 5 * UNIT),
        (owner, MoneyKind.REFUND, 30 * UNIT),
        (BURNED, MoneyKind.SLASH, 5 * UNIT),
        (second, MoneyKind.REWARD, 100 * UNIT),
    ]
    # Of the data node's bond of 30 each of the two miners gets 15, with its own 5.
    assert paid[1] == [(owner, MoneyKind.REFUND, 100 * UNIT), (first, MoneyKind.CLAIM, 20 * UNIT)]
    assert kinds == ["BOND", "DEPOSIT"]


def test_phases_are_those_of_the_chain_at_every_turn(world: World, tmp_path: Path) -> None:
    seen = []

    def look() -> None:
        path = index_path(tmp_path, world.connection.deployment)
        with up_to_date(path, world.connection) as index:
            found, now = index.task(1), world.chain.now()
        assert found is not None
        assert found.phase(now) is world.data_node.proof.phase_of(1)
        seen.append((found.phase(now), found.phase_ends_at(now)))

    rows = toy_rows()
    world.data_node.registry.post(world.spec(rows))
    look()
    world.chain.mine(3)
    world.data_node.registry.draw(1)
    task = world.data_node.registry.task(1)
    commit(world.miners[0], task, RIGHT)
    look()
    world.close_commits(task)
    look()
    task = world.disclose(task, rows)
    look()
    world.miners[0].proof.reveal(1, SALT, RIGHT)
    look()
    world.miners[0].proof.settle(1)
    look()

    assert seen == [
        (Phase.DRAW, None),
        (Phase.COMMIT, task.commit_ends_at),
        (Phase.DISCLOSE, task.commit_ends_at + task.disclose_seconds),
        (Phase.REVEAL, task.reveal_ends_at),
        (Phase.SETTLE, None),
        (Phase.SETTLED, None),
    ]


# Steps, refusals and reorganisations


def test_an_index_in_steps_is_the_one_that_is_made_at_once(world: World, tmp_path: Path) -> None:
    for act in (settle_with_a_slash, abort_with_a_claim, open_task, pay_and_refund, open_epoch):
        act(world)
        catch_up(world.connection, tmp_path)

    assert kept(world.connection, tmp_path) == kept_anew(world.connection, tmp_path)


def test_a_node_that_refuses_long_ranges_is_asked_for_short_ones(
    world: World, deployments: Path, proxy: LyingProxy, tmp_path: Path
) -> None:
    play(world)
    lengths: list[int] = []

    def refuse(request: Any, ask: Callable[[Any], Any]) -> Any:
        wanted = request["params"][0]
        lengths.append(int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1)
        return error(-32005, "at most 3 blocks")(request, ask) if lengths[-1] > 3 else ask(request)

    with proxy.serving() as url, proxy.lying("eth_getLogs", refuse):
        told = catch_up(connect([url], deployments), tmp_path)

    assert kept(world.connection, tmp_path) == kept_anew(world.connection, tmp_path)
    assert told[-1].is_complete and len(told) > 20
    assert sum(length > 3 for length in lengths) < len(lengths) / 2


@pytest.mark.parametrize("depth", [1, 4, 12, 22])
def test_a_reorganisation_is_followed(world: World, tmp_path: Path, depth: int) -> None:
    settle_with_a_slash(world)
    catch_up(world.connection, tmp_path)
    open_task(world)
    open_epoch(world)
    catch_up(world.connection, tmp_path)
    before = kept(world.connection, tmp_path)

    reorganise(world, depth)
    catch_up(world.connection, tmp_path)

    assert kept(world.connection, tmp_path) == kept_anew(world.connection, tmp_path) != before


def test_what_comes_after_a_reorganisation_is_indexed(world: World, tmp_path: Path) -> None:
    go_back = world.chain.snapshot()
    abort_with_a_claim(world)
    open_epoch(world)
    catch_up(world.connection, tmp_path)
    go_back()

    play(world)  # another task 1, and an epoch 1 that is over
    catch_up(world.connection, tmp_path)

    assert kept(world.connection, tmp_path) == kept_anew(world.connection, tmp_path)


def test_a_declaration_that_a_reorganisation_took_is_forgotten(world: World, tmp_path: Path) -> None:
    epoch_id = open_epoch(world)
    world.chain.mine(5)
    catch_up(world.connection, tmp_path)
    declare(world.people[3], epoch_id)
    catch_up(world.connection, tmp_path)

    reorganise(world, 1)
    catch_up(world.connection, tmp_path)

    path = index_path(tmp_path, world.connection.deployment)
    with reading(path) as index:
        found = index.epoch(epoch_id)
        assert len(index.declarations(epoch_id)) == 2
        assert index.stakes(world.people[3].address).locks == 0
    assert found is not None and found.epoch == world.data_node.market.epoch(epoch_id)


def test_a_chain_that_was_started_anew_is_indexed_anew(
    world: World, artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    play(world)
    catch_up(world.connection, tmp_path)

    with anvil_chain() as chain:
        other = deploy_world(chain, artifacts)
        assert other.connection.deployment.proof.address == world.connection.deployment.proof.address
        open_task(other)
        catch_up(other.connection, tmp_path)

        assert kept(other.connection, tmp_path) == kept_anew(other.connection, tmp_path)


@pytest.fixture
def started_anew(artifacts: dict[str, Artifact], tmp_path: Path) -> Iterator[tuple[Connection, World]]:
    """A chain that was indexed to block 60 and more is gone; the deployment is on a new one, from block 0 on."""
    with anvil_chain() as chain:
        chain.mine(60)
        gone = deploy_world(chain, artifacts)
        open_task(gone)
        catch_up(gone.connection, tmp_path)
    with anvil_chain() as chain:
        new = deploy_world(chain, artifacts)
        assert index_path(tmp_path, new.connection.deployment).is_file()
        yield Connection.over(chain.w3, gone.connection.deployment), new


def test_a_chain_that_was_started_anew_and_is_lower_is_indexed_anew_at_once(
    started_anew: tuple[Connection, World], tmp_path: Path
) -> None:
    _, new = started_anew

    told = catch_up(new.connection, tmp_path)

    assert told[-1].indexed == new.chain.w3.eth.block_number < 60
    assert kept(new.connection, tmp_path) == kept_anew(new.connection, tmp_path)


@pytest.mark.parametrize("blocks", [0, 100], ids=["lower", "higher"])
def test_who_begins_where_another_chain_had_the_deployment_is_told(
    started_anew: tuple[Connection, World], tmp_path: Path, blocks: int
) -> None:
    stale, new = started_anew
    new.chain.mine(blocks)

    with pytest.raises(GenesisMissing):
        catch_up(stale, tmp_path)
    catch_up(new.connection, tmp_path)

    assert kept(new.connection, tmp_path) == kept_anew(new.connection, tmp_path)


def test_nothing_is_listed_of_a_chain_that_is_gone_while_another_process_writes(
    started_anew: tuple[Connection, World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offchain.index.follow.MOST_WAIT_SECONDS", 0.1)
    connection = started_anew[1].connection
    path = index_path(tmp_path, connection.deployment)

    with (
        Store.writing(path, connection.deployment),
        pytest.raises(IndexBehind, match=str(os.getpid())),
        up_to_date(path, connection),
    ):
        pass


def test_a_node_that_lags_behind_does_not_take_the_index_back(
    world: World, deployments: Path, proxy: LyingProxy, tmp_path: Path
) -> None:
    head = world.chain.w3.eth.block_number
    open_task(world)
    catch_up(world.connection, tmp_path)
    before = kept(world.connection, tmp_path)

    def earlier(request: Any, ask: Callable[[Any], Any]) -> Any:
        which = hex(head) if request["params"][0] == "latest" else request["params"][0]
        return ask({**request, "params": [which, *request["params"][1:]]})

    with proxy.serving() as url, proxy.lying("eth_getBlockByNumber", earlier):
        told = catch_up(connect([url], deployments), tmp_path)

    assert told[-1].is_complete
    assert kept(world.connection, tmp_path) == before


# One writer, any number of readers


def test_a_second_writer_is_told_who_the_first_is(world: World, tmp_path: Path) -> None:
    path, deployment = index_path(tmp_path, world.connection.deployment), world.connection.deployment

    with Store.writing(path, deployment), pytest.raises(IndexBusy) as caught, Store.writing(path, deployment):
        pass

    assert caught.value.process == str(os.getpid())


def test_a_reader_sees_one_state_while_others_are_written(world: World, tmp_path: Path) -> None:
    catch_up(world.connection, tmp_path)
    path = index_path(tmp_path, world.connection.deployment)

    with reading(path) as index:
        before = index.status()
        open_task(world)
        catch_up(world.connection, tmp_path)

        assert index.status() == before
        assert index.tasks() == []


def test_a_list_reads_what_the_follower_has_written(world: World, tmp_path: Path) -> None:
    task_id = open_task(world)
    catch_up(world.connection, tmp_path)
    path, deployment = index_path(tmp_path, world.connection.deployment), world.connection.deployment

    with Store.writing(path, deployment), up_to_date(path, world.connection) as index:
        assert [found.task.task_id for found in index.tasks()] == [task_id]


def test_an_index_that_is_not_there_or_not_one_is_named(world: World, tmp_path: Path) -> None:
    deployment = world.connection.deployment
    path = index_path(tmp_path, deployment)
    with pytest.raises(IndexMissing), reading(path):
        pass

    path.parent.mkdir(parents=True)
    path.write_bytes(b"no data base" * 1000)
    with pytest.raises(IndexDamaged), reading(path):
        pass
    with pytest.raises(IndexDamaged):
        catch_up(world.connection, tmp_path)


def test_an_index_of_another_deployment_is_not_written_to(
    world: World, artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    catch_up(world.connection, tmp_path)
    other = deploy_world(world.chain, artifacts).connection.deployment

    with (
        pytest.raises(IndexOfAnother),
        Store.writing(index_path(tmp_path, world.connection.deployment), other),
    ):
        pass


# The command


@pytest.fixture
def environment(deployments: Path, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "POLE_DEPLOYMENTS": str(deployments), "POLE_HOME": str(tmp_path), "COLUMNS": "100"}


def indexed(connection: Connection, home: Path) -> int:
    """The last block that is in an index, -1 where there is none."""
    try:
        with reading(index_path(home, connection.deployment)) as index:
            status = index.status()
    except IndexMissing:
        return -1
    return -1 if status is None else status.block


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60.0) -> None:
    """Wait for something that a running process does."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_index_killed_in_its_backfill_goes_on_where_it_was(
    world: World, environment: dict[str, str], proxy: LyingProxy, tmp_path: Path
) -> None:
    play(world)
    starts: list[int] = []

    def slow(request: Any, ask: Callable[[Any], Any]) -> Any:
        wanted = request["params"][0]
        starts.append(int(wanted["fromBlock"], 16))
        if int(wanted["toBlock"], 16) - starts[-1] > 2:
            return error(-32005, "at most 3 blocks")(request, ask)
        time.sleep(0.05)
        return ask(request)

    reached = [-1]
    with proxy.serving() as url, proxy.lying("eth_getLogs", slow):
        command = [str(POLE), "index", "--once", "--rpc", url]
        for more in (10, 25):
            with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
                wait_until(lambda: indexed(world.connection, tmp_path) > reached[-1] + more, process)  # noqa: B023
                process.kill()
            reached.append(indexed(world.connection, tmp_path))
        assert 0 < reached[1] < reached[2] < world.chain.w3.eth.block_number
        starts.clear()
        ended = subprocess.run(
            [*command, "--json"], env=environment, capture_output=True, text=True, timeout=120
        )

    told = json.loads(ended.stdout)
    assert (told["block"], told["events"]) == (
        world.chain.w3.eth.block_number,
        len(kept(world.connection, tmp_path)["events"]),
    )
    assert kept(world.connection, tmp_path) == kept_anew(world.connection, tmp_path)
    assert min(starts) == reached[2] + 1


def test_a_follower_outlasts_a_node_that_fails_in_its_first_backfill(
    world: World, environment: dict[str, str], proxy: LyingProxy, tmp_path: Path
) -> None:
    play(world)
    whole = kept_anew(world.connection, tmp_path)
    failures = [0]

    def fails_at_first(request: Any, ask: Callable[[Any], Any]) -> Any:
        if "eth_getLogs" in proxy.asked and failures[0] < 3:
            failures[0] += 1
            return result("no block")(request, ask)
        return ask(request)

    with (
        proxy.serving() as url,
        proxy.lying("eth_getBlockByNumber", fails_at_first),
        pole(environment, "index", "--rpc", url) as follower,
    ):
        wait_until(lambda: indexed(world.connection, tmp_path) == world.chain.w3.eth.block_number, follower)
        wait_until(lambda: kept(world.connection, tmp_path) == whole, follower)
        follower.terminate()
        said, _ = follower.communicate(timeout=60)

    assert failures == [3]
    assert "asking again in 1 s" in said
    assert "going on, after " in said


def test_lists_see_at_once_what_happened_while_an_index_is_followed(
    world: World, environment: dict[str, str], tmp_path: Path
) -> None:
    url = str(world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
    command = [str(POLE), "index", "--rpc", url]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: indexed(world.connection, tmp_path) >= 0, process)
        open_task(world)
        listed = subprocess.run(
            [str(POLE), "task", "list", "--json", "--rpc", url],
            env=environment,
            capture_output=True,
            text=True,
        )
        second = subprocess.run(command, env=environment, capture_output=True, text=True)
        once = subprocess.run([*command, "--once", "--json"], env=environment, capture_output=True, text=True)
        process.terminate()
        _, told = process.communicate(timeout=30)

    assert [row["task"] for row in json.loads(listed.stdout)] == [1]
    assert json.loads(once.stdout)["block"] == world.chain.w3.eth.block_number
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert f"is being written by process {process.pid}" in second.stderr
    assert process.returncode == 0
    assert "stopped by SIGTERM" in told


@pytest.mark.parametrize("arguments", [["index"], ["dashboard", "--port", "0"]], ids=["index", "dashboard"])
def test_who_follows_a_node_that_is_started_anew_and_deployed_to_again_goes_on(
    artifacts: dict[str, Artifact],
    environment: dict[str, str],
    deployments: Path,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    (port,) = free_ports(1)
    with ExitStack() as stack:
        with anvil_chain(port=port) as chain:
            chain.mine(60)
            gone = deploy_world(chain, artifacts)
            open_task(gone)
            gone.connection.deployment.save(deployments)
            url = ["--rpc", f"http://127.0.0.1:{port}"]
            follower = stack.enter_context(pole(environment, *arguments, *url))
            head = chain.w3.eth.block_number
            wait_until(lambda: indexed(gone.connection, tmp_path) == head, follower)
        with anvil_chain(port=port) as chain:
            new = deploy_world(chain, artifacts)  # and for a while the file is still the old one
            time.sleep(3)
            new.connection.deployment.save(deployments)
            head = chain.w3.eth.block_number
            wait_until(lambda: indexed(new.connection, tmp_path) == head, follower)

            assert kept(new.connection, tmp_path) == kept_anew(new.connection, tmp_path)
