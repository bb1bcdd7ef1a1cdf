"""The list of payments: scoped, filtered, and each row once however many come meanwhile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.payment import Mode, Payment, Status
from domain.review import Case, CaseKind, Decision
from ops.store import tables
from ops.store.reads import Reads
from ops.store.reads_money import MoneyReads
from ops.store.wanted import CLOCK_SKEW, PaymentsWanted, Span, first_id
from tests.store.conftest import Books
from tests.store.reading import OURS, STATUSES, Whose, ids, read, some_payment, write

pytestmark = pytest.mark.services


def wanted(books: Books, whose: Whose = OURS, limit: int = 100, **wishes: Any) -> list[UUID]:
    """Return the ids of the payments that fit, which are as many as are counted."""
    asked = PaymentsWanted(**wishes)

    async def ask(reads: Reads, _: MoneyReads) -> tuple[Sequence[Payment], int]:
        return await reads.page(whose, asked, limit=limit), await reads.count(whose, asked)

    found, counted = read(books, ask)
    assert counted == len(found)
    return ids(found)


def test_a_walk_sees_every_payment_once_while_others_are_written(books: Books) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    many = [some_payment(books, status=draw.choice(STATUSES)) for _ in range(60)]
    there = write(books, *many)

    async def walk(reads: Reads, _: MoneyReads) -> list[UUID]:
        seen: list[UUID] = []
        before: UUID | None = None
        while page := await reads.page(
            OURS, PaymentsWanted(statuses=statuses), limit=draw.randint(1, 9), before=before
        ):
            seen += ids(page)
            before = page[-1].id
            write(books, *(some_payment(books) for _ in range(draw.randint(0, 3))))
        return seen

    for statuses in ((), (Status.PENDING,), STATUSES):
        fitting = {p.id for p in many if not statuses or p.status in statuses}
        seen = read(books, walk)
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == len(set(seen))
        assert fitting <= set(seen)
    assert set(there) <= set(seen)


def test_each_filter_finds_what_fits_and_nothing_else(books: Books) -> None:
    customer = books.new_id()
    with books.engine.begin() as db:
        owner = {"merchant_id": OURS.merchant_id, "mode": "test"}
        db.execute(insert(tables.customers).values(id=customer, **owner))
    plain = some_payment(books)
    euros = some_payment(books, money=Money(5_000, CURRENCIES["EUR"]))
    wallet = some_payment(books, method=Method("wallet", "tok"), order_id="o-1")
    known = some_payment(books, customer_id=customer)
    failed = some_payment(books, status=Status.FAILED)
    write(books, plain, euros, wallet, known, failed)
    books.sql("UPDATE payments SET gateway_id = 'two' WHERE id = :id", id=plain.id)

    everything = [failed.id, known.id, wallet.id, euros.id, plain.id]
    assert wanted(books) == everything
    assert wanted(books, currency="EUR") == [euros.id]
    assert wanted(books, method="wallet") == [wallet.id]
    assert wanted(books, order_id="o-1") == [wallet.id]
    assert wanted(books, customer_id=customer) == [known.id]
    assert wanted(books, statuses=(Status.FAILED, Status.CAPTURED)) == [failed.id]
    assert wanted(books, statuses=(Status.FAILED, Status.FAILED)) == [failed.id]
    assert wanted(books, provider="two") == wanted(books, provider="sandbox") == [plain.id]
    assert wanted(books, provider="one") == []
    assert wanted(books, amount_min=1_001) == wanted(books, amount_max=5_000)[3:4] == [euros.id]
    assert wanted(books, amount_max=1_000) == [failed.id, known.id, wallet.id, plain.id]
    assert wanted(books, currency="USD", method="card", statuses=(Status.PENDING,)) == [
        known.id,
        plain.id,
    ]


def test_metadata_finds_what_has_all_its_pairs(books: Books) -> None:
    gold = some_payment(books, metadata={"tier": "gold", "cart": "7"})
    tin = some_payment(books, metadata={"tier": "tin", 'a"%s{b}': "é", "gold": "tier"})
    ended = some_payment(books, metadata={"tier": "gold"}, status=Status.FAILED)
    write(books, gold, tin, ended, some_payment(books))

    assert wanted(books, metadata={"tier": "gold"}) == [ended.id, gold.id]
    assert wanted(books, metadata={"tier": "gold", "cart": "7"}) == [gold.id]
    assert wanted(books, metadata={"tier": "gold"}, statuses=(Status.FAILED,)) == [ended.id]
    assert wanted(books, metadata={'a"%s{b}': "é"}) == [tin.id]
    for nothing in ({"tier": "gol"}, {"Tier": "gold"}, {"tier": "tin", "cart": "7"}, {"cart": ""}):
        assert wanted(books, metadata=nothing) == []


def test_a_span_begins_with_its_first_moment_and_ends_before_its_last(books: Books) -> None:
    noon = datetime(2026, 3, 31, 12, tzinfo=UTC)
    hours = [some_payment(books, noon + timedelta(hours=n)) for n in range(4)]
    write(books, *hours)
    first, second, third, fourth = (payment.id for payment in hours)

    since, until = hours[1].created_at, hours[3].created_at
    assert wanted(books, created=Span(since, until)) == [third, second]
    assert wanted(books, created=Span(since)) == [fourth, third, second]
    assert wanted(books, created=Span(None, until)) == [third, second, first]


@pytest.mark.parametrize("skew", [CLOCK_SKEW, -CLOCK_SKEW], ids=["fast", "slow"])
def test_a_program_whose_clock_is_wrong_hides_nothing(books: Books, skew: timedelta) -> None:
    noon = datetime(2026, 3, 31, 12, tzinfo=UTC)
    payment = some_payment(books, noon + skew / 2)
    write(books, replace(payment, created_at=noon))

    only = Span(noon, noon + timedelta(seconds=1))
    assert wanted(books, created=only) == [payment.id]


def test_law_15_a_list_holds_nobody_elses_payments(books: Books) -> None:
    other = books.new_id()
    with books.engine.begin() as db:
        db.execute(insert(tables.merchants).values(id=other, name="Other"))
    ours = some_payment(books, order_id="o-1", metadata={"a": "b"})
    theirs = some_payment(books, order_id="o-1", metadata={"a": "b"}, merchant_id=other)
    live = some_payment(books, order_id="o-1", metadata={"a": "b"}, mode=Mode.LIVE)
    write(books, ours, theirs, live)

    for wishes in ({}, {"order_id": "o-1"}, {"statuses": STATUSES}, {"metadata": {"a": "b"}}):
        assert wanted(books, OURS, **wishes) == [ours.id]
        assert wanted(books, Whose(other), **wishes) == [theirs.id]
        assert wanted(books, Whose(mode=Mode.LIVE), **wishes) == [live.id]
        assert wanted(books, Whose(other, Mode.LIVE), **wishes) == []


def test_law_15_a_question_about_money_is_found_by_its_owner_until_it_is_decided(
    books: Books,
) -> None:
    ours = some_payment(books)
    write(books, ours)
    kinds = (CaseKind.FRAUD, CaseKind.MISMATCH)
    fraud, case = (
        Case(books.new_id(), ours.id, kind, "a charge", ours.created_at) for kind in kinds
    )
    case = replace(case, found=Money(4_999, CURRENCIES["USD"]))
    with books.store.begin() as work:
        assert work.open_case(fraud)
        assert work.open_case(case)

    def found(owner: Whose = OURS) -> Case | None:
        async def ask(reads: Reads, _: MoneyReads) -> Case | None:
            return await reads.mismatch(ours.id, owner.merchant_id, owner.mode)

        return read(books, ask)

    assert found() == case
    assert found(Whose(books.new_id())) is None
    assert found(Whose(mode=Mode.LIVE)) is None
    decided = replace(
        case, decision=Decision.REJECTED, decided_by="key:k", decided_at=case.opened_at
    )
    with books.store.begin() as work:
        assert work.decide_case(decided)
    assert found() is None


def test_a_count_ends_at_its_cap(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.store.reads.COUNT_CAP", 3)
    write(books, *(some_payment(books) for _ in range(6)))

    async def count(reads: Reads, _: MoneyReads) -> int:
        return await reads.count(OURS, PaymentsWanted())

    assert read(books, count) == 4


@pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_every_moment_has_a_first_id(at: datetime) -> None:
    assert first_id(at).int < 2**128
