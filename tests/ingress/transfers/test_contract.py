"""What the document says of transfers is what the door takes and gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from domain.due import Due
from domain.means import Customer, Method
from domain.money import CURRENCIES, Money
from domain.payment import Mode, Payment, Status
from domain.payout import Destination, Payout, PayoutStatus
from ingress.contract import transfers_examples as examples
from ingress.contract.transfers import PATHS
from ingress.contract.transfers_schemas import SCHEMAS
from ingress.fields import open_body
from ingress.transfers_in import (
    DEPOSIT,
    WITHDRAWAL,
    read_deposit,
    read_withdrawal,
)
from ingress.transfers_out import DEPOSIT_MESSAGES, PAYOUT_MESSAGES, deposit_json, payout_json
from ingress.xml_in import open_xml

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
ID = UUID("0198c0de-7f3a-7c51-9a3d-5f0e4b2a6d18")
MONEY = Money(10_000, CURRENCIES["USD"])
LATER = NOW + timedelta(minutes=30)
PAYMENT = Payment(
    *(ID, ID, Mode.TEST, MONEY, Status.PENDING, Method("card"), NOW, LATER, Due(NOW)),
    customer=Customer(id="42"),
    kind="deposit",
)
PAYOUT = Payout(
    *(ID, ID, Mode.TEST, MONEY, PayoutStatus.PENDING, Destination("wallet", "secret")),
    *(NOW, LATER, Due(NOW)),
    customer=Customer(id="42"),
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Deposit", deposit_json(PAYMENT, lambda id_: f"https://pay.example.com/{id_}")),
        ("Payout", payout_json(PAYOUT)),
    ],
)
def test_a_schema_has_exactly_the_fields_that_are_sent(name: str, shown: Mapping[str, Any]) -> None:
    schema = SCHEMAS[name]

    assert set(schema["properties"]) == set(shown) == set(schema["required"])
    for part in ("destination", "links"):
        if part in shown:
            assert set(schema["properties"][part]["properties"]) == set(shown[part])


def test_every_status_has_its_words() -> None:
    assert set(DEPOSIT_MESSAGES) == set(Status)
    assert set(PAYOUT_MESSAGES) == set(PayoutStatus)


def test_the_door_knows_every_field_of_the_document() -> None:
    deposit = dict.fromkeys(SCHEMAS["NewDeposit"]["properties"]) | {"user_id": "1", "amount": 1}
    withdrawal = dict.fromkeys(SCHEMAS["NewWithdrawal"]["properties"]) | {
        "user_id": "1",
        "amount": 1,
        "destination": {"type": "wallet", "token": "t"},
    }

    read_deposit(open_body(json.dumps(deposit).encode()), Mode.TEST, b"key")
    read_withdrawal(open_body(json.dumps(withdrawal).encode()))


def test_the_examples_are_one_command_in_each_form() -> None:
    pairs = [
        (examples.NEW_DEPOSIT, examples.NEW_DEPOSIT_XML, DEPOSIT),
        (examples.NEW_WITHDRAWAL, examples.NEW_WITHDRAWAL_XML, WITHDRAWAL),
    ]
    for document, xml, shape in pairs:
        bodies = [
            open_body(json.dumps(document).encode()),
            open_xml(xml.encode(), shape)[0],
            open_xml(examples.in_soap(xml).encode(), shape)[0],
        ]
        read = [
            read_deposit(body, Mode.TEST, b"key")[0]
            if shape is DEPOSIT
            else read_withdrawal(body)[0]
            for body in bodies
        ]
        assert read[0] == read[1] == read[2]
        assert len({one.fingerprint() for one in read}) == 1


def test_every_taking_operation_shows_all_three_forms_both_ways() -> None:
    forms = {"application/json", "application/xml", "text/xml"}
    taking = [cast("dict[str, Any]", item["post"]) for item in PATHS.values() if "post" in item]

    assert len(taking) == 7
    for operation in taking:
        assert set(operation["requestBody"]["content"]) == forms
        assert set(operation["responses"]["202"]["content"]) == forms
        assert "application/problem+xml" in operation["responses"]["422"]["content"]
