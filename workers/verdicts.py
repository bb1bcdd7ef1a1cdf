"""What one provider call says about its gateway's health, and what metrics call it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, assert_never

from domain.breaker import Verdict
from domain.outcome import (
    Declined,
    Lookup,
    NotCharged,
    NotFound,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.reconcile_books import Listed, Page
from workers.gateways import Adapter

#: What a call came to, as metrics name it.
NAMES: Final[Mapping[type, str]] = MappingProxyType(
    {
        Succeeded: "succeeded",
        Pending: "pending",
        Prepared: "prepared",
        RequiresAction: "requires_action",
        Declined: "declined",
        NotCharged: "not_charged",
        TakenBack: "taken_back",
        Returned: "returned",
        Unknown: "unknown",
        NotFound: "not_found",
    }
)
#: And what a probe or a page of a list came to, which has no outcome.
ANSWERED: Final = "answered"
SILENT: Final = "silent"
#: And any call in which our own code failed.
ERROR: Final = "error"


def judged(found: Lookup, adapter: Adapter) -> tuple[Verdict, str]:
    """Return what an outcome says about the gateway, and its name."""
    return _verdict(found, adapter), NAMES[type(found)]


def probed(answered: bool) -> tuple[Verdict, str]:
    """Return the same of a probe."""
    return (Verdict.GOOD, ANSWERED) if answered else (Verdict.BAD, SILENT)


def listed(page: Listed) -> tuple[Verdict, str]:
    """Return the same of a page of a list."""
    return (Verdict.GOOD, ANSWERED) if isinstance(page, Page) else (Verdict.BAD, SILENT)


def _verdict(found: Lookup, adapter: Adapter) -> Verdict:
    """Return what an outcome says about the gateway. An issuer's "no" came through a healthy one."""
    match found:
        case Succeeded() | Pending() | Prepared() | RequiresAction() | TakenBack() | Returned():
            return Verdict.GOOD
        case Declined() | NotFound():
            return Verdict.GOOD
        case Unknown() | NotCharged(proof=Proof.NEVER_SENT):
            return Verdict.BAD
        case NotCharged(proof=Proof.REJECTED):
            # One merchant's odd request must not close the gateway to everybody.
            return Verdict.BAD if adapter.at_fault(found) else Verdict.IGNORED
        case NotCharged():
            return Verdict.GOOD
        case _:
            assert_never(found)
