"""A bank's faults and reasons: which prove that nothing was executed, and what a "no" allows next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar, assert_never

from domain.outcome import Hardness, NotCharged, Outcome, Proof, Unknown
from workers.gateways.soapbank.envelopes import Faulted, Said
from workers.gateways.soapbank.line import Heard
from workers.gateways.soapbank.shapes import Record, shown_as
from workers.gateways.wire import NeverSent

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=Record)

VALIDATION: Final = "Client.VALIDATION"
NOT_FOUND: Final = "Client.NOT_FOUND"

#: Documented as never executed; what is in no table here is `Unknown`.
REFUSALS: Final = frozenset(
    {VALIDATION, NOT_FOUND, "Client.AUTH", "Client.LIMIT", "Server.UNAVAILABLE"}
)
#: Answered, but what became of the request, or of the first one under its id, must be read. A
#: request whose id was used for another one was not executed; the other was, under our name.
UNCERTAIN: Final = frozenset({"Client.DUPLICATE_MISMATCH", "Server.IN_PROGRESS", "Server.INTERNAL"})
#: Of the refusals, what speaks of the bytes that we sent: any other gateway would get the same ones.
REQUEST_WRONG: Final = frozenset({VALIDATION})
#: And what any other request would have met as well.
GATEWAY_FAULTS: Final = frozenset({"Client.AUTH", "Client.LIMIT", "Server.UNAVAILABLE"})

#: For a reason that is not in the table. Both ways no money has moved, but a wrong "hard" costs one
#: sale, which the payer may start again, while a wrong "soft" carries a stolen card from gateway to
#: gateway, which the card schemes fine.
UNLISTED: Final = Hardness.HARD
#: Why the issuer, or the payee's bank, said no.
REASONS: Final[Mapping[str, Hardness]] = {
    "51": Hardness.SOFT,  # not enough funds
    "61": Hardness.SOFT,  # over the payer's limit
    "91": Hardness.SOFT,  # the issuer is down
    "04": Hardness.HARD,  # pick up
    "41": Hardness.HARD,  # lost
    "43": Hardness.HARD,  # stolen
    "54": Hardness.HARD,  # expired
    "59": Hardness.HARD,  # suspected fraud
    "14": Hardness.FIX_DATA,  # no such number
    "82": Hardness.FIX_DATA,  # wrong CVV
}


def answered(
    heard: Heard, request_id: str, type_: type[R], says: Callable[[R], Outcome]
) -> Outcome:
    """Return what the answer to a request that changes something comes to. `says` reads the one
    object that it shows; the answer to another request is none."""
    if isinstance(heard, Said):
        if heard.request_id != request_id or len(heard.records) != 1:
            return Unknown("an answer to another request, or about no one object")
        record = shown_as(heard.records[0], type_)
        return STRANGE if record is None else says(record)
    return refused(heard)


STRANGE: Final = Unknown("an object that is not documented")


def refused(heard: Faulted | NeverSent | Unknown) -> Outcome:
    """Return what anything but an answer says: a documented refusal, or nothing."""
    match heard:
        case NeverSent(cause=cause):
            return NotCharged(Proof.NEVER_SENT, cause)
        case Faulted(code=code, retry_after_s=wish) if code in REFUSALS:
            return NotCharged(
                Proof.REJECTED, code, retry_after_s=wish, request_wrong=code in REQUEST_WRONG
            )
        case Faulted(code=code):
            return Unknown(f"fault {code:.64}")
        case Unknown():
            return heard
        case _:
            assert_never(heard)


def is_documented(heard: Heard) -> bool:
    """Whether somebody is at home, and it is the bank."""
    match heard:
        case Said():
            return True
        case Faulted(code=code):
            return code in REFUSALS | UNCERTAIN
        case NeverSent() | Unknown():
            return False
        case _:
            assert_never(heard)


def hardness(reason: str) -> Hardness:
    """Return what a "no" for this reason allows next."""
    if reason not in REASONS:
        _log.warning("the bank declined for %r, which is not in our table", reason)
    return REASONS.get(reason, UNLISTED)
