"""Xendit's errors: which are a "no", which prove that nothing was executed, which say nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, TypeVar, assert_never

from domain.backoff import RETRY_AFTER_CAP_S
from domain.outcome import Declined, Hardness, NotCharged, Outcome, Proof, Unknown
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable
from workers.gateways.xendit.shapes import Problem

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: 201 for a payment request, 200 for everything else; both are read the same.
MADE: Final = frozenset({200, 201})


class Refusal(Enum):
    """Whose fault a documented refusal is; nothing was executed either way."""

    GATEWAY = auto()  # any other request would have met it as well
    REQUEST = auto()  # any other gateway would get the same nonsense, or nobody can do this
    HERE = auto()  # this account or channel cannot, or not now


#: Documented as never executed, by HTTP status and error code; what is not here is `Unknown`. So is
#: 409: something under our name is there. And so is 500, after which anything may have happened.
REFUSALS: Final[Mapping[tuple[int, str], Refusal]] = MappingProxyType(
    {
        (400, "API_VALIDATION_ERROR"): Refusal.REQUEST,
        (400, "INVALID_JSON_FORMAT"): Refusal.REQUEST,
        (400, "CAPTURE_AMOUNT_EXCEEDED"): Refusal.REQUEST,
        (400, "REFUND_AMOUNT_EXCEEDED"): Refusal.REQUEST,
        (400, "MAXIMUM_REFUND_AMOUNT_REACHED"): Refusal.REQUEST,
        (400, "PARTIAL_REFUND_COUNTS_EXCEEDED"): Refusal.REQUEST,
        (400, "PARTIAL_REFUND_NOT_SUPPORTED"): Refusal.REQUEST,
        (400, "REFUND_NOT_SUPPORTED"): Refusal.REQUEST,
        (403, "PARTIAL_REFUND_NOT_SUPPORTED"): Refusal.REQUEST,
        (403, "REFUND_NOT_SUPPORTED"): Refusal.REQUEST,
        # The limits of one channel: another gateway has others.
        (400, "INVALID_VALUE_ERROR"): Refusal.HERE,
        (400, "RECIPIENT_AMOUNT_ERROR"): Refusal.HERE,
        (400, "MAXIMUM_TRANSFER_LIMIT_ERROR"): Refusal.HERE,
        (400, "CHANNEL_CODE_NOT_SUPPORTED_ERROR"): Refusal.HERE,
        (400, "INACTIVE_PAYMENT_REQUEST"): Refusal.HERE,
        (400, "INELIGIBLE_TRANSACTION_STATUS"): Refusal.HERE,
        (400, "INELIGIBLE_TRANSACTION"): Refusal.HERE,
        (400, "TRANSACTION_NOT_FOUND"): Refusal.HERE,
        (400, "REFUND_IN_PROGRESS"): Refusal.HERE,
        (400, "INSUFFICIENT_BALANCE"): Refusal.HERE,  # of our account, for a refund or a payout
        (403, "SKIP_3DS_FORBIDDEN"): Refusal.HERE,
        (403, "INVALID_MERCHANT_SETTINGS"): Refusal.HERE,
        (403, "CHANNEL_NOT_ACTIVATED"): Refusal.HERE,
        (404, "DATA_NOT_FOUND"): Refusal.HERE,
        (400, "TEMPORARILY_UNAVAILABLE"): Refusal.GATEWAY,
        (400, "PAYMENT_REQUEST_RATE_LIMITED"): Refusal.GATEWAY,
        (401, "INVALID_API_KEY"): Refusal.GATEWAY,
        (401, "INVALID_MERCHANT_CREDENTIALS"): Refusal.GATEWAY,
        (403, "REQUEST_FORBIDDEN_ERROR"): Refusal.GATEWAY,
        (403, "UNAUTHORIZED"): Refusal.GATEWAY,
        (429, "RATE_LIMIT_EXCEEDED"): Refusal.GATEWAY,
        (503, "CHANNEL_UNAVAILABLE"): Refusal.GATEWAY,
        (503, "ISSUER_UNAVAILABLE"): Refusal.GATEWAY,
    }
)
#: Refusals that speak of the payer's means, or of where a payout was to go.
NOES: Final[Mapping[tuple[int, str], Hardness]] = MappingProxyType(
    {
        (400, "CARD_EXPIRED"): Hardness.HARD,
        (400, "INVALID_TOKEN"): Hardness.HARD,
        (400, "BLOCKED_TOKEN"): Hardness.HARD,
        (400, "INVALID_PAYMENT_DETAILS"): Hardness.FIX_DATA,
        (400, "RECIPIENT_ACCOUNT_NUMBER_ERROR"): Hardness.FIX_DATA,
    }
)
#: The payment is not in a state in which it can be captured or cancelled: reading it tells more.
WRONG_STATE: Final = frozenset(
    {(400, "INACTIVE_PAYMENT_REQUEST"), (400, "INELIGIBLE_TRANSACTION_STATUS")}
)
#: What `at_fault` looks for at the beginning of a cause.
GATEWAY_FAULTS: Final = frozenset(
    code for (_, code), refusal in REFUSALS.items() if refusal is Refusal.GATEWAY
)
#: Answered, but what became of the request must be read.
UNCERTAIN: Final = (500, "SERVER_ERROR")

#: For a failure code that is not in the table. Both ways no money has moved, but a wrong "hard"
#: costs one sale, which the payer may start again, while a wrong "soft" carries a stolen card from
#: gateway to gateway, which the card schemes fine.
UNLISTED: Final = Hardness.HARD
#: What a failed payment or payout allows next, by its failure code.
FAILURES: Final[Mapping[str, Hardness]] = MappingProxyType(
    {
        "CHANNEL_UNAVAILABLE": Hardness.SOFT,
        "ISSUER_UNAVAILABLE": Hardness.SOFT,
        "INSUFFICIENT_BALANCE": Hardness.SOFT,
        "CARD_DECLINED": Hardness.SOFT,
        "DECLINED_BY_ISSUER": Hardness.SOFT,
        "DECLINED_BY_PROCESSOR": Hardness.SOFT,
        "PAYMENT_AMOUNT_LIMITS_EXCEEDED": Hardness.SOFT,
        "PAYMENT_ATTEMPT_COUNTS_EXCEEDED": Hardness.SOFT,
        "FAILURE_DETAILS_UNAVAILABLE": Hardness.SOFT,
        "INVALID_MERCHANT_SETTINGS": Hardness.SOFT,
        "INVALID_MERCHANT_CREDENTIALS": Hardness.SOFT,
        "INVALID_CVV": Hardness.FIX_DATA,
        "INVALID_CARD": Hardness.FIX_DATA,
        "INVALID_OTP": Hardness.FIX_DATA,
        "EXPIRED_OTP": Hardness.FIX_DATA,
        "OTP_ATTEMPT_COUNTS_EXCEEDED": Hardness.FIX_DATA,
        "AUTHENTICATION_FAILED": Hardness.FIX_DATA,
        "USER_DECLINED_PAYMENT": Hardness.FIX_DATA,
        "USER_DID_NOT_AUTHORIZE": Hardness.FIX_DATA,
        "USER_DEVICE_UNREACHABLE": Hardness.FIX_DATA,
        "INVALID_ACCOUNT_DETAILS": Hardness.FIX_DATA,
        "ACCOUNT_NOT_ACTIVATED": Hardness.FIX_DATA,
        "STOLEN_CARD": Hardness.HARD,
        "EXPIRED_CARD": Hardness.HARD,
        "SUSPECTED_FRAUDULENT": Hardness.HARD,
        "INACTIVE_OR_UNAUTHORIZED_CARD": Hardness.HARD,
        "ACCOUNT_ACCESS_BLOCKED": Hardness.HARD,
        "INVALID_TOKEN": Hardness.HARD,
        "CAPTURE_AMOUNT_EXCEEDED": Hardness.HARD,
        # Of payouts.
        "TEMPORARY_TRANSFER_ERROR": Hardness.SOFT,
        "TRANSFER_ERROR": Hardness.SOFT,
        "REJECTED_BY_CHANNEL": Hardness.HARD,
        "INVALID_DESTINATION": Hardness.HARD,
    }
)
#: Failures behind which somebody has not answered: the money may still be found.
DOUBTED: Final = frozenset(
    {"SERVER_ERROR", "PARTNER_TIMEOUT_ERROR", "TIMEOUT_ERROR", "PROCESSOR_ERROR"}
)
#: The payment request ended by its own time: not the payer's "no".
LAPSED: Final = "PAYMENT_REQUEST_EXPIRED"
#: The card network's advice never to try this card again for this payment: it fines who does.
NEVER_AGAIN: Final = ("03", "21")

#: The rate limit's own header (s), with a fraction.
RESET: Final = "rate-limit-reset"
#: That many characters are enough for a number of seconds.
DIGITS: Final = 10


def answered(reply: Reply, type_: type[T], said: Callable[[T], Outcome]) -> Outcome:
    """Return what the answer to a POST comes to; `said` reads the object that it carries."""
    if isinstance(reply, Answer) and reply.status in MADE:
        shown = parsed(reply.body, type_)
        return strange(reply) if shown is None else said(shown)
    return unmade(reply)


def unmade(reply: Reply) -> Outcome:
    """Return what anything but the wanted answer says: a "no", a documented refusal, or nothing."""
    match reply:
        case NeverSent(cause=cause):
            return NotCharged(Proof.NEVER_SENT, cause)
        case Answer():
            return _refused(reply)
        case Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def in_wrong_state(reply: Reply) -> bool:
    """Whether the payment was not what the request took it for; the request changed nothing."""
    return isinstance(reply, Answer) and kind(reply) in WRONG_STATE


def is_documented(reply: Reply) -> bool:
    """Whether a GET was answered with one of Xendit's errors or an object: somebody is at home."""
    if not isinstance(reply, Answer):
        return False
    if reply.status == 200:
        return parsed(reply.body, dict[str, object]) is not None
    return kind(reply) in REFUSALS.keys() | {UNCERTAIN}


