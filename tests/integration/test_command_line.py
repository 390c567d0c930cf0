"""The `pole` command as a person uses it: processes against a node."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import LocalChain, anvil_chain
from offchain.cli import COMMANDS
from offchain.learning import estimators
from offchain.learning.errors import UnknownEstimator
from tests.market_world import bought
from tests.world import UNIT, World, deploy_world, toy_rows

POLE = Path(sys.executable).parent / "pole"


@pytest.fixture(scope="module")
def anvil() -> Iterator[LocalChain]:
    with anvil_chain() as chain:
        yield chain


@pytest.fixture(scope="module")
def world(anvil: LocalChain, artifacts: dict[str, Artifact]) -> World:
    return deploy_world(anvil, artifacts)


@pytest.fixture(scope="module")
def environment(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pole")
    world.connection.deployment.save(folder)
    url = str(world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
    own = {"POLE_RPC": url, "POLE_DEPLOYMENTS": str(folder), "POLE_HOME": str(folder), "COLUMNS": "100"}
    return {**os.environ, **own}


def pole(environment: dict[str, str], *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `pole` and give what it printed and how it ended."""
    return subprocess.run(
        [str(POLE), *arguments], env={**environment, **changes}, capture_output=True, text=True, timeout=120
    )


def numbers(told: Any) -> list[float]:
    """All numbers in what JSON tells."""
    if isinstance(told, dict | list):
        return [
            number for each in (told.values() if isinstance(told, dict) else told) for number in numbers(each)
        ]
    return [told] if isinstance(told, int | float) else []


def post(environment: dict[str, str], data: str = "iris", *options: str) -> subprocess.CompletedProcess[str]:
    """Post a task for others to carry on."""
    return pole(environment, "task", "post", data, "--detach", "--account", "dev:0", *options)


