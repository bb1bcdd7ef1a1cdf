"""Telling: what the world hears of moves that have just become true. None of it may stop a payment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from domain.books import Store
from domain.breaker import Change, State
from domain.events import Actor, Entry, Event, Told
from domain.payment import FINAL, Status
from ops.channels import MOVED
from ops.telemetry import metrics

_log = structlog.get_logger("worker")

#: How a breaker's state is drawn: 0 closed, 1 half-open, 2 open.
LEVELS = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
#: What a person wants to hear of at once, although it settles itself or is parked already.
ALARMS = frozenset(
    {
        "attempt.late_success",  # money came too late: it is being given back
        "attempt.reversed",  # a chargeback
        "attempt.returned",  # a refund or payout came back
        "payment.parked",
        "refund.parked",
        "payout.parked",
    }
)
#: What nobody waits for: the payment is as unsettled as before, and calling costs every door time.
UNAWAITED = frozenset({"payment.screened", f"payment.{Status.PROCESSING}"})
_FINAL_EVENTS = {f"payment.{status}": status.value for status in FINAL}


def call_readers(client: redis.Redis) -> Callable[[Sequence[Told]], None]:
    """Return what hears of each commit: it counts the moves and wakes waiting readers."""

    def committed(told: Sequence[Told]) -> None:
        moved = {
            one.event.aggregate_id
            for one in told
            if one.event.aggregate == "payment" and one.event.type not in UNAWAITED
        }
        for one in told:
            _counted(one.event)
        try:
            for payment_id in moved:
                client.publish(MOVED, payment_id.removeprefix("pay_"))
        except RedisError:
            _log.debug("readers not called, they look by themselves", payments=len(moved))

    return committed


def _counted(event: Event) -> None:
    if status := _FINAL_EVENTS.get(event.type):
        metrics.PAYMENTS_FINAL.labels(status).inc()
    elif event.type in ALARMS:
        metrics.ALARMS.labels(event.type).inc()
        _log.error("alarm", what=event.type, id=event.aggregate_id)
    elif event.type == "payment.screened":
        metrics.FRAUD_DECISIONS.labels(str(event.payload["decision"])).inc()
    elif event.aggregate == "webhook":
        gateway, result = str(event.payload["gateway"]), event.type.removeprefix("webhook.")
        metrics.WEBHOOKS_PROCESSED.labels(gateway, result).inc()


def tell_breaker(store: Store) -> Callable[[str, str, Change], None]:
    """Return what hears of each breaker change: a metric, an event and an audit entry."""

    def changed(gateway_id: str, operation: str, change: Change) -> None:
        metrics.BREAKER_STATE.labels(gateway_id, operation).set(LEVELS[change.to_state])
        metrics.BREAKER_CHANGES.labels(gateway_id, operation, change.to_state.value).inc()
        said = {
            "operation": operation,
            "from": change.from_state.value,
            "to": change.to_state.value,
            "reason": change.reason.value,
        }
        _log.warning("breaker changed", gateway=gateway_id, **said)
        action = f"gateway.breaker_{change.to_state.value}"
        entry = Entry(Actor.WORKER, "circuit", action, "gateway", gateway_id, after=said)
        try:
            with store.begin() as work:
                work.tell(Told(entry, Event(action, "gateway", gateway_id, said)))
        except SQLAlchemyError as error:  # it runs around a provider call, which must go on
            _log.error("breaker change not audited", error=type(error).__name__)

    return changed


def consume(event: Mapping[str, Any]) -> None:
    """Drain the outbox into the log until merchants' webhooks and other systems listen."""
    _log.info(
        "event",
        type=event["type"],
        event_id=event["id"],
        aggregate_id=event["aggregate_id"],
        request_id=event["request_id"],
    )
