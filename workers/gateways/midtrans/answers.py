"""Midtrans' answers: how one went, by HTTP and by its own code, and which codes refuse for certain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, assert_never

from domain.attempt import Operation
from domain.outcome import Declined, Hardness, NotCharged, Outcome, Proof, Unknown
from workers.gateways.midtrans.shapes import Coded, Transaction
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable

#: With these a transaction was made or changed: done, waiting, denied.
MADE: Final = frozenset({"200", "201", "202"})
#: With these one is read; 407 is how an expired one is shown.
FOUND: Final = frozenset({"200", "201", "202", "407"})
ABSENT: Final = "404"
#: Comes with a "no", and with a request whose first copy is still under way: never with money.
DENIED: Final = "202"
NO_MONEY: Final = frozenset({"deny", "failure", "cancel", "expire"})
#: The order_id, or the refund_key, has been used: what came of the first use must be read.
USED: Final = "406"
#: The transaction is in no state for this: which state must be read.
WRONG_STATE: Final = "412"
#: The card's token has timed out, or was used: the payer types the card in again.
CARD_TIMED_OUT: Final = "411"

_EVERYWHERE: Final = frozenset(
    {
        "400",  # validation
        "401",  # the server key
        "403",  # nothing acceptable to answer
        "405",  # method
        "408",  # data type
        "413",  # syntax
        "429",  # the rate limit
    }
)
_CHARGE: Final = frozenset(
    {
        "402",  # this payment type is not switched on
        "409",  # too many charges of one card
        "410",  # the account, or the payer's wallet, is blocked
    }
)
#: Documented as never executed, by operation; what is not here is `Unknown`, and so is every 5xx,
#: after which Midtrans wants to be asked whether it is safe to go on.
REFUSALS: Final[Mapping[Operation, frozenset[str]]] = MappingProxyType(
    {
        Operation.CHARGE: _EVERYWHERE | _CHARGE,
        Operation.CAPTURE: _EVERYWHERE | {"404"},
        Operation.VOID: _EVERYWHERE | {"404"},
        Operation.REFUND: _EVERYWHERE | {"404", "414"},  # 414: the merchant's own funds
    }
)
#: Of those, what speaks of the bytes that we sent.
REQUEST_WRONG: Final = frozenset({"400", "408", "413"})
#: And what any other request would have met as well. The cause of a refusal begins with its code.
GATEWAY_FAULTS: Final = frozenset({"401", "403", "429"})
#: What Iris refuses, by HTTP status alone, prefixed as in a cause.
IRIS: Final = "iris-"
IRIS_FAULTS: Final = frozenset({IRIS + "401", IRIS + "403", IRIS + "429"})


@dataclass(frozen=True, slots=True)
class Went:
    """An answer with the code that HTTP and its body agree on."""

    code: str
    answer: Answer

    @property
    def transaction(self) -> Transaction | None:
        """The transaction in it; None: there is none that can be believed."""
        shown = parsed(self.answer.body, Transaction)
        if shown is not None and self.code == DENIED and shown.status not in NO_MONEY:
            return None
        return shown


def went(answer: Answer) -> Went | Unknown:
    """Return how an answer went. HTTP says 200 whatever the body says, or the same as the body:
    where they differ otherwise, somebody else has written one of them."""
    found = parsed(answer.body, Coded)
    if found is None or answer.status not in (200, int(found.status_code)):
        return strange(answer)
    return Went(found.status_code, answer)


def done(reply: Reply, operation: Operation) -> Went | Outcome:
    """Return a POST's answer as far as it made or changed something, or left it open what: the
    transaction tells. Everything else comes back as what it proves."""
    match reply:
        case NeverSent(cause=cause):
            return NotCharged(Proof.NEVER_SENT, cause)
        case Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case Answer():
            told = went(reply)
            return told if isinstance(told, Unknown) else _sorted(told, operation)
        case _:
            assert_never(reply)


def _sorted(told: Went, operation: Operation) -> Went | Outcome:
    code = told.code
    if code in MADE | {USED, WRONG_STATE}:
        return told
    if code == CARD_TIMED_OUT and operation is Operation.CHARGE:
        return Declined("token_expired", Hardness.FIX_DATA)
    if code in REFUSALS[operation]:
        return NotCharged(
            Proof.REJECTED,
            f"{code} refused the {operation}",
            retry_after_s=retry_after_s(told.answer),
            request_wrong=code in REQUEST_WRONG,
        )
    return Unknown(f"an answer that is not documented: {told.answer.status}, code {code}")


def strange(answer: Answer) -> Unknown:
    """Return what an answer that is in no table says: nothing."""
    return Unknown(f"an answer that is not documented: {answer.status}, {len(answer.body)} bytes")


def is_gateway_fault(refusal: NotCharged) -> bool:
    """Whether another request would have been refused too."""
    return refusal.cause.partition(" ")[0] in GATEWAY_FAULTS | IRIS_FAULTS
