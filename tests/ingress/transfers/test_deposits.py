"""Deposits: a checkout in the words of a trading platform, in JSON, XML and SOAP."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from domain.ids import Kind, parse
from ingress.contract import transfers_examples as examples
from ingress.soap import NAMESPACE as SOAP
from ingress.xml_out import NAMESPACE, PROBLEM_NAMESPACE
from tests.ingress.transfers.conftest import STRANGER, Shop

PATHS = ("/v1/deposits", "/v1/deposit", "/api/v1/deposits", "/deposit")
SHORTEST = {"user_id": 1, "amount": 10000, "currency": "USD"}
SHORTEST_XML = (
    "<deposit><user_id>1</user_id><amount>10000</amount><currency>USD</currency></deposit>"
)


def field(root: ET.Element, name: str, namespace: str = NAMESPACE) -> str | None:
    found = root.find(f"{{{namespace}}}{name}")
    assert found is not None, name
    return found.text


@pytest.mark.parametrize("path", PATHS)
def test_a_deposit_is_taken_under_every_address_it_ever_had(shop: Shop, path: str) -> None:
    answer = shop.call("POST", path, SHORTEST)

    assert answer.status_code == 202
    said = answer.json()
    (payment,) = shop.payments()
    assert parse(Kind.PAYMENT, said["transaction_id"]) == payment.id
    assert (said["status"], said["message"]) == ("pending", "Transaction is being processed")
    assert said["redirect_url"] == f"https://pay.example.com/{payment.id.hex}"
    assert (payment.kind, payment.customer.id, payment.money.minor) == ("deposit", "1", 10000)
    assert answer.headers["Location"] == f"/v1/deposits/{said['id']}"


def test_a_deposit_in_xml_is_the_same_command_as_in_json(shop: Shop) -> None:
    first = shop.call("POST", "/v1/deposits", SHORTEST, Idempotency_Key="k1")
    again = shop.xml("/deposit", SHORTEST_XML, Idempotency_Key="k1")

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/xml; charset=utf-8"
    root = ET.fromstring(again.text)
    assert root.tag == f"{{{NAMESPACE}}}depositResponse"
    assert field(root, "transaction_id") == first.json()["transaction_id"]
    assert field(root, "amount") == "10000"
    assert len(shop.payments()) == 1


def test_the_examples_of_the_contract_are_one_request_in_three_forms(shop: Shop) -> None:
    asked = examples.asked("NewDeposit", examples.NEW_DEPOSIT, examples.NEW_DEPOSIT_XML)
    answers = []
    for media, content in asked.items():
        example = content["example"]
        text = example if isinstance(example, str) else json.dumps(example)
        answers.append(shop.xml("/v1/deposits", text, media, Idempotency_Key="k"))

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.headers["Content-Type"].partition(";")[0] for answer in answers] == list(asked)
    assert len(shop.payments()) == 1


def test_a_soap_message_pasted_as_it_is_gets_an_envelope_back(shop: Shop) -> None:
    message = """<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
  <soap:Header/>
  <soap:Body>
    <deposit xmlns="urn:trade:wallet">
      <user_id>1</user_id>
      <amount>10000</amount>
      <currency>USD</currency>
    </deposit>
  </soap:Body>
