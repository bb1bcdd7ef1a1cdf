"""The shape of every ledger line: what auditors join with the books of the provider's client.

One JSON object per line, `kind` first. Empty, zero and false fields are left out. All lines:

    seq        1, 2, 3 ... without a gap
    at         RFC 3339, UTC
    payment    "sp_..."; empty where the line is about a payout or a token
    reference  as in the create request of the payment or payout; so is the currency
    amount     minor units; what this line moved, or asked for where nothing moved
    more       true on all but the last line of one operation: an operation is whole or not at all
    forced     true where an operator forced the change through the admin port

Money moved is exactly these kinds, seen from the merchant:

    charge           +  authorized and captured in one step
    capture          +  collected after an `authorize`
    refund           -  went back on request
    refund.failed    +  a refund that had succeeded came back
    chargeback       -  the customer's bank took it back
    reverse          -  went back because an operator forced a captured payment into another state
    payout           -  paid out
    payout.returned  +  a payout that had been paid came back

Everything else is history: `payment.created`, `authorize`, `capture.created`, `decline`, `cancel`,
`expire`; `refund.created`, `refund.declined`; `payout.created`, `payout.failed`; `detach` of a token;
events (`event`, `event.delivered`, `event.given_up`) and saved answers (`key`).
"""

from typing import Literal, TypeAlias

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every line has; `seq` and `more` are filled in by the ledger."""

    seq: int = 0
    at: str
    payment: str = ""
    reference: str = ""
    amount: int = 0
    currency: str = ""
    more: bool = False
    forced: bool = False


class Created(Line, frozen=True, kw_only=True, tag="payment.created"):
    """A payment exists; no money moved yet. `amount` is what it asks for."""

    status: Literal["processing", "requires_action"]
    capture: bool
    source: str = "card"  #: the source's type
    expires_at: str
    authorization_expires_at: str | None = None  #: as asked for; None leaves it to the provider
    settles_at: str | None = None  #: when a processing payment gets its final answer
    charged_back_after_s: float | None = None  #: from its capture on; None is never
    verdict: str | None = None  #: the decline code the issuer will give; None approves
    return_url: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
    webhook_faults: tuple[str, ...] = ()  #: "webhook_late=5000": stays with the payment


class Charge(Line, frozen=True, kw_only=True, tag="charge"):
    """Money moved: authorized and captured in one step."""


class Authorize(Line, frozen=True, kw_only=True, tag="authorize"):
    """The amount is reserved; no money moved."""

    expires_at: str | None = None  #: when the reservation lapses; None is never


class CaptureCreated(Line, frozen=True, kw_only=True, tag="capture.created"):
    """A reservation is to be collected; whether it is, is decided later."""

    settles_at: str
    verdict: str | None = None  #: the decline code to come; None approves


class Capture(Line, frozen=True, kw_only=True, tag="capture"):
    """Money moved: a reservation was collected, fully or in part."""


class Decline(Line, frozen=True, kw_only=True, tag="decline"):
    """The issuer or the customer said no."""

    decline_code: str


class Cancel(Line, frozen=True, kw_only=True, tag="cancel"):
    """Cancelled before money moved; a reservation is released."""


class Expire(Line, frozen=True, kw_only=True, tag="expire"):
    """The customer did not pay in time."""


class OfRefund(Line, frozen=True, kw_only=True):
    """What every line about a refund says again."""

    refund: str  #: "sr_..."
    refund_reference: str | None = None
    reason: str | None = None


class RefundCreated(OfRefund, frozen=True, kw_only=True, tag="refund.created"):
    """A refund exists; whether money goes back is decided later."""

    settles_at: str
    verdict: str | None = None  #: the failure code to come; None succeeds


class Refund(OfRefund, frozen=True, kw_only=True, tag="refund"):
    """Money went back on request."""


class RefundDeclined(OfRefund, frozen=True, kw_only=True, tag="refund.declined"):
    """A refund was refused; no money moved."""

    failure_code: str


class RefundFailed(OfRefund, frozen=True, kw_only=True, tag="refund.failed"):
    """A refund that had succeeded came back: the money is the merchant's again."""

    failure_code: str


class Chargeback(Line, frozen=True, kw_only=True, tag="chargeback"):
    """The customer's bank took money back."""

    reason: str | None = None


class Reverse(Line, frozen=True, kw_only=True, tag="reverse"):
    """Money went back because the provider took a captured payment into `status`."""

    status: Literal["declined", "canceled", "expired"]


class OfPayout(Line, frozen=True, kw_only=True):
    """What every line about a payout says; `reference` is the payout's own."""

    payout: str  #: "so_..."


class PayoutCreated(OfPayout, frozen=True, kw_only=True, tag="payout.created"):
    """A payout exists; nothing was paid yet."""

    destination_type: str
    settles_at: str
    verdict: str | None = None  #: the failure code to come; None pays
    returned_after_s: float | None = None  #: from its payment on; None is never
    description: str | None = None
    metadata: dict[str, str] = {}
    webhook_faults: tuple[str, ...] = ()


class PayoutPaid(OfPayout, frozen=True, kw_only=True, tag="payout"):
    """Money was paid out."""


class PayoutFailed(OfPayout, frozen=True, kw_only=True, tag="payout.failed"):
    """A payout was refused; nothing was paid."""

    failure_code: str


class PayoutReturned(OfPayout, frozen=True, kw_only=True, tag="payout.returned"):
    """A payout that had been paid came back."""

    failure_code: str


class Detach(Line, frozen=True, kw_only=True, tag="detach"):
    """A token was taken out of the vault: nothing can be charged with it any more."""

    token: str


class Event(Line, frozen=True, kw_only=True, tag="event"):
    """A webhook is due. `body` is what will be sent, byte for byte."""

    event: str  #: "evt_..."
    type: str
    refund: str = ""  #: where the event is about a refund of the payment
    payout: str = ""  #: where it is about a payout
    send: bool = True  #: False: webhooks were switched off when it happened
    held: bool = False  #: True: goes out only after the next event about the same object
    body: msgspec.Raw

    @property
    def subject(self) -> str:
        """The id of the object that changed."""
        return self.refund or self.payout or self.payment


class Delivered(Line, frozen=True, kw_only=True, tag="event.delivered"):
    """The receiver answered 2xx."""

    event: str
    event_seq: int
    tries: int


class GivenUp(Line, frozen=True, kw_only=True, tag="event.given_up"):
    """The last retry failed, or too many were waiting; nothing more is sent for it."""

    event: str
    event_seq: int
    tries: int


class Key(Line, frozen=True, kw_only=True, tag="key"):
    """An idempotency key and the answer saved under it, byte for byte."""

    key: str
    fingerprint: str  #: SHA-256 of method, path and canonical body
    started: str  #: RFC 3339; the key's window counts from here
    status: int
    body: msgspec.Raw


#: Lines that move a payment from one state to the next.
PaymentMove: TypeAlias = (
    Created
    | Charge
    | Authorize
    | CaptureCreated
    | Capture
    | Decline
    | Cancel
    | Expire
    | Chargeback
    | Reverse
)
#: Lines that move a refund, and with it its payment.
RefundMove: TypeAlias = RefundCreated | Refund | RefundDeclined | RefundFailed
PayoutMove: TypeAlias = PayoutCreated | PayoutPaid | PayoutFailed | PayoutReturned
#: Every change of the books.
Move: TypeAlias = PaymentMove | RefundMove | PayoutMove | Detach
Entry: TypeAlias = Move | Event | Delivered | GivenUp | Key
