"""The sandbox provider's answers: what each of them means, as literal tables."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum, auto
from typing import Annotated, Any, Final, TypeAlias, TypeVar, assert_never

import msgspec
from msgspec import Meta

from domain.attempt import Attempt
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable

_log = logging.getLogger(__name__)


class Meaning(Enum):
    """What a documented status of a payment says about money."""

    MOVED = auto()
    HELD = auto()
    ACTION = auto()
    OPEN = auto()
    DECLINED = auto()
    CANCELED = auto()
    EXPIRED = auto()


STATUSES: Final[Mapping[str, Meaning]] = {
    "captured": Meaning.MOVED,
    "refunded": Meaning.MOVED,  # it moved, and came back later: the charge itself succeeded
    "partially_refunded": Meaning.MOVED,
    "authorized": Meaning.HELD,
    "requires_action": Meaning.ACTION,
    "processing": Meaning.OPEN,
    "declined": Meaning.DECLINED,
    "canceled": Meaning.CANCELED,
    "expired": Meaning.EXPIRED,
}

NO_MONEY: Final = frozenset({Meaning.DECLINED, Meaning.CANCELED, Meaning.EXPIRED})

#: The one error that is an issuer's "no"; the payment in it says which.
DECLINE: Final = (402, "card_error")
#: For a code that is not in the table. Both ways no money has moved, but a wrong "hard" costs one
#: sale, which the payer may start again, while a wrong "soft" carries a stolen card from gateway to
#: gateway, which the card schemes fine.
UNLISTED: Final = Hardness.HARD
DECLINES: Final[Mapping[str, Hardness]] = {
    "insufficient_funds": Hardness.SOFT,
    "do_not_honor": Hardness.SOFT,
    "generic_decline": Hardness.SOFT,
    "processing_error": Hardness.SOFT,
    "issuer_unavailable": Hardness.SOFT,
    "try_again_later": Hardness.SOFT,
    "card_velocity_exceeded": Hardness.SOFT,
    "card_not_supported": Hardness.SOFT,
    "currency_not_supported": Hardness.SOFT,
    "stolen_card": Hardness.HARD,
    "lost_card": Hardness.HARD,
    "pickup_card": Hardness.HARD,
    "restricted_card": Hardness.HARD,
    "fraudulent": Hardness.HARD,
    "expired_card": Hardness.FIX_DATA,
    "incorrect_cvc": Hardness.FIX_DATA,
    "incorrect_expiry": Hardness.FIX_DATA,
    "invalid_number": Hardness.FIX_DATA,
    "authentication_failed": Hardness.FIX_DATA,  # the payer's own step: they may do it again
}

#: Documented as never executed, by HTTP status and error type; what is not here is `Unknown`.
REFUSALS: Final = frozenset(
    {
        (400, "invalid_request"),
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (503, "unavailable_error"),
    }
)
#: Of those, what any other request would have met as well.
GATEWAY_FAULTS: Final = frozenset({"authentication_error", "rate_limit_error", "unavailable_error"})

#: What the provider calls its own texts: bounded, printable, without spaces.
Name: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[!-~]+\Z")]
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
Url: TypeAlias = Annotated[str, Meta(max_length=2048, pattern=r"^https?://[!-~]+\Z")]
#: Minor units of the currency; wide enough to show an amount that is wrong.
Minor: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
T = TypeVar("T")


class Shown(msgspec.Struct, frozen=True):
    """A payment as the provider shows it.

    Strict in what decides about money; what only explains it must not hide that money moved.
    """

    id: Name
    reference: Name
    amount: Minor
    currency: str
    status: str
    amount_captured: Minor
    amount_refunded: Minor
    next_action: Any = None
    decline_code: Any = None
    created_at: str = ""


class ShownList(msgspec.Struct, frozen=True):
    """What a search answers."""

    data: list[Shown]


class _Action(msgspec.Struct, frozen=True):
    url: Url


class _Problem(msgspec.Struct, frozen=True):
    type: Word
    code: Word
    payment: Shown | None = None


class _Error(msgspec.Struct, frozen=True):
    error: _Problem


class Named(msgspec.Struct, frozen=True):
    """The names of a payment, which is all that an event is believed."""

    id: Name
    reference: Name


class About(msgspec.Struct, frozen=True):
    """What an event is about."""

    payment: Named


class Event(msgspec.Struct, frozen=True):
    """A webhook's body."""

    type: Word
    data: About


