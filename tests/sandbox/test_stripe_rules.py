"""What the simulated Stripe refuses, and in which words."""

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.running import Response
from tests.sandbox.stripes import KEY, Stripes, account, an_intent, running, shared

__all__ = ["account", "shared"]  # fixtures


def said(answer: Response) -> tuple[int, str, Any, Any]:
    """Return status, type, code and parameter of an error."""
    error = answer.error
    assert error["message"]
    return answer.status, error["type"], error.get("code"), error.get("param")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 401),
        ("Bearer sk_test_other", 401),
        ("Bearer é", 401),
        ("Basic !!", 401),
        ("Bearer pk_test_1", 403),
        (f"Bearer {KEY}", 200),
        ("Basic " + base64.b64encode(f"{KEY}:".encode()).decode(), 200),
    ],
)
def test_only_the_secret_key_lets_in(account: Stripes, header: str, status: int) -> None:
    raw = {"Authorization": header.encode().decode("latin-1")} if header else {}

    answer = account.simulated.send("GET", "/v1/payment_intents", None, raw)

    assert answer.status == status
    assert "sk_test_other" not in answer.body.decode()
    if status != 200:
        assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amonut": 5}, "parameter_unknown", "amonut"),
        ({"amount": "much"}, "parameter_invalid_integer", "amount"),
        ({"amount": "10.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, None, "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": 5124, "currency": "kwd"}, None, "amount"),
        (
            {"amount": 550, "currency": "isk"},
            "invalid_charge_amount_no_decimal_compatible",
            "amount",
        ),
        ({"currency": "xxx"}, None, "currency"),
        ({"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"capture_method": "soon"}, None, "capture_method"),
        ({"description": ""}, "parameter_invalid_empty", "description"),
        ({"metadata[n]": "x" * 501}, None, "metadata[n]"),
        ({"metadata[" + "n" * 41 + "]": "x"}, None, "metadata"),
        ({f"metadata[{n}]": "x" for n in range(51)}, None, "metadata"),
        ({"return_url": "https://shop.example"}, None, "return_url"),
        ({"off_session": "true"}, None, "off_session"),
        ({"confirm": "perhaps"}, None, "confirm"),
        (
            {"payment_method_options[card][three_ds]": "any"},
            "parameter_unknown",
            "payment_method_options[card][three_ds]",
        ),
        ({"expand[0]": "charges"}, None, "expand"),
        (
            {"allowed_payment_method_types[1]": "oxxo"},
            "payment_intent_invalid_parameter",
            "allowed_payment_method_types",
        ),
        (
            {"payment_method_types[0]": "card"},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused_by_name(
    account: Stripes, changes: dict[str, Any], code: str | None, param: str
) -> None:
    answer = (
        account.make(**changes)
        if "payment_method" not in changes
        else account.post("payment_intents", an_intent() | changes)
    )

    assert said(answer) == (400, "invalid_request_error", code, param)


@pytest.mark.parametrize("name", ["amount", "currency"])
def test_what_is_missing_is_named(account: Stripes, name: str) -> None:
    order = an_intent()
    del order[name]

    answer = account.post("payment_intents", order)

    assert said(answer) == (400, "invalid_request_error", "parameter_missing", name)


@pytest.mark.parametrize(
    ("version", "name", "status"),
    [
        ("2026-06-24.dahlia", "payment_method_types[0]", 200),
        ("2026-06-24.dahlia", "allowed_payment_method_types[0]", 400),
        ("2026-08-26.dahlia", "payment_method_types[0]", 200),
        ("2026-09-30.endive", "payment_method_types[0]", 400),
        ("2026-09-30.endive", "allowed_payment_method_types[0]", 200),
        ("yesterday", "allowed_payment_method_types[0]", 400),
    ],
)
def test_the_version_of_the_api_decides_what_a_parameter_is_called(
    account: Stripes, version: str, name: str, status: int
) -> None:
    order = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", name: "card"}

    answer = account.post("payment_intents", order, version=version)

    assert answer.status == status, answer.body


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("jpy", 500, 500),
        ("isk", 500, 5),
        ("mga", 5, 500),
        ("kwd", 5120, 5120),
        ("idr", 10**9, 10**9),
    ],
)
def test_the_ledger_counts_in_iso_minor_units(
    account: Stripes, currency: str, amount: int, minor: int
) -> None:
    intent = account.paid(amount=amount, currency=currency)

    line = next(one for one in account.simulated.lines(intent) if one["kind"] == "sale")
    assert (line["amount"], line["currency"]) == (minor, currency.upper())


@pytest.mark.parametrize("what", ["confirm", "capture", "cancel"])
def test_a_status_forbids_what_does_not_follow_from_it(account: Stripes, what: str) -> None:
    intent = account.paid()

    answer = account.post(f"payment_intents/{intent}/{what}")

    assert said(answer)[:3] == (400, "invalid_request_error", "payment_intent_unexpected_state")
    assert account.status(intent) == "succeeded"


@pytest.mark.parametrize(
    "path",
    ["payment_intents/pi_x", "refunds/re_x", "payouts/po_x", "disputes/du_x", "payment_methods/x"],
)
def test_what_is_not_there_is_missing(account: Stripes, path: str) -> None:
    assert said(account.get(path))[:3] == (404, "invalid_request_error", "resource_missing")


def test_an_unknown_path_or_method_is_no_endpoint(account: Stripes) -> None:
    assert said(account.get("nothing"))[:2] == (404, "invalid_request_error")
    assert said(account.get("payment_methods"))[:2] == (404, "invalid_request_error")


def test_no_more_is_captured_or_given_back_than_there_is(account: Stripes) -> None:
    held, paid = account.held(), account.paid()

    def capture(amount: int) -> Response:
        return account.post(f"payment_intents/{held}/capture", {"amount_to_capture": amount})

    def refund(intent: str, **params: Any) -> Response:
        return account.post("refunds", {"payment_intent": intent} | params)

    assert said(capture(1001))[2:] == ("amount_too_large", "amount_to_capture")
    assert said(refund(held))[3] == "payment_intent"
    assert said(refund(paid, amount=1001))[3] == "amount"
    assert said(refund(paid, reason="because"))[3] == "reason"
    assert said(account.post("refunds", {"amount": 5}))[2] == "parameter_missing"
    assert refund(paid, amount=400).json["status"] == "succeeded"
    assert said(refund(paid, amount=601))[3] == "amount"
    assert refund(paid).json["amount"] == 600
    assert said(refund(paid))[2] == "charge_already_refunded"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"destination": "DE89"}, "resource_missing", "destination"),
        ({"destination": "card_1"}, None, "method"),
        ({"method": "instant"}, "instant_payouts_unsupported", "method"),
        (
            {"amount": 1050, "currency": "huf"},
            "invalid_charge_amount_no_decimal_compatible",
            "amount",
        ),
        ({"statement_descriptor": "x" * 23}, None, "statement_descriptor"),
    ],
    ids=str,
)
def test_a_payout_that_cannot_be_made_is_refused(
    account: Stripes, changes: dict[str, Any], code: str | None, param: str
) -> None:
    order = {"amount": 1000, "currency": "usd", "destination": "ba_1"} | changes

    assert said(account.post("payouts", order))[2:] == (code, param)


