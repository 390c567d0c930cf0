"""The dashboard in a browser: it shows what the chain has, by itself, to everybody, and asks nobody else."""

import json
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from offchain.chain.compiler import Artifact
from offchain.dashboard.shown import short, span
from offchain.index.queries import reading
from offchain.index.store import index_path
from tests.attacks.lying_proxy import raw
from tests.browser import chromium
from tests.dashboards import HAND_MADE, OPEN, SETTLED, SOLD, Stage, dashboard, pole, staged, until
from tests.world import UNIT, toy_rows

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WAIT = 60_000.0  # milliseconds, on a busy machine

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SPILT = """
[...document.querySelectorAll(
  ".top, .figures > div, .facts, .facts > div, .chain li, .steps li, .timeline li, figure, .empty, .scroll, footer"
)].flatMap((card) => [...card.querySelectorAll("*")].filter((each) => {
  const inner = each.getBoundingClientRect(), outer = card.getBoundingClientRect();
  const isSeen = inner.width > 1 && !each.closest(".scroll, .unseen, .chart");
  return isSeen && (inner.right > outer.right + 0.5 || inner.left < outer.left - 0.5);
}).map((each) => `${card.className}: ${each.textContent.trim()}`))
"""
"""What lies beyond the sides of the card that it is in; a table may, for it can be scrolled, and shows that."""

Opened = Callable[..., Page]

