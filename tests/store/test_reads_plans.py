"""Plans: on filled books every list finds its page by an index, and sorts no more than pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.commands import Command
from domain.facts import Movement
from domain.payment import Status
from domain.refund import RefundStatus
from ops.seed import Sandbox, seed
from ops.store import rows
from ops.store.reads import Reads
from ops.store.reads_money import MoneyReads
from ops.store.wanted import (
    CLOCK_SKEW,
    PaymentsWanted,
    RefundsWanted,
    Span,
    TransactionsWanted,
    first_id,
)
from tests.store.books import checkout_payment
from tests.store.conftest import PEPPER, Books
from tests.store.reading import OURS, nodes, plan_of, read

pytestmark = pytest.mark.services

ROWS = 5_000
LIMIT = 21
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
PAYMENT = first_id(NOW - timedelta(minutes=77))
#: Rows that are put in order for one page: a page of each status.
SORTED = LIMIT * len(Status)
#: Rows that are read and thrown away: those that a wrong clock may have put beside a span.
THROWN_AWAY = SORTED + CLOCK_SKEW // timedelta(minutes=1)

# A payment a minute, each with a transaction, a fifth of them with a refund, half with metadata.
_FILL = """
CREATE TEMPORARY TABLE asked ON COMMIT DROP AS
SELECT n, id, at, details
  FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[]), CAST(:details AS bytea[]))
       WITH ORDINALITY AS given(id, at, details, n);
INSERT INTO payments (id, merchant_id, mode, order_id, amount, currency, method_type, details,
                      status, next_command, request_id, created_at, expires_at, gateway_id, metadata)
SELECT id, :merchant, 'test', 'o-' || n, 1000, 'USD', 'card', details,
       (ARRAY['pending', 'processing', 'failed', 'cancelled'])[1 + n % 4], :command, 'req', at, at,
       'one',
       CASE n % 2 WHEN 1 THEN jsonb_build_object('cart', n::text, 'tier', 'gold') ELSE '{}' END
  FROM asked;
INSERT INTO transactions (id, merchant_id, mode, payment_id, attempt_id, type, amount, total,
                          currency, gateway_id, provider_id, created_at)
SELECT id, :merchant, 'test', id, id, 'sale', 1000, 1000, 'USD', 'one', 'ch', at FROM asked;
INSERT INTO refunds (id, payment_id, charge_id, merchant_id, mode, amount, currency, kind, status,
                     reason, requested_by, gateway_id, request_id, created_at)
SELECT id, id, id, :merchant, 'test', 1000, 'USD', 'refund', 'succeeded', 'r', 'key:k', 'one',
       'req', at
  FROM asked WHERE n % 5 = 0;
