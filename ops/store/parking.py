"""Parking: the rows that wait for a person, and how a person sets one going again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text

from domain.attempt import HARMLESS, Operation, State
from domain.due import Reason
from domain.errors import IllegalMove, NotFound
from domain.events import Actor, Entry, Event, Json, Told
from domain.ids import Kind, public
from domain.payment import FINAL, Mode, Status
from domain.payout import PayoutStatus
from domain.refund import PROMISED
from domain.settling import OTHERS, Word, possible
from ops.store.story import tell

#: Which table holds what kind of parked row.
TABLES: Final = {
    Kind.PAYMENT: "payments",
    Kind.ATTEMPT: "payment_attempts",
    Kind.WEBHOOK: "webhook_events",
    Kind.REFUND: "refunds",
    Kind.PAYOUT: "payouts",
    Kind.PAYMENT_METHOD: "payment_methods",
}
_STATE: Final = dict.fromkeys(TABLES, "status") | {
    Kind.ATTEMPT: "state",
    Kind.PAYMENT_METHOD: "'deleted'",
}
#: What a row is about, and the kind of that, where one is known.
_OPERATION: Final = dict.fromkeys(TABLES, "NULL") | {Kind.ATTEMPT: "operation"}
_ABOUT: Final = dict.fromkeys(TABLES, ("NULL::uuid", "NULL")) | {
    Kind.ATTEMPT: (
        "coalesce(payment_id, payout_id)",
        f"CASE WHEN payout_id IS NULL THEN '{Kind.PAYMENT}' ELSE '{Kind.PAYOUT}' END",
    ),
    Kind.WEBHOOK: ("attempt_id", f"'{Kind.ATTEMPT}'"),
    Kind.REFUND: ("payment_id", f"'{Kind.PAYMENT}'"),
    Kind.PAYMENT_METHOD: ("customer_id", f"'{Kind.CUSTOMER}'"),
}
_ROWS: Final = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, id, {_STATE[kind]} AS state, parked_reason AS reason, owner,"
    f" parked_at AS since, gateway_id AS gateway, {_ABOUT[kind][0]} AS about,"
    f" {_ABOUT[kind][1]} AS about_kind, {_OPERATION[kind]} AS operation"
    f" FROM {table} WHERE parked_at IS NOT NULL"
    for kind, table in TABLES.items()
)
_LIST = text(f"SELECT * FROM ({_ROWS}) parked ORDER BY since, id LIMIT :limit")
_COUNT = text(f"SELECT count(*) FROM ({_ROWS}) parked")

# Facts are applied under the lock of the payment, or of the payout: with it held, what is read here
# stays true. A payout is its own lock.
_LOCKS = {
    Kind.ATTEMPT: (
        text(
            "SELECT p.id FROM payments p JOIN payment_attempts a ON a.payment_id = p.id"
            " WHERE a.id = :id FOR UPDATE OF p"
        ),
        text(
            "SELECT p.id FROM payouts p JOIN payment_attempts a ON a.payout_id = p.id"
            " WHERE a.id = :id FOR UPDATE OF p"
        ),
    ),
    Kind.REFUND: (
        text(
            "SELECT p.id FROM payments p JOIN refunds r ON r.payment_id = p.id"
            " WHERE r.id = :id FOR UPDATE OF p"
        ),
    ),
}
_HELD = {
    kind: text(
        f"SELECT {_STATE[kind]} AS state, merchant_id, mode, parked_reason, request_id"
        f"  FROM {table} WHERE id = :id FOR UPDATE"
    )
    for kind, table in TABLES.items()
    if kind is not Kind.WEBHOOK
} | {
    Kind.WEBHOOK: text(
        "SELECT w.status AS state, NULL::uuid AS merchant_id, g.mode, w.parked_reason,"
        "       w.request_id FROM webhook_events w JOIN gateways g ON g.id = w.gateway_id"
        " WHERE w.id = :id FOR UPDATE OF w"
    ),
}
#: Whose rows count their versions.
_VERSIONED: Final = frozenset({Kind.PAYMENT, Kind.REFUND, Kind.PAYOUT})
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
        _UNPARK.format(table=table, more=", version = version + 1" if kind in _VERSIONED else "")
    )
    for kind, table in TABLES.items()
}

#: What is read no more is as good as processed; what its provider has forgotten is nobody's token.
_DISMISS = {
    Kind.WEBHOOK: text(
        "UPDATE webhook_events SET parked_at = NULL, parked_reason = NULL, owner = NULL,"
        " status = 'processed' WHERE id = :id"
    ),
    Kind.PAYMENT_METHOD: text(
        "UPDATE payment_methods SET parked_at = NULL, parked_reason = NULL, owner = NULL,"
        " token = NULL WHERE id = :id"
    ),
}

#: In these nothing that runs by itself can help: who decides is a person.
_DECIDED: Final = frozenset(
    {*HARMLESS, State.CAPTURED, State.SUCCEEDED, State.REVERSED, State.RETURNED}
)
#: An order that stopped for one of these may be sent once more; for any other, its attempt tells of
#: money that a person has to find first.
_RETRIABLE: Final = frozenset({Reason.POISON, Reason.UNRESOLVED, Reason.REFUND_FAILED})
_OPEN_ORDERS: Final = frozenset({*PROMISED, PayoutStatus.PENDING, PayoutStatus.PROCESSING})


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """One row that waits for a person."""

    kind: Kind
    id: UUID
    #: The row's status; an attempt's state.
    state: str
    reason: Reason
    owner: str
    since: datetime
    gateway: str | None
    #: The attempt's payment or payout, the webhook's attempt, the refund's payment, the method's
    #: customer.
    about: tuple[Kind, UUID] | None
    operation: Operation | None = None

    @property
    def words(self) -> tuple[Word, ...]:
        """What a person may say of it."""
        return possible(self.kind, self.state, self.operation)


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
            None if row.about is None else (Kind(row.about_kind), row.about),
            None if row.operation is None else Operation(row.operation),
        )
        for row in db.execute(_LIST, {"limit": limit})
    ]
    return found, int(db.execute(_COUNT).scalar_one())


def unpark(db: Connection, kind: Kind, id_: UUID, by: str) -> Reason:
    """Make a parked row due now, audited; returns why it was parked. Sends nothing itself.

    An attempt is looked up again, a webhook read again, a payment continues with its next command,
    a refund or payout is sent unless one of its attempts is open. Raises `NotFound`, and
    `IllegalMove` where it is not parked or running again could not help.
    """
    for lock in _LOCKS.get(kind, ()):
        db.execute(lock, {"id": id_})
    row = db.execute(_HELD[kind], {"id": id_}).one_or_none()
    if row is None:
        raise NotFound(kind.name.lower())
    _allow(kind, row)
    db.execute(_UNPARKS[kind], {"id": id_})
    _tell(db, kind, id_, row, "unparked", by, {"parked": None, "state": row.state})
    return Reason(row.parked_reason)


def dismiss(db: Connection, kind: Kind, id_: UUID, word: Word, evidence: str, by: str) -> Reason:
    """Settle a parked row that is about no money, audited; returns why it was parked.

    Raises `NotFound`, and `IllegalMove` where it is not parked or this cannot be said of it.
    """
    row = db.execute(_HELD[kind], {"id": id_}).one_or_none()
    if row is None:
        raise NotFound(kind.name.lower())
    if row.parked_reason is None:
        raise _not_parked()
    if word is not OTHERS[kind]:
        raise IllegalMove(f"only {OTHERS[kind]} can be said of it", fix=f"say {OTHERS[kind]}")
    db.execute(_DISMISS[kind], {"id": id_})
    _tell(db, kind, id_, row, "settled", by, {"as": word.value}, {"evidence": evidence})
    return Reason(row.parked_reason)


def _tell(
    db: Connection,
    kind: Kind,
    id_: UUID,
    row: Any,
    deed: str,
    by: str,
    said: Json,
    kept: Json | None = None,
) -> None:
    """`kept` stays with the audit; what is said, everybody may hear."""
    noun, name, mode = kind.name.lower(), public(kind, id_), Mode(row.mode)
    action, before, after = (
        f"{noun}.{deed}",
        {"parked": row.parked_reason},
        {**said, **(kept or {})},
    )
    ids = (row.merchant_id, mode)
    entry = Entry(Actor.OPERATOR, by, action, noun, name, *ids, before, after, row.request_id)
    tell(db, [Told(entry, Event(action, noun, name, said, *ids, row.request_id))])


def _not_parked() -> IllegalMove:
    return IllegalMove("it is not parked", fix="`paylink parked list` shows what is")


def _allow(kind: Kind, row: Any) -> None:
    if row.parked_reason is None:
        raise _not_parked()
    if kind is Kind.ATTEMPT and State(row.state) in _DECIDED:
        # A look-up would change nothing, and the row would leave the list with its money unsettled.
        raise IllegalMove(
            f"the attempt is {row.state}: its provider has said all there is to know",
            fix="find out with the provider, then `paylink parked settle`",
        )
    if kind in (Kind.REFUND, Kind.PAYOUT):
        _allow_order(kind, row)
    if kind is Kind.PAYMENT and Status(row.state) in FINAL | {Status.IN_REVIEW}:
        raise IllegalMove(
            f"the payment is {row.state}: nothing that runs by itself moves it on",
            fix="read `paylink payments show`, and decide by its facts",
        )


def _allow_order(kind: Kind, row: Any) -> None:
    """An order that has ended is no job any more: made due, it would only leave the list."""
    if row.state in _OPEN_ORDERS and Reason(row.parked_reason) in _RETRIABLE:
        return
    raise IllegalMove(
        f"the {kind.name.lower()} is {row.state}, parked for {row.parked_reason}: nothing that runs"
        " by itself may send it once more",
        fix="find out with the provider, then `paylink parked settle`",
    )
