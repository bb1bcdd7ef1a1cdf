"""The objects as the API shows them."""

from decimal import Decimal
from typing import Any

from ops.sandbox.xendit.numbers import CURRENCIES, number
from ops.sandbox.xendit.objects import Charge, Dispute, Payment, Payout, Refund

#: The account's name there.
BUSINESS = "5f27a14a9bf05c73dd040bc8"


def request(charge: Charge) -> dict[str, Any]:
    """Return a payment request."""
    return _given(
        payment_request_id=charge.id,
        business_id=BUSINESS,
        reference_id=charge.reference,
        payment_token_id=charge.token,
        latest_payment_id=charge.payment.id if charge.payment else None,
        type="PAY",
        country=charge.country,
        currency=charge.currency,
        request_amount=number(charge.amount, charge.currency),
        capture_method="MANUAL" if charge.manual else "AUTOMATIC",
        channel_code=charge.channel,
        channel_properties=charge.properties,
        actions=charge.actions,
        status=charge.status,
        failure_code=charge.failure_code,
        description=charge.description,
        metadata=charge.metadata,
        created=charge.created,
        updated=charge.updated,
    )


def payment(charge: Charge, made: Payment) -> dict[str, Any]:
    """Return a payment."""
    details = {"merchant_advice_code": made.advice} if made.advice else {}
    captures = [
        {
            "capture_id": made.capture_id,
            "capture_amount": number(made.captured, charge.currency),
            "capture_timestamp": made.updated,
        }
    ]
    return _given(
        payment_id=made.id,
        business_id=BUSINESS,
        payment_request_id=charge.id,
        payment_token_id=charge.token,
        reference_id=charge.reference,
        type="PAY",
        country=charge.country,
        currency=charge.currency,
        request_amount=number(made.amount, charge.currency),
        capture_method="MANUAL" if charge.manual else "AUTOMATIC",
        channel_code=charge.channel,
        captures=captures if made.captured else None,
        status=made.status,
        failure_code=made.failure_code,
        payment_details={"authorization_data": details} if details else None,
        metadata=charge.metadata,
        created=made.created,
        updated=made.updated,
    )


def refund(given: Refund, charge: Charge) -> dict[str, Any]:
    """Return a refund; what it has not is null."""
    return {
        "id": given.id,
        "payment_request_id": given.charge,
        "payment_id": charge.payment.id if charge.payment else None,
        "invoice_id": None,
        "reference_id": given.reference,
        "channel_code": charge.channel,
        "country": charge.country,
        "currency": given.currency,
        "amount": number(given.amount, given.currency),
        "reason": given.reason,
        "status": given.status,
        "failure_code": given.failure_code,
        "refund_fee_amount": None,
        "metadata": given.metadata,
        "created": given.created,
        "updated": given.updated,
    }


def payout(sent: Payout) -> dict[str, Any]:
    """Return a payout."""
    return _given(
        id=sent.id,
        amount=number(sent.amount, sent.currency),
        channel_code=sent.channel,
        currency=sent.currency,
        description=sent.description,
        reference_id=sent.reference,
        status=sent.status,
        failure_code=sent.failure_code,
        created=sent.created,
        updated=sent.updated,
        estimated_arrival_time=sent.updated,
        business_id=BUSINESS,
        channel_properties={
            "account_number": sent.account,
            "account_holder_name": sent.holder,
        },
        metadata=sent.metadata,
    )


def dispute(taken: Dispute, channel: str) -> dict[str, Any]:
    """Return a dispute; its amounts are texts."""
    amount = f"{Decimal(taken.amount).scaleb(-CURRENCIES[taken.currency][0]):f}"
    return {
        "id": taken.id,
        "status": taken.status,
        "status_reason": "ACCEPTED",
        "channel_code": channel,
        "currency": taken.currency,
        "amount": {"initial": amount, "terminal": amount},
        "due_date": taken.created,
        "category": "fraudulent",
        "note": None,
        "payment_id": taken.payment,
        "reference_id": taken.reference,
        "created_at": taken.created,
        "updated_at": taken.updated,
    }


def _given(**fields: Any) -> dict[str, Any]:
    """Leave out what is not there, as Xendit does."""
    return {name: value for name, value in fields.items() if value is not None}
