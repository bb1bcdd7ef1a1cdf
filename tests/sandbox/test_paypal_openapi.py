"""The adapter's requests and the simulator's answers against PayPal's own OpenAPI documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from domain.payment import CaptureMethod
from domain.payout import Destination
from domain.task import Capture, Charge, GiveBack, PayOut, Task
from tests.contract.made import a_payment, a_payout_row, a_refund_row, money
from tests.sandbox.paypal_client import (
    ORDERS,
    PAYMENTS,
    PAYOUTS,
    Merchant,
    a_payout,
    an_order,
    name,
    simulator,
)
from tests.workers.gateways.paypal_spoken import OFFLINE, PAYPAL, asking, holding

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs" / "paypal"
ORDERS_V2, PAYMENTS_V2 = "checkout_orders_v2", "payments_payment_v2"
PAYOUTS_V1, DISPUTES_V1 = "payments_payouts_batch_v1", "customer_disputes_v1"

pytestmark = pytest.mark.skipif(
    not SPECS.is_dir(), reason="PayPal's documents are not beside this repository"
)


@lru_cache
def document(name: str) -> Any:
    return json.loads((SPECS / f"{name}.json").read_bytes())


def wrong(document_name: str, schema: str, value: object) -> list[str]:
    """Return what is wrong with a value by one schema of a document."""
    whole = {
        "$ref": f"#/components/schemas/{schema}",
        "components": document(document_name)["components"],
    }
    checked = jsonschema_rs.Draft4Validator(whole)
    return [f"{error.instance_path}: {error.message}" for error in checked.iter_errors(value)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    running = simulator(tmp_path_factory.mktemp("paypal")).start()
    yield Merchant(running)
    running.stop()


def test_the_documents_refuse_what_they_should() -> None:
    assert wrong(ORDERS_V2, "order_request", {"intent": "CAPTURE"})
    assert wrong(ORDERS_V2, "order", {"status": "INVENTED"})
    assert wrong(PAYMENTS_V2, "refund", {"status": "INVENTED"})
    assert wrong(PAYOUTS_V1, "payout_batch", {"batch_header": {"batch_status": "SUCCESS"}})


R = "0123456789abcdef0123456789abcdef"
PAYER = a_payment(method=PAYPAL, description="Two books")


@pytest.mark.parametrize(
    ("document_name", "schema", "task"),
    [
        (ORDERS_V2, "order_request", Charge(PAYER)),
        (
            ORDERS_V2,
            "order_request",
            Charge(a_payment(method=PAYPAL, capture_method=CaptureMethod.MANUAL)),
        ),
        (PAYMENTS_V2, "capture_request", Capture(holding(), money(1000))),
        (PAYMENTS_V2, "refund_request", GiveBack(asking(), a_refund_row(asking(), 250))),
        (
            PAYOUTS_V1,
            "create_payout_request",
            PayOut(a_payout_row(destination=Destination("wallet", "a@payee.example"))),
        ),
    ],
    ids=["sale", "hold", "capture", "refund", "payout"],
)
def test_what_the_adapter_sends_is_what_paypal_documents(
    document_name: str, schema: str, task: Task
) -> None:
    made = OFFLINE.compose(task, R)

    assert made is not None
    body = json.loads(made)
    assert wrong(document_name, schema, body.get("create", body)) == []


def order(shop: Merchant, id_: str) -> Any:
    return shop.get(f"{ORDERS}/{id_}")


def refunded_order(shop: Merchant) -> Any:
    id_, capture = shop.captured(description="Two books")
    shop.post(f"{PAYMENTS}/captures/{capture}/refund", {"custom_id": name()})
    return order(shop, id_)


def dispute(shop: Merchant) -> Any:
    id_, capture = shop.captured()
    shop.at.admin("POST", f"/objects/{id_}/chargeback", {"amount": 500})
    found = shop.get(f"/v1/customer/disputes?disputed_transaction_id={capture}")
    return found, shop.get(f"/v1/customer/disputes/{found['items'][0]['dispute_id']}")


def batch(shop: Merchant, lever: str | None) -> Any:
    id_ = shop.post(PAYOUTS, a_payout()).json["batch_header"]["payout_batch_id"]
    if lever:
        shop.at.admin("POST", f"/payouts/{id_}/{lever}")
    return shop.get(f"{PAYOUTS}/{id_}")


def hold(shop: Merchant, then: str | None = None) -> Any:
    _, id_ = shop.held()
    if then:
        shop.post(f"{PAYMENTS}/authorizations/{id_}/{then}", {} if then == "capture" else None)
    return shop.get(f"{PAYMENTS}/authorizations/{id_}")


def capture(shop: Merchant, **changes: Any) -> Any:
    return shop.get(f"{PAYMENTS}/captures/{shop.captured(**changes)[1]}")


SHOWN: dict[str, tuple[str, str, Callable[[Merchant], Any]]] = {
    "made": (ORDERS_V2, "order", lambda shop: shop.made()),
    "in brief": (
        ORDERS_V2,
        "order",
        lambda shop: shop.call("POST", ORDERS, an_order(), full=False).json,
    ),
    "approved": (ORDERS_V2, "order", lambda shop: order(shop, shop.approved())),
    "captured": (ORDERS_V2, "order", lambda shop: order(shop, shop.captured()[0])),
    "held": (ORDERS_V2, "order_authorize_response", lambda shop: order(shop, shop.held()[0])),
    "refunded": (ORDERS_V2, "order", refunded_order),
    "authorization": (PAYMENTS_V2, "authorization-2", hold),
    "voided": (PAYMENTS_V2, "authorization-2", lambda shop: hold(shop, "void")),
    "collected": (PAYMENTS_V2, "authorization-2", lambda shop: hold(shop, "capture")),
    "capture": (PAYMENTS_V2, "capture-2", capture),
    "pending": (
        PAYMENTS_V2,
        "capture-2",
        lambda shop: capture(shop, payer="review@payer.example"),
    ),
    "refund": (
        PAYMENTS_V2,
        "refund",
        lambda shop: shop.post(f"{PAYMENTS}/captures/{shop.captured()[1]}/refund", {}).json,
    ),
    "payout made": (PAYOUTS_V1, "payout", lambda shop: shop.post(PAYOUTS, a_payout()).json),
    "payout": (PAYOUTS_V1, "payout_batch", lambda shop: batch(shop, None)),
    "payout paid": (PAYOUTS_V1, "payout_batch", lambda shop: batch(shop, "pay")),
    "payout failed": (PAYOUTS_V1, "payout_batch", lambda shop: batch(shop, "fail")),
    "item": (PAYOUTS_V1, "payout_item-2", lambda shop: batch(shop, "pay")["items"][0]),
    "disputes": (DISPUTES_V1, "dispute_search", lambda shop: dispute(shop)[0]),
    "dispute": (DISPUTES_V1, "dispute", lambda shop: dispute(shop)[1]),
}


@pytest.mark.parametrize("case", SHOWN)
def test_what_the_simulator_shows_is_what_paypal_documents(shop: Merchant, case: str) -> None:
    document_name, schema, shows = SHOWN[case]

    assert wrong(document_name, schema, shows(shop)) == []


def refused(shop: Merchant, path: str, body: Any = None) -> Any:
    answer = shop.post(path, body)
    assert answer.status >= 400
    return answer.json


REFUSED: dict[str, tuple[str, str, Callable[[Merchant], Any]]] = {
    "400": (ORDERS_V2, "error_400", lambda shop: refused(shop, ORDERS, {"shop": 1})),
    "401": (ORDERS_V2, "error_401", lambda shop: shop.at.send("GET", f"{ORDERS}/X").json),
    "404": (ORDERS_V2, "error_404", lambda shop: refused(shop, f"{ORDERS}/X/capture", {})),
    "415": (ORDERS_V2, "error_415", lambda shop: shop.post(ORDERS, b"", Content_Type="a/b").json),
    "422": (
        ORDERS_V2,
        "error_422",
        lambda shop: refused(shop, f"{ORDERS}/{shop.made()['id']}/capture", {}),
    ),
    "payout": (PAYOUTS_V1, "error", lambda shop: refused(shop, PAYOUTS, a_payout(receiver="x"))),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_simulator_refuses_is_said_as_paypal_documents(shop: Merchant, case: str) -> None:
    document_name, schema, refuses = REFUSED[case]

    assert wrong(document_name, schema, refuses(shop)) == []


@pytest.mark.parametrize(
    ("fault", "schema"),
    [("fail_before", "error_500"), ("unavailable", "error_503")],
)
def test_what_the_stage_refuses_is_said_as_paypal_documents(
    shop: Merchant, fault: str, schema: str
) -> None:
    key = name()
    shop.at.fault(fault, count=1, on="charge", containing=key)

    assert wrong(ORDERS_V2, schema, refused_under(shop, key)) == []


def refused_under(shop: Merchant, key: str) -> Any:
    answer = shop.post(ORDERS, an_order(), key)
    assert answer.status >= 500
    return answer.json