def test_a_task_is_posted_listed_shown_mined_and_recorded(world: World, environment: dict[str, str]) -> None:
    assert "45 of them hidden" in post(environment).stdout
    task_id = world.data_node.registry.task_count()
    (listed,) = [
        row
        for row in json.loads(pole(environment, "task", "list", "--json").stdout)
        if row["task"] == task_id
    ]
    assert (listed["phase"], listed["rows"], listed["classes"]) == ("DRAW", 150, 3)
    assert listed["reward"] == "100" + 18 * "0"

    world.chain.mine(3)
    serve = subprocess.Popen(
        [str(POLE), "task", "serve", "--once", "--account", "dev:0"],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    mine = subprocess.Popen(
        [str(POLE), "mine", "--task", str(task_id), "--account", "dev:1"], env=environment
    )
    try:
        while world.data_node.proof.commitment_count(task_id) == 0:
            assert mine.poll() is None
        world.close_commits(world.data_node.registry.task(task_id))
        assert mine.wait(60) == 0
        _, said = serve.communicate(timeout=60)
        assert serve.returncode == 0
    finally:
        mine.kill()
        serve.kill()

    assert f" info serving tasks as {world.data_node.address} (dev:0) at {environment['POLE_RPC']}: " in said
    assert f"task {task_id}: settled: {world.miners[0].address} won 100 POLE with a score of " in said
    assert "the bond of 30 POLE came back" in said
    shown = json.loads(pole(environment, "task", "show", str(task_id), "--json").stdout)
    assert shown["phase"] == "SETTLED"
    assert max(numbers(listed) + numbers(shown)) < 2**53, "jq would round it"
    assert (shown["reward"], shown["data_node_bond"]) == ("100" + 18 * "0", "30" + 18 * "0")
    assert shown["leaderboard"][0]["miner"] == world.miners[0].address
    assert f"{float(shown['leaderboard'][0]['score_wad']) / 10**18:.4f}" in said
    assert shown["winner"] == world.miners[0].address
    narrow = pole(environment, "task", "show", str(task_id), COLUMNS="80").stdout
    assert "SETTLED" in narrow
    assert world.miners[0].address in narrow.splitlines()[-1]
    listing = pole(environment, "task", "list", COLUMNS="80").stdout.splitlines()
    assert [line.split()[0] for line in listing if "POLE" in line] == [str(n) for n in range(1, task_id + 1)]
    assert all("classes" in line for line in listing if "POLE" in line)
    blocks = json.loads(pole(environment, "ledger").stdout)
    assert blocks[-1]["data"]["task"] == task_id
    assert blocks[-1]["data"]["parameters"]["solver"] == "lbfgs"
    assert json.loads(pole(environment, "ledger", "--json").stdout) == blocks
    verified = json.loads(pole(environment, "ledger", "--verify", "--json").stdout)
    assert verified == {"valid": True, "blocks": len(blocks), "first_invalid": None}
    assert pole(environment, "ledger", "--verify").stdout == "Is the learning ledger valid? True\n"


def test_market_shows_an_epoch(world: World, environment: dict[str, str]) -> None:
    epoch_id, purchase_id = bought(world)

    (listed,) = json.loads(pole(environment, "market", "list", "--json").stdout)
    assert (listed["epoch"], listed["phase"], listed["sold"]) == (epoch_id, "BUY", str(UNIT))
    shown = json.loads(pole(environment, "market", "show", str(epoch_id), "--json").stdout)
    assert (shown["price"], shown["demand"], shown["scarce"]) == (
        str(2 * UNIT),
        str(UNIT),
        False,
    )
    assert max(numbers(listed) + numbers(shown)) < 2**53, "jq would round it"
    (consumer,) = shown["consumers"]
    assert (consumer["utility"], consumer["best_response"], consumer["locked"]) == (
        "LOG",
        str(UNIT),
        "0",
    )
    (purchase,) = shown["purchases"]
    assert (purchase["purchase_id"], purchase["status"], purchase["units"]) == (
        purchase_id,
        "BOUGHT",
        str(UNIT),
    )
    assert "BUY" in pole(environment, "market", "list").stdout
    assert "1 of 10 sold, 1 wanted" in pole(environment, "market", "show", str(epoch_id)).stdout


def test_vault_commands_move_money(environment: dict[str, str]) -> None:
    someone = ("--account", "dev:7")
    assert pole(environment, "vault", "mint", "10", *someone).returncode == 0
    assert pole(environment, "vault", "deposit", "7.5", *someone).returncode == 0
    assert pole(environment, "vault", "withdraw", "0.5", *someone).returncode == 0

    money = json.loads(pole(environment, "vault", "show", "--json", *someone).stdout)

    assert (money["vault"], money["outside"]) == ("7" + 18 * "0", "3" + 18 * "0")


def test_a_bundled_data_set_takes_no_target(environment: dict[str, str]) -> None:
    ended = post(environment, "iris", "--target", "churned")

    assert ended.returncode == 2
    assert "iris is a data set with a target of its own: leave out --target" in ended.stderr


@pytest.mark.parametrize(("least", "is_noted"), [("0.2", True), ("0.5", False)])
def test_a_dry_run_notes_where_guessing_would_be_paid(
    environment: dict[str, str], least: str, is_noted: bool
) -> None:
    shown = post(environment, "iris", "--dry-run", "--min-score", least)

    assert shown.returncode == 0, shown.stderr
    assert (f"with --min-score {least} a model that only guesses is paid" in shown.stdout) == is_noted


@pytest.mark.parametrize("act", ["mint", "deposit", "withdraw"])
def test_no_money_is_not_moved(environment: dict[str, str], act: str) -> None:
    ended = pole(environment, "vault", act, "0", "--account", "dev:7")

    assert ended.returncode == 2
    assert "'0' is not an amount" in ended.stderr


def test_deploy_info_tells_the_addresses(world: World, environment: dict[str, str]) -> None:
    info = json.loads(pole(environment, "deploy-info", "--json").stdout)

    assert info["proof"] == world.data_node.proof.address
    assert info["DenseScorer"] in pole(environment, "deploy-info").stdout


@pytest.mark.parametrize(
    ("arguments", "changes", "words"),
    [
        (
            ("task", "list"),
            {"POLE_RPC": "http://127.0.0.1:9"},
            "no node answers at http://127.0.0.1:9: connection refused: `make node` starts one on this machine, --rpc",
        ),
        (
            ("task", "list"),
            {"POLE_DEPLOYMENTS": "/nowhere"},
            "no such file: deploy first, or name its folder with --deployments: `ape run deploy --network ethereum:",
        ),
        (("task", "list"), {"POLE_HOME": "/dev/null"}, "cannot be used"),
        (("task", "show", "99"), {}, "there is no task 99"),
        (("market", "show", "99"), {}, "there is no epoch 99"),
        (("task", "post", "unheard_of", "--account", "dev:0"), {}, "unknown data set 'unheard_of'"),
        (("mine", "--account", "dev:x"), {}, "what follows 'dev:' is a number"),
        (("task", "list"), {"POLE_DEPLOYMENTS": "nowhere"}, f"{Path.cwd()}/nowhere/31337.json: no such file"),
        (("mine", "--account", "no_such_alias"), {}, "a local chain has dev:0"),
        (("task", "post", "iris", "--account", "dev:8"), {}, "has 0 POLE and needs 130 POLE: get more"),
        (
            ("vault", "withdraw", "5", "--account", "dev:8"),
            {},
            "has 0 POLE in the vault and needs 5 POLE: deposit the difference",
        ),
        (
            ("vault", "deposit", "5", "--account", "dev:8"),
            {},
            "has 0 POLE outside the vault and needs 5 POLE",
        ),
        (("provide", "--price-floor", "0", "--account", "dev:1"), {}, "a floor of 0 POLE must be positive"),
        (("task", "post", "iris", "--reveal-seconds", "9", "--account", "dev:0"), {}, "a window of 9 s"),
        (("mine", "--account", "dev:1", "--estimator", "foo"), {}, "unknown estimator 'foo': known here are"),
        (("mine", "--account", "dev:1", "--estimator", "own.py"), {}, "name its function as well"),
        (("mine", "--account", "dev:1"), {"POLE_STORAGE": "/proc/x"}, "/proc/x cannot be written: "),
        (("mine", "--account", "dev:1", "--task", "99"), {}, "Error: there is no task 99"),
        (("provide", "--dask", "tcp://127.0.0.1:9", "--account", "dev:0"), {}, "no Dask scheduler answers"),
        (("simulate", "--rpc", "http://127.0.0.1:9"), {}, "no node answers at http://127.0.0.1:9"),
    ],
)
def test_a_mistake_is_one_clear_line(
    environment: dict[str, str], arguments: tuple[str, ...], changes: dict[str, str], words: str
) -> None:
    ended = pole(environment, *arguments, **changes)

    (told,) = [
        line for line in ended.stderr.splitlines() if " info " not in line
    ]  # who works where, before it
    assert ended.returncode == 1
    assert words in told


def test_a_scheduler_that_is_something_else_is_told_in_one_clear_line(environment: dict[str, str]) -> None:
    node = environment["POLE_RPC"].replace("http:", "tcp:")

    ended = pole(environment, "mine", "--account", "dev:1", "--dask", node)

    assert ended.returncode == 1
    assert ended.stderr == f"Error: no Dask scheduler answers at {node}: what listens there is none\n"


@pytest.mark.parametrize(
    "scheduler", ["http://127.0.0.1:9", "tcp://127.0.0.1", "127.0.0.1:9", "tls://here:x"]
)
def test_a_scheduler_that_can_be_none_is_named(environment: dict[str, str], scheduler: str) -> None:
    ended = pole(environment, "mine", "--account", "dev:1", "--dask", scheduler)

    assert ended.returncode == 2
    assert f"'{scheduler}' is not tcp://HOST:PORT or tls://HOST:PORT" in " ".join(ended.stderr.split())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--min-score", "1.5"),
        ("--test-rows", "0"),
        ("--test-rows", "70000"),
        ("--commit-seconds", "1"),
        ("--reveal-seconds", "2592001"),
        ("--reward", "-1"),
    ],
)
def test_an_option_out_of_its_range_is_named(environment: dict[str, str], option: str, value: str) -> None:
    ended = post(environment, "iris", option, value)

    assert ended.returncode == 2
    assert f"Invalid value for '{option}'" in ended.stderr