def test_lists_are_paged_newest_first_and_filtered(account: Stripes) -> None:
    intent = account.paid()
    made = [
        account.post("refunds", {"payment_intent": intent, "amount": 1}).json["id"]
        for _ in range(3)
    ]

    first = account.get("refunds", {"payment_intent": intent, "limit": 2}).json
    rest = account.get(
        "refunds", {"payment_intent": intent, "limit": 2, "starting_after": made[1]}
    ).json

    assert ([one["id"] for one in first["data"]], first["has_more"]) == ([made[2], made[1]], True)
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([made[0]], False)
    for wrong in ({"limit": 0}, {"limit": 101}, {"colour": "red"}, {"starting_after": "re_x"}):
        assert account.get("refunds", wrong).status == 400


def test_a_search_finds_what_carries_the_name(account: Stripes) -> None:
    intent = account.made(**{"metadata[our_reference]": "abc"})

    def found(query: str) -> Response:
        return account.get("payment_intents/search", {"query": query})

    assert [one["id"] for one in found("metadata['our_reference']:'abc'").json["data"]] == [intent]
    assert [one["id"] for one in found('metadata["our_reference"]:"abc"').json["data"]] == [intent]
    assert found("metadata['our_reference']:'abcd'").json["data"] == []
    assert found("amount>5").status == 400


def test_a_new_intent_may_not_be_searchable_yet(tmp_path: Path) -> None:
    for late in running(tmp_path, "--search-lag-s", "3600"):
        intent = late.made(**{"metadata[our_reference]": "abc"})
        query = {"query": "metadata['our_reference']:'abc'"}
        assert late.get("payment_intents/search", query).json["data"] == []
        assert late.status(intent) == "requires_confirmation"
