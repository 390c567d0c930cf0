"""The pages over a large index, by HTTP: what is asked for wrongly, hostile values, and what a browser is told."""

import socket
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import pytest
import requests
from starlette.types import ASGIApp

from benchmarks.index import CROWDED, fill
from benchmarks.index_events import CROWD, DEPLOYMENT, WHALE
from offchain.dashboard.app import Source, create_app
from offchain.dashboard.serving import server
from offchain.dashboard.shown import Token
from offchain.dashboard.watching import Watcher
from offchain.index.queries import reading
from offchain.index.store import connect, index_path
from tests.indexes import catch_up
from tests.market_world import opened
from tests.world import World, toy_rows

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "offchain" / "dashboard"
EVENTS = 30_000
HOSTILE = "<img src=x onerror=alert(1)>"
PAGES = ["/", "/tasks", f"/tasks/{CROWDED}", "/tasks/50", "/ledger", "/market", f"/epochs/{CROWDED}"]


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The URL of an application that is served in a thread."""
    running = server(app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = index_path(tmp_path_factory.mktemp("index"), DEPLOYMENT)
    fill(path, EVENTS)
    return path


@pytest.fixture(scope="module")
def url(path: Path, deployed: World) -> Iterator[str]:
    source = Source(
        path, DEPLOYMENT, Token(HOSTILE, 18), Watcher(lambda: deployed.connection, path), ("star.example",)
    )
    with served(create_app(source)) as url:
        yield url


@pytest.mark.parametrize("page", [*PAGES, f"/accounts/{WHALE}"])
def test_a_page_is_bounded_and_escaped_whatever_the_chain_has(url: str, page: str) -> None:
    answer = requests.get(url + page)

    assert answer.status_code == 200
    assert len(answer.content) < 150_000
    assert "<img src=x" not in answer.text


def test_pages_of_a_leaderboard_lead_to_its_end(url: str) -> None:
    seen: list[str] = []
    page = f"/tasks/{CROWDED}"

    while page:
        text = requests.get(url + page).text
        board = text.partition('id="board"')[2].partition("</table>")[0]
        seen += [part.partition('"')[0] for part in board.split('href="/accounts/')[1:]]
        more = text.partition("Lower scores")[0].rpartition('<a href="')[2].partition("#")[0]
        page = f"/tasks/{CROWDED}{more.replace('&amp;', '&')}" if "Lower scores" in text else ""

    assert len(seen) == len(set(seen)) == CROWD * 8 // 10


@pytest.mark.parametrize(
    ("page", "status", "words"),
    [
        ("/tasks/999999", 404, "There is no task 999999."),
        ("/epochs/999999", 404, "There is no epoch 999999."),
        ("/nothing", 404, "Nothing matches"),
        ("/tasks/0", 422, "none that it takes: task_id"),
        (f"/tasks/{2**63}", 422, "none that it takes: task_id"),
        ("/tasks?before=x", 422, "none that it takes: before"),
        (f"/tasks/1?below={10**30}", 422, "none that it takes: below"),
        ("/accounts/0x12", 422, "That is no address"),
        (f"/accounts/{WHALE[:-1]}", 422, "That is no address"),
        ("/accounts/0x70997970c51812dc3A010C7d01b50e0d17dc79C8", 422, "capitals, they must fit"),
        ("/accounts/%3Cscript%3E", 422, "That is no address"),
        ("/search?q=nobody", 404, "Nothing is called “nobody”"),
        ("/search?q=%3Cscript%3E", 404, "Nothing is called “&lt;script&gt;”"),
    ],
)
def test_what_is_asked_for_wrongly_is_told_plainly(url: str, page: str, status: int, words: str) -> None:
    answer = requests.get(url + page)

    assert answer.status_code == status
    assert words in answer.text
    assert "<h1>" in answer.text
    assert "<script>" not in answer.text
    assert "Pause updates" not in answer.text


@pytest.mark.parametrize(
    ("text", "place"),
    [("1", "/tasks/1"), (" #50 ", "/tasks/50"), (WHALE.lower(), f"/accounts/{WHALE}")],
)
def test_a_search_leads_to_a_task_or_an_account(url: str, text: str, place: str) -> None:
    answer = requests.get(f"{url}/search", {"q": text}, allow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, place)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("page", ["/", "/tasks/1", "/static/dashboard.js"])
def test_nothing_can_be_sent(url: str, method: str, page: str) -> None:
    assert requests.request(method, url + page).status_code == 405


def test_a_head_is_that_of_the_page(url: str) -> None:
    answer = requests.head(f"{url}/tasks/1")

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("page", ["/", "/nothing", "/accounts/x", "/static/dashboard.css"])
def test_a_browser_is_told_to_trust_nothing_else(url: str, page: str) -> None:
    headers = requests.get(url + page).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("host", "status"), [("evil.example", 421), ("star.example", 200), ("localhost:1", 200)]
)
def test_a_name_that_leads_here_by_a_trick_is_not_answered(url: str, host: str, status: int) -> None:
    answer = requests.get(url, headers={"Host": host})

    assert answer.status_code == status
    assert ("PoLeStar" in answer.text) is (status == 200)


def test_a_page_comes_by_itself_where_there_is_no_index_yet(tmp_path: Path, deployed: World) -> None:
    path = tmp_path / "index.sqlite"
    source = Source(path, DEPLOYMENT, Token("POLE", 18), Watcher(lambda: deployed.connection, path))

    with served(create_app(source)) as url:
        answer = requests.get(url)

    assert answer.status_code == 503
    assert "for the first time" in answer.text
    assert 'hx-trigger="every 2s"' in answer.text


def test_a_block_that_is_not_right_is_named(path: Path, tmp_path: Path, deployed: World) -> None:
    spoiled = tmp_path / "index.sqlite"
    spoiled.write_bytes(path.read_bytes())
    with connect(spoiled, "rwc") as database:
        database.execute("UPDATE learning_blocks SET is_valid = 0 WHERE block_index IN (3, 7)")
    source = Source(spoiled, DEPLOYMENT, Token("POLE", 18), Watcher(lambda: deployed.connection, spoiled))

    with served(create_app(source)) as url:
        ledger, overview = requests.get(f"{url}/ledger").text, requests.get(url).text

    assert "Block 3 is the first" in ledger
    assert "Not valid" in overview
    with reading(path) as index:
        assert index.first_invalid_block() is None


def test_what_has_ended_is_not_awaited(tmp_path: Path, world: World) -> None:
    """A task to which nobody commits, and an epoch in which nobody declares: time ends both."""
    task, epoch = world.drawn(world.spec(toy_rows())), opened(world)
    world.chain.set_time(10**6 + max(task.commit_ends_at, world.chain.now()))
    world.data_node.proof.abort(task.task_id)
    catch_up(world.connection, tmp_path)
    path = index_path(tmp_path, world.connection.deployment)
    watcher = Watcher(lambda: world.connection, path)

    with served(create_app(Source(path, world.connection.deployment, Token("POLE", 18), watcher))) as url:
        pages = [
            requests.get(url + page).text
            for page in (f"/tasks/{task.task_id}", f"/epochs/{epoch}", "/market", "/tasks", "/")
        ]

    aborted, unpriced, market, tasks, overview = pages
    assert all(" yet" not in page for page in pages[:4])
    assert "No model was revealed." in aborted and "Nobody committed." in aborted
    assert "Nobody declared, so there was nothing to price" in unpriced and "Nothing was bought." in unpriced
    assert "A chart needs two epochs with a price." in market
    assert "The one task that was posted." in tasks
    assert '<dd><a href="/tasks">1</a></dd>' in overview


# What the package carries


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ("htmx.min.js", "htmx.org/dist/htmx.min.js"),
        ("htmx.LICENSE", "htmx.org/LICENSE"),
        ("uPlot.iife.min.js", "uplot/dist/uPlot.iife.min.js"),
        ("uPlot.min.css", "uplot/dist/uPlot.min.css"),
        ("uPlot.LICENSE", "uplot/LICENSE"),
    ],
)
def test_what_others_wrote_is_what_npm_has(own: str, source: str) -> None:
    vendored = (PACKAGE / "static" / "vendor" / own).read_bytes()

    assert vendored == (ROOT / "node_modules" / source).read_bytes()


def test_every_file_of_the_pages_is_in_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["offchain.dashboard"]
    files = [
        str(file.relative_to(PACKAGE))
        for folder in ("static", "templates")
        for file in (PACKAGE / folder).rglob("*")
        if file.is_file()
    ]

    assert len(files) > 10
    assert [
        file
        for file in files
        if not any(fnmatch(file, each) and file.count("/") == each.count("/") for each in patterns)
    ] == []
