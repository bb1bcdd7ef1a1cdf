"""Which faults change how an operation goes, and what they make of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.sandbox.board import Operation, Target
from ops.sandbox.faults import WEBHOOKS, Fault, Strike, by_fault

_DECIDED = frozenset(
    {
        Fault.SOFT_DECLINE,
        Fault.HARD_DECLINE,
        Fault.WRONG_AMOUNT,
        Fault.ASYNC,
        Fault.ASYNC_DECLINE,
        Fault.WEBHOOK_OUT_OF_ORDER,
    }
)

#: The faults that change the outcome of an operation; all others only spoil how it is told.
OUTCOMES: Mapping[Operation, frozenset[Fault]] = {
    Operation.CREATE: _DECIDED | {Fault.THREE_DS, Fault.CHARGEBACK},
    Operation.CAPTURE: _DECIDED,
    # A cancel moves no amount and is over at once: it can only be refused.
    Operation.CANCEL: frozenset({Fault.SOFT_DECLINE, Fault.HARD_DECLINE}),
    Operation.REFUND: _DECIDED,
    Operation.PAYOUT: _DECIDED | {Fault.PAYOUT_RETURNED},
    Operation.DETACH: frozenset(),
    Operation.READ: frozenset(),
}
_ANY_OUTCOME = frozenset[Fault]().union(*OUTCOMES.values())

#: What the card's bank says under each declining fault.
CARD_CODES: Mapping[Fault, str] = {
    Fault.SOFT_DECLINE: "insufficient_funds",
    Fault.HARD_DECLINE: "stolen_card",
    Fault.ASYNC_DECLINE: "insufficient_funds",
}
#: What the receiving bank says when money is to go out.
ACCOUNT_CODES: Mapping[Fault, str] = {
    Fault.SOFT_DECLINE: "insufficient_funds",
    Fault.HARD_DECLINE: "account_closed",
    Fault.ASYNC_DECLINE: "account_closed",
}

_LATER = frozenset({Fault.ASYNC, Fault.ASYNC_DECLINE, Fault.WEBHOOK_OUT_OF_ORDER})


@dataclass(frozen=True, slots=True)
class Course:
    """How an operation is going to go."""

    later: bool = False  #: undecided first
    verdict: str | None = None  #: the code it is refused with; None succeeds
    off: int = 0  #: 1 where the amount is to be one minor unit wrong


def course_of(strikes: Iterable[Strike], codes: Mapping[Fault, str]) -> Course:
    """Return how an operation goes under the faults that strike it."""
    struck = by_fault(strikes)
    verdicts = [code for fault, code in codes.items() if fault in struck]
    return Course(
        later=not _LATER.isdisjoint(struck),
        verdict=verdicts[0] if verdicts else None,
        off=1 if Fault.WRONG_AMOUNT in struck else 0,
    )


def default_target(fault: Fault) -> Target:
    """Return whom a rule strikes that names nobody: new money for outcomes, else every POST."""
    if fault is Fault.PAYOUT_RETURNED:
        return Target.PAYOUT
    return Target.CREATE if fault in _ANY_OUTCOME else Target.POST


def can_strike(fault: Fault, target: Target) -> bool:
    """Say whether any request of this kind could meet the fault."""
    if fault in WEBHOOKS:
        return target not in (Target.READ, Target.DETACH)  # these are not told to anybody
    return fault not in _ANY_OUTCOME or any(
        fault in faults for operation, faults in OUTCOMES.items() if target.includes(operation)
    )
