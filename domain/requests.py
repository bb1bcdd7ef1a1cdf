"""Requests: what a merchant may ask of a payment, when, and what asking changes. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from domain.attempt import Attempt, Operation, State
from domain.commands import Command
from domain.errors import (
    CaptureTooLarge,
    IllegalMove,
    OperationInFlight,
    RefundTooLarge,
    RefundWindowClosed,
)
from domain.facts import disputed, is_open
from domain.money import Money
from domain.payment import MOVES, CaptureMethod, Failure, Payment, Review, Status
from domain.review import Case, adoptable


class Verb(StrEnum):
    """What can be asked of a payment."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    REVERSE = "reverse"
    APPROVE = "approve"
    REJECT = "reject"


_S = Status
#: The statuses in which a verb means anything; `allowed_operations` knows the finer conditions.
STATUSES: Mapping[Verb, frozenset[Status]] = MappingProxyType(
    {
        Verb.AUTHORIZE: frozenset({_S.PENDING}),
        Verb.CAPTURE: frozenset({_S.AUTHORIZED}),
        Verb.CANCEL: frozenset(
            {_S.PENDING, _S.IN_REVIEW, _S.PROCESSING, _S.REQUIRES_ACTION, _S.AUTHORIZED}
        ),
        Verb.REFUND: frozenset({_S.CAPTURED, _S.PARTIALLY_REFUNDED}),
        Verb.REVERSE: frozenset({_S.AUTHORIZED, _S.CAPTURED}),
        Verb.APPROVE: frozenset({_S.IN_REVIEW}),
        Verb.REJECT: frozenset({_S.IN_REVIEW}),
    }
)


#: What gives captured money back, and only for a time.
_GIVES_BACK = frozenset({Verb.REFUND, Verb.REVERSE})


@dataclass(frozen=True, slots=True)
class Sight:
    """What decides on a payment's operations besides the payment itself."""

    now: datetime
    #: How long after its capture money can be asked back.
    refund_window: timedelta
    #: The undecided question about its money, if there is one.
    mismatch: Case | None = None

    def closed(self, payment: Payment) -> bool:
        """Whether it is too late to give captured money back."""
        captured_at = payment.captured_at
        return captured_at is not None and self.now > captured_at + self.refund_window

    def refundable(self, payment: Payment) -> int:
        """Return what can still be asked back now."""
        return 0 if self.closed(payment) else payment.refundable


def is_asked(payment: Payment) -> bool:
    """Whether a person must say first what becomes of the payment's money."""
    return disputed(payment.due) and not payment.final


def allowed_operations(payment: Payment, sight: Sight) -> tuple[Verb, ...]:
    """Return what can be asked of the payment now. Another's race may still be faster."""
    if is_asked(payment):
        return answers(payment, sight.mismatch)
    shut = _GIVES_BACK if sight.closed(payment) else frozenset[Verb]()
    return tuple(verb for verb in Verb if _allows(payment, verb) and verb not in shut)


def answers(payment: Payment, mismatch: Case | None) -> tuple[Verb, ...]:
    """Return which decisions can be carried out, where there is a question about money."""
    if mismatch is None:
        return tuple(verb for verb in (Verb.APPROVE, Verb.REJECT) if _allows(payment, verb))
    if mismatch.found is None or not mismatch.found_ours:
        return ()  # somebody else's money is neither taken nor given back
    return (Verb.APPROVE, Verb.REJECT) if adoptable(mismatch, payment) else (Verb.REJECT,)


def _allows(payment: Payment, verb: Verb) -> bool:
    if payment.status not in STATUSES[verb]:
        return False
    untouched = payment.ending is None and payment.cancel_requested_at is None
    held = payment.status is Status.AUTHORIZED
    match verb:
        case Verb.AUTHORIZE:
            return not payment.confirmed
        case Verb.CAPTURE:
            return untouched and payment.capture_amount is None
        case Verb.CANCEL:
            return untouched and not (held and payment.capture_amount is not None)
        case Verb.REFUND:
            return payment.refundable > 0
        case Verb.REVERSE if held:
            return untouched and payment.capture_amount is None
        case Verb.REVERSE:
            return payment.refundable == payment.amount_captured > 0
        case Verb.APPROVE:
            return untouched and payment.review is Review.OPEN
        case Verb.REJECT:  # also where its provider contradicts itself, and nobody was asked before
            return untouched and payment.review in (None, Review.OPEN)


def authorized(payment: Payment, sight: Sight) -> Payment:
    """Return a payment that waited for its merchant's word on its way."""
    _require(payment, Verb.AUTHORIZE, sight)
    return replace(payment, confirmed=True).wakes(Command.SCREEN, sight.now)


def captured(payment: Payment, amount: int | None, sight: Sight) -> Payment:
    """Return the payment with `amount` (minor units; None: all that is held) to be collected."""
    _require(payment, Verb.CAPTURE, sight)
    wanted = payment.amount_authorized if amount is None else amount
    if wanted > payment.amount_authorized:
        held = Money(payment.amount_authorized, payment.money.currency)
        raise CaptureTooLarge(
            f"{wanted} is more than the {held.minor} that are held",
            fix=f"capture at most {held.minor}",
            allowed=allowed_operations(payment, sight),
        )
    return replace(payment, capture_amount=wanted, runs=0).wakes(Command.CAPTURE, sight.now)


