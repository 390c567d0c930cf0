"""The configuration: what comes before what, and what is refused."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from offchain.cli import main
from offchain.cli.keys import passphrase_from

KEY = "0123456789abcdef"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def run(file: Path, *flags: str, **environment: str) -> Result:
    runner = CliRunner(mix_stderr=False, env={"POLE_CONFIG": str(file), **environment})
    return runner.invoke(main, ["config", "--json", *flags])


def told(file: Path, *flags: str, **environment: str) -> dict[str, tuple[Any, str]]:
    """The value and the source of each setting."""
    rows = json.loads(run(file, *flags, **environment).stdout)["settings"]
    return {row["setting"]: (row["value"], row["source"]) for row in rows}


def test_a_flag_comes_before_the_environment_before_the_file_before_the_default(file: Path) -> None:
    file.write_text("confirmations = 1")

    assert told(file, "--confirmations", "3", POLE_CONFIRMATIONS="2")["confirmations"] == (3, "flag")
    assert told(file, POLE_CONFIRMATIONS="2")["confirmations"] == (2, "environment")
    assert told(file)["confirmations"] == (1, "file")
    file.write_text("")
    assert told(file)["confirmations"] == (0, "default")


@pytest.mark.parametrize("between", [" ", ",", ", "])
def test_the_environment_names_several_endpoints(file: Path, between: str) -> None:
    file.write_text("")

    assert told(file, POLE_RPC=f"http://a:1{between}http://b:2")["rpc"] == (
        ["http://a:1", "http://b:2"],
        "environment",
    )


@pytest.mark.parametrize("written", ['"http://a:1"', '["http://a:1"]'])
def test_the_file_names_one_endpoint_or_several(file: Path, written: str) -> None:
    file.write_text(f"rpc = {written}")

    assert told(file)["rpc"] == (["http://a:1"], "file")


def test_a_person_reads_what_is_set_and_what_is_not(file: Path) -> None:
    runner = CliRunner(env={"POLE_CONFIG": str(file), "COLUMNS": "200"})
    rows = []
    for content in ('storage = ["one", "two"]\n[mine]\nmetrics = "9100"', ""):
        file.write_text(content)
        said = runner.invoke(main, ["config"]).output
        rows.append(
            {cells[0]: " ".join(cells[1:-1]) for line in said.splitlines() if (cells := line.split())}
        )

    assert (rows[0]["storage"], rows[0]["mine.metrics"]) == ("one two", "127.0.0.1:9100")
    assert (rows[1]["storage"], rows[1]["account"]) == ("(not set)", "(not set)")
    assert told(file)["storage"] == ([], "default")


def test_a_table_is_for_its_command_alone(file: Path) -> None:
    file.write_text('account = "a"\n[mine]\naccount = "b"\nestimator = "mlp"\n[task.post]\nreward = 5')

    settings = told(file, POLE_PROVIDE_CAPACITY="7")

    assert settings["account"] == ("a", "file")
    assert settings["mine.account"] == ("b", "file")
    assert settings["mine.estimator"] == ("mlp", "file")
    assert settings["task.post.reward"] == ("5", "file")
    assert settings["provide.capacity"] == ("7", "environment")
    assert "consume.estimator" not in settings


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("rcp = 1", "'rcp'"),
        ('rpc = "ftp://a"', "rpc: not a URL"),
        ("rpc = []", "rpc"),
        ("rpc = [", "not TOML"),
        ("confirmations = -1", "confirmations"),
        ('confirmations = "1"', "confirmations"),
        ("max_fee = 0", "max_fee"),
        ('log_format = "xml"', "log_format"),
        ("[mien]", "no command 'mien'"),
        ("[task.pots]", "no command 'task.pots'"),
        ("[mine]\nestimatr = 1", "'estimatr' in [mine]"),
        ('[mine]\nrpc = "x"', "mine.rpc: not a URL"),
        ('[provide]\ncapacity = "many"', "config.toml: provide.capacity: 'many' is not a number"),
        ('[task.post]\nreward = "fifty"', "config.toml: task.post.reward: 'fifty' is not a number"),
        ("[task.post]\nreward = [1]", "config.toml: task.post.reward: one value"),
        ("[mine]\nprocesses = 0", "config.toml: mine.processes: 0 is not in the range"),
        ('[mine]\nestimator = "mlpp"', "config.toml: mine.estimator: unknown estimator 'mlpp'"),
        ("[dashboard]\nnames = 1", "config.toml: dashboard.names: "),
        ("\xff", "not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_the_place(file: Path, content: str, named: str) -> None:
    file.write_bytes(content.encode("latin-1"))

    ended = run(file)

    assert ended.exit_code in (1, 2)
    assert named in ended.stderr.replace("\n", " ")


def test_a_file_that_is_named_and_missing_is_told(file: Path) -> None:
    ended = run(file)

    assert ended.exit_code == 1
    assert str(file) in ended.stderr


def test_nothing_secret_is_shown(file: Path) -> None:
    file.write_text(f'rpc = "https://user:{KEY}@node.example/v3/{KEY}"')

    ended = run(file, POLE_PASSPHRASE=KEY)

    assert ended.exit_code == 0
    assert KEY not in ended.stdout + ended.stderr


@pytest.mark.parametrize("content", [f'passphrase = "{KEY}"', f'rpc = "{KEY}"', f'confirmations = "{KEY}"'])
def test_what_is_wrong_is_not_repeated(file: Path, content: str) -> None:
    file.write_text(content)

    ended = run(file)

    assert ended.exit_code == 1
    assert KEY not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "place",
    [f"https://u:{KEY}@gw.example/ipfs?key={KEY}", f"https://gw.example/{KEY}/ipfs", f"s3://AK:{KEY}@bucket"],
)
def test_no_key_in_the_url_of_a_storage_is_shown(file: Path, place: str) -> None:
    file.write_text("")

    ended = run(file, "--storage", place)

    assert ended.exit_code == 0
    assert KEY not in ended.stdout + ended.stderr


def test_the_place_in_a_bucket_is_shown(file: Path) -> None:
    file.write_text("")

    assert told(file, "--storage", "s3://bucket/blobs")["storage"] == (["s3://bucket/blobs"], "flag")


def test_an_amount_in_the_file_is_shown_as_it_is_written(file: Path) -> None:
    file.write_text("max_fee = 0.05\n[task.post]\nreward = 0.1")

    settings = told(file)

    assert (settings["max_fee"], settings["task.post.reward"]) == (("0.05", "file"), ("0.1", "file"))


def test_what_holds_for_every_command_has_one_row(file: Path) -> None:
    file.write_text('account = "a"')

    assert [name for name in told(file) if name.startswith("config.")] == []


def test_one_name_in_the_file_stands_for_a_list_of_one(file: Path) -> None:
    file.write_text('[dashboard]\nnames = "name"')

    assert told(file)["dashboard.names"] == (["name"], "file")


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("POLE_RCP", "POLE_RPC"),
        ("POLE_MINE_ESTIMATER", "POLE_MINE_ESTIMATOR"),
        ("POLE_TASK_POST_REWARDS", "POLE_TASK_POST_REWARD"),
    ],
)
def test_a_variable_that_nothing_reads_is_told(file: Path, variable: str, meant: str) -> None:
    file.write_text("")

    ended = run(file, **{variable: "1"})

    assert ended.exit_code == 0
    assert ended.stderr == f"Warning: {variable} in the environment is no setting: is {meant} meant?\n"


def test_a_variable_that_something_reads_is_not_told(file: Path) -> None:
    file.write_text("")
    read = {
        "POLE_ACCOUNT": "a",
        "POLE_MINE_RPC": "http://a:1",
        "POLE_OWN_ESTIMATORS": "own.py:make",
        "POLE_TASK_POST_REWARD": "5",
    }

    assert run(file, **read).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "meant"), [(("configs",), "'config'"), (("task", "pots"), "'post'"), (("zzz",), None)]
)
def test_a_command_that_is_none_is_told_with_one_that_may_be_meant(
    arguments: tuple[str, ...], meant: str | None
) -> None:
    ended = CliRunner(mix_stderr=False).invoke(main, arguments)

    assert ended.exit_code == 2
    assert ended.stderr.endswith(
        f"No such command {arguments[-1]!r}." + (f" Did you mean {meant}?\n" if meant else "\n")
    )


def test_a_passphrase_file_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "passphrase"
    path.write_text("from the file\n")
    monkeypatch.setenv("POLE_PASSPHRASE", "from the environment")

    assert passphrase_from(path)(Path("key.json")).secret == "from the file"


def test_the_passphrase_leaves_the_environment_that_jobs_inherit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLE_PASSPHRASE", "right")

    assert passphrase_from(None)(Path("key.json")).secret == "right"
    assert "POLE_PASSPHRASE" not in os.environ
