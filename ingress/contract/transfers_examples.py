"""Transfers: examples of deposits, withdrawals and callbacks, in JSON, XML and SOAP."""

from __future__ import annotations

from typing import Any, Final

from domain.ids import Kind
from domain.payment import Status
from domain.payout import PayoutStatus
from ingress.contract import Json
from ingress.contract.answers import ATTEMPT_ID, PAYMENT_ID
from ingress.soap import NAMESPACE, Envelope
from ingress.transfers_out import DEPOSIT_MESSAGES, PAYOUT_MESSAGES
from ingress.xml_out import render

PAYOUT_ID: Final = f"{Kind.PAYOUT.value}_0198c0de91a27e5c8d0f1a2b3c4d5e6f"

NEW_DEPOSIT: Final[Json] = {
    "user_id": "42",
    "amount": 10000,
    "currency": "USD",
    "order_id": "top-up-1001",
    "country": "US",
    "payment_method": {"type": "card", "token": "tok_visa"},
    "return_url": "https://trade.example.com/wallet",
}
NEW_DEPOSIT_XML: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<deposit>
  <user_id>42</user_id>
  <amount>10000</amount>
  <currency>USD</currency>
  <order_id>top-up-1001</order_id>
  <country>US</country>
  <payment_method>
    <type>card</type>
    <token>tok_visa</token>
  </payment_method>
  <return_url>https://trade.example.com/wallet</return_url>
</deposit>
"""
NEW_WITHDRAWAL: Final[Json] = {
    "user_id": "42",
    "amount": 5000,
    "currency": "USD",
    "destination": {"type": "bank_account", "token": "acct_1001"},
    "country": "US",
    "reference": "withdrawal-7",
}
NEW_WITHDRAWAL_XML: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<withdrawal>
  <user_id>42</user_id>
  <amount>5000</amount>
  <currency>USD</currency>
  <destination>
    <type>bank_account</type>
    <token>acct_1001</token>
  </destination>
  <country>US</country>
  <reference>withdrawal-7</reference>
</withdrawal>
"""
CALLBACK: Final[Json] = {
    "transaction_id": ATTEMPT_ID,
    "status": "completed",
    "reference_id": "BANK-1234567890",
    "message": "Payment successful",
    "timestamp": "2026-03-31T12:00:01Z",
}
CALLBACK_XML: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<callback>
  <transaction_id>{ATTEMPT_ID}</transaction_id>
  <status>completed</status>
  <reference_id>BANK-1234567890</reference_id>
  <message>Payment successful</message>
</callback>
"""
RECEIVED: Final[Json] = {"received": True, "duplicate": False}

DEPOSIT: Final[Json] = {
    "id": PAYMENT_ID,
    "object": "deposit",
    "status": "pending",
    "transaction_id": PAYMENT_ID,
    "message": DEPOSIT_MESSAGES[Status.PENDING],
    "redirect_url": "http://127.0.0.1:8080/v1/checkout/AZjA3n86fFGaPV8OSypthNxBmB1uWQqTbsS7tvoZjlk/go",
    "user_id": "42",
    "amount": 10000,
    "currency": "USD",
    "order_id": "top-up-1001",
    "provider": None,
    "failure": None,
    "metadata": {},
    "mode": "test",
    "created_at": "2026-03-31T12:00:00.000Z",
    "expires_at": "2026-03-31T12:30:00.000Z",
    "links": {"self": f"/v1/deposits/{PAYMENT_ID}", "payment": f"/v1/payments/{PAYMENT_ID}"},
}
PAYOUT: Final[Json] = {
    "id": PAYOUT_ID,
    "object": "payout",
    "status": "pending",
    "transaction_id": PAYOUT_ID,
    "message": PAYOUT_MESSAGES[PayoutStatus.PENDING],
    "user_id": "42",
    "amount": 5000,
    "currency": "USD",
    "destination": {"type": "bank_account"},
    "country": "US",
    "reference": "withdrawal-7",
    "description": None,
    "provider": None,
    "failure": None,
    "metadata": {},
    "mode": "test",
    "created_at": "2026-03-31T12:00:00.000Z",
    "expires_at": "2026-04-01T12:00:00.000Z",
    "processed_at": None,
    "parked": None,
    "links": {"self": f"/v1/withdrawals/{PAYOUT_ID}"},
}
PAYOUT_PAGE: Final[Json] = {"data": [PAYOUT], "has_more": False, "next_cursor": None}


def in_soap(document: str) -> str:
    """Return a document in a SOAP 1.1 envelope."""
    declaration, _, content = document.partition("\n")
    start = f'<soap:Envelope xmlns:soap="{NAMESPACE}">'
    return f"{declaration}\n{start}\n<soap:Body>\n{content}</soap:Body>\n</soap:Envelope>\n"


def asked(schema: str, document: Json, xml: str) -> Json:
    """Return the content of a request that may be written in each of the three."""
    return {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{schema}"},
            "example": document,
        },
        "application/xml": {
            "schema": {"$ref": f"#/components/schemas/{schema}"},
            "example": xml,
        },
        "text/xml": {"schema": {"type": "string"}, "example": in_soap(xml)},
    }


def said(schema: str, document: dict[str, Any], root: str) -> Json:
    """Return the content of an answer, which is said as its request was."""
    return {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{schema}"},
            "example": document,
        },
        "application/xml": {
            "schema": {"type": "string"},
            "example": render(document, root, Envelope.PLAIN).decode(),
        },
        "text/xml": {
            "schema": {"type": "string"},
            "example": render(document, root, Envelope.SOAP).decode(),
        },
    }
