"""Parking: the rows that wait for a person, and how a person sets one going again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text

from domain.attempt import HARMLESS, State
from domain.due import Reason
from domain.errors import IllegalMove, NotFound
from domain.events import Actor, Entry, Event, Told
from domain.ids import Kind, public
from domain.payment import FINAL, Mode, Status
from ops.store.story import tell

#: Which table holds what kind of parked row.
TABLES: Final = {
    Kind.PAYMENT: "payments",
    Kind.ATTEMPT: "payment_attempts",
    Kind.WEBHOOK: "webhook_events",
}

# `about` is the payment of an attempt, and the attempt of a webhook, where one is known.
_LIST = text(f"""
SELECT kind, id, state, reason, owner, since, gateway, about FROM (
    SELECT '{Kind.PAYMENT}' AS kind, id, status AS state, parked_reason AS reason, owner,
           parked_at AS since, gateway_id AS gateway, NULL::uuid AS about
      FROM payments WHERE parked_at IS NOT NULL
    UNION ALL
    SELECT '{Kind.ATTEMPT}', id, state, parked_reason, owner, parked_at, gateway_id, payment_id
      FROM payment_attempts WHERE parked_at IS NOT NULL
    UNION ALL
    SELECT '{Kind.WEBHOOK}', id, status, parked_reason, owner, parked_at, gateway_id, attempt_id
      FROM webhook_events WHERE parked_at IS NOT NULL
) parked ORDER BY since, id LIMIT :limit
""")
_COUNT = text("""
SELECT (SELECT count(*) FROM payments WHERE parked_at IS NOT NULL)
     + (SELECT count(*) FROM payment_attempts WHERE parked_at IS NOT NULL)
     + (SELECT count(*) FROM webhook_events WHERE parked_at IS NOT NULL)
""")

_PAYMENT_OF = text("SELECT payment_id FROM payment_attempts WHERE id = :id")
# Facts are applied under the payment's lock: with it held, what is read here stays true.
_LOCK = text("SELECT id FROM payments WHERE id = :id FOR UPDATE")
_HELD = {
    Kind.PAYMENT: text(
        "SELECT status AS state, merchant_id, mode, parked_reason, request_id"
        "  FROM payments WHERE id = :id FOR UPDATE"
    ),
    Kind.ATTEMPT: text(
        "SELECT state, merchant_id, mode, parked_reason, request_id"
        "  FROM payment_attempts WHERE id = :id FOR UPDATE"
    ),
    Kind.WEBHOOK: text(
        "SELECT w.status AS state, NULL::uuid AS merchant_id, g.mode, w.parked_reason,"
        "       w.request_id FROM webhook_events w JOIN gateways g ON g.id = w.gateway_id"
        " WHERE w.id = :id FOR UPDATE OF w"
    ),
}
# Due now and not announced: the next sweep wakes a worker, so nothing is sent from here.
_UNPARK = """
UPDATE {table}
   SET parked_at = NULL, parked_reason = NULL, owner = NULL, starts = 0, wakes = 0,
       next_run_at = clock_timestamp(), wake_at = clock_timestamp(),
       lease_until = NULL, lease_owner = NULL{more}
 WHERE id = :id
"""
_UNPARKS = {
    kind: text(
        _UNPARK.format(table=table, more=", version = version + 1" if kind is Kind.PAYMENT else "")
    )
    for kind, table in TABLES.items()
}

#: In these nothing that runs by itself can help: who decides is a person.
_DECIDED: Final = frozenset({*HARMLESS, State.CAPTURED})


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """One row that waits for a person."""

    kind: Kind
    id: UUID
    #: The payment's status, the attempt's state or the webhook's status.
    state: str
    reason: Reason
    owner: str
    since: datetime
    gateway: str | None
    #: The attempt's payment, the webhook's attempt.
    about: UUID | None


def list_parked(db: Connection, limit: int) -> tuple[Sequence[ParkedRow], int]:
    """Return the rows that wait longest, at most `limit`, and how many there are in all."""
    found = [
        ParkedRow(
            Kind(row.kind),
            row.id,
            row.state,
            Reason(row.reason),
            row.owner,
            row.since,
            row.gateway,
            row.about,
        )
        for row in db.execute(_LIST, {"limit": limit})
    ]
    return found, int(db.execute(_COUNT).scalar_one())


def unpark(db: Connection, kind: Kind, id_: UUID, by: str) -> Reason:
    """Make a parked row due now, audited; returns why it was parked. Sends nothing itself.

    An attempt is looked up again, a webhook read again, a payment continues with its next command.
    Raises `NotFound`, and `IllegalMove` where it is not parked or running again could not help.
    """
    if kind is Kind.ATTEMPT:
        payment_id = db.execute(_PAYMENT_OF, {"id": id_}).scalar_one_or_none()
        db.execute(_LOCK, {"id": payment_id})
    row = db.execute(_HELD[kind], {"id": id_}).one_or_none()
    if row is None:
        raise NotFound(kind.name.lower())
    _allow(kind, row)
    db.execute(_UNPARKS[kind], {"id": id_})
    reason = Reason(row.parked_reason)
    action, name = f"{kind.name.lower()}.unparked", public(kind, id_)
    before, after = {"parked": reason.value}, {"parked": None, "state": row.state}
    mode = Mode(row.mode)
    entity = kind.name.lower()
    entry = Entry(
        Actor.OPERATOR,
        by,
        action,
        entity,
        name,
        row.merchant_id,
        mode,
        before,
        after,
        row.request_id,
    )
    event = Event(action, entity, name, after, row.merchant_id, mode, row.request_id)
    tell(db, [Told(entry, event)])
    return reason


def _allow(kind: Kind, row: Any) -> None:
    if row.parked_reason is None:
        raise IllegalMove("it is not parked", fix="`paylink parked list` shows what is")
    if kind is Kind.ATTEMPT and State(row.state) in _DECIDED:
        # A look-up would change nothing, and the row would leave the list with its money unsettled.
        raise IllegalMove(
            f"the attempt is {row.state}: its provider has said all there is to know",
            fix="settle it with the provider by the facts of `paylink payments show`",
        )
    if kind is Kind.PAYMENT and Status(row.state) in FINAL | {Status.IN_REVIEW}:
        raise IllegalMove(
            f"the payment is {row.state}: nothing that runs by itself moves it on",
            fix="read `paylink payments show`, and decide by its facts",
        )
