"""How the account's objects look on the wire: answers, refusals, notifications, signatures."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from ops.sandbox.midtrans.objects import Payout, Refund, Transaction
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Refusal, Refused

#: The status_code that a transaction is shown with, by its status; everything else is 200.
CODES = {"pending": "201", "deny": "202", "failure": "202", "expire": "407"}
MESSAGES = {
    "400": "One or more parameters in the payload is invalid.",
    "401": "Unknown Merchant server_key/id",
    "402": "Payment channel is not activated.",
    "404": "Transaction doesn't exist.",
    "405": "Method is not allowed.",
    "406": "The order_id has been utilized previously.",
    "411": "Credit card token is missing, invalid, or timed out.",
    "412": "Merchant cannot modify the status of the transaction.",
    "413": "The request cannot be processed due to malformed syntax in the request body.",
    "414": "Refund request is rejected due to merchant insufficient funds.",
    "429": "API rate limit exceeded.",
    "500": "Sorry. Our system is recovering from unexpected issues. Please retry.",
    "503": "Sorry. Our system is under maintenance.",
}
#: These are said in HTTP as well; the rest comes under 200, where only the body tells.
LOUD = frozenset({"400", "401", "404", "405", "413", "429", "500", "503"})
#: What the stage refuses, in the Core API's codes and in Iris' HTTP statuses.
STAGE: Mapping[Refusal, str] = {
    Refusal.NOT_FOUND: "404",
    Refusal.METHOD: "405",
    Refusal.TOO_LARGE: "413",
    Refusal.RATE_LIMITED: "429",
    Refusal.UNAVAILABLE: "503",
    Refusal.SERVER_ERROR: "500",
}


def refusal(code: str, *reasons: str, message: str = "") -> Answer:
    """Return a refusal of the Core API."""
    body: dict[str, Any] = {
        "status_code": code,
        "status_message": message or MESSAGES[code],
        "id": str(uuid.uuid4()),
    }
    if reasons:
        body["validation_messages"] = list(reasons)
    return json_answer(int(code) if code in LOUD else 200, body)


def refused(code: str, *reasons: str, message: str = "") -> Refused:
    """Return the same, to be raised."""
    return Refused(refusal(code, *reasons, message=message))


def iris_refusal(status: int, message: str, errors: object = None) -> Answer:
    """Return a refusal of Iris."""
    body = {"error_message": message}
    return json_answer(status, body if errors is None else body | {"errors": errors})


def code_of(shown: Transaction) -> str:
    """Return the status_code that a transaction is shown with."""
    screened = shown.status in ("capture", "authorize") and shown.fraud == "challenge"
    return "201" if screened else CODES.get(shown.status, "200")


def rupiah(amount: int) -> str:
    """Return an amount as Midtrans writes it."""
    return f"{amount}.00"


def transaction(shown: Transaction, message: str, merchant: str) -> dict[str, Any]:
    """Return a transaction as every answer shows it."""
    body: dict[str, Any] = {
        "status_code": code_of(shown),
        "status_message": message,
        "transaction_id": shown.id,
        "order_id": shown.order_id,
        "merchant_id": merchant,
        "gross_amount": rupiah(shown.amount),
        "currency": "IDR",
        "payment_type": shown.payment_type,
        "transaction_time": shown.made_at,
        "transaction_status": shown.status,
        "fraud_status": shown.fraud or "accept",
        "expiry_time": shown.expires_at,
    }
    if shown.masked_card:
        body |= {"masked_card": shown.masked_card, "bank": "bni", "card_type": "credit"}
    if shown.channel_code:
        body |= {"channel_response_code": shown.channel_code}
    if shown.va_number and shown.bank == "permata":
        body |= {"permata_va_number": shown.va_number}
    elif shown.va_number:
        body |= {"va_numbers": [{"bank": shown.bank, "va_number": shown.va_number}]}
    if shown.settled_at:
        body |= {"settlement_time": shown.settled_at}
    if shown.refunds:
        body |= {
            "refund_amount": rupiah(shown.given_back),
            "refunds": [refund(one) for one in shown.refunds],
        }
    named = zip(("custom_field1", "custom_field2", "custom_field3"), shown.fields, strict=True)
    return body | {name: text for name, text in named if text}


def refund(one: Refund) -> dict[str, Any]:
    """Return a refund as a transaction lists it."""
    body = {
        "refund_chargeback_id": one.number,
        "refund_amount": rupiah(one.amount),
        "created_at": one.made_at,
        "reason": one.reason,
        "refund_key": one.key,
    }
    return body | ({"bank_confirmed_at": one.bank_at} if one.bank_at else {})


def signature(body: Mapping[str, Any], server_key: str) -> str:
    """Return the signature of a notification: it says nothing of the transaction's status."""
    signed = f"{body['order_id']}{body['status_code']}{body['gross_amount']}{server_key}"
    return hashlib.sha512(signed.encode()).hexdigest()


def iris_signature(body: bytes, merchant_key: str) -> str:
    """Return the Iris-Signature of a notification."""
    return hashlib.sha512(body + merchant_key.encode()).hexdigest()


def payout(shown: Payout) -> dict[str, Any]:
    """Return a payout, read."""
    body = {
        "amount": rupiah(shown.amount),
        "beneficiary_name": shown.name,
        "beneficiary_account": shown.account,
        "bank": shown.bank,
        "reference_no": shown.number,
        "notes": shown.notes,
        "beneficiary_email": shown.email,
        "status": shown.status,
        "created_by": "creator",
        "created_at": shown.made_at,
        "updated_at": shown.changed_at,
    }
    return body | ({"error_code": shown.error_code} if shown.error_code else {})
