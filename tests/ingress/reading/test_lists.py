"""Lists: pages that hold each row once, filters that are named when they are wrong, totals."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from domain.attempt import State
from domain.ids import Kind, public
from domain.payment import Status
from ingress.views import moment
from tests.ingress.reading.conftest import Shop, pay, public_of
from tests.store.books import a_charge, a_payment, asked_back, paid

pytestmark = pytest.mark.services

LISTS = ("/v1/payments", "/v1/transactions", "/v1/refunds")


def test_a_walk_over_payments_sees_each_once_while_others_come(shop: Shop) -> None:
    there = [pay(a_payment(shop.books)) for _ in range(7)]

    seen, path = [], "/v1/payments?limit=2"
    page = shop.shown(path)
    while page["has_more"]:
        seen += [row["id"] for row in page["data"]]
        a_payment(shop.books)
        page = shop.shown(f"{path}&cursor={page['next_cursor']}")
    seen += [row["id"] for row in page["data"]]

    assert seen == there[::-1]
    assert page["next_cursor"] is None
    assert shop.shown("/v1/payments")["data"][0]["id"] not in seen


def test_transactions_and_refunds_are_walked_alike(shop: Shop) -> None:
    payment, charge = paid(shop.books)
    for n in range(5):
        shop.moved(payment, charge, 100 + n)
        asked_back(shop.books, *paid(shop.books))

    for path, kind, table in (
        ("/v1/transactions?limit=2", Kind.TRANSACTION, "transactions"),
        ("/api/v1/refunds?limit=3", Kind.REFUND, "refunds"),
    ):
        rows = shop.books.sql(f"SELECT id FROM {table} ORDER BY id DESC")
        assert shop.walk(path) == [public_of(kind, row) for row in rows]
        assert len(rows) == 5


def test_the_filters_of_payments_work_together(shop: Shop) -> None:
    books = shop.books
    failed = pay(a_payment(books, Status.FAILED, order_id="o-1"))
    ended = pay(a_payment(books, Status.CANCELLED, order_id="o-1"))
    euros = pay(a_payment(books, currency="EUR", gateway_id="two"))

    def found(query: str) -> list[str]:
        return [row["id"] for row in shop.shown(f"/v1/payments?{query}")["data"]]

    assert found("order_id=o-1") == [ended, failed]
    assert found("status=failed&order_id=o-1") == [failed]
    assert found("status=failed&status=cancelled") == [ended, failed]
    assert found("currency=EUR") == found("gateway=two") == found("provider=sandbox") == [euros]
    assert found("method=wallet") == found("amount_min=1001") == []
    assert found("amount_min=1000&amount_max=1000&limit=1") == [euros]
    assert found(f"from={quote('2026-03-31T12:00:00+02:00')}") == [euros, ended, failed]
    assert found("to=2026-03-31") == []
    today = shop.shown(f"/v1/payments/{euros}")["created_at"][:10]
    assert found(f"from={today}&to={today}") == [euros, ended, failed]


def test_payments_are_found_by_metadata(shop: Shop) -> None:
    gold = [pay(a_payment(shop.books, metadata={"tier": "gold", "n": str(n)})) for n in range(3)]
    a_payment(shop.books, metadata={"tier": "tin"})

    assert shop.walk("/v1/payments?metadata[tier]=gold&limit=1") == gold[::-1]
    query = "metadata%5Btier%5D=gold&metadata%5Bn%5D=1&include_total=true"
    page = shop.shown(f"/v1/payments?{query}")
    assert ([row["id"] for row in page["data"]], page["total"]) == ([gold[1]], 1)
    other = shop.shown("/v1/payments?metadata[tier]=gold&limit=1")["next_cursor"]
    assert shop.refused(f"/v1/payments?metadata[tier]=tin&cursor={other}") == ["cursor"]


def test_the_end_of_a_payment_is_shown_with_its_time(shop: Shop) -> None:
    id_ = a_payment(shop.books)
    names = ("failed_at", "cancelled_at", "expired_at", "refunded_at")
    open_ = shop.shown(f"/v1/payments/{pay(id_)}")
    assert [open_[name] for name in names] == [None] * 4

    with shop.books.store.begin() as work:
        saved = work.save_payment(work.lock_payment(id_).ended(Status.CANCELLED))

    shown = shop.shown(f"/v1/payments/{pay(id_)}")
    assert shown["cancelled_at"] == moment(saved.cancelled_at)
    assert [name for name in names if shown[name] is not None] == ["cancelled_at"]


def test_the_filters_of_transactions_and_refunds(shop: Shop) -> None:
    books = shop.books
    payment = a_payment(books, Status.CAPTURED, order_id="o-1")
    charge = a_charge(books, payment, state=State.CAPTURED)
    shop.moved(payment, charge, 1_000)
    other, elsewhere = paid(books)
    shop.moved(other, elsewhere, 900)
    refund = asked_back(books, payment, charge)

    def amounts(query: str) -> list[int]:
        return [row["amount"] for row in shop.shown(f"/v1/transactions?{query}")["data"]]

    assert amounts("") == amounts("type=sale&type=void") == amounts("currency=USD") == [900, 1_000]
    assert amounts("order_id=o-1") == amounts(f"payment_id={pay(payment)}") == [1_000]
    assert amounts("type=refund") == amounts("provider=two") == amounts("to=2026-03-31") == []
    one = public(Kind.REFUND, refund.id)
    for path in (f"/v1/refunds?payment_id={pay(payment)}", f"/v1/payments/{pay(payment)}/refunds"):
        assert [row["id"] for row in shop.shown(path)["data"]] == [one]
    assert shop.shown(f"/v1/payments/{pay(payment)}/refunds?status=failed")["data"] == []
    assert shop.shown(f"/v1/refunds?payment_id={pay(other)}")["data"] == []


def test_a_total_is_counted_on_demand_and_only_up_to_its_cap(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        asked_back(shop.books, *paid(shop.books))

    assert "total" not in shop.shown("/v1/payments")
    for path in LISTS[::2]:
        page = shop.shown(f"{path}?include_total=true&limit=1")
        assert (page["total"], page["total_is_capped"]) == (4, False)
    assert shop.shown("/v1/transactions?include_total=true")["total"] == 0
    for place in ("ops.store.reads", "ops.store.reads_money", "ingress.pages"):
        monkeypatch.setattr(f"{place}.COUNT_CAP", 3)
    for path in LISTS[::2]:
        page = shop.shown(f"{path}?include_total=true")
        assert (page["total"], page["total_is_capped"]) == (3, True)


def test_a_cursor_belongs_to_its_list_and_its_filters(shop: Shop) -> None:
    for _ in range(3):
        asked_back(shop.books, *paid(shop.books))
    cursor = shop.shown("/v1/payments?status=captured&limit=1")["next_cursor"]

    longer = shop.shown(f"/v1/payments?status=captured&limit=2&include_total=true&cursor={cursor}")
    assert (len(longer["data"]), longer["total"]) == (2, 3)
    for other in ("payments?", "payments?status=failed&", "refunds?status=succeeded&"):
        assert shop.refused(f"/v1/{other}cursor={cursor}") == ["cursor"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("payments?status=paid", "status"),
        ("payments?status=captured&status=paid", "status"),
        ("payments?order_id=a%20b", "order_id"),
        ("payments?customer_id=c-1", "customer_id"),
        ("payments?provider=A!", "provider"),
        ("payments?provider=one&gateway=two", "gateway"),
        ("payments?currency=usd", "currency"),
        ("payments?method=cash", "method"),
        ("payments?amount_min=0", "amount_min"),
        ("payments?amount_max=1.5", "amount_max"),
        ("payments?amount_min=5&amount_max=4", "amount_max"),
        ("payments?from=yesterday", "from"),
        ("payments?from=2026-02-30", "from"),
        ("payments?from=2026-03-31T12:00:00", "from"),
        ("payments?to=0001-01-01", "to"),
        ("payments?from=2026-03-31&to=2026-03-30", "to"),
        ("payments?limit=101", "limit"),
        ("payments?include_total=yes", "include_total"),
        ("payments?merchant_id=x", "merchant_id"),
        ("payments?currency=USD&currency=EUR", "currency"),
        ("payments?metadata[a]=%00", "metadata[a]"),
        ("transactions?metadata[a]=b", "metadata[a]"),
        ("transactions?type=gift", "type"),
        ("transactions?status=captured", "status"),
        ("transactions?payment_id=txn_1", "payment_id"),
        ("refunds?status=captured", "status"),
        ("refunds?payment_id=%00", "payment_id"),
        ("payments/{payment}/refunds?payment_id={payment}", "payment_id"),
        ("reports/transactions?format=xml", "format"),
        ("reports/transactions?from=2025-01-01&to=2026-03-31", "from"),
        ("reports/transactions?from=2999-01-01", "from"),
        ("reports/transactions?cursor=x", "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(shop: Shop, query: str, wrong: str) -> None:
    payment = pay(a_payment(shop.books)) if "{payment}" in query else ""

    assert shop.refused(f"/v1/{query.format(payment=payment)}") == [wrong]


def test_every_wrong_parameter_is_named_at_once(shop: Shop) -> None:
    query = "limit=0&status=paid&from=x&page=2&currency=dollars"

    assert shop.refused(f"/v1/payments?{query}") == ["status", "currency", "from", "limit", "page"]
