"""Single transactions, refunds, attempts and scores: shown to their merchant and to nobody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import Operation, State
from domain.fraud.score import Assessment, Decision, Factor, Level, Mode, Source
from domain.ids import Kind, public
from domain.payment import Mode as PaymentMode
from domain.payment import Status
from domain.refund import Refund, RefundStatus, rebalanced
from ingress.openapi import document
from ops.store.reads_money import MoneyReads
from tests.ingress.reading.conftest import Shop, pay, public_of
from tests.store.books import a_charge, a_payment, an_attempt, asked_back, paid

pytestmark = pytest.mark.services

SCHEMAS: dict[str, Any] = document()["components"]["schemas"]


def told_back(shop: Shop, refund: Refund, *ways: RefundStatus) -> None:
    """Move a refund on, as its worker does."""
    with shop.books.store.begin() as work:
        for status in ways:
            payment = work.lock_payment(refund.payment_id)
            moved = replace(refund.moved(status), processed_at=datetime.now(UTC))
            work.save_payment(rebalanced(payment, refund, moved))
            refund = work.save_refund(moved)


def fits(shown: dict[str, Any], schema: str) -> bool:
    return set(shown) == set(SCHEMAS[schema]["required"]) == set(SCHEMAS[schema]["properties"])


def test_a_transaction_is_shown_and_a_payments_id_leads_to_the_payment(shop: Shop) -> None:
    payment = a_payment(shop.books, Status.CAPTURED, order_id="o-1")
    charge = a_charge(shop.books, payment, state=State.CAPTURED)
    shop.moved(payment, charge, 1_000)
    (row,) = shop.books.sql("SELECT id FROM transactions")
    id_ = public_of(Kind.TRANSACTION, row)

    shown = shop.shown(f"/v1/transactions/{id_}")

    assert fits(shown, "Transaction")
    assert (shown["id"], shown["amount"], shown["type"]) == (id_, 1_000, "sale")
    assert (shown["payment_id"], shown["order_id"]) == (pay(payment), "o-1")
    assert shop.shown("/v1/transactions")["data"] == [shown]
    answer = shop.get(f"/v1/transactions/{pay(payment)}")
    assert answer.json() == shop.shown(f"/v1/tx/{pay(payment)}")
    again = shop.get(
        f"/v1/transactions/{pay(payment)}", **{"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304


def test_a_refund_is_shown_and_not_sent_twice(shop: Shop) -> None:
    refund = asked_back(shop.books, *paid(shop.books))
    path = f"/v1/refunds/{public(Kind.REFUND, refund.id)}"

    answer = shop.get(path)

    shown = answer.json()
    assert fits(shown, "Refund")
    assert (shown["status"], shown["amount"], shown["kind"]) == ("pending", 400, "refund")
    assert shown["reason"] == "returned goods"
    assert shown["links"] == {"self": path, "payment": f"/v1/payments/{pay(refund.payment_id)}"}
    etag = {"If-None-Match": answer.headers["ETag"]}
    assert shop.get(path, **etag).status_code == 304
    told_back(shop, refund, RefundStatus.PROCESSING)
    changed = shop.get(path, **etag)
    assert (changed.status_code, changed.json()["status"]) == (200, "processing")


def test_who_waits_for_a_refund_is_answered_when_it_is_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = asked_back(shop.books, *paid(shop.books))
    path = f"/v1/refunds/{public(Kind.REFUND, refund.id)}"
    looked, look = threading.Event(), MoneyReads.refund

    async def seen(self: MoneyReads, *args: Any) -> Refund | None:
        found = await look(self, *args)
        looked.set()
        return found

    monkeypatch.setattr(MoneyReads, "refund", seen)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shop.get, f"{path}?wait=10")
        assert looked.wait(10)
        told_back(shop, refund, RefundStatus.PROCESSING, RefundStatus.SUCCEEDED)
        answer = waiting.result(30)

    assert answer.json()["status"] == "succeeded"
    assert answer.json()["processed_at"]
    assert shop.get(f"{path}?wait=11").status_code == 422


def test_attempts_are_shown_with_their_operation_and_refund_but_not_their_target(
    shop: Shop,
) -> None:
    payment, charge = paid(shop.books)
    refund = asked_back(shop.books, payment, charge)
    an_attempt(
        shop.books,
        Operation.REFUND,
        State.SUCCEEDED,
        payment_id=payment,
        refund_id=refund.id,
        amount=400,
        target="ch_1",
    )

    first, second = shop.shown(f"/v1/payments/{pay(payment)}/attempts")["data"]

    assert fits(second, "Attempt")
    assert (first["operation"], first["refund_id"]) == ("charge", None)
    assert (second["operation"], second["refund_id"]) == (
        "refund",
        public(Kind.REFUND, refund.id),
    )
    assert "target" not in second
    assert "request" not in second


def test_a_score_is_shown_with_the_names_of_what_raised_it(shop: Shop) -> None:
    payment = a_payment(shop.books)
    path = f"/v1/fraud/scores/{pay(payment)}"
    empty = shop.shown(path)
    assert fits(empty, "FraudScore")
    assert (empty["score"], empty["decision"], empty["factors"]) == (None, None, [])
    factor = Factor(
        "many_cards", Source.RULE, Decimal("0.3141"), "17 cards", "many cards of one payer"
    )
    with shop.books.store.begin() as work:
        decided = (Decimal("0.7500"), Level.HIGH, Decision.DECLINE, "fraud_declined", (factor,))
        work.add_assessment(payment, Assessment(*decided, Mode.FULL, "r1", None, "f1"))

    shown = shop.shown(path)

    assert fits(shown, "FraudScore")
    assert (shown["score"], shown["level"], shown["decision"]) == ("0.7500", "high", "decline")
    assert [one["name"] for one in shown["factors"]] == ["many_cards"]
    assert "17 cards" not in str(shown)
    assert "0.3141" not in str(shown)


def test_law_15_another_merchants_and_an_unknown_id_are_told_apart_by_nothing(shop: Shop) -> None:
    payment, charge = paid(shop.books)
    shop.moved(payment, charge, 1_000)
    (row,) = shop.books.sql("SELECT id FROM transactions")
    ours = {
        Kind.PAYMENT: pay(payment),
        Kind.TRANSACTION: public_of(Kind.TRANSACTION, row),
        Kind.REFUND: public(Kind.REFUND, asked_back(shop.books, payment, charge).id),
    }
    paths = [
        ("/v1/transactions/{}", Kind.TRANSACTION),
        ("/v1/transactions/{}", Kind.PAYMENT),
        ("/v1/refunds/{}", Kind.REFUND),
        ("/v1/payments/{}/refunds", Kind.PAYMENT),
        ("/v1/payments/{}/attempts", Kind.PAYMENT),
        ("/v1/payments/{}/timeline", Kind.PAYMENT),
        ("/v1/fraud/scores/{}", Kind.PAYMENT),
    ]
    strangers = [shop.stranger(), shop.key(mode=PaymentMode.LIVE)]
    for path, kind in paths:
        assert shop.get(path.format(ours[kind])).status_code == 200
        for key in strangers:
            unknown = public(kind, UUID(int=7))
            foreign, absent = (shop.get(path.format(id_), key=key) for id_ in (ours[kind], unknown))
            assert foreign.status_code == absent.status_code == 404
            assert _told(foreign) == _told(absent)
    for key in strangers:
        for path in ("/v1/payments", "/v1/transactions", "/v1/refunds"):
            page = shop.shown(f"{path}?include_total=true", key=key)
            assert (page["data"], page["total"]) == ([], 0)


@pytest.mark.parametrize(
    "path", ["transactions/txn_1", "transactions/pay_1", "transactions/ref_1", "refunds/pay_1"]
)
def test_what_is_no_id_names_nothing(shop: Shop, path: str) -> None:
    assert shop.get(f"/v1/{path}").json()["code"] == "not_found"


@pytest.mark.parametrize(
    "path",
    [
        *("payments", "transactions", "refunds", "reports/transactions"),
        *("transactions/x", "refunds/x", "payments/x/refunds", "payments/x/timeline"),
        "fraud/scores/x",
    ],
)
def test_reading_needs_its_scope(shop: Shop, path: str) -> None:
    assert shop.get(f"/v1/{path}", key=shop.key(scopes=())).status_code == 403


def _told(answer: Any) -> dict[str, Any]:
    said: dict[str, Any] = answer.json()
    del said["request_id"]
    return said
