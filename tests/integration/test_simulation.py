"""The paper's experiment on a chain: the same numbers as without one, real training, and a valid ledger."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from offchain.chain.compiler import Artifact
from offchain.chain.ledger import LearningLedgerClient
from offchain.chain.local import LocalChain, anvil_chain, eth_tester_chain
from offchain.chain.market import ComputeMarketClient, cost_of
from offchain.cli.simulate import simulate
from offchain.economics.epochs import PlainMarket, paper_scenario, run
from offchain.economics.experiments.epochs_report import row_of
from offchain.workers.simulation import open_market
from tests.stories import printed_ledger

STEPS = 3  # of which the last is scarce: a bound price, and consumers that get nothing or a fraction


@pytest.fixture(scope="module", params=["eth-tester", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[LocalChain]:
    if request.param == "eth-tester":
        yield eth_tester_chain(accounts=5)
    else:
        with anvil_chain() as running:
            yield running


def test_a_chain_gives_the_numbers_that_the_economics_give(
    chain: LocalChain, artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    scenario = paper_scenario(3, STEPS, seed=1)
    market = open_market(chain, artifacts, tmp_path, 3, "iris", seed=1)

    on_chain, trained = [], []
    for step in run(scenario, market):
        on_chain.append(row_of(step))
        trained.append(market.trained)
    without = [row_of(step) for step in run(scenario, PlainMarket())]

    assert on_chain == without  # every WAD to the last digit
    assert any(row.price_is_bound for row in without)
    assert all(
        found.iterations == row.units_wad[found.consumer] // 10**18
        for row, step in zip(on_chain, trained, strict=True)
        for found in step
    )
    client = ComputeMarketClient(market.connection)
    for row in on_chain:  # the price that the contract has proved, and what it has sold
        epoch = client.epoch(row.step)
        assert (epoch.price, epoch.sold_units) == (row.price_wad, row.sold_wad)
        costs = [cost_of(epoch.price, bought.units) for bought in client.purchases(row.step)]
        assert sum(costs) == sum(epoch.price * units // 10**18 for units in row.units_wad)

    blocks = printed_ledger(market.connection, tmp_path)
    assert len(blocks) == 1 + sum(1 for step in trained if step)
    assert all("accuracy" in block["data"] for block in blocks[1:])
    assert LearningLedgerClient(market.connection).first_invalid() is None


def test_a_seed_gives_the_same_learning_blocks_again(artifacts: dict[str, Artifact], tmp_path: Path) -> None:
    ledgers = []
    for name in ("one", "two"):
        chain = eth_tester_chain(accounts=3)
        market = open_market(chain, artifacts, tmp_path / name, 1, "iris", seed=5)
        assert len(list(run(paper_scenario(1, 1, seed=5), market))) == 1
        ledgers.append(printed_ledger(market.connection, tmp_path / name))

    assert len(ledgers[0]) == 2
    assert ledgers[0] == ledgers[1]  # every hash of it


def test_the_command_prints_the_papers_lines_and_writes_its_files(tmp_path: Path) -> None:
    arguments = ["--offchain", "--consumers", "3", "--steps", "10", "--out", str(tmp_path)]

    ended = CliRunner().invoke(simulate, arguments)

    assert ended.exit_code == 0, ended.output
    lines = ended.output.splitlines()
    assert sum(line.startswith("Time Step ") for line in lines) == 10
    assert any(line.endswith("Optimal Price Set by CPP: 1.0000") for line in lines)
    assert "Consumer 3 could not get resources." in lines
    assert sum(line.startswith("CPP Remaining Resources: ") for line in lines) == 10
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["simulation.csv", "simulation.json", "simulation.md", "simulation.png"]
    assert len(json.loads((tmp_path / "simulation.json").read_text())["steps"]) == 10


def test_the_command_writes_to_the_data_directory_unless_it_is_told_where(tmp_path: Path) -> None:
    ended = CliRunner(env={"XDG_DATA_HOME": str(tmp_path)}).invoke(simulate, ["--offchain", "--steps", "1"])

    folder = tmp_path / "polestar" / "simulation"
    assert f"wrote {folder}/simulation.csv" in ended.output
    assert (folder / "simulation.md").is_file()


def test_the_command_says_what_it_is_at_while_a_chain_takes_its_time(tmp_path: Path) -> None:
    arguments = ["--consumers", "1", "--steps", "1", "--out", str(tmp_path)]

    ended = CliRunner(mix_stderr=False).invoke(simulate, arguments)

    assert ended.exit_code == 0, ended.output
    said = [line.split()[0] for line in ended.stderr.splitlines()]
    assert said == ["compiling", "deploying", "time"]
    assert any(line.startswith("Time Step 1: ") for line in ended.stdout.splitlines())


def test_the_command_gives_the_same_files_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        arguments = ["--offchain", "--seed", "7", "--out", str(tmp_path / name)]
        assert CliRunner().invoke(simulate, arguments).exit_code == 0

    documents = [(tmp_path / name / "simulation.json").read_bytes() for name in ("one", "two")]
    assert documents[0] == documents[1]
