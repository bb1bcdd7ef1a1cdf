"""Callbacks: a gateway's word in our shape, proven by its signature or its token, kept as a hint."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from domain.callback import callback_hint
from domain.commands import Command
from ingress.callbacks import read_callback
from ingress.contract import transfers_examples as examples
from ingress.formats import Syntax
from ingress.knocks import Sender
from ingress.xml_out import NAMESPACE
from tests.dev.waiting import wait_until
from tests.ingress.transfers.conftest import BANK_A, SECRET, TOKEN, Shop, signature

PATHS = ("/v1/callback", "/api/v1/callback", "/callback")
ATTEMPT = UUID("0198c0de-8001-7b6f-8f1c-2d3e4f506172")
JSON = json.dumps(examples.CALLBACK).encode()
XML = examples.CALLBACK_XML.encode()


def called(shop: Shop, body: bytes, path: str = "/callback", **headers: str) -> Any:
    return shop.knock(f"{path}/bank-a", body, **{"Sandbox_Signature": signature(body), **headers})


@pytest.mark.parametrize("path", PATHS)
def test_a_signed_callback_is_kept_and_announced_as_a_hint(shop: Shop, path: str) -> None:
    answer = called(shop, JSON, path)

    assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": False})
    (notice,) = shop.notices()
    hint = callback_hint(notice.body)
    assert hint is not None
    assert (hint.reference, hint.provider_id) == (ATTEMPT.hex, "BANK-1234567890")
    assert hint.type == "callback.completed"


def test_a_token_in_the_configured_header_is_proof_enough(shop: Shop) -> None:
    answer = shop.knock("/callback/bank-b", JSON, X_Bank_Token=TOKEN)

    assert answer.status_code == 200
    assert [notice.gateway_id for notice in shop.notices()] == ["bank-b"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/callback/bank-b", {}),
        ("/callback/bank-b", {"X_Bank_Token": TOKEN + "x"}),
        ("/callback/bank-b", {"X_Bank_Token": TOKEN[:-1]}),
        ("/callback/bank-b", {"X_Bank_Token": ""}),
        ("/callback/bank-b", {"X_Bank_Token": SECRET}),
        ("/callback/bank-b", {"Authorization": f"Bearer {TOKEN}"}),
        ("/callback/bank-b", {"Sandbox_Signature": signature(JSON, TOKEN)}),
        ("/callback/bank-a", {"X_Bank_Token": SECRET}),
        ("/callback/bank-a", {"Sandbox_Signature": signature(JSON, at=1)}),
        ("/callback/bank-a", {"Sandbox_Signature": signature(XML)}),
        ("/callback/silent", {"Sandbox_Signature": signature(JSON, "")}),
        ("/callback/silent", {}),
    ],
)
def test_who_proves_nothing_is_refused(shop: Shop, path: str, headers: dict[str, str]) -> None:
    answer = shop.knock(path, JSON, **headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert not shop.notices()


def test_a_gateway_that_is_not_configured_is_not_there(shop: Shop) -> None:
    for gateway in ("nobody", "bank"):  # a provider is no gateway here
        answer = shop.knock(f"/callback/{gateway}", JSON, Sandbox_Signature=signature(JSON))
        assert answer.status_code == 404


def test_nothing_is_read_before_the_sender_is_proven(shop: Shop) -> None:
    answer = shop.knock("/callback/bank-a", b"no json at all")

    assert answer.status_code == 401


def test_json_and_xml_are_one_event(shop: Shop) -> None:
    untimed = {k: v for k, v in examples.CALLBACK.items() if k != "timestamp"}
    first = called(shop, json.dumps(untimed).encode())
    again = called(shop, XML, Content_Type="application/xml")

    assert first.json()["duplicate"] is False
    assert again.headers["Content-Type"].startswith("application/xml")
    root = ET.fromstring(again.text)
    assert root.findtext(f"{{{NAMESPACE}}}duplicate") == "true"
    assert len(shop.notices()) == 1


def test_another_status_is_another_event(shop: Shop) -> None:
    for status in ("pending", "completed", "pending"):
        called(shop, json.dumps({"reference_id": "B-1", "status": status}).encode())

    assert len(shop.notices()) == 2


def test_a_soap_callback_is_answered_in_an_envelope(shop: Shop) -> None:
    body = examples.in_soap(examples.CALLBACK_XML).encode()

    answer = called(shop, body, Content_Type="text/xml")

    assert answer.status_code == 200
    assert "<soap:Body><callbackResponse" in answer.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "validation_failed"),
        (b"{}", "validation_failed"),
        (b'{"status": "completed"}', "validation_failed"),
        (b'{"transaction_id": true}', "validation_failed"),
        (b'{"transaction_id": "a b"}', "validation_failed"),
        (b'{"reference_id": ["x"]}', "validation_failed"),
        (b'{"reference_id": "x", "gateway_id": "bank-b"}', "validation_failed"),
        (b"{", "malformed_body"),
    ],
)
def test_what_is_no_callback_is_refused(shop: Shop, body: bytes, code: str) -> None:
    answer = called(shop, body)

    assert answer.json()["code"] == code
    assert not shop.notices()


def test_what_is_wrong_is_said_in_xml_to_who_sent_xml(shop: Shop) -> None:
    answer = called(shop, b"<callback/>", Content_Type="text/xml")

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+xml; charset=utf-8"


@pytest.mark.parametrize(
    ("said", "reference", "id_"),
    [
        ({"transaction_id": 123}, "123", None),
        ({"transaction_id": ATTEMPT.hex}, ATTEMPT.hex, None),
        ({"reference_id": "4242424242424242"}, None, "4242424242424242"),
        ({"reference_id": "B-1", "status": 7, "message": {"a": 1}, "more": [1]}, None, "B-1"),
        ({"reference_id": "B-1", "message": "m" * 9_000, "timestamp": 1.5}, None, "B-1"),
    ],
)
def test_gateways_count_add_and_explain_as_they_like(
    said: dict[str, Any], reference: str | None, id_: str | None
) -> None:
    sender = Sender(BANK_A, BANK_A.scheme, {})
    letter = read_callback(sender, json.dumps(said).encode(), syntax=Syntax.JSON)

    hint = callback_hint(letter.body)
    assert hint is not None
    assert (hint.reference, hint.provider_id) == (reference, id_)
    assert len(letter.body) < 1_000


def test_the_worker_is_woken_for_a_copy_as_well(shop: Shop) -> None:
    called(shop, JSON)
    called(shop, JSON)

    wait_until(lambda: len(shop.woken) == 2, within_s=5.0)
    assert {command for command, _ in shop.woken} == {Command.NOTICE}
