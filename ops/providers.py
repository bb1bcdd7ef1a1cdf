"""Providers: one line registers one, by how it signs its webhooks and where its adapter is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.webhook import Scheme

SANDBOX: Final = Scheme("sandbox-signature")

STRIPE: Final = Scheme("stripe-signature")

#: Signed are transmission, time, webhook id and a CRC-32 of the body: whoever has one genuine
#: webhook can make a body of his own that fits it, so the event's id alone names nothing. PayPal
#: delivers for three days, and no page says that a later try is signed anew: so a signature is good
#: for three days and an hour.
PAYPAL: Final = Scheme(
    "paypal",
    kind="certificate",
    tolerance_s=3 * 86_400 + 3_600,
    ahead_s=300,
    dedupe=("@paypal-transmission-id", "id"),
    hosts=(
        *("api.paypal.com", "api-m.paypal.com"),
        *("api.sandbox.paypal.com", "api-m.sandbox.paypal.com"),
    ),
    path="/v1/notifications/certs/",
    names=("*.paypal.com",),
)

#: Payouts are another product with another key, and sign the whole body in a header. No published
#: example was found: a row may hold another scheme, and without the key nothing is believed.
IRIS: Final = Scheme(
    "iris-signature",
    kind="sha512",
    dedupe=("reference_no", "status", "updated_at"),
)

#: The status is not signed, and one signature fits several of them: the whole state names an event.
MIDTRANS: Final = Scheme(
    kind="sha512",
    digested=("order_id", "status_code", "gross_amount"),
    signature_part="signature_key",
    dedupe=(
        *("transaction_id", "transaction_status", "status_code", "fraud_status"),
        *("refunds.*.refund_key", "refunds.*.bank_confirmed_at"),
    ),
    otherwise=IRIS,
)

#: Not the body's bytes: the same event says a new `created` each time it is delivered.
XENDIT: Final = Scheme(
    "x-callback-token",
    kind="token",
    dedupe=("event", "data.payment_id|data.id|id", "data.status|status"),
    dedupe_header="webhook-id",
)

SOAPBANK: Final = Scheme(
    "x-bank-signature",
    time_header="x-bank-timestamp",
    dedupe=("EventId",),
    body="xml",
    answer="{urn:soapbank:v1}Ack",
)


@dataclass(frozen=True, slots=True)
class Provider:
    """A company and its protocol."""

    #: How its webhooks prove themselves. Configuring a gateway copies it into the gateway's row.
    scheme: Scheme
    #: Where its adapter is, `module:Class`. Only workers resolve it: the ground knows no adapter.
    adapter: str
    #: What a gateway's webhook secrets are there, in an operator's words.
    secret: str


PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(
    {
        "midtrans": Provider(
            MIDTRANS,
            "workers.gateways.midtrans:Midtrans",
            "server key (payouts: Iris merchant key)",
        ),
        "paypal": Provider(PAYPAL, "workers.gateways.paypal:PayPal", "webhook id"),
        "sandbox": Provider(SANDBOX, "workers.gateways.sandbox:Sandbox", "signing secret"),
        "soapbank": Provider(SOAPBANK, "workers.gateways.soapbank:SoapBank", "shared secret"),
        "stripe": Provider(STRIPE, "workers.gateways.stripe:Stripe", "signing secret, whsec_..."),
        "xendit": Provider(XENDIT, "workers.gateways.xendit:Xendit", "callback token"),
    }
)
