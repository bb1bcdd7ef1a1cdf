"""Xendit's charges: what a request and its payment say of the charge, of a capture, of a void."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, assert_never

from domain.attempt import Attempt
from domain.money import Money
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    Succeeded,
    TakenBack,
    Unknown,
)
from workers.gateways.xendit.actions import asked_of_payer
from workers.gateways.xendit.amounts import read
from workers.gateways.xendit.answers import DOUBTED, LAPSED, NEVER_AGAIN, hardness
from workers.gateways.xendit.shapes import Dispute, ShownPayment, ShownRequest, named, told


class Meaning(Enum):
    """What a documented status says about money."""

    MOVED = auto()
    HELD = auto()
    ACTION = auto()
    OPEN = auto()
    DECLINED = auto()
    CANCELED = auto()
    EXPIRED = auto()


#: Of a payment request. The reference of v3 has other words than the guides; both are here.
REQUESTS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "SUCCEEDED": Meaning.MOVED,
        "AUTHORIZED": Meaning.HELD,
        "AWAITING_CAPTURE": Meaning.HELD,
        "REQUIRES_ACTION": Meaning.ACTION,
        "ACCEPTING_PAYMENTS": Meaning.ACTION,
        "PENDING": Meaning.OPEN,
        "FAILED": Meaning.DECLINED,
        "CANCELED": Meaning.CANCELED,
        "VOIDED": Meaning.CANCELED,
        "EXPIRED": Meaning.EXPIRED,
    }
)
#: Of a payment.
PAYMENTS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "SUCCEEDED": Meaning.MOVED,
        "AUTHORIZED": Meaning.HELD,
        "PENDING": Meaning.OPEN,
        "FAILED": Meaning.DECLINED,
        "CANCELED": Meaning.CANCELED,
        "EXPIRED": Meaning.EXPIRED,
    }
)
_MONEY: Final = frozenset({Meaning.MOVED, Meaning.HELD})
_GONE: Final = frozenset({Meaning.CANCELED, Meaning.EXPIRED})
_WAITS: Final = frozenset({Meaning.ACTION, Meaning.OPEN})

#: The only dispute that has taken money; the others are a question still, or were won.
LOST: Final = "LOST"
CHARGED_BACK: Final = "charged_back"
#: Somebody has collected other money than we wanted to, and there is no second capture.
CAPTURED_OTHERWISE: Final = "captured_otherwise"
#: There is nothing left to collect.
HOLD_RELEASED: Final = "hold_released"
#: There is nothing left to let go of.
ALREADY_CAPTURED: Final = "already_captured"
#: Ours, for a failure without a code.
DECLINED: Final = "declined"


@dataclass(frozen=True, slots=True)
class Seen:
    """A charge as it was read: its request, and the last payment made for it."""

    request: ShownRequest
    payment: ShownPayment | None = None
    #: Whether a failure behind which somebody did not answer is old enough to be believed.
    settled: bool = False
    disputes: Sequence[Dispute] = ()

    @property
    def failure(self) -> str:
        """The failure code; the payment's own is nearer to the truth."""
        own = self.payment.failure_code if self.payment else None
        return told(own, told(self.request.failure_code, DECLINED))

    @property
    def doubted(self) -> bool:
        """Whether the failure may still turn out to be none."""
        return self.failure in DOUBTED and not self.settled

    @property
    def hardness(self) -> Hardness:
        """What the failure allows next; the card network's word outweighs Xendit's."""
        details = self.payment.payment_details if self.payment else None
        data = details.get("authorization_data") if isinstance(details, dict) else None
        if isinstance(data, dict) and data.get("merchant_advice_code") in NEVER_AGAIN:
            return Hardness.HARD
        return Hardness.SOFT if self.failure in DOUBTED else hardness(self.failure)


