"""A small chaos test: everything that the long one does, in three minutes."""

from pathlib import Path

from offchain.chain.compiler import Artifact
from tests.chaos.checks import judge
from tests.chaos.profile import Profile
from tests.chaos.run import run

SMALL = Profile(
    tasks=3, miners=3, providers=1, consumers=2, kills=6, faults=20, reorganisations=2, pace=0.5, gap=20.0
)


def test_nothing_is_lost_when_workers_are_killed_and_the_endpoint_and_the_chain_fail_them(
    artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    facts = run(SMALL, tmp_path / "evidence", artifacts)

    assert {name: found for name, found in judge(facts).items() if found} == {}
