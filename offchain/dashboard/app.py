"""The routes: each reads the index once and renders a page. Nothing here asks the chain, and nothing writes."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypeVar

import fastapi
from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from offchain.chain.deployment import Deployment
from offchain.dashboard import shown, views, words
from offchain.dashboard.guards import Guard
from offchain.dashboard.watching import Watcher
from offchain.index.errors import IndexFailure, IndexMissing
from offchain.index.queries import END, Index, reading
from offchain.index.rows import Entrant, IndexedPurchase

log = logging.getLogger(__name__)

CHART_EPOCHS = 200
ENDED_SHOWN = 8
TITLES = {
    HTTPStatus.NOT_FOUND: "Nothing is here",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Nothing is here",
    HTTPStatus.SERVICE_UNAVAILABLE: "Nothing can be shown now",
}
"""What pages without content are called; the others as HTTP calls them."""
MORE = views.PAGE_ROWS + 1  # whether there is another page

Cursor = Annotated[int, Query(ge=-END, le=END)]
Handler = TypeVar("Handler", bound=Callable[..., Response])
Number = Annotated[int, fastapi.Path(ge=1, le=END)]


@dataclass(frozen=True, slots=True)
class Source:
    """What the pages are made of.

    index : path of the index
    token : in which all money is
    names : which the server answers to besides addresses and localhost
    """

    index: Path
    deployment: Deployment
    token: shown.Token
    watcher: Watcher
    names: tuple[str, ...] = ()


def create_app(source: Source) -> ASGIApp:
    """The dashboard of one deployment."""
    # FastAPI's own pages of documentation load scripts from elsewhere.
    app = FastAPI(title="PoLeStar", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(packages=[("offchain.dashboard", "static")]))
    pages = Pages(source)
    for add in (_add_tasks, _add_ledger, _add_market, _add_accounts):
        add(app, source, pages)
    _add_errors(app, pages)
    return Guard(app, source.names)


class Pages:
    """Renders templates; all that they are given is escaped."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._templates = Environment(
            loader=PackageLoader("offchain.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        named = (shown.iso, shown.moment, shown.percent, shown.short, shown.span, shown.units)
        self._templates.filters |= {each.__name__: each for each in named}
        self._templates.filters |= {"tokens": source.token.shown, "exact_tokens": source.token.exact}
        self._templates.filters |= {
            "exact_units": lambda wad: f"{shown.exact(wad, shown.WAD_DECIMALS)} units"
        }
        self._templates.globals |= {"symbol": source.token.symbol, "chain_id": source.deployment.chain_id}
        self._templates.globals["KNOWN"] = words.known_accounts(source.deployment)
        self._templates.globals |= {name: getattr(words, name) for name in ("ENTRIES", "PURCHASES", "MONEY")}

    def page(self, request: Request, index: Index, template: str, **told: Any) -> Response:
        """A page of what was read from an index, which renews itself."""
        status = index.status()
        watcher = self._source.watcher
        notice = views.notice(status, watcher.contact, time.monotonic())
        clock = watcher.clock(status) if status else 0
        told |= {"status": status, "notice": notice, "clock": clock, "is_live": True}
        return self._render(request, template, HTTPStatus.OK, told)

    def error(
        self, request: Request, status: HTTPStatus, reason: str, *, title: str = "", is_live: bool = False
    ) -> Response:
        """A page that says why there is none; `is_live` where there may be one soon."""
        about = {"status": None, "notice": None, "clock": 0, "is_live": is_live}
        told = {
            **about,
            "code": status.value,
            "title": title or TITLES.get(status, status.phrase),
            "reason": reason,
        }
        return self._render(request, "error.html", status, told)

    def _render(self, request: Request, template: str, status: HTTPStatus, told: dict[str, Any]) -> Response:
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        html = self._templates.get_template(template).render(**told, path=request.url.path, address=address)
        return HTMLResponse(html, status)


def _get(app: FastAPI, path: str) -> Callable[[Handler], Handler]:
    """Add a route that only reads."""
    return app.api_route(path, methods=["GET", "HEAD"], response_model=None)


def _add_tasks(app: FastAPI, source: Source, pages: Pages) -> None:
    """Add the overview, the list of tasks and a task."""

    @_get(app, "/")
    def overview(request: Request, before: Cursor = END) -> Response:
        with reading(source.index) as index:
            now = _now(index)
            opened = views.page(index.open_tasks(before, MORE), lambda each: f"before={each.task.task_id}")
            return pages.page(
                request,
                index,
                "overview.html",
                tasks=_each(opened, lambda each: views.task_row(each, now)),
                ended=views.ended(index.newest_tasks(limit=MORE), now, ENDED_SHOWN),
                epochs=views.page(index.current_epochs(now, MORE), lambda _: "more"),
                totals=index.totals(),
                first_invalid=index.first_invalid_block(),
                tip=[views.link(each) for each in index.newest_learning_blocks(limit=1)],
            )

    @_get(app, "/tasks")
    def tasks(request: Request, before: Cursor = END) -> Response:
        with reading(source.index) as index:
            now = _now(index)
            found = views.page(index.newest_tasks(before, MORE), lambda each: f"before={each.task.task_id}")
            rows = _each(found, lambda each: views.task_row(each, now))
            return pages.page(request, index, "tasks.html", tasks=rows, totals=index.totals())

    @_get(app, "/tasks/{task_id}")
    def task(
        request: Request,
        task_id: Number,
        below: Cursor = END,
        place: Cursor = 0,
        entrant: Cursor = 0,
        payout: Cursor = -1,
        moment: Cursor = -1,
    ) -> Response:
        with reading(source.index) as index:
            found = index.task(task_id)
            if found is None:
                raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no task {task_id}.")
            now = _now(index)
            board = views.page(index.leaderboard(task_id, (below, place), MORE), _rank_query)
            entrants = views.page(index.entrants(task_id, entrant, MORE), lambda e: f"entrant={e.order}")
            moments = views.page(index.timeline(task_id, moment, MORE), lambda e: f"moment={e.at}")
            metric = found.task.metric
            return pages.page(
                request,
                index,
                "task.html",
                row=views.task_row(found, now),
                least_score=shown.score(found.task.min_score_wad, metric),
                steps=views.steps(found.phase(now)),
                board=_each(board, lambda each: views.ranked(each, found)),
                entrants=entrants,
                payouts=views.page(index.payouts(task_id, payout, MORE), lambda e: f"payout={e.at}"),
                moments=_each(moments, lambda each: views.happening(each, metric)),
            )


def _add_ledger(app: FastAPI, source: Source, pages: Pages) -> None:
    """Add the learning ledger."""

    @_get(app, "/ledger")
    def ledger(request: Request, before: Cursor = END) -> Response:
        with reading(source.index) as index:
            found = views.page(
                index.newest_learning_blocks(before, MORE), lambda each: f"before={each.block.header.index}"
            )
            return pages.page(
                request,
                index,
                "ledger.html",
                blocks=_each(found, views.link),
                totals=index.totals(),
                first_invalid=index.first_invalid_block(),
            )


def _add_market(app: FastAPI, source: Source, pages: Pages) -> None:
    """Add the market and an epoch."""

    @_get(app, "/market")
    def market(request: Request, before: Cursor = END) -> Response:
        with reading(source.index) as index:
            now = _now(index)
            found = views.page(index.newest_epochs(before, MORE), lambda e: f"before={e.epoch.epoch_id}")
            token = source.token
            return pages.page(
                request,
                index,
                "market.html",
                current=[views.epoch_row(each, now) for each in index.current_epochs(now, views.PAGE_ROWS)],
                charts=views.charts(index.market_history(CHART_EPOCHS), token.symbol, token.decimals),
                epochs=_each(found, lambda each: views.epoch_row(each, now)),
                totals=index.totals(),
            )

    @_get(app, "/epochs/{epoch_id}")
    def epoch(
        request: Request,
        epoch_id: Number,
        declared: Cursor = -1,
        purchase: Cursor = 0,
        moment: Cursor = -1,
    ) -> Response:
        with reading(source.index) as index:
            found = index.epoch(epoch_id)
            if found is None:
                raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no epoch {epoch_id}.")
            declarations = index.declarations(epoch_id, declared, MORE)
            moments = views.page(index.epoch_timeline(epoch_id, moment, MORE), lambda e: f"moment={e.at}")
            bought = index.purchases(epoch_id, purchase, MORE)
            return pages.page(
                request,
                index,
                "epoch.html",
                row=views.epoch_row(found, _now(index)),
                declarations=views.page(declarations, lambda e: f"declared={e.declaration.index}"),
                purchases=views.page(bought, lambda e: f"purchase={e.purchase.purchase_id}"),
                moments=_each(moments, views.happening),
            )


def _add_accounts(app: FastAPI, source: Source, pages: Pages) -> None:
    """Add an account, and what finds one or a task."""

    @_get(app, "/accounts/{text}")
    def account(
        request: Request,
        text: str,
        posted: Cursor = END,
        entered: Cursor = END,
        won: Cursor = END,
        opened: Cursor = END,
        payment: Cursor = END,
        epoch: Cursor = END,
        purchase: Cursor = 0,
    ) -> Response:
        who = _account(text)
        with reading(source.index) as index:
            now = _now(index)
            tasks = views.page(index.tasks_of(who, posted, MORE), lambda e: f"posted={e.task.task_id}")
            blocks = index.blocks_of(who, won, MORE)
            epochs = views.page(index.epochs_of(who, opened, MORE), lambda e: f"opened={e.epoch.epoch_id}")
            bought = index.purchases_of(who, (epoch, purchase), MORE)
            return pages.page(
                request,
                index,
                "account.html",
                account=who,
                holdings=views.holdings(index.stakes(who)),
                tasks=_each(tasks, lambda each: views.task_row(each, now)),
                entries=views.page(index.entries_of(who, entered, MORE), lambda e: f"entered={e.task_id}"),
                blocks=_each(
                    views.page(blocks, lambda e: f"won={e.block.header.index}"),
                    views.link,
                ),
                epochs=_each(epochs, lambda each: views.epoch_row(each, now)),
                purchases=views.page(bought, _purchase_query),
                payments=views.page(index.payments(who, payment, MORE), lambda e: f"payment={e.at}"),
            )

    @_get(app, "/search")
    def search(request: Request, q: Annotated[str, Query(max_length=100)] = "") -> Response:
        wanted = q.strip().lstrip("#")
        kind = "tasks" if re.fullmatch(r"[0-9]{1,18}", wanted) else "accounts"
        try:
            place = wanted if kind == "tasks" else _account(wanted)
        except HTTPException as error:
            title = f"Nothing is called “{wanted}”"
            reason = f"Accounts are found by their address, tasks by their number. {error.detail}"
            return pages.error(request, HTTPStatus.NOT_FOUND, reason, title=title)
        return RedirectResponse(f"/{kind}/{place}", HTTPStatus.SEE_OTHER)


def _add_errors(app: FastAPI, pages: Pages) -> None:
    """Have what goes wrong be told on a page."""

    @app.exception_handler(StarletteHTTPException)
    def refused(request: Request, error: StarletteHTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        reason = error.detail if error.detail != status.phrase else status.description
        answer = pages.error(request, status, reason)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        names = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
        reason = f"A value in the address of this page is none that it takes: {names}."
        return pages.error(request, HTTPStatus.UNPROCESSABLE_ENTITY, reason)

    @app.exception_handler(IndexMissing)
    def not_yet(request: Request, error: IndexMissing) -> Response:
        reason = "The chain is being read for the first time. This page comes by itself."
        return pages.error(request, HTTPStatus.SERVICE_UNAVAILABLE, reason, is_live=True)

    @app.exception_handler(IndexFailure)
    def unusable(request: Request, error: IndexFailure) -> Response:
        log.error("%s", error)
        reason = "The index cannot be read. The log of this server says why."
        return pages.error(request, HTTPStatus.SERVICE_UNAVAILABLE, reason, is_live=True)


def _now(index: Index) -> int:
    """The timestamp of the newest block that is indexed, by which phases are told."""
    status = index.status()
    return status.timestamp if status else 0


def _account(text: str) -> str:
    """An address as it is indexed; 422 where it is none."""
    has_one_case = text[2:] in (text[2:].lower(), text[2:].upper())
    if not (text.startswith("0x") and is_hex_address(text) and (has_one_case or is_checksum_address(text))):
        reason = "That is no address: one is 0x and 40 hexadecimal digits, and where some are capitals, they must fit."
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, reason)
    return to_checksum_address(text)


def _each(found: views.Page[Any], make: Callable[[Any], Any]) -> views.Page[Any]:
    """A page of what is made of each of its rows."""
    return views.Page(tuple(map(make, found.rows)), found.more)


def _rank_query(found: Entrant) -> str:
    return f"below={found.score_wad}&place={found.order}"


def _purchase_query(found: IndexedPurchase) -> str:
    return f"epoch={found.purchase.epoch_id}&purchase={found.purchase.purchase_id}"
