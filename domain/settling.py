"""Settling: what a person may say became of a parked row."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.attempt import Operation, State
from domain.facts import OPEN
from domain.ids import Kind
from domain.payment import FINAL, Status
from domain.payout import PayoutStatus
from domain.refund import RefundStatus


class Word(StrEnum):
    """What a person has found out."""

    CHARGED = "charged"
    HELD = "held"
    NOT_CHARGED = "not-charged"
    DECLINED = "declined"
    RELEASED = "released"
    NOT_RELEASED = "not-released"
    CAPTURED = "captured"
    NOT_CAPTURED = "not-captured"
    TAKEN_BACK = "taken-back"
    REFUNDED = "refunded"
    NOT_REFUNDED = "not-refunded"
    PAID_OUT = "paid-out"
    NOT_PAID_OUT = "not-paid-out"
    RETURNED = "returned"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    STANDS = "stands"
    NOT_OURS = "not-ours"
    FORGOTTEN = "forgotten"


#: What each means, in one line; by the ordinary rules things go on from there.
MEANINGS: Final[Mapping[Word, str]] = MappingProxyType(
    {
        Word.CHARGED: "the provider has taken the money",
        Word.HELD: "the provider holds the money and has not taken it",
        Word.NOT_CHARGED: "no money moved and none will: another gateway may be tried",
        Word.DECLINED: "the provider refused for good: no other gateway is tried",
        Word.RELEASED: "the hold is gone without money",
        Word.NOT_RELEASED: "the hold still stands: it is let go of once more",
        Word.CAPTURED: "the provider has collected the held money",
        Word.NOT_CAPTURED: "nothing was collected: it is collected once more",
        Word.TAKEN_BACK: "the provider has taken the collected money back",
        Word.REFUNDED: "the money went back to the payer",
        Word.NOT_REFUNDED: "nothing went back: it is sent once more",
        Word.PAID_OUT: "the money was paid out",
        Word.NOT_PAID_OUT: "nothing was paid out: another gateway may be tried",
        Word.RETURNED: "it had succeeded, and the money came back",
        Word.FAILED: "it will not happen any more",
        Word.CANCELLED: "it ends as cancelled, without money",
        Word.EXPIRED: "it ends as expired, without money",
        Word.STANDS: "what is recorded is right; the rest was settled outside",
        Word.NOT_OURS: "it is about nothing of ours, or says nothing",
        Word.FORGOTTEN: "the provider has forgotten it",
    }
)

#: Where nothing more can be found out, because the end is written down.
_ENDED: Final = frozenset(State) - OPEN - {State.AUTHORIZED}
_NO: Final = frozenset({State.DECLINED, State.NOT_CHARGED})
_GONE: Final = frozenset({State.VOIDED, State.EXPIRED})

#: What may be said of an attempt: by its operation, the states in which each word may be said.
ATTEMPTS: Final[Mapping[Operation, Mapping[Word, frozenset[State]]]] = MappingProxyType(
    {
        Operation.CHARGE: {
            Word.CHARGED: OPEN | {State.AUTHORIZED} | _NO | _GONE,
            Word.HELD: OPEN,
            Word.NOT_CHARGED: OPEN,
            Word.DECLINED: OPEN,
            Word.RELEASED: OPEN | {State.AUTHORIZED} | _NO,
            Word.TAKEN_BACK: frozenset({State.CAPTURED, State.REVERSED}),
            Word.STANDS: _ENDED,
        },
        Operation.CAPTURE: {
            Word.CAPTURED: OPEN,
            Word.NOT_CAPTURED: OPEN,
            Word.DECLINED: OPEN,
            Word.STANDS: _ENDED,
        },
        Operation.VOID: {
            Word.RELEASED: OPEN,
            Word.NOT_RELEASED: OPEN,
            Word.STANDS: _ENDED,
        },
        Operation.REFUND: {
            Word.REFUNDED: OPEN | {State.NOT_CHARGED},
            Word.NOT_REFUNDED: OPEN,
            Word.RETURNED: OPEN | {State.SUCCEEDED},
            Word.FAILED: OPEN,
            Word.STANDS: _ENDED,
        },
        Operation.PAYOUT: {
            Word.PAID_OUT: OPEN | {State.NOT_CHARGED},
            Word.NOT_PAID_OUT: OPEN,
            Word.RETURNED: OPEN | {State.SUCCEEDED},
            Word.FAILED: OPEN,
            Word.STANDS: _ENDED,
        },
    }
)

_LIVE: Final = frozenset(Status) - FINAL
_BEFORE_MONEY: Final = frozenset({Status.PENDING, Status.PROCESSING, Status.REQUIRES_ACTION})
#: What may be said of a payment: of its charge, or that it ends without one.
PAYMENTS: Final[Mapping[Word, frozenset[Status]]] = MappingProxyType(
    {
        Word.CHARGED: _LIVE,
        Word.NOT_CHARGED: _BEFORE_MONEY,
        Word.RELEASED: frozenset({Status.AUTHORIZED, Status.IN_REVIEW}),
        Word.FAILED: _LIVE,
        Word.CANCELLED: _LIVE,
        Word.EXPIRED: _LIVE,
        Word.STANDS: FINAL,
    }
)
_OPEN_REFUNDS: Final = frozenset({RefundStatus.PENDING, RefundStatus.PROCESSING})
#: What may be said of a refund: of its attempt, or that it is given up.
REFUNDS: Final[Mapping[Word, frozenset[RefundStatus]]] = MappingProxyType(
    {
        Word.REFUNDED: _OPEN_REFUNDS,
        Word.NOT_REFUNDED: _OPEN_REFUNDS,
        Word.FAILED: _OPEN_REFUNDS,
        Word.RETURNED: frozenset({RefundStatus.SUCCEEDED}),
        Word.STANDS: frozenset(RefundStatus) - _OPEN_REFUNDS,
    }
)
_OPEN_PAYOUTS: Final = frozenset({PayoutStatus.PENDING, PayoutStatus.PROCESSING})
#: What may be said of a payout: of its attempt, or that it is given up.
PAYOUTS: Final[Mapping[Word, frozenset[PayoutStatus]]] = MappingProxyType(
    {
        Word.PAID_OUT: _OPEN_PAYOUTS,
        Word.NOT_PAID_OUT: _OPEN_PAYOUTS,
        Word.FAILED: _OPEN_PAYOUTS,
        Word.RETURNED: frozenset({PayoutStatus.SUCCEEDED}),
        Word.STANDS: frozenset(PayoutStatus) - _OPEN_PAYOUTS,
    }
)
#: What may be said of rows that are about no money.
OTHERS: Final[Mapping[Kind, Word]] = MappingProxyType(
    {Kind.WEBHOOK: Word.NOT_OURS, Kind.PAYMENT_METHOD: Word.FORGOTTEN}
)

#: What an attempt has come to once each word is applied; money that comes too late is
#: `late_success`, and goes back.
EXPECTED: Final[Mapping[tuple[Operation, Word], frozenset[State]]] = MappingProxyType(
    {
        (Operation.CHARGE, Word.CHARGED): frozenset({State.CAPTURED, State.LATE_SUCCESS}),
        (Operation.CHARGE, Word.HELD): frozenset({State.AUTHORIZED, State.LATE_SUCCESS}),
        (Operation.CHARGE, Word.NOT_CHARGED): frozenset({State.NOT_CHARGED}),
        (Operation.CHARGE, Word.DECLINED): frozenset({State.DECLINED}),
        (Operation.CHARGE, Word.RELEASED): _NO | {State.VOIDED},
        (Operation.CHARGE, Word.TAKEN_BACK): frozenset({State.REVERSED}),
        (Operation.CAPTURE, Word.CAPTURED): frozenset({State.SUCCEEDED}),
        (Operation.CAPTURE, Word.NOT_CAPTURED): frozenset({State.NOT_CHARGED}),
        (Operation.CAPTURE, Word.DECLINED): frozenset({State.DECLINED}),
        (Operation.VOID, Word.RELEASED): frozenset({State.SUCCEEDED}),
        (Operation.VOID, Word.NOT_RELEASED): frozenset({State.NOT_CHARGED}),
        (Operation.REFUND, Word.REFUNDED): frozenset({State.SUCCEEDED}),
        (Operation.REFUND, Word.NOT_REFUNDED): frozenset({State.NOT_CHARGED}),
        (Operation.REFUND, Word.RETURNED): frozenset({State.RETURNED}),
        (Operation.REFUND, Word.FAILED): frozenset({State.DECLINED}),
        (Operation.PAYOUT, Word.PAID_OUT): frozenset({State.SUCCEEDED}),
        (Operation.PAYOUT, Word.NOT_PAID_OUT): frozenset({State.NOT_CHARGED}),
        (Operation.PAYOUT, Word.RETURNED): frozenset({State.RETURNED}),
        (Operation.PAYOUT, Word.FAILED): frozenset({State.DECLINED}),
    }
)
#: Whose money a question about money was about, if this is the answer: the payment's.
OURS: Final = frozenset({Word.CHARGED, Word.HELD, Word.CAPTURED})


def possible(kind: Kind, state: str, operation: Operation | None = None) -> tuple[Word, ...]:
    """Return what may be said of a parked row in this status (of an attempt: state, operation)."""
    said: Mapping[Word, frozenset[str]]
    match kind:
        case Kind.ATTEMPT if operation is not None:
            said = {word: frozenset(s) for word, s in ATTEMPTS[operation].items()}
        case Kind.PAYMENT:
            said = {word: frozenset(s) for word, s in PAYMENTS.items()}
        case Kind.REFUND:
            said = {word: frozenset(s) for word, s in REFUNDS.items()}
        case Kind.PAYOUT:
            said = {word: frozenset(s) for word, s in PAYOUTS.items()}
        case _:
            return (OTHERS[kind],) if kind in OTHERS else ()
    return tuple(word for word, states in said.items() if state in states)