@pytest.mark.parametrize("option", [(), ("--dry-run",)], ids=["posting", "dry run"])
@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (("--test-rows", "150"), "cannot test on 150 of 150 rows"),
        (("--commit-seconds", "9"), "a window of 9 s is not within 10 to 604800 s"),
        (("--reward", "0"), "a task needs a reward"),
        (("--bond", "0.5"), "a bond of 0.5 POLE is below the least of 1 POLE"),
        (("--miner-bond", "0.5"), "a bond of 0.5 POLE is below the least of 1 POLE"),
        (("--reward", "1000"), "has 170 POLE and needs 1030 POLE"),
    ],
    ids=" ".join,
)
def test_terms_that_cannot_be_are_refused_before_anything_is_sent(
    world: World, environment: dict[str, str], terms: tuple[str, ...], words: str, option: tuple[str, ...]
) -> None:
    someone = ("--account", "dev:6")
    have = json.loads(pole(environment, "vault", "show", "--json", *someone).stdout)["outside"]
    if have == "0":
        assert pole(environment, "vault", "mint", "170", *someone).returncode == 0
    before = world.chain.w3.eth.block_number

    ended = pole(environment, "task", "post", "iris", *terms, *option, *someone)

    assert (ended.returncode, world.chain.w3.eth.block_number) == (1, before)
    assert words in ended.stderr


