"""Workers as somebody leaves them running: processes with keyfiles, endpoints that go away, signals, logs to parse."""

import errno
import json
import os
import pty
import signal
import socket
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from eth_account import Account
from prometheus_client.parser import text_string_to_metric_families

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.cli import main, options
from offchain.index.store import index_path
from offchain.workers import health
from offchain.workers.health import State, compare_clocks
from offchain.workers.home import Home
from tests.attacks.lying_proxy import LyingProxy, error, raw, result
from tests.integration.test_command_line import POLE, pole
from tests.world import World, deploy_world

PASSPHRASE = "correct horse battery staple"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts, people=3)


@pytest.fixture
def environment(world: World, tmp_path: Path) -> dict[str, str]:
    world.connection.deployment.save(tmp_path / "deployments")
    own = {
        "POLE_RPC": str(world.chain.w3.provider.endpoint_uri),  # type: ignore[attr-defined]
        "POLE_DEPLOYMENTS": str(tmp_path / "deployments"),
        "POLE_HOME": str(tmp_path / "home"),
        "POLE_CONFIG": str(tmp_path / "config.toml"),
        "COLUMNS": "200",
    }
    (tmp_path / "config.toml").write_text("")
    return {**os.environ, **own}


@pytest.fixture
def proxy(world: World) -> LyingProxy:
    return LyingProxy(str(world.chain.w3.provider.endpoint_uri))  # type: ignore[attr-defined]


@pytest.fixture
def keyfile(tmp_path: Path) -> str:
    """The keyfile of an account that has everything, as `ape accounts` writes them."""
    path = tmp_path / "miner.json"
    path.write_text(json.dumps(Account.encrypt(dev_account(1).key, PASSPHRASE, iterations=2)))
    return str(path)


# Keys


def test_a_keyfile_opens_with_a_passphrase_from_the_environment(
    world: World, environment: dict[str, str], keyfile: str
) -> None:
    shown = run_here(environment, "vault", "show", "--json", "--account", keyfile, POLE_PASSPHRASE=PASSPHRASE)

    assert json.loads(shown.stdout)["account"] == world.miners[0].address


def test_a_keyfile_opens_with_a_passphrase_from_a_file(
    world: World, environment: dict[str, str], keyfile: str, tmp_path: Path
) -> None:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")

    by_flag = run_here(
        environment, "vault", "show", "--json", "--account", keyfile, "--passphrase-file", str(file)
    )
    by_name = run_here(
        environment, "vault", "show", "--json", "--account", keyfile, POLE_PASSPHRASE_FILE=str(file)
    )

    assert json.loads(by_flag.stdout)["account"] == world.miners[0].address
    assert by_name.stdout == by_flag.stdout


def test_a_keyfile_opens_with_a_passphrase_from_the_terminal_that_does_not_show_it(
    world: World, environment: dict[str, str], keyfile: str
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(POLE), "vault", "show", "--account", keyfile],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := _read(ours):
            seen += chunk
            if seen.endswith(b": ") and b"Passphrase" in seen and PASSPHRASE.encode() not in seen:
                os.write(ours, PASSPHRASE.encode() + b"\n")
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    assert world.miners[0].address.encode() in seen
    assert PASSPHRASE.encode() not in seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # its other end is closed
        return b""


def test_a_keyfile_without_a_passphrase_says_where_it_is_looked_for(
    environment: dict[str, str], keyfile: str
) -> None:
    ended = pole(environment, "vault", "show", "--account", keyfile)

    assert ended.returncode == 1
    assert "POLE_PASSPHRASE" in ended.stderr
    assert "--passphrase-file" in ended.stderr


