"""Standing: which rows nothing will move any more, which are late, and which wait for somebody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from domain.attempt import State
from domain.due import Reason
from domain.facts import OPEN
from domain.ids import Kind, public
from domain.payment import FINAL
from domain.refund import PROMISED
from ops.harness.verdict.books import Books, Record
from ops.harness.verdict.findings import Finding, ParkedRow

#: What a person needs to settle a row that is parked for each reason.
SETTLED_BY: Final = {
    Reason.POISON: "find out in the log what kills its worker, then let it run again",
    Reason.UNRESOLVED: "the provider's statement, or its support: was it carried out?",
    Reason.AMOUNT_MISMATCH: "a review: adopt the money that moved, or give it back",
    Reason.LATE_SUCCESS: "the provider's statement: give the late money back",
    Reason.UNKNOWN_OBJECT: "whose object is it? Nothing of ours carries its name",
    Reason.UNREADABLE: "the provider's documentation: what does this webhook say?",
    Reason.OVERDRAWN: "an agreement with the merchant: more went back than was left",
    Reason.REFUND_FAILED: "another way to give the money back",
    Reason.CONTRADICTION: "the provider's statement: did the money move or not?",
}

Rows: TypeAlias = Iterable[tuple[Kind, str, Record]]


@dataclass(slots=True)
class Standing:
    """Where every row that is not over stands."""

    lost: list[Finding] = field(default_factory=list)
    stuck: list[Finding] = field(default_factory=list)
    waiting: list[Finding] = field(default_factory=list)
    parked: list[ParkedRow] = field(default_factory=list)


def standing(books: Books, accepted: Collection[str], seen: dict[str, str]) -> Standing:
    """Judge every row; `accepted` are public ids that a client was given with a 2xx, `seen` what
    the ledgers show of attempts in question, by reference."""
    found = Standing()
    found.lost += _missing(books, accepted)
    for kind, state, row in _rows(books):
        name = public(kind, row.id)
        if row.parked_at is not None:
            by = SETTLED_BY[Reason(row.parked_reason)]
            told = seen.get(row.id.hex, "")
            found.parked.append(ParkedRow(name, row.parked_reason, row.owner, by, told))
        elif not _is_open(kind, row):
            continue
        elif whom := _waits_for(books, kind, row):
            found.waiting.append(Finding(name, f"{state}, waits for {whom}"))
        elif _is_held_by_an_attempt(books, kind, row):
            continue  # the attempt is judged itself
        elif row.next_run_at is None and row.lease_until is None:
            found.lost.append(Finding(name, f"{state}, and nothing is due: it stays like that"))
        else:
            found.stuck.append(Finding(name, f"{state}, next run {row.next_run_at:%H:%M:%S}"))
    return found


def _missing(books: Books, accepted: Collection[str]) -> Iterator[Finding]:
    rows = {
        Kind.PAYMENT: books.payments,
        Kind.REFUND: books.refunds,
        Kind.PAYOUT: books.payouts,
    }
    there = {public(kind, id_) for kind, found in rows.items() for id_ in found}
    for id_ in sorted(set(accepted) - there):
        yield Finding(id_, "a client was told 202, and there is no such row")
    for row in books.unkept:
        yield Finding(row.resource_id.hex, f"promised under the key {row.key}, and not there")


def _rows(books: Books) -> Rows:
    for payment in books.payments.values():
        yield Kind.PAYMENT, payment.status, payment
    for attempt in books.attempts.values():
        yield Kind.ATTEMPT, f"{attempt.operation} {attempt.state}", attempt
    for refund in books.refunds.values():
        yield Kind.REFUND, refund.status, refund
    for payout in books.payouts.values():
        yield Kind.PAYOUT, payout.status, payout
    for webhook in books.webhooks:
        yield Kind.WEBHOOK, webhook.status, webhook
    for method in books.methods:
        yield Kind.PAYMENT_METHOD, "deleted", method


def _is_open(kind: Kind, row: Record) -> bool:
    match kind:
        case Kind.PAYMENT:
            return row.status not in FINAL
        case Kind.ATTEMPT:
            return State(row.state) in OPEN
        case Kind.REFUND | Kind.PAYOUT:
            return row.status in PROMISED
        case _:
            return True  # of webhooks and methods, only what is open was read


def _waits_for(books: Books, kind: Kind, row: Record) -> str | None:
    """Return who has to do something before it can go on, unless somebody has asked already."""
    if kind is Kind.ATTEMPT:
        payment = books.payments.get(row.payment_id)
        asks = row.state == State.REQUIRES_ACTION and payment is not None
        return _waits_for(books, Kind.PAYMENT, payment) if asks and payment else None
    if kind is not Kind.PAYMENT or row.next_run_at is None or row.cancel_requested_at is not None:
        return None
    match row.status:
        case "requires_action":
            return "its payer"
        case "in_review":
            return "a reviewer"
        case "authorized" if row.capture_amount is None and row.ending is None:
            return "its merchant"
        case "pending" if not row.confirmed:
            return "its merchant"
        case _:
            return None


def _is_held_by_an_attempt(books: Books, kind: Kind, row: Record) -> bool:
    """Whether one of its attempts is still open, and judged in its place."""
    if kind not in (Kind.PAYMENT, Kind.REFUND, Kind.PAYOUT):
        return False
    return any(
        State(attempt.state) in OPEN
        and (attempt.next_run_at is not None or attempt.parked_at is not None)
        for attempt in books.by_root.get(row.id, ())
    )
