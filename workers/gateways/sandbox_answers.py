"""The sandbox provider's errors: which are a "no", which prove that nothing was executed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar, assert_never

from domain.outcome import Declined, Hardness, NotCharged, Outcome, Proof, Unknown
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.sandbox_shapes import Failed, Problem
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: The one error that is somebody's "no"; the object in it says what became of the operation.
DECLINE: Final = (402, "card_error")
#: The charge is not in a state in which it can be captured or cancelled.
INVALID_STATE: Final = (409, "invalid_request", "invalid_state")

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
    "cancel_declined": Hardness.SOFT,  # the hold stands as it was: the next try may be heard
    "stolen_card": Hardness.HARD,
    "lost_card": Hardness.HARD,
    "pickup_card": Hardness.HARD,
    "restricted_card": Hardness.HARD,
    "fraudulent": Hardness.HARD,
    "token_detached": Hardness.HARD,
    "account_closed": Hardness.HARD,
    "payout_declined": Hardness.HARD,
    "expired_card": Hardness.FIX_DATA,
    "incorrect_cvc": Hardness.FIX_DATA,
    "incorrect_expiry": Hardness.FIX_DATA,
    "invalid_number": Hardness.FIX_DATA,
    "authentication_failed": Hardness.FIX_DATA,  # the payer's own step: they may do it again
}

#: Documented as never executed, by HTTP status, error type and code; what is not here is `Unknown`.
#: So is 422, a key that was used for another request: that one ran under our name.
REFUSALS: Final = frozenset(
    {
        (400, "invalid_request", "invalid_request"),
        (400, "invalid_request", "capture_not_supported"),
        (400, "invalid_request", "capture_exceeds_authorized"),
        (400, "invalid_request", "refund_exceeds_captured"),
        (401, "authentication_error", "invalid_api_key"),
        (404, "invalid_request", "not_found"),
        (405, "invalid_request", "method_not_allowed"),
        (413, "invalid_request", "body_too_large"),
        (415, "invalid_request", "invalid_request"),
        (429, "rate_limit_error", "rate_limited"),
        (503, "unavailable_error", "unavailable"),
    }
)
#: Of those, what speaks of the bytes that we sent: any other gateway would get the same ones.
REQUEST_WRONG: Final = frozenset({400, 413})
#: And what any other request would have met as well.
GATEWAY_FAULTS: Final = frozenset({"authentication_error", "rate_limit_error", "unavailable_error"})
#: Answered, but what became of the request must be read.
UNCERTAIN: Final = (500, "api_error", "server_error")


def answered(
    reply: Reply,
    made: int,
    type_: type[T],
    said: Callable[[T], Outcome],
    declined: Callable[[Problem], Outcome],
) -> Outcome:
    """Return what the answer to a POST comes to; `made` is the only status that carries its object.

    `said` reads that object, `declined` reads the error of a "no".
    """
    if isinstance(reply, Answer) and reply.status == made:
        shown = parsed(reply.body, type_)
        return strange(reply) if shown is None else said(shown)
    return unmade(reply, declined)


def unmade(reply: Reply, declined: Callable[[Problem], Outcome]) -> Outcome:
    """Return what anything but the wanted answer says: a "no", a documented refusal, or nothing."""
    match reply:
        case NeverSent(cause=cause):
            return NotCharged(Proof.NEVER_SENT, cause)
        case Answer():
            return _refused(reply, declined)
        case Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def in_wrong_state(reply: Reply) -> bool:
    """Whether the charge was not what the request took it for; the request changed nothing."""
    return isinstance(reply, Answer) and _kind(reply) == INVALID_STATE


def is_documented(reply: Reply, type_: type[object]) -> bool:
    """Whether a GET was answered as documented, with a `type_` or an error: somebody is at home,
    and it is the provider."""
    if not isinstance(reply, Answer):
        return False
    if reply.status == 200:
        return parsed(reply.body, type_) is not None
    return _kind(reply) in REFUSALS | {UNCERTAIN}


def hardness(code: str) -> Hardness:
    """Return what a "no" with this code allows next."""
    if code not in DECLINES:
        _log.warning("the sandbox declined with %r, which is not in our table", code)
    return DECLINES.get(code, UNLISTED)


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


def _refused(answer: Answer, declined: Callable[[Problem], Outcome]) -> Outcome:
    found = parsed(answer.body, Failed)
    if found is None:
        return strange(answer)
    problem = found.error
    cause = f"{problem.type} ({answer.status} {problem.code})"
    if (answer.status, problem.type) == DECLINE:
        outcome = declined(problem)
        return outcome if isinstance(outcome, Declined) else Unknown(f"{cause} and no such object")
    if (answer.status, problem.type, problem.code) in REFUSALS:
        return NotCharged(
            Proof.REJECTED,
            cause,
            retry_after_s=retry_after_s(answer),
            request_wrong=answer.status in REQUEST_WRONG,
        )
    return Unknown(cause)


def _kind(answer: Answer) -> tuple[int, str, str] | None:
    found = parsed(answer.body, Failed)
    return None if found is None else (answer.status, found.error.type, found.error.code)
