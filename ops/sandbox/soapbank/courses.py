"""What becomes of an order: as a scripted decision wants it, or as its test token says."""

import re
from dataclasses import dataclass

from ops.sandbox.stage.faults import Fault

#: Reasons of scripted declines: not enough funds; a lost card, or suspected fraud.
SOFT, HARD_CARD, HARD_ACCOUNT = "51", "41", "59"
#: Test tokens: `tok_reject_51`, `DE00REJECT5100000`.
_REJECT = re.compile(r"reject_?(\d\d)?", re.IGNORECASE | re.ASCII)
_PENDING = re.compile("pending", re.IGNORECASE)
_CHARGEBACK = re.compile("chargeback", re.IGNORECASE)
_RETURN = re.compile("return", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of one order; nothing set: it goes well, and at once."""

    reason: str = ""  #: it is rejected
    later: bool = False  #: undecided first
    off_by: int = 0  #: minor units by which its amount is wrong
    comes_back: bool = False  #: charged back, or returned


def of_token(token: str) -> Course:
    """Return what a test token asks for."""
    rejected = _REJECT.search(token)
    return Course(
        reason=(rejected[1] or SOFT) if rejected else "",
        later=_PENDING.search(token) is not None,
        comes_back=any(one.search(token) for one in (_CHARGEBACK, _RETURN)),
    )


def scripted(decision: Fault | None, *, hard: str, off_by: int, otherwise: Course) -> Course:
    """Return what a scripted decision asks for; without one, `otherwise`."""
    match decision:
        case Fault.SOFT_DECLINE:
            return Course(reason=SOFT)
        case Fault.HARD_DECLINE:
            return Course(reason=hard)
        case Fault.LATER:
            return Course(later=True)
        case Fault.LATER_DECLINE:
            return Course(reason=SOFT, later=True)
        case Fault.WRONG_AMOUNT:
            return Course(off_by=off_by)
        case Fault.CHARGEBACK | Fault.PAYOUT_RETURNED:
            return Course(comes_back=True)
        case _:
            return otherwise
