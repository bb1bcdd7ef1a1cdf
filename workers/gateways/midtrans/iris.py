"""Iris: payouts, made with one key and let go with another; only the second call moves money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, assert_never
from urllib.parse import quote

import msgspec

from domain.attempt import Attempt, State
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    Proof,
    Returned,
    Succeeded,
    Unknown,
)
from domain.ports import Budget
from workers.gateways.midtrans.answers import IRIS, strange
from workers.gateways.midtrans.declines import PAYOUT_CODES, hardness, told
from workers.gateways.midtrans.shapes import (
    Approved,
    IrisProblem,
    Made,
    MadeList,
    ShownPayout,
    Stored,
    rupiah,
)
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable, Wire

PAYOUTS: Final = "/api/v1/payouts"
APPROVE: Final = "/api/v1/payouts/approve"


class Meaning(Enum):
    """What a documented status of a payout says about money."""

    MADE = auto()
    OPEN = auto()
    PAID = auto()
    FAILED = auto()
    REJECTED = auto()


STATUSES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "queued": Meaning.MADE,
        "approved": Meaning.OPEN,
        "processed": Meaning.OPEN,
        "completed": Meaning.PAID,
        "failed": Meaning.FAILED,  # also after it was completed: the bank sent it back
        "rejected": Meaning.REJECTED,
    }
)

#: HTTP statuses with which a payout is not made, nor approved; of each the body must be a refusal.
REFUSALS: Final = frozenset({400, 401, 403, 404, 429})
#: Of what makes a payout, this speaks of the bytes that we sent. Of what approves one, which says
#: nothing but its number, it may be the balance, or that it was approved before: its status tells.
VALIDATION: Final = 400

#: What had arrived, as we know it, and failed after that, has come back; Iris says the same of both.
ARRIVED: Final = frozenset({State.SUCCEEDED, State.RETURNED})

PAYOUT_FAILED: Final = "payout_failed"
PAYOUT_REJECTED: Final = "payout_rejected"


@dataclass(frozen=True, slots=True)
class Iris:
    """Payouts of one account."""

    creator: Wire
    approver: Wire

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Make the payout; once it has a name, let it go."""
        stored = parsed(attempt.request, Stored)
        if stored is None:
            return NotCharged(Proof.NEVER_SENT, "the stored request is not a payout's")
        if attempt.provider_id is None:
            body, key = bytes(stored.create), attempt.key("a")
            return _made(_post(self.creator, PAYOUTS, key, body, budget))
        named = stored.approve | {"reference_nos": [attempt.provider_id]}
        body = msgspec.json.encode(named)
        reply = _post(self.approver, APPROVE, attempt.key("b"), body, budget)
        outcome = _let_go(reply, attempt.provider_id)
        if isinstance(reply, Answer) and reply.status == VALIDATION:
            return self._after_a_no(outcome, attempt, budget)
        return outcome

    def lookup(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Read what became of a payout, which only its own number finds."""
        if attempt.provider_id is None:
            return Unknown("Iris finds no payout by our reference")
        path = f"{PAYOUTS}/{quote(attempt.provider_id, safe='')}"
        reply = self.creator.send("GET", path, budget, headers={})
        match reply:
            case Answer(status=200, body=body):
                shown = parsed(body, ShownPayout)
                return strange(reply) if shown is None else paid_out(shown, attempt)
            case Answer():
                return strange(reply)
            case NeverSent() | Unanswered() | Unreadable():
                return Unknown(failed(reply))
            case _:
                assert_never(reply)

    def _after_a_no(self, refused: Outcome, attempt: Attempt, budget: Budget) -> Outcome:
        """Iris refuses to approve what was approved before with the same words as what it cannot
        approve: only a payout that still waits for its approval was refused."""
        found = self.lookup(attempt, budget)
        match found:
            case Prepared():
                return refused
            case _:
                return found


def paid_out(shown: ShownPayout, attempt: Attempt) -> Outcome:
    """Return what a payout says. Its notes are our reference."""
    meaning, id_ = STATUSES.get(shown.status.lower()), shown.reference_no
    if meaning is None or id_ != attempt.provider_id:
        return Unknown(f"{id_} is {shown.status}, or another payout than was asked about")
    notes = shown.notes if isinstance(shown.notes, str) and shown.notes else None
    if notes not in (None, attempt.reference) and meaning is not Meaning.PAID:
        return Unknown(f"{id_} carries a reference that is not ours")
    match meaning:
        case Meaning.MADE:
            return Prepared(id_)
        case Meaning.OPEN:
            return Pending(id_)
        case Meaning.PAID:
            money = rupiah(shown.amount)
            if money is None:
                return Unknown(f"{id_} is {shown.status} with an amount that is none")
            return Succeeded(id_, money, reference=notes)
        case Meaning.FAILED:
            code = told(shown.error_code, PAYOUT_FAILED)
            if attempt.state in ARRIVED:
                return Returned(id_, code)
            return Declined(code, hardness(code, PAYOUT_CODES), id_)
        case Meaning.REJECTED:
            return Declined(PAYOUT_REJECTED, Hardness.HARD, id_)
        case _:
            assert_never(meaning)


def _made(reply: Reply) -> Outcome:
    if isinstance(reply, Answer) and reply.status in (200, 201):
        made = parsed(reply.body, MadeList)
        one = made.payouts[0] if made is not None and len(made.payouts) == 1 else None
        return strange(reply) if one is None else _made_as(one)
    refused = _refused(reply)
    wrong = isinstance(reply, Answer) and reply.status == VALIDATION
    if wrong and isinstance(refused, NotCharged):
        return replace(refused, request_wrong=True)
    return refused


def _made_as(one: Made) -> Outcome:
    match STATUSES.get(one.status.lower()):
        case Meaning.MADE:
            return Prepared(one.reference_no)
        case Meaning.OPEN | Meaning.PAID:  # an account that needs no approval, or a repetition
            return Pending(one.reference_no)
        case Meaning.REJECTED:
            return Declined(PAYOUT_REJECTED, Hardness.HARD, one.reference_no)
        case Meaning.FAILED:
            return Declined(PAYOUT_FAILED, Hardness.HARD, one.reference_no)
        case None:
            return Unknown(f"{one.reference_no} is {one.status}")


def _let_go(reply: Reply, id_: str) -> Outcome:
    if isinstance(reply, Answer) and reply.status in (200, 202):
        approved = parsed(reply.body, Approved)
        if approved is not None and approved.status.lower() == "ok":
            return Pending(id_)
        return strange(reply)
    return _refused(reply)


def _refused(reply: Reply) -> Outcome:
    """Return what anything but the wanted answer says: a documented refusal, or nothing."""
    match reply:
        case NeverSent(cause=cause):
            return NotCharged(Proof.NEVER_SENT, cause)
        case Answer(status=status, body=body):
            if status not in REFUSALS or parsed(body, IrisProblem) is None:
                return strange(reply)
            cause = f"{IRIS}{status} refused the payout"
            return NotCharged(Proof.REJECTED, cause, retry_after_s=retry_after_s(reply))
        case Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def _post(wire: Wire, path: str, key: str, body: bytes, budget: Budget) -> Reply:
    headers = {"X-Idempotency-Key": key, "Content-Type": "application/json"}
    return wire.send("POST", path, budget, headers=headers, body=body)
