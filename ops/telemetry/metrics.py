"""Every metric of the system, in one place. Labels are closed sets: never an id, a path or a text.

`prometheus_client` decides while it is imported whether values live in memory or in files shared
by the processes of a program, so PROMETHEUS_MULTIPROC_DIR must be set before the program starts.
Gauges that state a fact (`mostrecent`) show what was written last, by whichever process; gauges
that belong to living processes begin with `live` and end with their process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from domain.due import Reason

#: Whether this process shares its values with others through files; fixed when it started.
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR" in os.environ
REGISTRY: Final = CollectorRegistry()

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: Ours answer in milliseconds; the long end is `?wait=`.
_HTTP_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
#: Providers answer in tenths of seconds, and never after their deadline of about 10 s.
_PROVIDER_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 5, 8, 10, 12, 20)
#: An actor does nothing in a millisecond, or everything in a provider's time.
_ACTOR_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
_BATCH: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"paylink_{name}", about, labels, registry=REGISTRY)


def _histogram(
    name: str, about: str, *labels: str, buckets: tuple[float, ...] = _HTTP_S
) -> Histogram:
    return Histogram(f"paylink_{name}", about, labels, registry=REGISTRY, buckets=buckets)


def _fact(name: str, about: str, *labels: str) -> Gauge:
    """A gauge of which the last word counts, whoever said it."""
    return Gauge(
        f"paylink_{name}", about, labels, registry=REGISTRY, multiprocess_mode="mostrecent"
    )


# The door.
HTTP_REQUESTS = _counter("http_requests_total", "Answered requests.", "method", "route", "status")
HTTP_SECONDS = _histogram(
    "http_request_seconds", "From first byte to answer.", "method", "route", "status"
)
PAYMENTS_ACCEPTED = _counter("payments_accepted_total", "Payments written down.", "mode")
PAYMENTS_REPLAYED = _counter("payments_replayed_total", "Answers repeated for a known key.", "mode")
OPERATIONS_ACCEPTED = _counter(
    "operations_accepted_total", "What was asked of payments, and written down.", "verb", "mode"
)
ALARMS = _counter("alarms_total", "What a person wants to hear of at once, by event.", "what")
INTAKE_BATCH = _histogram("intake_batch_size", "Requests that shared a commit.", buckets=_BATCH)
WEBHOOKS_RECEIVED = _counter(
    "webhooks_received_total",
    "Webhooks by gateway and result: accepted, duplicate, bad_signature, ...",
    "gateway",
    "result",
)

# The hands.
ACTOR_RUNS = _counter(
    "actor_runs_total", "Runs by result: ok, crashed, lease_lost.", "actor", "result"
)
ACTOR_SECONDS = _histogram("actor_seconds", "Time of one run.", "actor", buckets=_ACTOR_S)
ATTEMPTS = _counter(
    "attempts_total", "Attempts by what they came to.", "gateway", "operation", "outcome"
)
PROVIDER_SECONDS = _histogram(
    "provider_call_seconds", "Time of one call.", "gateway", "operation", buckets=_PROVIDER_S
)
BREAKER_STATE = _fact("breaker_state", "0 closed, 1 half-open, 2 open.", "gateway", "operation")
BREAKER_CHANGES = _counter(
    "breaker_changes_total", "Changes, by the new state.", "gateway", "operation", "to"
)
PAYMENTS_FINAL = _counter("payments_final_total", "Payments by final status.", "status")
FRAUD_DECISIONS = _counter("fraud_decisions_total", "Payments by fraud decision.", "decision")
FRAUD_DEGRADED = _counter("fraud_degraded_total", "Decisions made without velocity windows.")
WEBHOOKS_PROCESSED = _counter(
    "webhooks_processed_total", "Webhooks by what became of them.", "gateway", "result"
)

# The queue.
WAKES = _counter("wakes_total", "Wake-ups by result: sent, failed, away, full.", "queue", "result")
QUEUE_READY = _fact("queue_ready", "Messages that no worker has fetched.", "queue")
QUEUE_IN_PROGRESS = _fact("queue_in_progress", "Messages fetched, not yet done.", "queue")
QUEUE_OLDEST_SECONDS = _fact("queue_oldest_seconds", "Age of the next message.", "queue")

# The clock.
SWEEP_LAG_SECONDS = _fact("sweep_lag_seconds", "How overdue the most overdue row is.")
ROWS_SWEPT = _counter("rows_swept_total", "Due rows that the sweep found unattended.")
PARKED_ROWS = _fact("parked_rows", "Rows that wait for a person.", "reason")
OUTBOX_UNPUBLISHED = _fact("outbox_unpublished", "Events that are not published yet.")
PARTITION_DAYS_AHEAD = _fact("partition_days_ahead", "Days for which rows of history have a place.")
KEYS_FORGOTTEN = _counter("keys_forgotten_total", "Idempotency keys whose time was over.")
AUDIT_UNSEALED = _fact("audit_unsealed", "Audit entries that are not in the chain yet.")

# The ground.
VERIFIER = Gauge(
    "paylink_verifier",
    "1 for the signature verifier in use: native or python.",
    ("backend",),
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
LOG_LINES_LOST = _counter("log_lines_lost_total", "Log lines that could not be written.")


class QueueDepth(Protocol):
    """What is measured of a queue: `ops.queue.depths.Depth`."""

    @property
    def ready(self) -> int: ...
    @property
    def in_progress(self) -> int: ...
    @property
    def oldest_age_s(self) -> float: ...


def observe_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a request under its route's template; None for a path that is no route of ours."""
    method = method if method in METHODS else "OTHER"
    route = route or "unmatched"
    HTTP_REQUESTS.labels(method, route, status).inc()
    HTTP_SECONDS.labels(method, route, f"{status // 100}xx").observe(seconds)


def measured(
    *,
    depths: Mapping[str, QueueDepth],
    lag_s: float,
    parked: Mapping[str, int],
    unpublished: int,
    unsealed: int | None = None,
) -> None:
    """State the health of queues and books as the clock has just read it.

    A queue that is not in `depths` keeps its last value: its broker could not be asked.
    """
    for queue, depth in depths.items():
        QUEUE_READY.labels(queue).set(depth.ready)
        QUEUE_IN_PROGRESS.labels(queue).set(depth.in_progress)
        QUEUE_OLDEST_SECONDS.labels(queue).set(depth.oldest_age_s)
    SWEEP_LAG_SECONDS.set(lag_s)
    for reason in Reason:  # all of them: a reason that is gone must fall to 0
        PARKED_ROWS.labels(reason.value).set(parked.get(reason.value, 0))
    OUTBOX_UNPUBLISHED.set(unpublished)
    if unsealed is not None:
        AUDIT_UNSEALED.set(unsealed)