def test_a_provider_of_nothing_is_refused(environment: dict[str, str]) -> None:
    ended = pole(environment, "provide", "--capacity", "0", "--account", "dev:2")

    assert ended.returncode == 2
    assert "Invalid value for '--capacity'" in ended.stderr


def test_a_miner_tells_where_it_works_and_what_became_of_the_task_that_it_is_to_follow(
    world: World, environment: dict[str, str]
) -> None:
    task = world.drawn(world.spec(toy_rows()))
    world.chain.set_time(task.commit_ends_at + 100)
    world.data_node.proof.abort(task.task_id)

    ended = pole(environment, "mine", "--task", str(task.task_id), "--account", "dev:1")

    first, last = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (0, "")
    where = f"{world.people[1].address} (dev:1) at {environment['POLE_RPC']}"
    assert f"mining as {where}: task {task.task_id}" in first
    assert f"task {task.task_id}: it is aborted, as nobody committed to it, and nobody is paid" in last


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("a,b,y\n1,2,0\n,3,1\n4,5,0\n", "no value in column 'a' in 1 rows (line 3)"),
        ("a,y\n1,0\n1,1\n1,0\n", "no column is left to learn from: 'a' is the same in every row"),
        ("a,b,y\n1,2,0\n2,3,0\n4,5,0\n", "every row is of class"),
        ("a,b,y\n1,2,0\nx,3,1\n4,5,0\n", "column 'a' is not numeric: line 3 holds 'x'"),
    ],
    ids=["missing value", "constant columns", "single class", "words"],
)
def test_a_bad_data_file_posts_nothing(
    world: World, environment: dict[str, str], tmp_path: Path, table: str, words: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(table)
    tasks = world.data_node.registry.task_count()

    ended = post(environment, str(path), "--target", "y", "--yes")

    assert (ended.returncode, world.data_node.registry.task_count()) == (1, tasks)
    assert words in ended.stderr


def test_a_command_whose_reader_has_enough_ends_quietly(environment: dict[str, str]) -> None:
    command = f"{POLE} doctor | head -1"

    ended = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True)

    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""


def test_an_estimator_of_ones_own_is_logged_by_its_place_beside_its_hash(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def make(class_count, seed): ...\n")

    ended = pole(environment, "mine", "--task", "99", "--account", "dev:1", "--estimator", f"{file}:make")

    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    assert f"the estimator {file}:make is known as own:{digest}, by its file's content" in ended.stderr


def test_the_help_names_the_estimators_and_what_capacity_counts(environment: dict[str, str]) -> None:
    with pytest.raises(UnknownEstimator) as caught:
        estimators.named("?")

    mine, provide = (
        " ".join(pole(environment, each, "--help").stdout.split()) for each in ("mine", "provide")
    )

    assert f"{', '.join(caught.value.known[:-1])} or {caught.value.known[-1]}; or your own" in mine
    assert "--capacity UNITS" in provide


def test_help_names_every_command_and_imports_none(environment: dict[str, str]) -> None:
    said = python(environment, "main(['--help'], standalone_mode=False)")

    assert all(f"\n  {name} " in said for name in COMMANDS)
    assert {"web3", "numpy"}.isdisjoint(said.splitlines()[-1].split())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_told_of_without_what_training_needs(environment: dict[str, str], command: str) -> None:
    said = python(environment, f"main(['{command}', '--help'], standalone_mode=False)")

    assert said.startswith(f"Usage: -c {command} ")
    assert "sklearn" not in said.splitlines()[-1].split()


def python(environment: dict[str, str], statement: str) -> str:
    """What a statement with the command prints, and in the last line what was imported by then."""
    script = f"import sys; from offchain.cli import main; {statement}; print(*sys.modules)"
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