def said(payment: Shown, attempt: Attempt) -> Outcome:
    """Return what a payment says of the attempt; somebody else's "no" is no answer to us.

    Somebody else's money is: `Succeeded` carries the reference, and a person must look.
    """
    outcome = _outcome(payment)
    if payment.reference != attempt.reference and not isinstance(outcome, Succeeded):
        return Unknown(f"{payment.id} carries a reference that is not ours")
    return outcome


def _outcome(payment: Shown) -> Outcome:
    meaning, currency = STATUSES.get(payment.status), CURRENCIES.get(payment.currency)
    if meaning is None or currency is None:
        return Unknown(f"{payment.id} is {payment.status:.64} in {payment.currency:.16}")
    if meaning in NO_MONEY and payment.amount_captured > payment.amount_refunded:
        return Unknown(f"{payment.id} is {payment.status} and holds captured money")
    match meaning:
        case Meaning.MOVED:
            money = Money(payment.amount_captured, currency)
            return Succeeded(payment.id, money, reference=payment.reference)
        case Meaning.HELD:
            money = Money(payment.amount, currency)
            return Succeeded(payment.id, money, captured=False, reference=payment.reference)
        case Meaning.ACTION:
            try:
                url = msgspec.convert(payment.next_action, _Action).url
            except msgspec.ValidationError:
                return Unknown(f"{payment.id} requires an action and names none")
            return RequiresAction(payment.id, url)
        case Meaning.OPEN:
            return Pending(payment.id)
        case Meaning.DECLINED:
            told = payment.decline_code
            code = told[:64] if isinstance(told, str) and told else "declined"
            if code not in DECLINES:
                _log.warning("the sandbox declined with %r, which is not in our table", code)
            return Declined(code, DECLINES.get(code, UNLISTED), payment.id)
        case Meaning.CANCELED:
            return NotCharged(Proof.VOIDED, "read as canceled", payment.id)
        case Meaning.EXPIRED:
            return NotCharged(Proof.READ_BACK, "read as expired", payment.id, lapsed=True)
        case _:
            assert_never(meaning)


def refused(answer: Answer, attempt: Attempt) -> Outcome:
    """Return what an error says of a charge: a decline, a documented refusal, or nothing."""
    error = parsed(answer.body, _Error)
    if error is None:
        return strange(answer)
    problem = error.error
    cause = f"{problem.type} ({answer.status} {problem.code})"
    kind = (answer.status, problem.type)
    if kind == DECLINE and problem.payment is not None:
        outcome = said(problem.payment, attempt)
        if isinstance(outcome, Declined):
            return outcome
        return Unknown(f"{cause} about a payment that is {problem.payment.status:.64}")
    if kind in REFUSALS:
        return NotCharged(Proof.REJECTED, cause, retry_after_s=retry_after_s(answer))
    return Unknown(cause)


def read(reply: Reply, type_: type[T]) -> T | Unknown:
    """Return what a GET showed. Nothing that goes wrong while reading says anything about money."""
    match reply:
        case Answer(status=200, body=body):
            shown = parsed(body, type_)
            return strange(reply) if shown is None else shown
        case Answer():
            return strange(reply)
        case NeverSent() | Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def strange(answer: Answer) -> Unknown:
    """Return what an answer that is in no table says: nothing."""
    return Unknown(f"an answer that is not documented: {answer.status}, {len(answer.body)} bytes")


def rank(outcome: Outcome) -> int:
    """Return how much an outcome matters beside others under the same reference; 0 matters most."""
    match outcome:
        case Succeeded(captured=captured):
            return 0 if captured else 1
        case Unknown():
            return 2
        case RequiresAction() | Pending():
            return 3
        case Declined() | NotCharged():
            return 4
        case _:
            assert_never(outcome)
