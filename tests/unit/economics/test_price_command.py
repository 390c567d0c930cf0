"""`pole price`: what it prints and how it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from offchain.cli import main
from offchain.economics.instances import FAMILIES

GAME = {"a": [4.0], "k": [1.0], "d": [None], "c": 1, "Q": None, "pmin": 0.1, "pmax": 10, "B": None}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "instance.json"


def run(file: Path, *options: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, ["price", str(file), *options])


def quad_game(**changes: Any) -> str:
    inputs = {"a": [4.0], "b": [1.0], "d": [None], "c": 1, "Q": None, "pmin": 0.1, "pmax": 10}
    return json.dumps({"family": "quad_uniform", "inputs": inputs | changes})


def log_game(**changes: Any) -> str:
    return json.dumps({"family": "log_uniform", "inputs": GAME | changes})


def test_price_prints_the_result_of_one_instance(file: Path) -> None:
    file.write_text(log_game())

    result = run(file)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["price"] == 2.0  # sqrt(c a k), by hand


def test_price_prints_a_list_when_the_file_holds_a_list(file: Path) -> None:
    file.write_text(f"[{log_game()}, {log_game(c=0.25)}]")

    result = run(file)

    assert [game["price"] for game in json.loads(result.stdout)] == [2.0, 1.0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("[]", "holds no instance"),
        ("3", "must be an object"),
        ("[" * 100_000, "not JSON"),
        ('{"family": "cubic", "inputs": {}}', "unknown family 'cubic'"),
        ('{"family": ["log_uniform"], "inputs": {}}', "unknown family"),
        ('{"family": "log_uniform"}', "inputs"),
        (log_game(a=[]), "inputs.a"),
        (log_game(a=[-1.0]), "inputs.a.0"),
        (log_game(a=["4"]), "inputs.a.0"),
        (log_game(a=[True]), "inputs.a.0"),
        (log_game(k=[1.0, 2.0]), "differ in length"),
        (log_game(d=[1.0, 2.0]), "d has 2"),
        (log_game(B=[1.0, 2.0]), "B has 2"),
        (log_game(d=[-1.0]), "inputs.d.0"),
        (quad_game(b=[1.0, 2.0]), "b has 2"),
        (log_game(c=float("nan")), "NaN is not a JSON number"),
        (log_game(Q=float("inf")), "Infinity is not a JSON number"),
        (log_game().replace("4.0", "1e999"), "finite"),
        (log_game(pmin=11), "crossed"),
        (log_game(pmin=0, pmax=0), "inputs.pmax"),
        (log_game(pmin=0, c=0), "nothing limits demand"),
        (log_game(colour="red"), "inputs.colour"),
        ('{"family": "power_uniform", "inputs": {"sigma": 1.0}}', "inputs"),
    ],
)
def test_price_refuses_in_one_line_with_status_2(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)

    result = run(file)

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_price_refuses_a_file_that_is_not_there(file: Path) -> None:
    result = run(file)

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert f"{file}: No such file" in result.stderr and "Errno" not in result.stderr
    assert "`pole price --help`" in result.stderr


def test_the_help_of_price_has_an_example_that_it_solves_and_every_family(file: Path) -> None:
    said = CliRunner().invoke(main, ["price", "--help"]).output

    file.write_text(said[said.index("{") : said.rindex("}") + 1])
    assert json.loads(run(file).stdout)["price"] > 0.5  # what a unit costs the leader
    for family, inputs in FAMILIES.items():
        assert f"  {family}: {' '.join(inputs.model_fields)}" in said.replace("[B]", "B")