"""


@pytest.fixture(scope="module")
def filled(database: Books) -> Iterator[Books]:
    times = [NOW - timedelta(minutes=n) for n in range(ROWS)]
    ids = [first_id(at) for at in times]
    said = rows.details_of(checkout_payment(database))
    sealed = [
        database.vault.seal(said, table="payments", column="details", row=id_.hex) for id_ in ids
    ]
    values = {"ids": ids, "times": times, "details": sealed}
    values |= {"merchant": OURS.merchant_id, "command": Command.CHARGE.value}
    sandbox = Sandbox("one", "http://127.0.0.1:1", "sk", "whsec")
    seed(database.engine, database.vault, PEPPER, database.key, [sandbox])
    names = ("payments", "transactions", "refunds")
    with database.engine.begin() as db:
        # Replica role: neither triggers nor foreign keys ask what these rows refer to.
        db.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _FILL.split(";\n"):
            if statement.strip():
                db.execute(text(statement), values)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text(f"VACUUM ANALYZE {', '.join(names)}"))
    yield database
    with database.engine.begin() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text(f"TRUNCATE {', '.join(names)}, gateways, merchants CASCADE"))


Ask = Callable[[Reads, MoneyReads], Awaitable[Any]]


def payments(before: UUID | None = None, **wishes: Any) -> Ask:
    async def page(reads: Reads, _: MoneyReads) -> Any:
        return await reads.page(OURS, PaymentsWanted(**wishes), limit=LIMIT, before=before)

    return page


def transactions(before: UUID | None = None, **wishes: Any) -> Ask:
    async def page(_: Reads, money: MoneyReads) -> Any:
        asked = TransactionsWanted(**wishes)
        return await money.transactions(OURS, asked, limit=LIMIT, before=before)

    return page


def report(after: UUID | None = None, **wishes: Any) -> Ask:
    async def page(_: Reads, money: MoneyReads) -> Any:
        return await money.recorded(OURS, TransactionsWanted(**wishes), limit=LIMIT, after=after)

    return page


def refunds(before: UUID | None = None, **wishes: Any) -> Ask:
    async def page(_: Reads, money: MoneyReads) -> Any:
        return await money.refunds(OURS, RefundsWanted(**wishes), limit=LIMIT, before=before)

    return page


DAY = Span(NOW - timedelta(days=2), NOW - timedelta(days=1))


@pytest.mark.parametrize(
    ("ask", "fitting"),
    [
        (payments(), LIMIT),
        (payments(before=PAYMENT), LIMIT),
        (payments(statuses=(Status.PENDING,)), LIMIT),
        (payments(statuses=(Status.CAPTURED,)), 0),
        (payments(statuses=tuple(Status), before=PAYMENT), LIMIT),
        (payments(order_id="o-77"), 1),
        (payments(customer_id=UUID(int=7)), 0),
        (payments(provider="one", currency="USD", method="card"), LIMIT),
        (payments(amount_min=500, amount_max=2_000), LIMIT),
        (payments(created=DAY), LIMIT),
        (payments(metadata={"tier": "gold"}), LIMIT),
        (payments(metadata={"cart": "77"}), 1),
        (payments(metadata={"cart": "77", "tier": "gold"}, statuses=tuple(Status)), 1),
        (payments(metadata={"cart": "none"}), 0),
        (transactions(), LIMIT),
        (transactions(before=PAYMENT, types=(Movement.SALE, Movement.REFUND)), LIMIT),
        (transactions(payment_id=PAYMENT), 1),
        (transactions(order_id="o-77"), 1),
        (transactions(created=DAY, currency="USD", provider="sandbox"), LIMIT),
        (report(created=DAY), LIMIT),
        (report(after=PAYMENT, types=(Movement.SALE,)), LIMIT),
        (refunds(), LIMIT),
        (refunds(before=PAYMENT), LIMIT),
        (refunds(statuses=(RefundStatus.SUCCEEDED,)), LIMIT),
        (refunds(payment_id=first_id(NOW - timedelta(minutes=4))), 1),
    ],
)
def test_a_page_is_found_by_an_index_and_sorted_only_as_pages(
    filled: Books, ask: Ask, fitting: int
) -> None:
    seen: list[tuple[str, Any]] = []
    found = read(filled, ask, seen)
    (sent,) = [one for one in seen if "LIMIT" in one[0]]

    steps = list(nodes(plan_of(filled, *sent)))

    assert len(found) == fitting
    big = {"payments", "transactions", "refunds"}
    for step in steps:
        assert not (step["Node Type"] == "Seq Scan" and step["Relation Name"] in big), step
        thrown_away = step.get("Rows Removed by Filter", 0)
        assert thrown_away <= THROWN_AWAY, step
        if "Sort" in step["Node Type"]:
            put_in_order = sum(one["Actual Rows"] * one["Actual Loops"] for one in step["Plans"])
            assert put_in_order <= SORTED, step


def test_few_payments_of_many_are_found_by_their_metadata_alone(filled: Books) -> None:
    seen: list[tuple[str, Any]] = []
    read(filled, payments(metadata={"cart": "77"}), seen)
    (sent,) = [one for one in seen if "LIMIT" in one[0]]

    steps = list(nodes(plan_of(filled, *sent)))

    assert "payments_by_metadata" in [step.get("Index Name") for step in steps]


def test_a_plan_that_reads_everything_would_be_noticed(filled: Books) -> None:
    steps = list(nodes(plan_of(filled, "SELECT * FROM payments ORDER BY amount LIMIT 1", ())))

    assert {"Seq Scan", "Sort"} <= {step["Node Type"] for step in steps}
