"""Events of a chain whose endpoint bounds the blocks of a request for logs, as public ones do."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from offchain.chain import client
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection
from offchain.chain.endpoint import open_web3
from offchain.chain.endpoints import Endpoints
from offchain.chain.errors import EndpointFaulty, EndpointUnreachable
from offchain.chain.local import anvil_chain
from offchain.chain.proof import Progress, ProofOfLearningClient
from offchain.chain.registry import TaskRegistryClient
from tests.attacks.lying_proxy import Answer, Ask, LyingProxy, Request, error, http, raw, result
from tests.stories import RIGHT, SALT, disclosed
from tests.world import World, deploy_world, toy_rows


@pytest.fixture(scope="module")
def anvil(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts)


class Bounded(LyingProxy):
    """Answers with an error where logs of more than `most` blocks are asked for."""

    def __init__(self, world: World) -> None:
        super().__init__(str(world.chain.w3.provider.endpoint_uri))  # type: ignore[attr-defined]
        self.most = 40
        self.ranges: list[tuple[int, int]] = []
        self.lies["eth_getLogs"] = self._logs

    def _logs(self, request: Request, ask: Ask) -> Answer:
        first, last = (int(request["params"][0][end], 16) for end in ("fromBlock", "toBlock"))
        if last - first >= self.most:
            return error(-32005, f"query exceeds max block range {self.most}")(request, ask)
        self.ranges.append((first, last))
        return ask(request)


@pytest.fixture
def bounded(anvil: World, monkeypatch: pytest.MonkeyPatch) -> Bounded:
    monkeypatch.setattr(client, "MOST_RANGE_BLOCKS", 40)
    return Bounded(anvil)


@pytest.fixture
def connection(anvil: World, bounded: Bounded) -> Iterator[Connection]:
    with bounded.serving() as url:
        yield Connection.over(open_web3(Endpoints([url])), anvil.connection.deployment)


@pytest.mark.parametrize("most", [40, 7, 1])
def test_the_progress_of_a_reveal_is_found_in_ranges_that_the_endpoint_takes(
    anvil: World, bounded: Bounded, connection: Connection, most: int
) -> None:
    task, _ = disclosed(anvil, [RIGHT])
    miner, bounded.most = anvil.miners[0], most
    miner.proof.reveal(task.task_id, SALT, RIGHT, row_count=1)
    anvil.chain.mine(60)

    progress = ProofOfLearningClient(connection).progress_of(task.task_id, miner.address)

    assert (progress.scored_count, len(progress.tally) > 0) == (1, True)
    assert bounded.ranges[0][0] == task.draw_block
    assert bounded.ranges[-1][1] == anvil.chain.w3.eth.block_number
    assert all(earlier[1] + 1 == later[0] for earlier, later in pairwise(bounded.ranges))


def test_no_logs_are_asked_for_before_a_reveal_has_begun(
    anvil: World, bounded: Bounded, connection: Connection
) -> None:
    task, _ = disclosed(anvil, [RIGHT])

    progress = ProofOfLearningClient(connection).progress_of(task.task_id, anvil.miners[0].address)

    assert progress == Progress()
    assert "eth_getLogs" not in bounded.asked


def test_what_was_published_and_revealed_many_blocks_ago_is_found(
    anvil: World, bounded: Bounded, connection: Connection
) -> None:
    task = anvil.drawn(anvil.spec(toy_rows()))
    anvil.data_node.registry.publish(task.task_id, b"\x02" * 32)
    anvil.chain.mine(60)
    bounded.most = 7

    published = TaskRegistryClient(connection).published_training_rows(task.task_id)

    assert published == b"\x02" * 32
    assert len(bounded.ranges) >= 9


def test_a_leaderboard_is_read_in_ranges(anvil: World, bounded: Bounded, connection: Connection) -> None:
    task, _ = disclosed(anvil, [RIGHT])
    anvil.miners[0].proof.reveal(task.task_id, SALT, RIGHT)
    anvil.chain.mine(60)
    bounded.most = 7

    board = ProofOfLearningClient(connection).revealed_models(task.task_id)

    assert [model.score_wad for model in board] == [10**18]


def test_an_endpoint_that_takes_no_range_is_asked_for_no_less_than_a_block(
    bounded: Bounded, connection: Connection
) -> None:
    bounded.most = 0

    with pytest.raises(EndpointFaulty, match="max block range"):
        all_reveals(connection)

    assert bounded.asked.count("eth_getLogs") == 6  # 40 blocks, 20, 10, 5, 2, 1


def test_an_endpoint_that_has_gone_away_is_not_asked_for_smaller_ranges(
    bounded: Bounded, connection: Connection
) -> None:
    answers_once = iter([bounded.ask])

    def gone(request: Request, _: Ask) -> Answer:
        ask: Callable[[Request], Answer] | None = next(answers_once, None)
        return ask(request) if ask else [http(b"", status="503 Service Unavailable")]

    with (
        bounded.lying("eth_blockNumber", gone),
        pytest.raises(EndpointUnreachable),
    ):
        bounded.lies["eth_getLogs"] = raw(http(b"", status="503 Service Unavailable"))
        all_reveals(connection)

    assert bounded.asked.count("eth_getLogs") == 3  # as every request that fails is tried again


def test_an_endpoint_that_tells_of_absurdly_many_blocks_is_not_asked_for_all(
    bounded: Bounded, connection: Connection
) -> None:
    with (
        bounded.lying("eth_blockNumber", result(hex(2**63))),
        pytest.raises(EndpointFaulty, match="9,223,372,036,854,775,808"),
    ):
        all_reveals(connection)

    assert bounded.ranges == []


def all_reveals(connection: Connection) -> None:
    """Ask for all reveals since the deployment."""
    proof = ProofOfLearningClient(connection)
    proof._events(proof._contract.events.ModelRevealed())