def run_here(environment: dict[str, str], *arguments: str, **changes: str) -> Result:
    """Run `pole` in this process, which is faster."""
    return CliRunner(mix_stderr=False, env={**environment, **changes}).invoke(main, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("vault", "show"),
        ("vault", "withdraw", "1"),
        ("vault", "deposit", "10000000"),  # more than there is
        ("doctor",),
        ("config",),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("passphrase", [PASSPHRASE, PASSPHRASE + "?"], ids=["right", "wrong"])
@pytest.mark.parametrize("spoiled", [False, True], ids=["a good keyfile", "a spoiled one"])
def test_no_command_shows_a_passphrase(
    environment: dict[str, str],
    keyfile: str,
    arguments: tuple[str, ...],
    passphrase: str,
    spoiled: bool,
) -> None:
    if spoiled:
        Path(keyfile).write_text(Path(keyfile).read_text().replace('"ciphertext"', '"cipher text"'))

    ended = run_here(environment, *arguments, "--account", keyfile, POLE_PASSPHRASE=passphrase)

    said = ended.stdout + ended.stderr + "".join(traceback.format_exception(ended.exception))
    assert PASSPHRASE not in said
    assert dev_account(1).key.hex() not in said


def test_a_data_directory_that_is_none_is_told_in_one_line(
    environment: dict[str, str], keyfile: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    ended = run_here(
        environment,
        *("task", "post", "iris", "--account", keyfile, "--home", str(tmp_path / "file")),
        POLE_PASSPHRASE=PASSPHRASE,
    )

    assert (ended.exit_code, ended.stderr.count("\n")) == (1, 1)
    assert str(tmp_path / "file") in ended.stderr


# The doctor


def findings(environment: dict[str, str], *flags: str, **changes: str) -> tuple[int, dict[str, Any]]:
    """The exit status, and each check's finding, or the worst of one name."""
    ended = run_here(environment, "doctor", "--json", *flags, **changes)
    found: dict[str, Any] = {}
    for finding in json.loads(ended.stdout):
        if finding["check"] not in found or finding["state"] != "ok":
            found[finding["check"]] = finding
    return ended.exit_code, found


def states(found: dict[str, Any]) -> dict[str, str]:
    return {name: finding["state"] for name, finding in found.items()}


def test_the_doctor_finds_nothing_wrong_where_nothing_is(world: World, environment: dict[str, str]) -> None:
    world.chain.mine(1)

    status, found = findings(environment, "--account", "dev:1")

    assert status == 0
    assert "wrong" not in states(found).values()
    assert set(found) == {
        *(
            "home",
            "storage",
            "endpoint",
            "clock",
            "chain",
            "deployment",
            "index",
            "account",
            "state",
            "gas money",
            "tokens",
            "allowance",
            "operators",
        )
    }


def test_the_doctor_tells_people_line_by_line(environment: dict[str, str]) -> None:
    ended = run_here(environment, "doctor", "--account", "dev:1", "--rpc", "http://127.0.0.1:9")

    assert ended.exit_code == 1
    assert "wrong  endpoint    no node answers at http://127.0.0.1:9: connection refused" in ended.stdout
    assert "→ start the node, on this machine by `make node`, or name another: --rpc" in ended.stdout


def test_the_doctor_names_an_endpoint_of_another_chain(
    environment: dict[str, str], proxy: LyingProxy
) -> None:
    with proxy.serving() as url, proxy.lying("eth_chainId", result("0x1")):
        status, found = findings(environment, "--rpc", environment["POLE_RPC"], "--rpc", url)

    assert (status, states(found)["chain"]) == (1, "wrong")
    assert "1, 31337" in found["chain"]["found"]


def test_the_doctor_names_a_contract_that_is_not_there(
    environment: dict[str, str], world: World, tmp_path: Path
) -> None:
    nowhere = world.connection.deployment.market.model_copy(update={"address": "0x" + "11" * 20})
    world.connection.deployment.model_copy(update={"market": nowhere}).save(tmp_path / "deployments")

    status, found = findings(environment)

    assert (status, states(found)["deployment"]) == (1, "wrong")
    assert "market 0x1111" in found["deployment"]["found"]


def test_the_doctor_names_a_missing_deployments_file(environment: dict[str, str], tmp_path: Path) -> None:
    status, found = findings(environment, POLE_DEPLOYMENTS=str(tmp_path))

    assert (status, states(found)["deployment"]) == (1, "wrong")
    assert "--deployments" in found["deployment"]["mend"]
    assert "`ape run deploy --network ethereum:local:foundry`" in found["deployment"]["mend"]


def test_the_doctor_names_what_an_account_lacks(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "poor.json"
    path.write_text(json.dumps(Account.encrypt(b"\x21" * 32, PASSPHRASE, iterations=2)))

    status, found = findings(environment, "--account", str(path), POLE_PASSPHRASE=PASSPHRASE)

    assert status == 1
    assert (states(found)["gas money"], states(found)["tokens"]) == ("wrong", "wrong")
    assert "pole vault mint" in found["tokens"]["mend"]


def test_the_doctor_names_a_wrong_passphrase(environment: dict[str, str], keyfile: str) -> None:
    status, found = findings(environment, "--account", keyfile, POLE_PASSPHRASE="another")

    assert (status, states(found)["account"]) == (1, "wrong")
    assert found["account"]["found"] == f"{keyfile}: the passphrase from POLE_PASSPHRASE is wrong"
    assert found["account"]["mend"].startswith("the right one has to come from POLE_PASSPHRASE")


def test_the_doctor_tells_a_missing_keyfile_from_a_missing_passphrase(
    environment: dict[str, str], keyfile: str
) -> None:
    _, without_keyfile = findings(environment, "--account", "/nowhere.json")
    _, without_passphrase = findings(environment, "--account", keyfile, "--passphrase-file", "/nowhere")

    assert "ape accounts list" in without_keyfile["account"]["mend"]
    assert "--passphrase-file" in without_passphrase["account"]["mend"]
    assert "ape" not in without_passphrase["account"]["mend"]


def test_the_doctor_names_a_data_directory_that_is_none(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    status, found = findings(environment, POLE_HOME=str(tmp_path / "file" / "home"))

    assert (status, states(found)["home"]) == (1, "wrong")
    assert "--home" in found["home"]["mend"]


def test_the_doctor_leaves_a_data_directory_that_is_not_there_yet_to_who_needs_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    _, found = findings(environment, POLE_HOME=str(tmp_path / "not" / "yet"))

    assert (states(found)["home"], states(found)["storage"]) == ("note", "ok")
    assert "is not there yet" in found["home"]["found"]
    assert not (tmp_path / "not").exists()


def test_the_doctor_names_a_damaged_state_and_a_damaged_index(
    world: World, environment: dict[str, str], tmp_path: Path
) -> None:
    home = Home.of(tmp_path / "home", world.connection, world.miners[0].address)
    home.account_folder.mkdir(parents=True)
    home.state_path.write_bytes(b"no database" * 1000)
    index = index_path(tmp_path / "home", world.connection.deployment)
    index.write_bytes(b"no database" * 1000)

    status, found = findings(environment, "--account", "dev:1")

    assert (status, states(found)["state"], states(found)["index"]) == (1, "wrong", "wrong")
    assert str(home.state_path) in found["state"]["found"]
    assert "restore your backup" in found["state"]["mend"]
    assert found["index"]["mend"].startswith(f"rm {index}")


def test_the_doctor_looks_at_a_whole_state_and_a_whole_index_and_leaves_no_file(
    world: World, environment: dict[str, str], tmp_path: Path
) -> None:
    home = Home.of(tmp_path / "home", world.connection, world.miners[0].address)
    home.save_answer(b"job", b"answer")
    run_here(environment, "task", "list")
    before = set((tmp_path / "home").rglob("*"))

    _, found = findings(environment, "--account", "dev:1")

    assert (found["state"]["found"], states(found)["index"]) == (f"{home.state_path} is whole", "ok")
    assert found["index"]["found"].endswith("is whole")
    assert set((tmp_path / "home").rglob("*")) <= before


def test_the_doctor_says_to_make_room_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(health, "probe_folder", refuse)

    finding = health.check_home(tmp_path)

    assert finding.state is State.WRONG
    assert finding.mend.startswith("make room")


def test_the_doctor_tells_the_allowance_of_the_vault(environment: dict[str, str]) -> None:
    _, found = findings(environment, "--account", "dev:1")

    assert found["allowance"]["state"] == "ok"
    assert "may take 0 POLE from outside" in found["allowance"]["found"]


def test_the_doctor_names_a_variable_that_nothing_reads(environment: dict[str, str]) -> None:
    _, found = findings(environment, POLE_RCP="http://127.0.0.1:1")

    assert states(found)["variable"] == "note"
    assert "is POLE_RPC meant?" in found["variable"]["found"]


def test_the_doctor_names_a_storage_that_cannot_be_written(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    status, found = findings(environment, POLE_STORAGE=str(tmp_path / "file"))

    assert (status, states(found)["storage"]) == (1, "wrong")
    assert "name a place first that you can write to" in found["storage"]["mend"]


@pytest.mark.parametrize(
    ("timestamp", "chain_id", "state", "words"),
    [
        (1000, 1, State.OK, "0 s"),
        (1015, 1, State.OK, "15 s"),
        (1016, 1, State.NOTE, "ahead of this clock"),
        (940, 1, State.OK, "60 s"),
        (939, 1, State.NOTE, "61 s old"),
        (700, 1, State.NOTE, "300 s old"),
        (699, 1, State.WRONG, "301 s old"),
        (699, 31337, State.NOTE, "301 s old"),
    ],
)
def test_clocks_are_compared(timestamp: int, chain_id: int, state: State, words: str) -> None:
    finding = compare_clocks(timestamp, 1000.0, chain_id)

    assert finding.state == state
    assert words in finding.found


# Running and stopping


def start(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(POLE), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


COMMANDS = [
    ("mine", "--account", "dev:1"),
    ("consume", "--account", "dev:1"),
    ("provide", "--account", "dev:0"),
]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_worker_stops_when_it_is_told_to(
    environment: dict[str, str], proxy: LyingProxy, command: tuple[str, ...], number: int, status: int
) -> None:
    with proxy.serving() as url:
        process = start(environment, *command, "--rpc", url, "--log-format", "json")
        until(lambda: proxy.asked.count("eth_call") > 2)

        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == status
    assert "Traceback" not in said
    assert "stopped by" in json.loads(said.splitlines()[-1])["event"]


def test_who_posts_is_told_what_goes_on_with_a_task_that_is_stopped(
    world: World, environment: dict[str, str]
) -> None:
    count = world.data_node.registry.task_count()
    process = start(environment, "task", "post", "iris", "--account", "dev:1", "--log-format", "json")
    until(lambda: world.data_node.registry.task_count() > count)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"Task {count + 1}: iris")

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)

    assert (
        json.loads(said.splitlines()[-1])["event"]
        == "stopped by SIGINT: pole task serve carries on what was posted"
    )


def test_a_data_node_stops_in_the_middle_of_a_transaction_and_goes_on(
    world: World, environment: dict[str, str]
) -> None:
    request = world.connection.w3.provider.make_request
    assert pole(environment, "task", "post", "iris", "--detach", "--account", "dev:0").returncode == 0
    task_id = world.data_node.registry.task_count()
    world.chain.mine(3)
    request("evm_setAutomine", [False])  # type: ignore[arg-type]
    try:
        process = start(environment, "task", "serve", "--account", "dev:0", "--log-format", "json")
        until(lambda: request("txpool_status", [])["result"]["pending"] != "0x0")  # type: ignore[arg-type]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    finally:
        request("evm_setAutomine", [True])  # type: ignore[arg-type]
        world.chain.mine(1)

    process = start(environment, "task", "serve", "--account", "dev:0", "--log-format", "json")
    try:
        until(lambda: world.data_node.registry.published_training_rows(task_id) is not None)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)

    lines = [json.loads(line) for line in said.splitlines()]
    assert {"level": "info", "task": task_id, "event": "publish the training rows"}.items() <= next(
        line.items() for line in lines if line.get("task") == task_id
    )
    assert all({"time", "level", "event"} <= line.keys() for line in lines)


def test_a_worker_outlives_a_node_that_refuses_and_drops(
    world: World, environment: dict[str, str], proxy: LyingProxy
) -> None:
    assert pole(environment, "task", "post", "iris", "--detach", "--account", "dev:0").returncode == 0
    task_id = world.data_node.registry.task_count()
    world.chain.mine(3)
    with proxy.serving() as url:
        with proxy.lying("eth_sendRawTransaction", error(-32000, "the pool is full")):
            process = start(
                environment, "task", "serve", "--account", "dev:0", "--rpc", url, "--log-format", "json"
            )
            until(lambda: proxy.asked.count("eth_sendRawTransaction") > 1)
        with proxy.lying("*", raw(b"")):
            asked = len(proxy.asked)
            until(lambda: len(proxy.asked) > asked + 3)
        until(lambda: world.data_node.registry.published_training_rows(task_id) is not None)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert "the pool is full" in said


def test_a_worker_that_starts_before_its_node_waits_for_it(
    environment: dict[str, str], proxy: LyingProxy
) -> None:
    with proxy.serving() as url:
        with proxy.lying("*", raw(b"")):
            process = start(environment, "mine", "--account", "dev:1", "--rpc", url, "--log-format", "json")
            until(lambda: len(proxy.asked) > 3)
        until(lambda: proxy.asked.count("eth_call") > 2)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert "it is asked again" in said


def test_a_worker_whose_node_does_not_come_ends_and_says_why(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "PATIENCE_SECONDS", 0.1)
    address = f"http://127.0.0.1:{free_port()}"

    ended = CliRunner().invoke(main, ["mine", "--account", "dev:1", "--rpc", address], env=environment)

    assert ended.exit_code == 1
    assert f"Error: no node answers at {address}: connection refused" in ended.output


def test_the_error_that_ends_a_worker_is_logged_as_all_else_is(environment: dict[str, str]) -> None:
    ended = pole(environment, "mine", "--account", "dev:1", "--task", "99", "--log-format", "json")

    *_, last = map(json.loads, ended.stderr.splitlines())
    assert (ended.returncode, last["level"], last["event"]) == (1, "error", "there is no task 99")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--home", "/dev/null/home"), "the index /dev/null/home"),
        (("--host", "nohost.invalid"), "cannot listen at port 8646 of nohost.invalid: "),
        (("--host", "192.0.2.1"), "cannot listen at port 8646 of 192.0.2.1: cannot assign requested address"),
    ],
    ids=["folder", "name", "address"],
)
def test_a_dashboard_that_cannot_be_ends_in_one_line(
    environment: dict[str, str], options: tuple[str, ...], words: str
) -> None:
    ended = pole(environment, "dashboard", *options)

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert words in ended.stderr
    assert "[Errno -" not in ended.stderr


# Metrics


def scrape(port: int) -> dict[str, float]:
    """What a worker serves, by name and labels, read by Prometheus' own parser."""
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE)
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving_metrics(environment: dict[str, str], *command: str) -> Iterator[int]:
    """A worker that serves metrics, at the port that this gives, once it does."""
    port = free_port()
    with start(environment, *command, "--metrics", str(port)) as process:
        try:
            until(lambda: is_listening(port))
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)


