"""Sums: the same money in our books and in the ledgers, to the unit, in both directions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.attempt import State
from domain.facts import OPEN
from domain.ids import Kind, public
from ops.harness.verdict.books import MOVED, Books, Record
from ops.harness.verdict.findings import Finding
from ops.harness.verdict.lines import Movement

#: At these a payout that arrived and came back between two looks shows only its end.
_SHOW_THE_END: Final = ("stripe", "midtrans")


def wrong_sums(
    books: Books, theirs: Counter[Movement], excused: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield every way in which our books and the ledgers disagree.

    `excused` are references about whose money nobody claims to know yet (see `in_question`).
    """
    theirs = Counter({one: n for one, n in theirs.items() if one.reference not in excused})
    ours = Counter({one: n for one, n in booked(books).items() if one.reference not in excused})
    heard = theirs - _unheard(theirs, ours)
    for one, n in sorted((heard - ours).items()):
        yield Finding(_attempt(one.reference), f"only in the ledger: {_words(one, n)}")
    for one, n in sorted((ours - heard).items()):
        yield Finding(_attempt(one.reference), f"only in our books: {_words(one, n)}")
    sums = _sums(books, heard, excused)
    yield from _wrong_payments(books, sums)
    yield from _wrong_orders(books, sums)
    yield from _unasked(books, heard)


def booked(books: Books) -> Counter[Movement]:
    """Return every movement in our books: transactions, and money that a person has to judge."""
    found = Counter(
        Movement(row.gateway_id, row.attempt_id.hex, MOVED[row.type], row.amount, row.currency)
        for row in books.transactions
    )
    found.update(
        Movement(one.gateway, one.reference.hex, one.kind, one.amount, one.currency)
        for one in books.disputed
    )
    return found


def in_question(books: Books) -> frozenset[str]:
    """Return the references of attempts that are parked because nobody knows what came of them.

    What a capture or a void came to shows under the reference of its charge.
    """
    found = set()
    for attempt in books.attempts.values():
        if attempt.parked_at is None or State(attempt.state) not in OPEN:
            continue
        found.add(attempt.id.hex)
        if attempt.operation in ("capture", "void") and (charge := books.charge_of(attempt)):
            found.add(charge.id.hex)
    return frozenset(found)


def _unheard(theirs: Counter[Movement], ours: Counter[Movement]) -> Counter[Movement]:
    """Return the payouts that arrived and came back between two looks, where only the end shows."""
    found: Counter[Movement] = Counter()
    for sent, n in theirs.items():
        if sent.kind != "paid_out" or not sent.gateway.startswith(_SHOW_THE_END):
            continue
        back = replace(sent, kind="payout_undone")
        if sent not in ours and back not in ours:
            found[sent] = found[back] = min(n, theirs[back])
    return found


def _sums(
    books: Books, theirs: Counter[Movement], excused: Collection[str]
) -> Mapping[UUID, Counter[str]]:
    """Return what the ledgers add up to for each payment, refund and payout, minor units."""
    open_questions = {one.reference.hex for one in books.disputed}
    net: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, n in theirs.items():
        if one.reference not in open_questions:
            net[one.reference][one.kind] += n * one.amount
    sums: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
    for attempt in books.attempts.values():
        mine = net[attempt.id.hex]
        back = mine["refunded"] - mine["refund_undone"]
        late = attempt.state == State.LATE_SUCCESS
        if attempt.refund_id is not None:
            sums[attempt.refund_id]["moved"] += back
            late = late or books.refunds[attempt.refund_id].kind == "late"
        if attempt.payout_id is not None:
            sums[attempt.payout_id]["moved"] += mine["paid_out"] - mine["payout_undone"]
        elif not late:
            of_payment = sums[attempt.payment_id]
            of_payment["captured"] += mine["taken"] - mine["forced_back"]
            of_payment["reversed"] += mine["charged_back"]
            of_payment["refunded"] += back
        if attempt.id.hex in excused:
            for root in (attempt.payment_id, attempt.refund_id, attempt.payout_id):
                if root is not None:
                    sums[root]["excused"] += 1
    return sums


def _wrong_payments(books: Books, sums: Mapping[UUID, Counter[str]]) -> Iterator[Finding]:
    for id_, payment in books.payments.items():
        theirs = sums.get(id_, Counter[str]())
        if theirs["excused"]:
            continue
        ours = {
            "captured": payment.amount_captured,
            "refunded": payment.amount_refunded,
            "reversed": payment.amount_reversed,
        }
        wrong = [
            f"{part} {n}, by the ledgers {theirs[part]}"
            for part, n in ours.items()
            if n != theirs[part]
        ]
        if theirs["refunded"] > theirs["captured"]:
            wrong.append(f"{theirs['refunded']} refunded of {theirs['captured']} captured")
        if wrong:
            name = public(Kind.PAYMENT, id_)
            yield Finding(name, f"{payment.status} in {payment.currency}: {'; '.join(wrong)}")


def _wrong_orders(books: Books, sums: Mapping[UUID, Counter[str]]) -> Iterator[Finding]:
    for kind, rows in ((Kind.REFUND, books.refunds), (Kind.PAYOUT, books.payouts)):
        for id_, row in rows.items():
            moved = sums.get(id_, Counter[str]())
            wanted = row.amount if row.status == "succeeded" else 0
            if moved["moved"] != wanted and not moved["excused"] and not _by_void(books, id_):
                words = (
                    f"{row.status}, {row.amount} {row.currency}, by the ledgers {moved['moved']}"
                )
                yield Finding(public(kind, id_), words)


def _by_void(books: Books, id_: UUID) -> bool:
    """Late money that was only held goes back by a void, which moves nothing."""
    return any(attempt.operation == "void" for attempt in books.by_root.get(id_, ()))


def _unasked(books: Books, theirs: Counter[Movement]) -> Iterator[Finding]:
    """Yield refunds that neither a merchant asked for nor a rule ordered."""
    for one in theirs:
        attempt = books.by_reference.get(one.reference)
        if one.kind == "refunded" and attempt is not None and attempt.refund_id is None:
            yield Finding(_attempt(one.reference), f"a refund without an order: {_words(one, 1)}")
    for id_, refund in books.refunds.items():
        if why := _unordered(refund, books.attempts.get(refund.charge_id)):
            yield Finding(public(Kind.REFUND, id_), why)


def _unordered(refund: Record, charge: Record | None) -> str | None:
    if charge is None:
        return "there is no such charge"
    if not refund.requested_by:
        return "nobody has asked for it"
    adopted = charge.state in (State.AUTHORIZED, State.CAPTURED, State.REVERSED)
    if refund.kind == "late" and adopted:
        return f"late money goes back although its charge is {charge.state}"
    return None


def _attempt(reference: str) -> str:
    return f"{Kind.ATTEMPT}_{reference}"


def _words(one: Movement, n: int) -> str:
    times = f"{n} x " if n > 1 else ""
    return f"{times}{one.amount} {one.currency} {one.kind} at {one.gateway}"
