"""The objects of the simulated Stripe: how they are kept, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ops.sandbox.stripe.cards import PAYPAL


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """The movement that an intent came to, or was refused."""

    id: str
    created: int
    amount: int
    status: str
    amount_captured: int = 0
    amount_refunded: int = 0
    disputed: bool = False
    failure_code: str | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True, tag="payment_intent"):
    """A PaymentIntent, with the card, or the PayPal account, that stands behind it."""

    id: str
    created: int
    amount: int
    currency: str
    status: str
    capture_method: str
    secret: str
    metadata: dict[str, str] = {}
    #: Types of payment methods that it can be paid with.
    types: tuple[str, ...] = ("card",)
    payment_method: str | None = None
    #: The test method whose behaviour the card has; `paypal` is none.
    card: str = ""
    customer: str | None = None
    description: str | None = None
    return_url: str | None = None
    three_ds: str = "automatic"
    amount_capturable: int = 0
    amount_received: int = 0
    charge: Charge | None = None
    last_error: dict[str, Any] | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    #: Where the payer has to go; an empty address is a script in the shop's page.
    action_url: str | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True, tag="refund"):
    """Money on its way back to a card."""

    id: str
    created: int
    amount: int
    currency: str
    status: str
    payment_intent: str
    charge: str
    metadata: dict[str, str] = {}
    reason: str | None = None
    failure_reason: str | None = None


class Payout(msgspec.Struct, frozen=True, kw_only=True, tag="payout"):
    """Money on its way to an account of the merchant's own."""

    id: str
    created: int
    amount: int
    currency: str
    status: str
    destination: str
    method: str
    metadata: dict[str, str] = {}
    description: str | None = None
    failure_code: str | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True, tag="dispute"):
    """A payer's bank asks for money of a charge."""

    id: str
    created: int
    amount: int
    currency: str
    status: str
    reason: str
    payment_intent: str
    charge: str


class Method(msgspec.Struct, frozen=True, kw_only=True, tag="payment_method"):
    """A payment method. Spent: it was used without a customer, or detached, and is of no use."""

    id: str
    created: int
    card: str
    customer: str | None = None
    spent: bool = False

    @property
    def type(self) -> str:
        """What the API calls this kind of method."""
        return type_of(self.card)


class Customer(msgspec.Struct, frozen=True, kw_only=True, tag="customer"):
    """Somebody whom payment methods are attached to."""

    id: str
    created: int
    email: str | None = None
    name: str | None = None


Thing: TypeAlias = Intent | Refund | Payout | Dispute | Method | Customer


def reference_of(metadata: Mapping[str, str]) -> str:
    """Return the merchant's name for an object: the entry that says that it is a reference."""
    return next((value for name, value in metadata.items() if name.endswith("reference")), "")


def type_of(card: str) -> str:
    """Return the type of the payment method whose behaviour this is."""
    return PAYPAL if card == PAYPAL else "card"


def shown(thing: Thing, *, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return an object as the API shows it."""
    match thing:
        case Intent():
            return _intent(thing, whole="latest_charge" in expand)
        case Refund() | Payout() | Dispute():
            return _plain(thing)
        case Method(id=id_, created=created, customer=customer):
            card = {"brand": "visa", "exp_month": 12, "exp_year": 2034, "funding": "credit"}
            account = {"country": None, "payer_email": None, "payer_id": None}
            return {
                "id": id_,
                "object": "payment_method",
                thing.type: account if thing.type == PAYPAL else card,
                "created": created,
                "customer": customer,
                "livemode": False,
                "type": thing.type,
            }
        case Customer():
            return _plain(thing) | {"metadata": {}}


def shown_charge(intent: Intent) -> dict[str, Any] | None:
    """Return an intent's charge as the API shows it."""
    charge = intent.charge
    if charge is None:
        return None
    return msgspec.structs.asdict(charge) | {
        "object": "charge",
        "captured": charge.amount_captured > 0,
        "currency": intent.currency,
        "livemode": False,
        "metadata": intent.metadata,
        "paid": charge.status == "succeeded",
        "payment_intent": intent.id,
        "payment_method": intent.payment_method,
        "refunded": charge.amount_refunded >= charge.amount_captured > 0,
    }


def _intent(intent: Intent, *, whole: bool) -> dict[str, Any]:
    action: dict[str, Any] | None = None
    if intent.action_url:
        redirect = {"url": intent.action_url, "return_url": intent.return_url}
        action = {"type": "redirect_to_url", "redirect_to_url": redirect}
    elif intent.action_url is not None:
        script = {"type": "three_d_secure_redirect", "stripe_js": ""}
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": script}
    charge = shown_charge(intent)
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable,
        "amount_received": intent.amount_received,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": f"{intent.id}_secret_{intent.secret}",
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": intent.customer,
        "description": intent.description,
        "last_payment_error": intent.last_error,
        "latest_charge": charge if whole or charge is None else charge["id"],
        "livemode": False,
        "metadata": intent.metadata,
        "next_action": action,
        "payment_method": intent.payment_method,
        "payment_method_types": list(intent.types),
        "status": intent.status,
    }


def _plain(thing: Refund | Payout | Dispute | Customer) -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.to_builtins(thing)
    kept["object"] = kept.pop("type")
    extra: dict[str, Any] = {"livemode": False}
    if isinstance(thing, Payout):
        extra |= {"automatic": False, "reversed_by": None, "original_payout": None}
        extra |= {"type": "card" if thing.destination.startswith("card_") else "bank_account"}
        extra |= {"arrival_date": thing.created + 2 * 86_400, "source_type": "card"}
    return kept | extra