</soap:Envelope>"""

    answer = shop.xml("/deposit", message, "text/xml; charset=utf-8", SOAPAction='"deposit"')

    assert answer.status_code == 202, answer.text
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    body = ET.fromstring(answer.text).find(f"{{{SOAP}}}Body")
    assert body is not None
    (payment,) = shop.payments()
    assert field(body[0], "status") == "pending"
    assert parse(Kind.PAYMENT, field(body[0], "transaction_id") or "") == payment.id


def test_the_answer_is_in_the_form_that_accept_asks_for(shop: Shop) -> None:
    as_xml = shop.call("POST", "/v1/deposits", SHORTEST, Accept="text/xml")
    as_json = shop.xml("/v1/deposits", SHORTEST_XML, Accept="application/json")

    assert as_xml.headers["Content-Type"].startswith("application/xml")
    assert as_json.json()["status"] == "pending"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("<deposit><user_id>1</user_id><amount>100.00</amount></deposit>", "amount"),
        ("<deposit><amount>1</amount></deposit>", "user_id"),
        ("<deposit><user_id>1</user_id><amount>1</amount><colour>red</colour></deposit>", "colour"),
        (
            "<deposit><user_id>1</user_id><user_id>2</user_id><amount>1</amount></deposit>",
            "user_id",
        ),
        ("<payment><user_id>1</user_id><amount>1</amount></payment>", "body"),
    ],
)
def test_what_is_wrong_is_said_in_xml(shop: Shop, body: str, wrong: str) -> None:
    answer = shop.xml("/v1/deposits", body)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+xml; charset=utf-8"
    root = ET.fromstring(answer.text)
    assert field(root, "code", PROBLEM_NAMESPACE) == "validation_failed"
    named = [one.text for one in root.iter(f"{{{PROBLEM_NAMESPACE}}}field")]
    assert named == [wrong]
    assert not shop.payments()


def test_what_is_wrong_with_a_soap_message_is_a_fault_with_the_problem_in_it(shop: Shop) -> None:
    answer = shop.xml("/deposit", examples.in_soap("\n<deposit><amount>1</amount></deposit>"))

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    root = ET.fromstring(answer.text)
    assert root.findtext(f".//{{{SOAP}}}Fault/faultcode") == "soap:Client"
    assert root.findtext(f".//{{{PROBLEM_NAMESPACE}}}code") == "validation_failed"


Refused = dict[str, Any]


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (401, {"path": "/deposit", "key": "pl_test_wrong"}),
        (401, {"path": "/v1/deposits", "key": "pl_test_wrong"}),
        (404, {"path": "/v1/deposits/pay_1/nothing"}),
        (405, {"path": "/v1/deposits", "method": "PUT"}),
        (413, {"path": "/v1/deposits", "body": "<deposit>" + " " * 70_000}),
        (400, {"path": "/v1/deposits", "body": "<deposit"}),
        (400, {"path": "/v1/deposits", "body": "<!DOCTYPE x><deposit/>"}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_who_sends_xml_is_refused_in_xml_also_before_the_handler(
    shop: Shop, status: int, asked: Refused
) -> None:
    answer = shop.call(
        asked.get("method", "POST"),
        asked["path"],
        asked.get("body", SHORTEST_XML),
        key=asked.get("key"),
        content_type="application/xml",
    )

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+xml; charset=utf-8"
    assert field(ET.fromstring(answer.text), "status", PROBLEM_NAMESPACE) == str(status)


def test_before_the_body_is_read_the_soap_action_tells_the_envelope(shop: Shop) -> None:
    answer = shop.xml("/deposit", "", "text/xml", key="pl_test_wrong", SOAPAction='""')

    assert answer.status_code == 401
    assert ET.fromstring(answer.text).tag == f"{{{SOAP}}}Envelope"


def test_who_asks_too_often_is_told_so_in_xml(shop: Shop) -> None:
    key = shop.book.add(scopes=frozenset({"payments:write"}), rate_limit_per_minute=1)
    shop.xml("/v1/deposits", SHORTEST_XML, key=key)

    answer = shop.xml("/v1/deposits", SHORTEST_XML, key=key)

    assert (answer.status_code, answer.headers["Retry-After"].isdigit()) == (429, True)
    assert answer.headers["Content-Type"] == "application/problem+xml; charset=utf-8"


def test_a_body_that_is_neither_is_refused_as_such(shop: Shop) -> None:
    answer = shop.xml("/v1/deposits", "user_id=1", "text/csv")

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_card_number_is_refused_in_xml_too_and_never_repeated(shop: Shop) -> None:
    body = SHORTEST_XML.replace("<currency>", "<order_id>4242424242424242</order_id><currency>")

    answer = shop.xml("/v1/deposits", body)

    assert answer.status_code == 422
    assert "raw_card_data_refused" in answer.text
    assert "4242424242424242" not in answer.text


def test_the_same_key_for_another_deposit_or_for_a_checkout_is_refused(shop: Shop) -> None:
    shop.call("POST", "/v1/deposits", SHORTEST, Idempotency_Key="k")

    other = shop.xml("/v1/deposits", SHORTEST_XML.replace("10000", "10001"), Idempotency_Key="k")

    assert other.status_code == 422
    assert "idempotency_key_reused" in other.text


def test_an_active_order_is_refused_in_the_form_of_the_request(shop: Shop) -> None:
    order = "<order_id>o-1</order_id></deposit>"
    body = SHORTEST_XML.replace("</deposit>", order)
    shop.call("POST", "/v1/deposits", SHORTEST | {"order_id": "o-1"}, Idempotency_Key="k1")

    answers = [shop.xml("/v1/deposits", body, Idempotency_Key="k2") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert answers[0].content == answers[1].content
    root = ET.fromstring(answers[0].text)
    assert field(root, "code", PROBLEM_NAMESPACE) == "order_already_active"


def test_a_live_deposit_needs_an_idempotency_key(shop: Shop) -> None:
    key, body = shop.live_key(), SHORTEST | {"method": "bank_transfer"}

    without = shop.call("POST", "/v1/deposits", body, key=key)

    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")
    accepted = shop.call("POST", "/v1/deposits", body | {"idempotency_key": "k"}, key=key)
    assert (accepted.status_code, accepted.json()["mode"]) == (202, "live")


def test_a_deposit_is_read_by_its_merchant_alone(shop: Shop) -> None:
    made = shop.call("POST", "/v1/deposits", SHORTEST).json()
    path = f"/v1/deposits/{made['id']}"
    stranger = shop.book.add(scopes=frozenset({"payments:read"}), merchant_id=STRANGER)
    other_mode = shop.book.add(scopes=frozenset({"payments:write"}))

    assert shop.call("GET", path).json() == made
    as_xml = shop.call("GET", path, Accept="application/xml")
    assert field(ET.fromstring(as_xml.text), "id") == made["id"]
    assert shop.call("GET", path, key=stranger).status_code == 404
    assert shop.call("GET", path, key=other_mode).status_code == 403
    assert shop.call("POST", "/v1/deposits", SHORTEST, key=stranger).status_code == 403
    assert shop.call("GET", "/v1/deposits/pay_" + "0" * 32).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_preference_for_nobody_is_refused_in_xml_too(shop: Shop, path: str) -> None:
    wish = "<provider_preference>nope</provider_preference></deposit>"
    deposit = SHORTEST_XML.replace("</deposit>", wish)
    answer = shop.xml(path, deposit)

    assert answer.status_code == 422
    told = [element.text for element in ET.fromstring(answer.text).iter() if element.text]
    assert "provider_preference" in told
    assert "nope is neither a gateway nor a provider here" in told
    assert "send one of bank, bank-a, bank-b, silent, or leave it out" in told
    assert not shop.payments()
    assert shop.xml(path, deposit.replace("nope", "bank")).status_code == 202