expect.set_options(timeout=WAIT)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def stage(
    browser: Browser, artifacts: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with staged(artifacts, tmp_path_factory.mktemp("stage")) as found:
        yield found


@pytest.fixture
def said() -> list[str]:
    """What the pages of a test wrote into the console, by kind."""
    return []


@pytest.fixture
def opened(browser: Browser, stage: Stage, said: list[str]) -> Iterator[Opened]:
    """What opens a page, with the options of a browser's context; whatever it asks has to be asked of loopback."""
    contexts: list[BrowserContext] = []
    hosts: set[str | None] = set()

    def open_page(path: str, **options: object) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **options})  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.goto(stage.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert hosts == {"127.0.0.1"}


@pytest.fixture
def quiet(said: list[str]) -> Iterator[None]:
    """Nothing is to be written into the console."""
    yield
    assert said == []


def places(stage: Stage) -> dict[str, str]:
    """A page of each kind."""
    return {
        "overview": "/",
        "tasks": "/tasks",
        "a settled task": f"/tasks/{SETTLED}",
        "an open task": f"/tasks/{OPEN}",
        "ledger": "/ledger",
        "market": "/market",
        "an epoch": f"/epochs/{SOLD}",
        "an account": f"/accounts/{stage.consumer.address}",
        "an account of the market": f"/accounts/{stage.provider.address}",
    }


def texts(page: Page, selector: str) -> list[str]:
    """What some elements say."""
    return [" ".join(text.split()) for text in page.locator(selector).all_inner_texts()]


def facts(page: Page) -> dict[str, str]:
    """What a list of facts says."""
    return dict(zip(texts(page, ".facts dt"), texts(page, ".facts dd"), strict=True))


# What the chain has


@pytest.mark.usefixtures("quiet")
def test_a_task_shows_its_leaderboard_payouts_and_timeline(stage: Stage, opened: Opened) -> None:
    page = opened(f"/tasks/{SETTLED}")
    first, second = stage.world.data_node.proof.revealed_models(SETTLED)

    assert texts(page, "h1") == [f"Task {SETTLED} Settled"]
    assert texts(page, "#board tbody th") == [short(first.miner), short(second.miner)]
    hundredths = [each.score_wad // 10**14 for each in (first, second)]  # of a percent, rounded down
    assert texts(page, "#board td:nth-child(2)") == [f"{Decimal(each) / 100:f}%" for each in hundredths]
    assert texts(page, "#board td:nth-child(4)") == ["100 POLE", "none"]
    assert facts(page)["Models"] == "2 committed, 2 revealed"
    # Each miner gets its bond of 5, the data node its bond of 30, and the winner the reward of 100.
    assert sorted(texts(page, "#payouts td:nth-child(3)")) == ["100 POLE", "30 POLE", "5 POLE", "5 POLE"]
    assert texts(page, "#payouts tbody tr:last-child th") == [short(first.miner)]
    words = [text.split(" ", 2)[2] for text in texts(page, "#timeline li")]
    assert words[0] == f"Task posted {short(stage.world.data_node.address)}"
    assert words[-1] == f"Task settled {short(first.miner)}"
    assert page.locator(f'#board a[title="{first.miner}"]').count() == 1


@pytest.mark.usefixtures("quiet")
def test_the_ledger_is_the_contracts(stage: Stage, opened: Opened) -> None:
    page = opened("/ledger")
    blocks = stage.world.data_node.ledger.blocks()

    assert texts(page, "h1 .pill") == ["Valid"]
    assert texts(page, "#chain h2") == ["Block 1 Valid", "Genesis Valid"]
    hashes = [code.get_attribute("title") for code in page.locator("#chain code").all()]
    assert hashes == [
        "0x" + each.hex() for each in (blocks[1].hash, blocks[1].header.previous_hash, blocks[0].hash)
    ]


@pytest.mark.usefixtures("quiet")
def test_the_market_shows_price_capacity_utilisation_and_profit(stage: Stage, opened: Opened) -> None:
    """The first epoch sold 2.5 of 10 units at 2, at a cost of 1 each; the second is that of the workers."""
    page = opened("/market")
    sold = stage.world.data_node.market.epoch(SOLD)

    assert texts(page, f"#epochs-{HAND_MADE} .number") == ["2 POLE", "2.5 of 10", "25%", "2.5 POLE"]
    assert page.locator(f"#epochs-{SOLD} td:nth-child(4) .amount").get_attribute("title") == (
        f"{Decimal(sold.price) / UNIT:f} POLE"
    )
    assert page.locator(".chart canvas").count() == 4
    prices = page.eval_on_selector("#chart-1", "each => JSON.parse(each.dataset.values)[1]")
    assert prices == [2.0, float(Decimal(sold.price) / UNIT)]
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(each => each)"
    assert all(page.eval_on_selector(f"#chart-{place} canvas", drawn) for place in range(1, 5))


@pytest.mark.usefixtures("quiet")
def test_an_epoch_shows_what_was_bought(stage: Stage, opened: Opened) -> None:
    page = opened(f"/epochs/{SOLD}")
    (purchase,) = stage.world.data_node.market.purchases(SOLD)

    assert texts(page, "#purchases tbody tr > :nth-child(2)") == [short(stage.consumer.address)]
    assert page.locator("#purchases td:nth-child(3) .amount").get_attribute("title") == (
        f"{Decimal(purchase.units) / UNIT:f} units"
    )
    assert texts(page, "#purchases .pill") == ["Paid"]


@pytest.mark.usefixtures("quiet")
def test_an_account_shows_its_money_bonds_and_purchases(stage: Stage, opened: Opened) -> None:
    """The hand-made epoch's third consumer got its lock back: of its 1,000 it has spent on the second epoch alone."""
    page = opened(f"/accounts/{stage.consumer.address}")
    balance = stage.consumer.balance()

    shown = page.locator(".figures .amount").first.get_attribute("title")
    assert shown == f"{Decimal(balance) / UNIT:,f} POLE"
    assert texts(page, "#purchases tbody td:nth-child(2)") == [f"Epoch {SOLD}"]
    assert texts(page, "h1 + .lead") == [stage.consumer.address]


# Live


@pytest.mark.usefixtures("quiet")
def test_a_new_task_appears_without_a_reload(stage: Stage, opened: Opened) -> None:
    page = opened("/")
    page.evaluate("window.loaded = 1")
    page.locator(f"#open-{OPEN} th a").focus()

    task_id = stage.world.data_node.registry.post(stage.world.spec(toy_rows()))

    expect(page.locator(f"#open-{task_id} .pill")).to_have_text("Draw")
    assert page.evaluate("window.loaded") == 1
    assert page.evaluate("document.activeElement.textContent") == f"Task {OPEN}"


@pytest.mark.usefixtures("quiet")
def test_a_countdown_goes_on_in_the_words_of_the_server(opened: Opened) -> None:
    page = opened(f"/tasks/{OPEN}")
    page.click("#pause")

    clock = int(page.locator("#live").get_attribute("data-clock") or 0)
    seen: list[str] = []
    for seconds in (90_000, 4_000, 200, 40):
        page.eval_on_selector(".left", f"left => left.dataset.ends = {clock + seconds}")
        before = page.locator(".left").inner_text()
        expect(page.locator(".left")).not_to_have_text(before)
        seen.append(page.locator(".left").inner_text())

    for seconds, words in zip((90_000, 4_000, 200, 40), seen, strict=True):
        assert words in {span(seconds - passed) for passed in range(300)}


@pytest.mark.usefixtures("quiet")
def test_a_page_that_is_paused_stays_as_it_is(opened: Opened) -> None:
    page = opened("/")
    asked: list[str] = []
    with page.expect_request("**/*"):  # it does renew itself
        pass

    page.click("#pause")
    page.wait_for_timeout(2500)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5000)

    assert page.locator("#pause").get_attribute("aria-pressed") == "true"
    assert asked == []


@pytest.mark.usefixtures("quiet")
def test_a_node_that_is_away_is_told_and_forgotten_when_it_is_back(stage: Stage, opened: Opened) -> None:
    page = opened("/ledger")
    expect(page.locator("#notice .notice")).to_have_count(0)

    with stage.proxy.lying("*", raw(b"")):
        expect(page.locator("#notice .alarm")).to_contain_text("This is block")
        assert texts(page, "#chain h2")[-1] == "Genesis Valid"

    expect(page.locator("#notice .notice")).to_have_count(0)


def test_a_dashboard_that_is_away_is_told(opened: Opened) -> None:
    page = opened("/")
    expect(page.locator("#lost")).to_be_hidden()

    page.context.set_offline(True)
    expect(page.locator("#lost")).to_be_visible()
    page.context.set_offline(False)

    expect(page.locator("#lost")).to_be_hidden()


# For everybody


@pytest.mark.usefixtures("quiet")
def test_the_keyboard_is_enough(opened: Opened) -> None:
    page = opened("/")
    focused = "document.activeElement.textContent.trim()"

    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to the content"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(100):
        if page.evaluate(focused) == f"Task {SETTLED}":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_contain_text(f"Task {SETTLED}")


@pytest.mark.usefixtures("quiet")
def test_an_account_is_found_by_its_address(stage: Stage, opened: Opened) -> None:
    page = opened("/")

    page.get_by_label("Account or number of a task").fill(stage.consumer.address.lower())
    page.keyboard.press("Enter")

    expect(page.locator("h1 + .lead")).to_have_text(stage.consumer.address)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("width", [320, 375, PHONE["width"]])
def test_no_page_is_wider_than_a_phone_and_nothing_spills_out_of_its_card(
    stage: Stage, opened: Opened, width: int
) -> None:
    page = opened("/", viewport={**PHONE, "width": width}, is_mobile=True, has_touch=True)

    found = {}
    for name, place in places(stage).items():
        page.goto(stage.url + place)
        found[name] = (page.evaluate(WIDER), page.evaluate(SPILT))

    assert {name: each for name, each in found.items() if each != (0, [])} == {}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_finds_no_barrier(stage: Stage, opened: Opened, scheme: str) -> None:
    page = opened("/", color_scheme=scheme)

    found = {}
    for name, place in places(stage).items():
        page.goto(stage.url + place)
        page.evaluate(AXE.read_text())
        violations = page.evaluate("axe.run().then((told) => told.violations)")
        found[name] = [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations]

    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.usefixtures("quiet")
def test_colours_and_motion_are_those_that_are_preferred(opened: Opened) -> None:
    shade = "Number(getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0])"
    motion = "getComputedStyle(document.querySelector('nav a')).transitionDuration"

    light, dark = opened("/", color_scheme="light"), opened("/", color_scheme="dark", reduced_motion="reduce")

    assert light.evaluate(shade) > 200 > 60 > dark.evaluate(shade)
    assert (light.evaluate(motion) != "0s", dark.evaluate(motion)) == (True, "0s")


def test_a_page_that_is_not_there_is_told(opened: Opened) -> None:
    page = opened("/tasks/999")

    assert texts(page, "h1") == ["Nothing is here"]
    assert texts(page, ".lead") == ["There is no task 999."]


# The process


def test_a_dashboard_reads_the_index_that_another_process_writes(stage: Stage, tmp_path: Path) -> None:
    environment = {**stage.environment, "POLE_HOME": str(tmp_path)}
    path = index_path(tmp_path, stage.world.connection.deployment)
    with pole(environment, "index") as index:
        until(path.is_file, index)
        with dashboard(environment) as (process, url):
            until(lambda: f"Task {SETTLED}" in requests.get(url + "/tasks").text, process)
            with reading(path) as found:
                assert found.task(SETTLED) is not None
        assert index.poll() is None


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_dashboard_stops_when_it_is_told_to(stage: Stage, tmp_path: Path, number: int, status: int) -> None:
    environment = {**stage.environment, "POLE_HOME": str(tmp_path)}
    with dashboard(environment, "--log-format", "json") as (process, url):
        until(lambda: requests.get(url).status_code == 200, process)

        process.send_signal(number)
        said, _ = process.communicate(timeout=60)

    assert process.returncode == status
    assert "Traceback" not in said
    assert "stopped by" in json.loads(said.splitlines()[-1])["event"]


def test_a_port_that_is_taken_is_told_in_one_line(stage: Stage) -> None:
    port = str(urlsplit(stage.url).port)

    with pole(stage.environment, "dashboard", "--port", port) as process:
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in said and "--port" in said
    assert said.count("\n") == 1