def said(seen: Seen, attempt: Attempt, guide: str) -> Outcome:
    """Return what a charge says of itself; somebody else's "no" is no answer to us.

    Somebody else's money is: the outcome carries the reference, and a person must look. `guide` is
    the page for payers of a channel that has none. What decides nothing still tells the id: there
    is no other way to find the charge again.
    """
    standing = _standing(seen)
    outcome = (
        standing if isinstance(standing, Unknown) else _charged(seen, standing, attempt, guide)
    )
    money, id_ = isinstance(outcome, Succeeded | TakenBack), seen.request.payment_request_id
    if seen.request.reference_id != attempt.reference and not money:
        return Unknown(f"{id_} carries a reference that is not ours")
    return replace(outcome, provider_id=id_) if isinstance(outcome, Unknown) else outcome


def collected(seen: Seen, attempt: Attempt) -> Lookup:
    """Return what a charge, read back, says of the capture `attempt` of it. `NotFound`: nothing has
    been collected."""
    standing, id_ = _standing(seen), seen.request.payment_request_id
    if isinstance(standing, Unknown):
        return standing
    match standing.meaning:
        case Meaning.MOVED if standing.money == attempt.money:
            return Succeeded(id_, standing.money)
        case Meaning.MOVED:
            return Declined(CAPTURED_OTHERWISE, Hardness.HARD, id_)
        case Meaning.HELD:
            return NotFound()
        case Meaning.OPEN:
            return Pending(id_)
        case Meaning.DECLINED:
            if seen.doubted:
                return Unknown(f"{id_} failed with {seen.failure}, which may still turn out paid")
            return Declined(seen.failure, Hardness.HARD, id_)
        case Meaning.CANCELED | Meaning.EXPIRED:
            return Declined(HOLD_RELEASED, Hardness.HARD, id_)
        case Meaning.ACTION:
            return Unknown(f"{id_} was never held")
        case _:
            assert_never(standing.meaning)


def captured(payment: ShownPayment, attempt: Attempt) -> Outcome:
    """Return what the answer to our own capture says: other money than we wanted is ours as well."""
    id_ = payment.payment_request_id
    if id_ != attempt.target:
        return Unknown(f"{payment.payment_id} is not of the charge that was to be collected")
    money, meaning = _money(payment), PAYMENTS.get(payment.status)
    if meaning is Meaning.MOVED and money is not None:
        return Succeeded(id_, money)
    if meaning is Meaning.OPEN:
        return Pending(id_)
    return Unknown(f"{payment.payment_id} is {payment.status:.64} after it was to be collected")


def released(seen: Seen, attempt: Attempt) -> Lookup:
    """Return what a charge, read back, says of the void `attempt` of it. `NotFound`: it has not
    been let go of; a hold that ended in any way is let go of."""
    standing, id_ = _standing(seen), seen.request.payment_request_id
    if isinstance(standing, Unknown):
        return standing
    match standing.meaning:
        case Meaning.DECLINED if seen.doubted:
            return Unknown(f"{id_} failed with {seen.failure}, which may still turn out paid")
        case Meaning.CANCELED | Meaning.EXPIRED | Meaning.DECLINED:
            return Succeeded(id_, attempt.money)
        case Meaning.MOVED:
            return Declined(ALREADY_CAPTURED, Hardness.HARD, id_)
        case Meaning.HELD | Meaning.OPEN | Meaning.ACTION:
            return NotFound()
        case _:
            assert_never(standing.meaning)


def settled(found: Lookup) -> Outcome:
    """Return what was found as an outcome: that nothing has happened yet may change any moment."""
    return Unknown("the hold stands as it was") if isinstance(found, NotFound) else found


@dataclass(frozen=True, slots=True)
class _Standing:
    meaning: Meaning
    #: What was collected, or is held, or is asked for.
    money: Money


