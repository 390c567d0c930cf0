"""What the demo says of its leaderboards."""

from types import SimpleNamespace
from typing import cast

import pytest

from offchain.workers.reading import TaskReport
from scripts._stage import EQUALS, tie_of


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([9, 9, 3], f" ({EQUALS})"), ([9, 3, 3], ""), ([9], ""), ([], "")],
    ids=["a tie", "a tie of others", "one model", "none"],
)
def test_a_tie_of_the_best_is_explained(scores: list[int], expected: str) -> None:
    report = SimpleNamespace(leaderboard=[SimpleNamespace(score_wad=score) for score in scores])

    assert tie_of(cast(TaskReport, report)) == expected