def hardness(code: str) -> Hardness:
    """Return what a failure with this code allows next."""
    if code not in FAILURES:
        _log.warning("xendit declined with %r, which is not in our table", code)
    return FAILURES.get(code, UNLISTED)


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


def kind(answer: Answer) -> tuple[int, str] | None:
    """Return the status and the code of an error; None: it is not one of Xendit's."""
    found = parsed(answer.body, Problem)
    return None if found is None else (answer.status, found.error_code)


def strange(answer: Answer) -> Unknown:
    """Return what an answer that is in no table, or no answer to a question, says: nothing."""
    found = kind(answer)
    if found is not None:
        return Unknown(f"{found[1]} ({found[0]})")
    return Unknown(f"an answer that is not documented: {answer.status}, {len(answer.body)} bytes")


def _refused(answer: Answer) -> Outcome:
    found = kind(answer)
    if found is None:
        return strange(answer)
    code = found[1]
    cause = f"{code} ({answer.status})"
    if found in NOES:
        return Declined(code, NOES[found])
    refusal = REFUSALS.get(found)
    if refusal is None:
        return Unknown(cause)
    return NotCharged(
        Proof.REJECTED,
        cause,
        retry_after_s=_patience_s(answer),
        request_wrong=refusal is Refusal.REQUEST,
    )


def _patience_s(answer: Answer) -> float | None:
    """Return how long Xendit wants to be left alone (s), bounded; None: it does not say."""
    text = answer.headers.get(RESET, "")
    whole, _, part = text.partition(".")
    if (
        len(text) <= DIGITS
        and (whole + part).isascii()
        and whole.isdigit()
        and (not part or part.isdigit())
    ):
        return min(float(text), RETRY_AFTER_CAP_S)
    return retry_after_s(answer)
