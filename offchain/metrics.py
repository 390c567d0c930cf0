"""What a worker counts of itself, in Prometheus' form; served where somebody asks for it.

Money is in wei and in token units, as floats: for graphs and alarms, not for accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    start_http_server,
)

disable_created_metrics()  # type: ignore[no-untyped-call] # a series more for each counter, which says when its process began
REGISTRY: Final = CollectorRegistry()

STEPPED_AT: Final = Gauge(
    "pole_last_step_timestamp_seconds", "When a step last succeeded, in Unix time.", registry=REGISTRY
)
HEAD_AT: Final = Gauge(
    "pole_head_timestamp_seconds", "The timestamp of the newest block that was seen.", registry=REGISTRY
)
TASKS: Final = Gauge(
    "pole_tasks", "Tasks, of a provider epochs: open, failing, or finished.", ["state"], registry=REGISTRY
)
TRANSACTIONS: Final = Counter(
    "pole_transactions", "Transactions that were sent, replaced, or failed.", ["event"], registry=REGISTRY
)
FEES: Final = Counter("pole_fees_wei", "What transactions in blocks have cost.", registry=REGISTRY)
MISSED: Final = Counter("pole_deadlines_missed", "Deadlines of phases that were missed.", registry=REGISTRY)
MISSED_COST: Final = Counter(
    "pole_deadlines_missed_cost_token_units", "What that cost, chances left out.", registry=REGISTRY
)
JOBS: Final = Counter("pole_jobs", "Jobs that ended: trained, or failed.", ["outcome"], registry=REGISTRY)
TRAINING_SECONDS: Final = Counter("pole_training_seconds", "How long those jobs ran.", registry=REGISTRY)
ENDPOINT_FAILURES: Final = Counter(
    "pole_endpoint_failures", "Requests that an endpoint did not answer.", ["host"], registry=REGISTRY
)

for _event in ("sent", "replaced", "failed"):
    TRANSACTIONS.labels(_event)  # who watches for the first one needs a zero before it
for _outcome in ("trained", "failed"):
    JOBS.labels(_outcome)


@cache
def blocks_behind() -> Gauge:
    """Made where an index is followed, for elsewhere its zero would say that one is up to date."""
    return Gauge(
        "pole_index_blocks_behind", "Blocks of the chain that an index has not taken in.", registry=REGISTRY
    )


@contextmanager
def served(host: str, port: int) -> Iterator[None]:
    """Serve them by HTTP until the block ends; raises OSError where the address cannot be had."""
    server, thread = start_http_server(port, host, REGISTRY)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
