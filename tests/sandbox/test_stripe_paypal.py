"""PayPal at the simulated Stripe: its payers, what it takes, and in which words it is refused."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.running import Response
from tests.sandbox.stripes import Stripes, account, shared

__all__ = ["account", "shared"]  # fixtures

BACK = {"return_url": "https://shop.example/done"}
TYPE = "payment_method_data[type]"


def make(account: Stripes, **changes: Any) -> Response:
    """Make an intent for 10.00 EUR, to be paid by PayPal."""
    order = {
        "amount": 1000,
        "currency": "eur",
        TYPE: "paypal",
        "allowed_payment_method_types[0]": "paypal",
    }
    wanted = {name: value for name, value in (order | changes).items() if value is not None}
    return account.post("payment_intents", wanted)


def asked(account: Stripes, **changes: Any) -> str:
    """Return the id of an intent that waits for its payer."""
    intent = str(make(account, **changes).json["id"])
    assert account.confirm(intent, **BACK).json["status"] == "requires_action"
    return intent


def page_of(account: Stripes, intent: str) -> str:
    action = account.shown(intent)["next_action"]
    assert action["type"] == "redirect_to_url"
    assert action["redirect_to_url"]["return_url"] == BACK["return_url"]
    return urlsplit(str(action["redirect_to_url"]["url"])).path


def said(answer: Response) -> tuple[int, Any, Any]:
    return answer.status, answer.error.get("code"), answer.error.get("param")


def test_an_intent_waits_for_confirmation_with_a_method_of_its_own(account: Stripes) -> None:
    made = make(account).json

    assert (made["status"], made["payment_method_types"]) == ("requires_confirmation", ["paypal"])
    method = account.get(f"payment_methods/{made['payment_method']}").json
    assert method["type"] == "paypal"
    assert "card" not in method


@pytest.mark.parametrize(
    ("decision", "capture_method", "status"),
    [
        ("approve", "automatic", "succeeded"),
        ("approve", "manual", "requires_capture"),
        ("decline", "automatic", "requires_payment_method"),
    ],
)
def test_the_payer_decides_at_paypal(
    account: Stripes, decision: str, capture_method: str, status: str
) -> None:
    intent = asked(account, capture_method=capture_method)
    path = page_of(account, intent)
    page = account.simulated.send("GET", path)
    assert page.status == 200
    assert b"PayPal" in page.body

    ended = account.simulated.send("POST", path, f"decision={decision}".encode())

    assert BACK["return_url"].encode() in ended.body
    shown = account.shown(intent)
    assert shown["status"] == status
    money = [one for one in account.simulated.kinds(intent) if one in ("sale", "authorization")]
    assert len(money) == (decision == "approve")
    if decision == "decline":
        error = shown["last_payment_error"]
        assert error["code"] == "payment_intent_authentication_failure"
        assert error["type"] == "invalid_request_error"
        assert "card" not in error["payment_method"]
        assert account.confirm(intent, **BACK, **{TYPE: "paypal"}).json["next_action"]


def test_a_hold_is_collected_and_given_back(account: Stripes) -> None:
    intent = asked(account, capture_method="manual")
    account.simulated.admin("POST", f"/objects/{intent}/approve")

    captured = account.post(f"payment_intents/{intent}/capture", {"amount_to_capture": 700}).json
    refund = account.post("refunds", {"payment_intent": intent, "amount": 300}).json

    assert (captured["status"], captured["amount_received"]) == ("succeeded", 700)
    assert refund["status"] == "succeeded"


def test_a_payer_may_be_let_go_of(account: Stripes) -> None:
    intent = asked(account)

    assert account.post(f"payment_intents/{intent}/cancel").json["status"] == "canceled"
    assert account.simulated.pull(f"/objects/{intent}/approve").status == 409


@pytest.mark.parametrize(
    ("fault", "decline_code"),
    [("soft_decline", "insufficient_funds"), ("hard_decline", "fraudulent")],
)
def test_paypal_may_refuse_at_once(account: Stripes, fault: str, decline_code: str) -> None:
    intent = make(account).json["id"]
    account.simulated.fault(fault, count=1, on="charge", step="move")

    answer = account.confirm(intent, **BACK)

    assert (answer.status, answer.error["type"]) == (402, "invalid_request_error")
    assert answer.error["code"] == "payment_method_provider_decline"
    assert answer.error["decline_code"] == decline_code
    assert account.status(intent) == "requires_payment_method"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({TYPE: None, "payment_method_data[metadata][a]": "b"}, "parameter_missing", TYPE),
        ({TYPE: "pigeon"}, None, TYPE),
        ({"payment_method": "pm_card_visa"}, "parameters_exclusive", "payment_method_data"),
        (
            {"payment_method_data[card][number]": "4242424242424242"},
            "parameter_unknown",
            "payment_method_data[card]",
        ),
        (
            {"payment_method_data[paypal][payer]": "x"},
            "parameter_unknown",
            "payment_method_data[paypal]",
        ),
        (
            {TYPE: "card"},
            "payment_intent_incompatible_payment_method",
            "payment_method_data",
        ),
        (
            {TYPE: None, "payment_method": "pm_card_visa"},
            "payment_intent_incompatible_payment_method",
            "payment_method",
        ),
        (
            {"allowed_payment_method_types[0]": "card"},
            "payment_intent_incompatible_payment_method",
            "payment_method_data",
        ),
        (
            {"currency": "jpy"},
            "payment_intent_invalid_parameter",
            "allowed_payment_method_types",
        ),
        ({"confirm": "true"}, "parameter_missing", "return_url"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused_by_name(
    account: Stripes, changes: dict[str, Any], code: str | None, param: str
) -> None:
    assert said(make(account, **changes)) == (400, code, param)


def test_a_payer_who_could_not_come_back_is_not_sent_away(account: Stripes) -> None:
    intent = make(account).json["id"]

    assert said(account.confirm(intent)) == (400, "parameter_missing", "return_url")
    assert account.status(intent) == "requires_confirmation"
    assert account.confirm(intent, **BACK).json["status"] == "requires_action"


@pytest.mark.parametrize(
    ("currency", "redirects", "status"),
    [("eur", "always", 200), ("eur", "never", 400), ("jpy", "always", 400)],
)
def test_where_no_type_is_named_all_are_allowed_that_fit(
    account: Stripes, currency: str, redirects: str, status: int
) -> None:
    automatic = {
        "allowed_payment_method_types[0]": None,
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": redirects,
    }

    answer = make(account, currency=currency, **automatic)

    assert answer.status == status, answer.body
    if status == 400:
        assert answer.error["code"] == "payment_intent_incompatible_payment_method"


def test_a_saved_account_is_charged_without_asking_and_a_loose_one_once(account: Stripes) -> None:
    customer = account.post("customers", {"name": "A payer"}).json["id"]
    order = {"type": "paypal", "customer": customer}
    account.simulated.admin("POST", "/payment_methods/pm_account/save", order)
    loose = account.post("payment_methods", {"type": "paypal"}).json["id"]

    for off_session in ({}, {"off_session": "true"}):
        saved = make(account, **{TYPE: None}, payment_method="pm_account", customer=customer)
        assert account.confirm(saved.json["id"], **off_session).json["status"] == "succeeded"
    first, again = (make(account, **{TYPE: None}, payment_method=loose) for _ in range(2))
    absent = account.confirm(first.json["id"], **BACK, off_session="true")
    assert (absent.status, absent.error["code"]) == (402, "authentication_required")
    assert account.confirm(again.json["id"], **BACK).json["status"] == "requires_action"
    account.simulated.admin("POST", f"/objects/{again.json['id']}/approve")
    spent = make(account, **{TYPE: None}, payment_method=loose).json["id"]
    assert said(account.confirm(spent, **BACK)) == (400, None, "payment_method")
    attach = account.post(f"payment_methods/{loose}/attach", {"customer": customer})
    assert attach.status == 400
