"""Doubles: one payment charged twice, one order paid twice, one movement written down twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID

from domain.attempt import State
from domain.ids import Kind, public
from ops.harness.verdict.books import Books, Record
from ops.harness.verdict.findings import Finding
from ops.harness.verdict.lines import Movement

#: These happen at most once under one reference, whatever their amounts.
ONCE: Final = frozenset({"taken", "held", "released", "refunded", "paid_out"})

Net = Mapping[str, Counter[str]]


def doubled(books: Books, theirs: Counter[Movement]) -> Iterator[Finding]:
    """Yield whatever moved more often, or came to more, than was agreed to."""
    yield from repeated(theirs)
    net = _net(theirs)
    returned = _returned(books, net)
    for id_, payment in books.payments.items():
        yield from _charged_twice(books, id_, payment, net, returned)
    for kind, rows in ((Kind.REFUND, books.refunds), (Kind.PAYOUT, books.payouts)):
        for id_ in rows:
            paid = [a for a in books.by_root.get(id_, ()) if _sent(net[a.id.hex]) > 0]
            if len(paid) > 1:
                yield Finding(public(kind, id_), f"paid {len(paid)} times: {_where(paid)}")


def repeated(theirs: Counter[Movement]) -> Iterator[Finding]:
    """Yield the movements that happened more than once under one reference."""
    times: Counter[tuple[str, str, str]] = Counter()
    for one, n in theirs.items():
        if one.kind in ONCE:
            times[one.gateway, one.reference, one.kind] += n
    for (gateway, reference, kind), n in sorted(times.items()):
        if n > 1:
            yield Finding(f"{Kind.ATTEMPT}_{reference}", f"{kind} {n} times at {gateway}")


def given_back(books: Books, theirs: Counter[Movement]) -> Iterator[Finding]:
    """Yield the charges whose money came too late and went back in full."""
    net = _net(theirs)
    returned = _returned(books, net)
    for attempt in books.attempts.values():
        mine = net[attempt.id.hex]["taken"]
        if attempt.state == State.LATE_SUCCESS and 0 < mine <= returned[attempt.id]:
            payment = public(Kind.PAYMENT, attempt.payment_id)
            words = f"{mine} {attempt.currency} at {attempt.gateway_id} came too late and went back"
            yield Finding(payment, words)


def _charged_twice(
    books: Books, id_: UUID, payment: Record, net: Net, returned: Mapping[UUID, int]
) -> Iterator[Finding]:
    charges = [a for a in books.by_root.get(id_, ()) if a.operation == "charge"]
    kept = {
        attempt.id: net[attempt.id.hex]["taken"] - net[attempt.id.hex]["forced_back"]
        for attempt in charges
    }
    # Money that came too late counts until all of it has gone back: so long, a payer is out of it.
    paid = [
        attempt
        for attempt in charges
        if kept[attempt.id] > 0
        and (attempt.state != State.LATE_SUCCESS or returned[attempt.id] < kept[attempt.id])
    ]
    name = public(Kind.PAYMENT, id_)
    if len(paid) > 1:
        yield Finding(name, f"captured {len(paid)} times: {_where(paid)}")
    for attempt in paid:
        if kept[attempt.id] > payment.amount and not _asked_about(books, attempt):
            words = f"{kept[attempt.id]} taken of {payment.amount} agreed to, {payment.currency}"
            yield Finding(name, f"{words} at {attempt.gateway_id}")


def _asked_about(books: Books, attempt: Record) -> bool:
    return any(one.reference == attempt.id for one in books.disputed)


def _returned(books: Books, net: Net) -> Mapping[UUID, int]:
    """Return how much of each charge has gone back by a refund of late money."""
    found: defaultdict[UUID, int] = defaultdict(int)
    for refund in books.refunds.values():
        if refund.kind == "late":
            for attempt in books.by_root.get(refund.id, ()):
                found[refund.charge_id] += _sent(net[attempt.id.hex])
    return found


def _sent(mine: Counter[str]) -> int:
    return mine["refunded"] - mine["refund_undone"] + mine["paid_out"] - mine["payout_undone"]


def _net(theirs: Counter[Movement]) -> defaultdict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, n in theirs.items():
        found[one.reference][one.kind] += n * one.amount
    return found


def _where(attempts: list[Record]) -> str:
    return ", ".join(f"{public(Kind.ATTEMPT, a.id)} at {a.gateway_id}" for a in attempts)