def is_listening(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def test_a_data_node_counts_what_it_does(world: World, environment: dict[str, str]) -> None:
    assert pole(environment, "task", "post", "iris", "--detach", "--account", "dev:0").returncode == 0
    task_id = world.data_node.registry.task_count()
    world.chain.mine(3)
    began = time.time()

    with serving_metrics(environment, "task", "serve", "--account", "dev:0") as port:
        until(lambda: world.data_node.registry.published_training_rows(task_id) is not None)
        until(lambda: scrape(port).get("pole_tasks open", 0) > 0)
        found = scrape(port)

    assert found["pole_last_step_timestamp_seconds"] > began
    assert found["pole_transactions_total sent"] >= 2  # it drew and published
    assert found["pole_transactions_total failed"] == 0
    (*_, last) = (
        block["transactions"][0]
        for number in range(world.chain.w3.eth.block_number + 1)
        if (block := world.chain.w3.eth.get_block(number))["transactions"]
    )
    assert isinstance(last, bytes)
    paid = world.chain.w3.eth.get_transaction_receipt(last)
    assert found["pole_fees_wei_total"] >= paid["gasUsed"] * paid["effectiveGasPrice"] > 0
    assert found["pole_deadlines_missed_total"] == 0
    assert "pole_index_blocks_behind" not in found  # it follows none


def test_an_index_tells_how_far_behind_it_is(world: World, environment: dict[str, str]) -> None:
    with serving_metrics(environment, "index") as port:
        newest = world.chain.w3.eth.get_block("latest")["timestamp"]
        until(lambda: scrape(port)["pole_head_timestamp_seconds"] == newest)

        until(lambda: scrape(port).get("pole_index_blocks_behind") == 0)


def test_metrics_at_an_address_that_is_taken_are_refused(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        ended = pole(environment, "mine", "--account", "dev:1", "--metrics", address)

    assert ended.returncode == 1
    assert (
        f"metrics cannot be served at {address}: Address already in use: name another port with"
        in ended.stderr
    )


@pytest.mark.parametrize("address", ["here", "127.0.0.1:", "127.0.0.1:70000", ":x"])
def test_an_address_for_metrics_that_is_none_is_named(environment: dict[str, str], address: str) -> None:
    ended = run_here(environment, "mine", "--account", "dev:1", "--metrics", address)

    assert ended.exit_code == 2
    assert "is not HOST:PORT" in ended.stderr
