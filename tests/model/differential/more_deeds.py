"""More deeds: facts, money that moved, questions, keys, webhooks, and what the door does by itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.checkout import Checkout
from domain.events import Actor, payment_told
from domain.facts import Fact, Movement, Source, Transaction
from domain.fraud import score
from domain.idempotency import Recorded
from domain.means import Method
from domain.money import Money
from domain.outcome import Outcome, Pending, Unknown
from domain.payment import Mode
from domain.review import Case, CaseKind, Decision
from domain.vaulted import Detachment
from domain.webhook import UNVERIFIED, Notice
from ops.store.accept import Ask
from ops.store.inbox import Came
from tests.model.differential import opening as at
from tests.model.differential.deeds import Named, Table
from tests.model.differential.opening import BEFORE, EPOCH, MERCHANT, USD
from tests.model.differential.seats import Call, shown

_ASSESSMENT = score.Assessment(
    Decimal("0.1000"), score.Level.LOW, score.Decision.APPROVE, None, (), score.Mode.FULL, "1",
    None, "1",
)  # fmt: skip


def add_fact(table: Table, seat: int) -> Named:
    said: list[Outcome] = [Pending("ch"), Unknown("timed out")]
    outcome = table.dice.choice(said)
    fact = Fact(table.some("attempt"), table.dice.choice(list(Source)), outcome)
    return f"add_fact of {fact.attempt_id.int}", lambda work: work.add_fact(fact)


def add_transaction(table: Table, seat: int) -> Named:
    dice = table.dice
    about = dice.choice(at.ATTEMPTS)
    minor = dice.choice([100, 100, 100, 0])
    moved = Transaction(
        about.payment_id if dice.random() < 0.9 else table.some("payment"),
        about.id if dice.random() < 0.8 else table.some("attempt"),
        dice.choice([Movement.SALE, Movement.CAPTURE]),
        Money(minor, USD),
        "one",
        "ch",
        total=dice.choice([100, 200]),
        refund_id=table.some("refund") if dice.random() < 0.2 else None,
        payout_id=about.payout_id,
    )
    name = f"add_transaction {moved.type} {moved.total} of {moved.attempt_id.int}"
    return name, lambda work: work.add_transaction(moved)


def add_assessment(table: Table, seat: int) -> Named:
    id_ = table.some("payment")
    return f"add_assessment {id_.int}", lambda work: work.add_assessment(id_, _ASSESSMENT)


def open_case(table: Table, seat: int) -> Named:
    dice = table.dice
    about = table.some("attempt") if dice.random() < 0.3 else None
    kind = dice.choice([CaseKind.FRAUD, CaseKind.MISMATCH])
    payment = table.some("payment") if dice.random() < 0.5 else at.PAYMENTS[4].id
    case = Case(table.new("case"), payment, kind, "odd", EPOCH, about)
    name = f"open_case {case.id.int} {kind} about {payment.int}"
    return name, lambda work: work.open_case(case)


def decide_case(table: Table, seat: int) -> Named:
    known = at.CASES[0]
    decided = replace(
        known,
        decision=table.dice.choice(list(Decision)),
        decided_by=table.dice.choice(["k", "k", None]),
        decided_at=EPOCH,
    )
    return f"decide_case {known.id.int}", lambda work: work.decide_case(decided)


def win_key(table: Table, seat: int) -> Named:
    dice = table.dice
    key, resource = f"k{dice.randrange(4)}", UUID(int=next(table.ids))
    records = dice.random() < 0.8

    def deed(work: Any) -> object:
        """Win a key and write its answer, as the door does around everything it makes."""
        known = work.win_key(MERCHANT, Mode.TEST, key, b"f")
        if known is None and records:
            answer = Recorded(b"f", 202, resource.bytes)
            work.record_key(MERCHANT, Mode.TEST, key, resource, answer)
        return known

    return f"win_key {key}{'' if records else ' and no answer'}", deed


def record_key(table: Table, seat: int) -> Named:
    key, answer = f"k{table.dice.randrange(4)}", Recorded(b"f", 202, b"late")
    resource = UUID(int=next(table.ids))
    name = f"record_key {key}"
    return name, lambda work: work.record_key(MERCHANT, Mode.TEST, key, resource, answer)


def save_notice(table: Table, seat: int) -> Named:
    notice: Notice = table.held(seat, Notice, at.NOTICES)
    status = table.dice.choice(["processed", "processed", "orphan", UNVERIFIED])
    began = table.dice.choice([BEFORE, EPOCH, None])
    saved = replace(
        notice, status=status, read_began_at=began, tries=notice.tries + 1, due=table.due()
    )
    return f"save_notice {notice.id.int} {status} {saved.due}", lambda work: work.save_notice(saved)


def discard_notice(table: Table, seat: int) -> Named:
    id_ = at.NOTICES[1].id if table.dice.random() < 0.7 else table.some("notice")
    return f"discard_notice {id_.int}", lambda work: work.discard_notice(id_)


def save_detachment(table: Table, seat: int) -> Named:
    method: Detachment = table.held(seat, Detachment, at.METHODS)
    saved, lease = replace(method, due=table.due()), table.lease(seat, method.id)
    name = f"save_detachment {method.id.int} {lease}"
    return name, lambda work: work.save_detachment(saved, lease)


def tell(table: Table, seat: int) -> Named:
    told = payment_told(None, at.PAYMENTS[0], Actor.WORKER, f"{next(table.ids)}")
    return "tell", lambda work: work.tell(told)


def accept(table: Table) -> tuple[str, Call]:
    """Post one or two checkouts, perhaps with one key or one order."""
    asks = [_ask(table) for _ in range(table.dice.choice([1, 1, 2]))]
    said = ", ".join(f"{a.payment_id.int} {a.key} {a.checkout.order_id}" for a in asks)
    return f"accept {said}", lambda session: shown(session.door.accept(asks))


def inbox(table: Table) -> tuple[str, Call]:
    """Receive one or two webhooks, perhaps copies."""
    dice, came = table.dice, []
    for _ in range(dice.choice([1, 1, 2])):
        key = dice.choice(["e1", "e2", "e3", "e4"])
        shows = {"sig": "s"} if dice.random() < 0.3 else {}
        gateway = "one" if dice.random() < 0.97 else "nowhere"
        came.append(Came(table.new("notice"), gateway, key, b"body", "r", shows))
    said = ", ".join(f"{c.id.int} {c.gateway_id}/{c.dedupe_key}" for c in came)
    return f"inbox {said}", lambda session: shown(session.door.inbox(came))


def sweep(table: Table) -> tuple[str, Call]:
    """Announce what is due, as the clock's process does."""
    return "sweep", lambda session: sorted(
        session.door.sweep(), key=lambda w: (w.command, w.row_id)
    )


def _ask(table: Table) -> Ask:
    dice = table.dice
    order = dice.choice(["o1", "o2", "o2", None])
    checkout = Checkout(dice.choice([100, 100, 200]), "USD", Method("card", "tok"), order_id=order)
    key = f"k{dice.randrange(4)}"
    fingerprint, id_ = checkout.fingerprint(), table.new("payment")
    return Ask(MERCHANT, Mode.TEST, key, "key", checkout, fingerprint, "r", id_)