def _charged(seen: Seen, standing: _Standing, attempt: Attempt, guide: str) -> Outcome:
    request, money = seen.request, standing.money
    id_ = request.payment_request_id
    match standing.meaning:
        case Meaning.MOVED:
            return _moved(seen, money)
        case Meaning.HELD:
            return Succeeded(id_, money, captured=False, reference=named(request))
        case Meaning.ACTION:
            return asked_of_payer(request, guide)
        case Meaning.OPEN:
            return Pending(id_)
        case Meaning.DECLINED:
            return _declined(seen, attempt)
        case Meaning.CANCELED:
            return NotCharged(Proof.VOIDED, "read as canceled", id_)
        case Meaning.EXPIRED:
            return NotCharged(Proof.READ_BACK, "read as expired", id_, lapsed=True)
        case _:
            assert_never(standing.meaning)


def _moved(seen: Seen, money: Money) -> Outcome:
    """Return collected money, or what the payer's bank has taken of it."""
    id_, reference = seen.request.payment_request_id, named(seen.request)
    lost = [dispute for dispute in seen.disputes if dispute.status == LOST]
    if not lost:
        return Succeeded(id_, money, reference=reference)
    taken = 0
    for dispute in lost:
        amount = dispute.amount
        value = amount.initial if amount.terminal is None else amount.terminal
        part = read(value, dispute.currency)
        if part is None or part.currency != money.currency:
            return Unknown(f"{id_} lost a dispute about {dispute.currency:.16}")
        taken += part.minor
    if not 0 < taken <= money.minor:
        return Unknown(f"{id_} lost disputes about {taken} of {money.minor}")
    return TakenBack(id_, money, Money(taken, money.currency), CHARGED_BACK, reference)


def _declined(seen: Seen, attempt: Attempt) -> Outcome:
    id_, code = seen.request.payment_request_id, seen.failure
    if seen.doubted:
        return Unknown(f"{id_} failed with {code}, which may still turn out paid")
    if code == LAPSED:
        return NotCharged(Proof.READ_BACK, "read as expired", id_, lapsed=True)
    if attempt.held:
        # The issuer said "no" to the capture: the charge was held, and is let go of.
        cause = f"read as failed after it was held: {code}"
        return NotCharged(Proof.READ_BACK, cause, id_, lapsed=True)
    return Declined(code, seen.hardness, id_)


def _standing(seen: Seen) -> _Standing | Unknown:
    """Return what request and payment say together, or why they say nothing: unknown words, or a
    contradiction. A payment knows of money before its request does, and after it: money may arrive
    for a request that has expired, and stays so."""
    request, payment = seen.request, seen.payment
    id_ = request.payment_request_id
    asked = REQUESTS.get(request.status)
    wanted = read(request.request_amount, request.currency)
    if asked is None or wanted is None:
        return Unknown(f"{id_} is {request.status:.64} in {request.currency:.16}")
    if payment is None:
        return _Standing(asked, wanted)
    made, money = PAYMENTS.get(payment.status), _money(payment)
    if payment.payment_request_id != id_ or made is None or money is None:
        return Unknown(f"{payment.payment_id} is {payment.status:.64}, and not what {id_} names")
    if made is Meaning.HELD and payment.captures:  # whoever takes it for a hold collects twice
        return Unknown(f"{payment.payment_id} is {payment.status}, and partly collected")
    if made in _MONEY:
        return _Standing(made, money)
    if asked is Meaning.MOVED:
        return Unknown(f"{id_} is {request.status}, and its payment {payment.status}")
    if asked in _WAITS and made is not Meaning.OPEN:
        return _Standing(asked, wanted)  # the payer may try again
    if asked is Meaning.ACTION:
        return _Standing(Meaning.OPEN, wanted)
    if asked is Meaning.HELD or made is Meaning.OPEN or made in _GONE:
        return _Standing(made, wanted)
    return _Standing(asked, wanted)


def _money(payment: ShownPayment) -> Money | None:
    """Return what was collected; what is asked for while nothing is, or nothing else is told."""
    asked = read(payment.request_amount, payment.currency)
    if not payment.captures or PAYMENTS.get(payment.status) is not Meaning.MOVED:
        return asked
    parts = [read(part.capture_amount, payment.currency) for part in payment.captures]
    known = [part for part in parts if part is not None]
    if asked is None or len(known) < len(parts):
        return None
    return Money(sum(part.minor for part in known), asked.currency)