def cancelled(payment: Payment, attempts: Sequence[Attempt], sight: Sight) -> Payment:
    """Return the payment cancelled at once, or with its provider to be asked first.

    Cancelling twice is cancelling once. Raises `IllegalMove`, and `OperationInFlight` while a
    charge is under way or its outcome unknown.
    """
    if payment.status is Status.CANCELLED or payment.cancel_requested_at is not None:
        return payment
    _require(payment, Verb.CANCEL, sight)
    open_ = [a for a in attempts if a.operation is Operation.CHARGE and a.blocks]
    asked = replace(payment, cancel_requested_at=sight.now, ending=Status.CANCELLED)
    if any(held(attempt) for attempt in attempts):
        return replace(asked, runs=0).wakes(Command.VOID, sight.now)
    if any(a.state not in (State.PENDING, State.REQUIRES_ACTION) for a in open_):
        raise OperationInFlight(
            "a charge is under way; its outcome decides",
            fix="read the payment again in a few seconds",
            allowed=(),
        )
    return asked if open_ else payment.ended(Status.CANCELLED)


def refundable(payment: Payment, verb: Verb, amount: int | None, sight: Sight) -> Money:
    """Return how much goes back (`amount` in minor units; None: all that is left), or refuse."""
    _require(payment, verb, sight)
    if sight.closed(payment):
        raise RefundWindowClosed(
            f"the money was captured more than {_spoken(sight.refund_window)} ago",
            fix="pay it out instead",
            allowed=(),
        )
    wanted = payment.refundable if amount is None else amount
    if wanted > payment.refundable:
        raise RefundTooLarge(
            f"{wanted} is more than the {payment.refundable} that are left",
            fix=f"refund at most {payment.refundable}",
            allowed=allowed_operations(payment, sight),
        )
    return Money(wanted, payment.money.currency)


def approved(payment: Payment, attempts: Sequence[Attempt], sight: Sight) -> Payment:
    """Return a payment that a person let pass: collected if it is held, else charged."""
    _require(payment, Verb.APPROVE, sight)
    now = sight.now
    payment = replace(payment, review=Review.APPROVED, runs=0)
    if not any(held(attempt) for attempt in attempts):
        return payment.moved(Status.PROCESSING).wakes(Command.CHARGE, now)
    payment = payment.moved(Status.AUTHORIZED)
    if payment.capture_method is CaptureMethod.MANUAL:
        return payment.wakes(Command.VOID, payment.authorization_expires_at or now)
    whole = payment.amount_authorized
    return replace(payment, capture_amount=whole).wakes(Command.CAPTURE, now)


def rejected(payment: Payment, attempts: Sequence[Attempt], sight: Sight) -> Payment:
    """Return a payment that a person did not let pass: cancelled, or its hold let go of first."""
    _require(payment, Verb.REJECT, sight)
    payment = replace(payment, review=Review.REJECTED, runs=0)
    if any(held(attempt) for attempt in attempts):
        return replace(payment, ending=Status.CANCELLED).wakes(Command.VOID, sight.now)
    return payment.ended(Status.CANCELLED)


#: Where a person may move a payment by hand. Nobody says by hand that money is there.
FORCIBLE = frozenset({Status.CANCELLED, Status.FAILED, Status.EXPIRED})


def forced(payment: Payment, attempts: Sequence[Attempt], to: Status, reason: str) -> Payment:
    """Return a payment that an operator ends by hand, by a legal move and only on proof (law 4):
    no charge of it may still move money, or holds any."""
    if to not in FORCIBLE or to not in MOVES[payment.status]:
        legal = sorted(FORCIBLE & MOVES[payment.status])
        raise IllegalMove(
            f"the payment is {payment.status}: it cannot be moved to {to} by hand", allowed=legal
        )
    charges = [attempt for attempt in attempts if attempt.operation is Operation.CHARGE]
    if any(is_open(charge) or held(charge) for charge in charges):
        raise OperationInFlight(
            "a charge of it may still move money, or holds some",
            fix="cancel the payment, or wait until the charge is resolved",
        )
    failure = Failure("ended_by_operator", reason) if to is Status.FAILED else None
    return payment.ended(to, failure)


def held(attempt: Attempt) -> bool:
    """Whether its provider holds money of ours, as far as we know."""
    return (
        attempt.held
        and not (attempt.released or attempt.captured)
        and (attempt.state is not State.LATE_SUCCESS)
    )


def _spoken(span: timedelta) -> str:
    """Say it in the largest unit that it is a whole number of: 90 days, 36 hours."""
    seconds = int(span.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds and seconds % size == 0:
            return _counted(seconds // size, unit)
    return _counted(seconds, "second")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _require(payment: Payment, verb: Verb, sight: Sight) -> None:
    if _allows(payment, verb):
        return
    allowed = allowed_operations(payment, sight)
    if payment.status in STATUSES[verb] and _busy(payment, verb):
        raise OperationInFlight(
            f"another operation on this payment is open; {verb} conflicts with it",
            fix="read the payment again in a few seconds",
            allowed=allowed,
        )
    raise IllegalMove(f"the payment is {payment.status}: it cannot {verb} now", allowed=allowed)


def _busy(payment: Payment, verb: Verb) -> bool:
    """Whether what stands in the way is under way, and not over."""
    if verb in (Verb.CAPTURE, Verb.CANCEL) or payment.status is Status.AUTHORIZED:
        return (
            payment.capture_amount is not None
            or payment.ending is not None
            or payment.cancel_requested_at is not None
        )
    return verb in (Verb.REFUND, Verb.REVERSE) and payment.amount_refund_pending > 0
