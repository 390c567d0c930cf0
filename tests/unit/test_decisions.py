"""The workers' decisions: every row of the tables, and that there is a row for every state that can be."""

from itertools import product

import pytest

from offchain.chain.phase import Phase
from offchain.workers import data_node, miner

DataMove = data_node.Move
MinerMove = miner.Move


@pytest.mark.parametrize(
    ("phase", "due", "published", "move"),
    [
        (Phase.DRAW, False, False, DataMove.WAIT),
        (Phase.DRAW, True, False, DataMove.DRAW),
        (Phase.COMMIT, False, False, DataMove.PUBLISH),
        (Phase.COMMIT, False, True, DataMove.WAIT),
        (Phase.DISCLOSE, False, False, DataMove.DISCLOSE),
        (Phase.DISCLOSE, False, True, DataMove.DISCLOSE),
        (Phase.REVEAL, False, False, DataMove.WAIT),
        (Phase.REVEAL, False, True, DataMove.WAIT),
        (Phase.SETTLE, False, False, DataMove.WAIT),
        (Phase.SETTLE, False, True, DataMove.WAIT),
        (Phase.SETTLE, True, False, DataMove.SETTLE),
        (Phase.SETTLE, True, True, DataMove.SETTLE),
        (Phase.ABORT, False, False, DataMove.ABORT),
        (Phase.ABORT, False, True, DataMove.ABORT),
        (Phase.SETTLED, False, False, DataMove.DONE),
        (Phase.SETTLED, False, True, DataMove.DONE),
        (Phase.ABORTED, False, False, DataMove.DONE),
        (Phase.ABORTED, False, True, DataMove.DONE),
    ],
)
def test_data_node_decides(phase: Phase, due: bool, published: bool, move: DataMove) -> None:
    assert data_node.decide(phase, due=due, published=published) == move


@pytest.mark.parametrize(
    ("phase", "due", "has_model", "committed", "revealed", "move"),
    [
        (Phase.DRAW, False, False, False, False, MinerMove.WAIT),
        (Phase.DRAW, True, False, False, False, MinerMove.DRAW),
        (Phase.COMMIT, False, False, False, False, MinerMove.TRAIN),
        (Phase.COMMIT, False, True, False, False, MinerMove.COMMIT),  # killed between training and commit
        (Phase.COMMIT, False, True, True, False, MinerMove.WAIT),
        (Phase.DISCLOSE, False, True, False, False, MinerMove.DONE),  # too late to commit
        (Phase.DISCLOSE, False, True, True, False, MinerMove.WAIT),
        (Phase.REVEAL, False, True, True, False, MinerMove.REVEAL),
        (Phase.REVEAL, False, True, True, True, MinerMove.WAIT),
        (Phase.REVEAL, False, False, False, False, MinerMove.DONE),
        (Phase.SETTLE, False, True, True, True, MinerMove.WAIT),
        (Phase.SETTLE, True, True, True, True, MinerMove.SETTLE),
        (Phase.SETTLE, True, True, True, False, MinerMove.DONE),  # the bond is lost
        (Phase.ABORT, False, True, True, False, MinerMove.ABORT),
        (Phase.ABORT, False, False, False, False, MinerMove.DONE),
        (Phase.SETTLED, False, True, True, True, MinerMove.DONE),
        (Phase.ABORTED, False, True, True, False, MinerMove.CLAIM),
        (Phase.ABORTED, False, True, False, False, MinerMove.DONE),  # claimed
    ],
)
def test_miner_decides(
    phase: Phase, due: bool, has_model: bool, committed: bool, revealed: bool, move: MinerMove
) -> None:
    state = {"due": due, "has_model": has_model, "committed": committed, "revealed": revealed}

    assert miner.decide(phase, **state) == move


def test_default_test_count_is_three_in_ten_as_far_as_they_fit() -> None:
    # Hand-worked: 45 of 150; 24,555 bytes of code hold 377 rows of 65; 2,046 rows of 12 less an eighth again and
    # again are 410 (1 + 15 - 8 words each, 3,280 in all) and then 358 (2,864).
    shapes = [(150, 5), (1797, 65), (20_640, 12), (2, 5)]

    assert [data_node.default_test_count(*shape) for shape in shapes] == [45, 377, 358, 1]


def test_miner_has_a_move_for_every_state_that_can_be() -> None:
    # A reveal needs a commitment, a commitment a model on disk, and only an opened reveal window has reveals.
    before_reveals = {Phase.COMMIT, Phase.DISCLOSE, Phase.ABORT, Phase.ABORTED}
    either = (False, True)
    for phase, model, committed, revealed in product(Phase, either, either, either):
        impossible = (committed and not model) or (revealed and not committed)
        impossible = (
            impossible or phase == Phase.UNKNOWN or (revealed and phase in before_reveals | {Phase.DRAW})
        )
        if not impossible:
            miner.decide(phase, due=False, has_model=model, committed=committed, revealed=revealed)
