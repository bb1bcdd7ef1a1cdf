"""The shape of every ledger line: what auditors join with the books of the provider's client.

One JSON object per line, `kind` first. Empty, zero and false fields are left out. All lines:

    seq        1, 2, 3 ... without a gap
    at         RFC 3339, UTC
    payment    "sp_..."; reference, currency: as in the create request
    amount     minor units; what this line moved, or asked for where nothing moved
    more       true on all but the last line of one operation: an operation is whole or not at all
    forced     true where an operator forced the change through the admin port

Money moved is exactly the kinds `charge` (authorized and captured in one step) and `capture`
(after an `authorize`) from the customer, `refund` back on request, `reverse` back because an
operator forced a captured payment into another state. Everything else is history, events and
saved answers.
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
    expires_at: str
    settles_at: str | None = None  #: when a processing payment gets its final answer
    verdict: str | None = None  #: the decline code the issuer will give; None approves
    return_url: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
    webhook_faults: tuple[str, ...] = ()  #: "webhook_late=5000": stays with the payment


class Charge(Line, frozen=True, kw_only=True, tag="charge"):
    """Money moved: authorized and captured in one step."""


class Authorize(Line, frozen=True, kw_only=True, tag="authorize"):
    """The amount is reserved; no money moved."""


class Capture(Line, frozen=True, kw_only=True, tag="capture"):
    """Money moved: a reservation was collected, fully or in part."""


class Decline(Line, frozen=True, kw_only=True, tag="decline"):
    """The issuer or the customer said no."""

    decline_code: str


class Cancel(Line, frozen=True, kw_only=True, tag="cancel"):
    """Cancelled before money moved; a reservation is released."""


class Expire(Line, frozen=True, kw_only=True, tag="expire"):
    """The customer did not pay in time."""


class Refund(Line, frozen=True, kw_only=True, tag="refund"):
    """Money went back on request."""

    refund: str  #: "sr_..."
    refund_reference: str | None = None
    reason: str | None = None


class Reverse(Line, frozen=True, kw_only=True, tag="reverse"):
    """Money went back because the provider took a captured payment into `status`."""

    status: Literal["declined", "canceled", "expired"]


class Event(Line, frozen=True, kw_only=True, tag="event"):
    """A webhook is due. `body` is what will be sent, byte for byte."""

    event: str  #: "evt_..."
    type: str
    send: bool = True  #: False: webhooks were switched off when it happened
    held: bool = False  #: True: goes out only after the payment's next event
    body: msgspec.Raw


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
Move: TypeAlias = (
    Created | Charge | Authorize | Capture | Decline | Cancel | Expire | Refund | Reverse
)
Entry: TypeAlias = Move | Event | Delivered | GivenUp | Key
