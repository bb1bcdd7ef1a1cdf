"""The simulators' lists of movements: windows, pages, lags and refusals, as each provider has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest

from tests.sandbox.banking import Bank, started
from tests.sandbox.paypal_client import Merchant, a_payout, simulator
from tests.sandbox.running import Sandbox, an_order, send
from tests.sandbox.stripes import Stripes, running
from tests.sandbox.xenditing import Shop, a_card, opened, refused

SPEC = Path(__file__).resolve().parents[3] / "shared" / "specs" / "paypal"
REPORTING = SPEC / "reporting_transactions_v1.json"


def at(hours: float = 0.0) -> str:
    """A time so many hours from now, as every provider reads it."""
    when = datetime.now(UTC) + timedelta(hours=hours)
    return when.isoformat(timespec="milliseconds")[:-6] + "Z"


# The house's own sandbox


def settlements(own: Sandbox, **more: Any) -> Any:
    window = {"since": at(-1), "until": at(1)} | more
    return own.get(f"/v1/settlements?{urlencode(window)}")


def test_the_statement_is_the_settlement_list_of_a_window_in_pages(own: Sandbox) -> None:
    own.start()
    for _ in range(3):
        own.create(an_order())
    whole = own.admin("GET", "/settlements")["data"]

    pages, after = [], None
    while True:
        page = settlements(own, limit=2, **({} if after is None else {"after": after})).json
        pages.append(page["data"])
        if not page["has_more"]:
            break
        after = page["data"][-1]["id"]

    assert [len(page) for page in pages] == [2, 1]
    assert [line for page in pages for line in page] == whole
    assert settlements(own, since=at(1), until=at(2)).json["data"] == []
    assert settlements(own, since=whole[1]["at"], until=whole[2]["at"]).json["data"] == [
        line for line in whole if whole[1]["at"] <= line["at"] < whole[2]["at"]
    ]


def test_a_line_of_the_statement_shows_after_the_visibility_lag(own: Sandbox) -> None:
    own.options = ("--visibility-lag-s", "3600")
    own.start()
    own.create(an_order())

    assert settlements(own).json == {"data": [], "has_more": False}


@pytest.mark.parametrize(
    ("param", "given"),
    [
        ("since", {"since": "yesterday"}),
        ("until", {"until": "2026-03-31"}),
        ("until", {"since": "2026-01-01T00:00:00Z", "until": "2026-02-02T00:00:00Z"}),
        ("until", {"until": "2026-01-01T00:00:00Z"}),
        ("limit", {"limit": "0"}),
        ("limit", {"limit": "201"}),
        ("after", {"after": "sr_1"}),
        ("before", {"before": "sl_1"}),
    ],
)
def test_a_wrong_question_for_the_statement_is_refused(
    sandbox: Sandbox, param: str, given: dict[str, str]
) -> None:
    answer = settlements(sandbox, **given)

    assert (answer.status, answer.error["param"]) == (400, param)


def test_a_stranger_reads_no_statement(sandbox: Sandbox) -> None:
    path = f"/v1/settlements?{urlencode({'since': at(-1), 'until': at(1)})}"

    assert send(sandbox.port, "GET", path).status == 401


# Stripe


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stripes]:
    yield from running(tmp_path_factory.mktemp("stripe"), "--no-fsync")


@pytest.mark.parametrize("name", ["payment_intents", "refunds", "payouts", "disputes"])
def test_stripes_lists_take_a_window_of_whole_seconds(stripe: Stripes, name: str) -> None:
    intent = stripe.paid()
    stripe.post("refunds", {"payment_intent": intent})
    stripe.simulated.admin("POST", f"/objects/{stripe.paid()}/chargeback", {"amount": 100})
    stripe.post("payouts", {"amount": 100, "currency": "usd", "destination": "ba_1"})
    now = int(datetime.now(UTC).timestamp())

    inside = stripe.get(name, {"created[gte]": now - 60, "created[lt]": now + 60}).json["data"]
    before = stripe.get(name, {"created[lt]": now - 60}).json["data"]
    after = stripe.get(name, {"created[gt]": now + 60, "created[lte]": now + 90}).json["data"]

    assert inside
    assert before == after == []
    odd = stripe.get(name, {"created[since]": now})
    assert (odd.status, odd.json["error"]["code"]) == (400, "parameter_unknown")
    assert stripe.get(name, {"created[gte]": "today"}).status == 400


# PayPal


@pytest.fixture(scope="module")
def paypal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    at_work = simulator(tmp_path_factory.mktemp("paypal")).start()
    yield Merchant(at_work)
    at_work.stop()


def transactions(shop: Merchant, **more: Any) -> Any:
    window = {"start_date": at(-1), "end_date": at(1)} | more
    return shop.call("GET", f"/v1/reporting/transactions?{urlencode(window)}")


@lru_cache
def reporting() -> Any:
    return json.loads(REPORTING.read_bytes())


def test_paypals_search_shows_every_movement_with_its_sign(paypal: Merchant) -> None:
    order, capture = paypal.captured()
    paypal.post(f"/v2/payments/captures/{capture}/refund", {"custom_id": "back"})
    paypal.post("/v1/payments/payouts", a_payout(sender_item_id="out"))

    found = transactions(paypal, page_size=500).json["transaction_details"]

    infos = [one["transaction_info"] for one in found]
    (sale,) = (one for one in infos if one["transaction_id"] == capture)
    assert (sale["paypal_reference_id"], sale["paypal_reference_id_type"]) == (order, "ODR")
    assert sale["transaction_amount"]["value"] == "12.50"
    (back,) = (one for one in infos if one.get("custom_field") == "back")
    assert (back["transaction_event_code"], back["paypal_reference_id"]) == ("T1107", capture)
    assert back["transaction_amount"]["value"] == "-12.50"
    (out,) = (one for one in infos if one.get("custom_field") == "out")
    assert (out["transaction_event_code"], out["transaction_amount"]["value"]) == (
        "T0001",
        "-42.00",
    )


@pytest.mark.skipif(
    not REPORTING.is_file(), reason="PayPal's document is not beside this repository"
)
def test_paypals_search_answers_as_its_own_document_says(paypal: Merchant) -> None:
    paypal.captured()
    whole = {
        "$ref": "#/components/schemas/search_response",
        "components": reporting()["components"],
    }

    answer = transactions(paypal)

    found = list(jsonschema_rs.Draft4Validator(whole).iter_errors(answer.json))
    assert [f"{error.instance_path}: {error.message}" for error in found] == []


@pytest.mark.parametrize(
    ("field", "issue", "given"),
    [
        ("start_date", "INVALID_PARAMETER_SYNTAX", {"start_date": "today"}),
        ("end_date", "INVALID_DATE_RANGE", {"start_date": "2026-01-01T00:00:00Z"}),
        ("page_size", "INVALID_PARAMETER_VALUE", {"page_size": 501}),
        ("page", "INVALID_PARAMETER_VALUE", {"page": 0}),
        ("invoice_id", "UNKNOWN_PARAMETER", {"invoice_id": "1"}),
    ],
)
def test_paypals_search_refuses_what_it_does_not_know(
    paypal: Merchant, field: str, issue: str, given: dict[str, Any]
) -> None:
    answer = transactions(paypal, **given)

    assert answer.status == 400
    assert answer.json["details"][0]["field"] == field
    assert answer.json["details"][0]["issue"] == issue


def test_paypals_search_is_as_late_as_it_is_told_to_be(tmp_path: Path) -> None:
    late = Merchant(simulator(tmp_path, "--reporting-lag-s", "3600").start())
    late.captured()

    assert transactions(late).json["total_items"] == 0
    late.at.stop()


# Xendit


@pytest.fixture(scope="module")
def xendit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = opened(tmp_path_factory.mktemp("xendit"))
    yield shop
    shop.simulator.stop()
    shop.receiver.close()


def test_xendits_list_names_payments_and_pages_backwards(xendit: Shop) -> None:
    charges = [xendit.charge(a_card()) for _ in range(3)]
    window = {"created[gte]": at(-1), "created[lte]": at(1), "types": "PAYMENT"}

    first = xendit.get(f"/transactions?{urlencode(window | {'limit': 2})}").json
    last = first["data"][-1]["id"]
    rest = xendit.get(f"/transactions?{urlencode(window | {'after_id': last})}").json

    assert (first["has_more"], rest["has_more"]) == (True, False)
    found = [*first["data"], *rest["data"]]
    assert {one["reference_id"] for one in found} == {one["reference_id"] for one in charges}
    assert {one["product_id"] for one in found} == {
        xendit.paid(charge)["payment_id"] for charge in charges
    }


@pytest.mark.parametrize(
    "given",
    [
        {"limit": 51},
        {"limit": 0},
        {"created[gte]": "now"},
        {"created[gt]": "2026-01-01T00:00:00Z"},
        {"after_id": "x"},
    ],
    ids=str,
)
def test_xendits_list_refuses_what_it_does_not_know(xendit: Shop, given: dict[str, Any]) -> None:
    answer = xendit.get(f"/transactions?{urlencode(given)}")

    assert refused(answer) == (400, "API_VALIDATION_ERROR")


# The bank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    open_ = started(tmp_path_factory.mktemp("bank"))
    yield open_
    open_.simulated.stop()
    open_.receiver.close()


def lines(text: str) -> list[str]:
    return text.split("<Line>")[1:]


def test_the_banks_statement_has_a_hundred_lines_a_page(bank: Bank) -> None:
    began = at(-1)
    sales = [bank.sale()["Reference"] for _ in range(102)]

    first = bank.ask("GetStatement", Since=began, Until=at(1), After="0")
    last = lines(first.text)[-1].partition("<LineId>")[2].partition("<")[0]
    rest = bank.ask("GetStatement", Since=began, Until=at(1), After=last)

    assert (first["More"], rest["More"]) == ("true", "false")
    assert first.is_signed
    told = lines(first.text) + lines(rest.text)
    assert len(lines(first.text)) == 100
    assert [one.partition("<Reference>")[2].partition("<")[0] for one in told] == sales
    empty = bank.ask("GetStatement", Since=at(1), Until=at(2), After="0")
    assert (empty.response.status, empty["More"], lines(empty.text)) == (200, "false", [])


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("Since", {"Since": "2026-03-31"}),
        ("Since", {"Since": "2026-13-31T00:00:00Z"}),
        ("Until", {"Until": "2026-01-01T00:00:00Z"}),
        ("Until", {"Until": "2026-03-31T00:00:00Z"}),
        ("After", {"After": "first"}),
    ],
)
def test_a_wrong_question_for_the_banks_statement_is_a_fault(
    bank: Bank, field: str, given: dict[str, str]
) -> None:
    asked = {"Since": "2026-02-01T00:00:00Z", "Until": "2026-02-02T00:00:00Z", "After": "0"}
    answer = bank.ask("GetStatement", **asked | given)

    assert answer.fault == "Client.VALIDATION"
    assert f">{field}</Field>" in answer.text


def test_the_banks_statement_wants_all_of_its_fields(bank: Bank) -> None:
    answer = bank.ask("GetStatement", Since=at(-1), Until=at())

    assert answer.fault == "Client.VALIDATION"
    assert ">After</Field>" in answer.text
