"""Transactions, refunds and scores: scoped, filtered, and in the order they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from domain.attempt import Operation, State
from domain.facts import Movement, Transaction
from domain.fraud.score import Assessment, Decision, Factor, Level, Source
from domain.fraud.score import Mode as Scored
from domain.money import CURRENCIES, Money
from domain.payment import Mode, Status
from domain.refund import Refund, RefundStatus
from ops.store import tables
from ops.store.reads import Reads
from ops.store.reads_money import Booked, MoneyReads, Screening
from ops.store.wanted import Owner, RefundsWanted, Span, TransactionsWanted
from tests.store.books import a_charge, a_payment, a_payout, an_attempt, asked_back, paid
from tests.store.conftest import Books
from tests.store.reading import OURS, Whose, ids, read

pytestmark = pytest.mark.services


def moved(
    books: Books, payment: UUID, charge: UUID, type_: Movement, minor: int, **more: Any
) -> UUID:
    """Write a movement as a flow does; returns its id."""
    usd = CURRENCIES[more.pop("currency", "USD")]
    values: dict[str, Any] = {"gateway_id": "one", "provider_id": "ch_1", "total": minor} | more
    with books.store.begin() as work:
        work.add_transaction(Transaction(payment, charge, type_, Money(minor, usd), **values))
    found = books.sql("SELECT id FROM transactions ORDER BY id DESC LIMIT 1")
    return UUID(str(found[0]["id"]))


def movements(books: Books, whose: Owner = OURS, **wishes: Any) -> list[UUID]:
    """Return the ids of the transactions that fit, newest first, however they are asked for."""
    asked = TransactionsWanted(**wishes)

    async def ask(_: Reads, money: MoneyReads) -> tuple[Sequence[Booked], Sequence[Booked], int]:
        return (
            await money.transactions(whose, asked, limit=100),
            await money.recorded(whose, asked, limit=100),
            await money.count_transactions(whose, asked),
        )

    newest_first, oldest_first, counted = read(books, ask)
    assert ids(newest_first) == ids(oldest_first)[::-1]
    assert counted == len(newest_first)
    return ids(newest_first)


def test_each_filter_finds_the_movements_that_fit(books: Books) -> None:
    payment = a_payment(books, Status.CAPTURED, order_id="o-1")
    charge = a_charge(books, payment, state=State.CAPTURED)
    other = a_payment(books, Status.CAPTURED)
    elsewhere = a_charge(books, other, state=State.CAPTURED, gateway="two")
    sale = moved(books, payment, charge, Movement.SALE, 1_000)
    chargeback = moved(books, payment, charge, Movement.CHARGEBACK, 300)
    far = moved(books, other, elsewhere, Movement.SALE, 900, gateway_id="two", currency="EUR")

    assert movements(books) == [far, chargeback, sale]
    assert movements(books, types=(Movement.SALE,)) == [far, sale]
    assert movements(books, types=(Movement.CHARGEBACK, Movement.VOID)) == [chargeback]
    assert movements(books, payment_id=payment) == [chargeback, sale]
    assert movements(books, order_id="o-1") == [chargeback, sale]
    assert movements(books, order_id="o-2") == []
    assert movements(books, provider="two") == [far]
    assert movements(books, provider="sandbox") == [far, chargeback, sale]
    assert movements(books, currency="EUR") == [far]
    now = datetime.now(UTC)
    assert movements(books, created=Span(now - timedelta(hours=1), now + timedelta(hours=1)))
    assert not movements(books, created=Span(now + timedelta(hours=1)))
    assert not movements(books, created=Span(None, now - timedelta(hours=1)))


def test_a_movement_is_its_attempts_merchants_and_no_writer_can_say_otherwise(
    books: Books,
) -> None:
    payment, charge = paid(books)
    values = {
        "id": books.new_id(),
        "payment_id": payment,
        "attempt_id": charge,
        "merchant_id": books.new_id(),
        "mode": "live",
        "type": "sale",
        "amount": 1_000,
        "total": 1_000,
        "currency": "USD",
        "gateway_id": "one",
        "provider_id": "ch_1",
    }
    with books.engine.begin() as db:
        db.execute(insert(tables.transactions).values(values))

    (row,) = books.sql("SELECT merchant_id, mode FROM transactions")
    assert row == {"merchant_id": OURS.merchant_id, "mode": "test"}


def test_a_movement_is_read_with_its_order_and_a_payouts_has_none(books: Books) -> None:
    payment = a_payment(books, Status.CAPTURED, order_id="o-1")
    charge = a_charge(books, payment, state=State.CAPTURED)
    sale = moved(books, payment, charge, Movement.SALE, 1_000)
    payout = a_payout(books)
    sent = an_attempt(books, Operation.PAYOUT, State.SUCCEEDED, payout_id=payout.id)
    with books.store.begin() as work:
        money = Money(700, CURRENCIES["USD"])
        out = Transaction(
            None, sent, Movement.PAYOUT, money, "one", "po_1", 700, payout_id=payout.id
        )
        work.add_transaction(out)

    async def ask(_: Reads, money: MoneyReads) -> tuple[Booked | None, Sequence[Booked]]:
        return await money.transaction(OURS, sale), await money.transactions(
            OURS, TransactionsWanted(), limit=10
        )

    one, found = read(books, ask)
    assert one == found[1]
    assert one is not None
    assert (one.order_id, one.money.minor, one.type) == ("o-1", 1_000, Movement.SALE)
    assert (found[0].payout_id, found[0].payment_id, found[0].order_id) == (payout.id, None, None)


def test_refunds_are_found_by_payment_and_status(books: Books) -> None:
    payment, charge = paid(books)
    first = asked_back(books, payment, charge)
    second = asked_back(books, payment, charge)
    other = asked_back(books, *paid(books))

    def found(**wishes: Any) -> list[UUID]:
        asked = RefundsWanted(**wishes)

        async def ask(_: Reads, money: MoneyReads) -> tuple[Sequence[Refund], int]:
            return (
                await money.refunds(OURS, asked, limit=10),
                await money.count_refunds(OURS, asked),
            )

        refunds, counted = read(books, ask)
        assert counted == len(refunds)
        return ids(refunds)

    assert found() == [other.id, second.id, first.id]
    assert found(payment_id=payment) == [second.id, first.id]
    assert found(statuses=(RefundStatus.PENDING, RefundStatus.FAILED)) == found()
    assert found(statuses=(RefundStatus.SUCCEEDED,)) == []

    async def pages(_: Reads, money: MoneyReads) -> tuple[Refund | None, Sequence[Refund]]:
        wanted = RefundsWanted()
        return await money.refund(OURS, second.id), await money.refunds(
            OURS, wanted, limit=2, before=other.id
        )

    one, rest = read(books, pages)
    assert one is not None
    assert (one.id, one.money, one.reason) == (second.id, second.money, second.reason)
    assert ids(rest) == [second.id, first.id]


def test_a_score_is_read_with_its_reasons_and_may_be_still_to_come(books: Books) -> None:
    payment = a_payment(books)

    async def ask(_: Reads, money: MoneyReads) -> Screening | None:
        return await money.screening(OURS, payment)

    assert read(books, ask) == Screening(payment, None)
    factor = Factor("high_amount", Source.RULE, Decimal("0.2"), "12000", "a high amount")
    with books.store.begin() as work:
        work.add_assessment(
            payment,
            Assessment(
                *(Decimal("0.4200"), Level.MEDIUM, Decision.CHALLENGE, "medium_risk", (factor,)),
                *(Scored.FULL, "r1", None, "f1"),
            ),
        )
    screening = read(books, ask)
    assert screening is not None
    assert screening.verdict is not None
    verdict = screening.verdict
    assert (verdict.score, verdict.level, verdict.decision) == ("0.4200", "medium", "challenge")
    assert [factor.name for factor in verdict.factors] == ["high_amount"]


def test_law_15_nobody_else_reads_any_of_it(books: Books) -> None:
    payment, charge = paid(books)
    sale = moved(books, payment, charge, Movement.SALE, 1_000)
    refund = asked_back(books, payment, charge)
    everything = TransactionsWanted(), RefundsWanted(payment_id=payment)

    def seen(whose: Owner) -> list[bool]:
        async def ask(_: Reads, money: MoneyReads) -> list[object]:
            return [
                await money.transaction(whose, sale),
                await money.transactions(whose, everything[0], limit=10),
                await money.transactions(whose, TransactionsWanted(payment_id=payment), limit=10),
                await money.recorded(whose, everything[0], limit=10),
                await money.count_transactions(whose, everything[0]),
                await money.refund(whose, refund.id),
                await money.refunds(whose, everything[1], limit=10),
                await money.count_refunds(whose, everything[1]),
                await money.screening(whose, payment),
            ]

        return [bool(found) for found in read(books, ask)]

    assert seen(OURS) == [True] * 9
    assert seen(Whose(books.new_id())) == [False] * 9
    assert seen(Whose(mode=Mode.LIVE)) == [False] * 9
