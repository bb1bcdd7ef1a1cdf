"""The payment: its statuses, its legal moves, and what must always hold about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from domain.commands import Command
from domain.due import Due
from domain.errors import IllegalMove
from domain.means import Address, Customer, Method
from domain.money import Money


class Mode(StrEnum):
    """Whose money it is: nobody's or somebody's. Test never sees live."""

    TEST = "test"
    LIVE = "live"


class Status(StrEnum):
    """What a merchant sees of a payment."""

    PENDING = "pending"
    IN_REVIEW = "in_review"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_S = Status
#: The whole life of a payment on one screen; the database enforces the same table by a trigger.
MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        _S.PENDING: frozenset(
            {_S.IN_REVIEW, _S.PROCESSING, _S.CANCELLED, _S.EXPIRED, _S.FAILED},
        ),
        _S.IN_REVIEW: frozenset(
            {_S.AUTHORIZED, _S.CAPTURED, _S.PROCESSING, _S.CANCELLED, _S.FAILED, _S.EXPIRED},
        ),
        _S.PROCESSING: frozenset(
            {
                _S.IN_REVIEW,
                _S.REQUIRES_ACTION,
                _S.AUTHORIZED,
                _S.CAPTURED,
                _S.FAILED,
                _S.CANCELLED,
                _S.EXPIRED,
            },
        ),
        _S.REQUIRES_ACTION: frozenset(
            {
                _S.IN_REVIEW,
                _S.PROCESSING,
                _S.AUTHORIZED,
                _S.CAPTURED,
                _S.FAILED,
                _S.CANCELLED,
                _S.EXPIRED,
            },
        ),
        _S.AUTHORIZED: frozenset(
            {_S.IN_REVIEW, _S.CAPTURED, _S.CANCELLED, _S.EXPIRED, _S.FAILED},
        ),
        _S.CAPTURED: frozenset({_S.PARTIALLY_REFUNDED, _S.REFUNDED, _S.REVERSED}),
        _S.PARTIALLY_REFUNDED: frozenset(
            {_S.PARTIALLY_REFUNDED, _S.REFUNDED, _S.CAPTURED, _S.REVERSED},
        ),
        _S.REFUNDED: frozenset({_S.CAPTURED, _S.PARTIALLY_REFUNDED, _S.REVERSED}),
        _S.REVERSED: frozenset(),
        _S.FAILED: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.EXPIRED: frozenset(),
    }
)

#: No command moves a payment on from here; only a provider can still undo a capture.
FINAL = frozenset(
    {
        _S.CAPTURED,
        _S.PARTIALLY_REFUNDED,
        _S.REFUNDED,
        _S.REVERSED,
        _S.FAILED,
        _S.CANCELLED,
        _S.EXPIRED,
    }
)

#: Money was captured; what is left of it after refunds is told by the amounts.
PAID = frozenset({_S.CAPTURED, _S.PARTIALLY_REFUNDED, _S.REFUNDED, _S.REVERSED})

#: A charge attempt may be written only in these.
CHARGEABLE = frozenset({_S.PENDING, _S.PROCESSING})

#: What screening makes of a payment that may be charged.
SCREENED = ("risk_score", "risk_level", "wants_3ds", "next_command")

#: An order_id is free again once its payment has ended without money.
INACTIVE = frozenset({_S.FAILED, _S.CANCELLED, _S.EXPIRED})

#: The ends whose time is noted, each with the field of `Payment` that has it.
NOTED: Mapping[Status, str] = MappingProxyType(
    {
        _S.FAILED: "failed_at",
        _S.REFUNDED: "refunded_at",
        _S.CANCELLED: "cancelled_at",
        _S.EXPIRED: "expired_at",
    }
)


class CaptureMethod(StrEnum):
    """Whether an authorization is collected by itself or when the merchant says so."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Review(StrEnum):
    """What a person thinks of a payment that fraud screening did not want to decide."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a payment ended without money, for the merchant."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Payment:
    """The aggregate that a merchant asked for."""

    id: UUID
    merchant_id: UUID
    mode: Mode
    money: Money
    status: Status
    method: Method
    created_at: datetime
    expires_at: datetime
    due: Due
    order_id: str | None = None
    country: str | None = None
    customer: Customer = field(default_factory=Customer)
    preference: str | None = None
    description: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    amount_authorized: int = 0
    amount_captured: int = 0
    amount_refunded: int = 0
    amount_refund_pending: int = 0
    gateway_id: str | None = None
    action_url: str | None = field(repr=False, default=None)
    #: What the payer needs to know besides the address: pairs of a name and a text.
    action_shown: tuple[tuple[str, str], ...] = field(repr=False, default=())
    failure: Failure | None = None
    risk_score: str | None = None
    risk_level: str | None = None
    wants_3ds: bool = False
    next_command: Command = Command.SCREEN
    #: Charge runs that ended without an answer from anybody; the backoff's exponent.
    runs: int = 0
    #: Gateways passed over in the last run, and why: shown to operators.
    skipped: Mapping[str, str] = field(default_factory=dict)
    cancel_requested_at: datetime | None = None
    authorized_at: datetime | None = None
    captured_at: datetime | None = None
    # The database writes these four, when a payment comes to the status: no flow sets them, and
    # what a flow put here would not be stored.
    failed_at: datetime | None = None
    #: When all of it was last given back, also if a refund failed later.
    refunded_at: datetime | None = None
    cancelled_at: datetime | None = None
    expired_at: datetime | None = None
    #: What kind of checkout it was: `checkout` or `deposit`.
    kind: str = "checkout"
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    #: False: it waits for the merchant's `authorize`.
    confirmed: bool = True
    #: What is to be collected of the hold; None: nobody has asked yet.
    capture_amount: int | None = None
    #: What it becomes once its hold is released: `cancelled`, `expired` or `failed`.
    ending: Status | None = None
    review: Review | None = None
    #: Taken back by the provider, in all.
    amount_reversed: int = 0
    authorization_expires_at: datetime | None = None
    #: The saved customer and payment method it was made with.
    customer_id: UUID | None = None
    method_id: UUID | None = None
    billing: Address | None = None
    request_id: str = ""
    version: int = 1

    @property
    def final(self) -> bool:
        """Whether no command will move this payment on."""
        return self.status in FINAL

    @property
    def captures_at_once(self) -> bool:
        """Whether the charge asks for the money itself and not only for a hold."""
        if not self.method.holds:
            return True
        return self.capture_method is CaptureMethod.AUTOMATIC and self.review is not Review.OPEN

    @property
    def refundable(self) -> int:
        """What can still be asked back."""
        asked = self.amount_refunded + self.amount_refund_pending + self.amount_reversed
        return max(0, self.amount_captured - asked)

    def resettled(self) -> Payment:
        """Return a paid payment with the status that its amounts say."""
        if self.status not in PAID or self.status is Status.REVERSED:
            return self
        if self.amount_reversed:
            return self.moved(Status.REVERSED)
        if self.amount_refunded == 0:
            return self.moved(Status.CAPTURED)
        whole = self.amount_refunded == self.amount_captured
        return self.moved(Status.REFUNDED if whole else Status.PARTIALLY_REFUNDED)

    def moved(self, to: Status) -> Payment:
        """Return this payment in its next status, or refuse with `IllegalMove`."""
        if to is self.status and to is not Status.PARTIALLY_REFUNDED:
            return self
        if to not in MOVES[self.status]:
            raise IllegalMove(f"payment {self.id} cannot go from {self.status} to {to}")
        return replace(self, status=to)

    def ended(self, to: Status, failure: Failure | None = None) -> Payment:
        """Return this payment ended without money: nothing is due any more."""
        return replace(self.moved(to), failure=failure, due=self.due.at(None), action_url=None)

    def wakes(self, command: Command, at: datetime) -> Payment:
        """Return this payment with its next command due at `at`."""
        return replace(self, next_command=command, due=self.due.at(at))
