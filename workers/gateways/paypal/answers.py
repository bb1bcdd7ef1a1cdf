"""PayPal's refusals: which are a "no", which prove that nothing was executed, which must be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar, assert_never

from domain.outcome import Declined, Hardness, NotCharged, Outcome, Proof, Unknown
from workers.gateways.paypal.shapes import Problem
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable

T = TypeVar("T")

#: Somebody's "no" to the money, by issue (422) or, in Payouts, by name. Nothing has moved.
DECLINES: Final[Mapping[str, Hardness]] = {
    "INSTRUMENT_DECLINED": Hardness.SOFT,
    "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR": Hardness.SOFT,
    "PAYMENT_SOURCE_CANNOT_BE_USED": Hardness.SOFT,
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING": Hardness.SOFT,
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": Hardness.SOFT,
    "TRANSACTION_LIMIT_EXCEEDED": Hardness.SOFT,
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED": Hardness.SOFT,
    "DOMESTIC_TRANSACTION_REQUIRED": Hardness.SOFT,
    "PAYER_CANNOT_PAY": Hardness.SOFT,
    "TRANSACTION_REFUSED": Hardness.HARD,
    "COMPLIANCE_VIOLATION": Hardness.HARD,
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": Hardness.HARD,
    "PAYER_ACCOUNT_RESTRICTED": Hardness.HARD,
    "PAYEE_BLOCKED_TRANSACTION": Hardness.HARD,
    "TRANSACTION_BLOCKED_BY_PAYEE": Hardness.HARD,
    # Refunds.
    "REFUND_FAILED_INSUFFICIENT_FUNDS": Hardness.SOFT,
    "PENDING_CAPTURE": Hardness.SOFT,
    "REFUND_NOT_ALLOWED": Hardness.HARD,
    "REFUND_TIME_LIMIT_EXCEEDED": Hardness.HARD,
    "REFUND_AMOUNT_TOO_LOW": Hardness.HARD,
    "PARTIAL_REFUND_NOT_ALLOWED": Hardness.HARD,
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED": Hardness.HARD,
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": Hardness.HARD,
    "TRANSACTION_DISPUTED": Hardness.HARD,
    "REFUND_IS_RESTRICTED": Hardness.HARD,
    # Payouts, by name.
    "INSUFFICIENT_FUNDS": Hardness.SOFT,
}

#: The object is not what the request took it for: what it is must be read. Some say that it was done
#: already, perhaps by us. `DUPLICATE_INVOICE_ID` is PayPal's own guard against charging twice.
READ_FIRST: Final = frozenset(
    {
        "ORDER_ALREADY_CAPTURED",
        "ORDER_ALREADY_AUTHORIZED",
        "ORDER_COMPLETED_OR_VOIDED",
        "ORDER_NOT_APPROVED",
        "ACTION_DOES_NOT_MATCH_INTENT",  # a cancel has made the order useless
        "PAYER_ACTION_REQUIRED",
        "DUPLICATE_INVOICE_ID",
        "AUTHORIZATION_ALREADY_CAPTURED",
        "AUTHORIZATION_VOIDED",
        "AUTHORIZATION_EXPIRED",
        "AUTHORIZATION_DENIED",
        "MAX_CAPTURE_COUNT_EXCEEDED",
        "PREVIOUSLY_CAPTURED",
        "PREVIOUSLY_VOIDED",
    }
)

#: Never executed, because the bytes are wrong: any other gateway would get the same ones.
REQUEST_WRONG: Final = frozenset(
    {
        (400, "INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX"),
        (400, "INVALID_REQUEST", "INVALID_PARAMETER_VALUE"),
        (400, "INVALID_REQUEST", "INVALID_STRING_LENGTH"),
        (400, "INVALID_REQUEST", "INVALID_STRING_MAX_LENGTH"),
        (400, "INVALID_REQUEST", "MISSING_REQUIRED_PARAMETER"),
        (400, "INVALID_REQUEST", "MALFORMED_REQUEST_JSON"),
        (400, "INVALID_REQUEST", "INVALID_ARRAY_MAX_ITEMS"),
        (400, "INVALID_REQUEST", "INVALID_ARRAY_MIN_ITEMS"),
        (400, "INVALID_REQUEST", "NOT_SUPPORTED"),
        (400, "VALIDATION_ERROR", ""),
        (422, "UNPROCESSABLE_ENTITY", "AMOUNT_MISMATCH"),
        (422, "UNPROCESSABLE_ENTITY", "CANNOT_BE_NEGATIVE"),
        (422, "UNPROCESSABLE_ENTITY", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (422, "UNPROCESSABLE_ENTITY", "DECIMAL_PRECISION"),
        (422, "UNPROCESSABLE_ENTITY", "DECIMALS_NOT_SUPPORTED"),
        (422, "UNPROCESSABLE_ENTITY", "MAX_VALUE_EXCEEDED"),
        (422, "UNPROCESSABLE_ENTITY", "AUTH_CAPTURE_CURRENCY_MISMATCH"),
        (422, "UNPROCESSABLE_ENTITY", "MAX_CAPTURE_AMOUNT_EXCEEDED"),
        (422, "UNPROCESSABLE_ENTITY", "CURRENCY_MISMATCH"),
        (422, "UNPROCESSABLE_ENTITY", "REFUND_CAPTURE_CURRENCY_MISMATCH"),
        (422, "UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED"),
        (422, "UNPROCESSABLE_ENTITY", "CAPTURE_FULLY_REFUNDED"),
    }
)
#: Never executed, because of the account, its key or its limits: nobody's request would have been.
GATEWAY_FAULTS: Final = frozenset(
    {
        (401, "invalid_client", ""),
        (401, "invalid_token", ""),
        (401, "AUTHENTICATION_FAILURE", ""),
        (401, "AUTHENTICATION_FAILURE", "INVALID_ACCOUNT_STATUS"),
        (403, "NOT_AUTHORIZED", ""),
        (403, "NOT_AUTHORIZED", "PERMISSION_DENIED"),
        (403, "NOT_AUTHORIZED", "PAYEE_ACCOUNT_NOT_VERIFIED"),
        (403, "AUTHORIZATION_ERROR", ""),
        (403, "SENDER_RESTRICTED", ""),
        (403, "SENDER_EMAIL_UNCONFIRMED", ""),
        (422, "UNPROCESSABLE_ENTITY", "AUTH_CAPTURE_NOT_ENABLED"),
        (422, "UNPROCESSABLE_ENTITY", "PAYEE_ACCOUNT_INVALID"),
        (422, "UNPROCESSABLE_ENTITY", "PAYEE_ACCOUNT_LOCKED_OR_CLOSED"),
        (422, "UNPROCESSABLE_ENTITY", "PAYEE_ACCOUNT_RESTRICTED"),
        (429, "RATE_LIMIT_REACHED", ""),
    }
)
#: Never executed either, for reasons of this one request that another gateway may not share.
NOT_HERE: Final = frozenset(
    {
        (404, "RESOURCE_NOT_FOUND", ""),
        (404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"),
        (404, "INVALID_RESOURCE_ID", ""),
        (422, "UNPROCESSABLE_ENTITY", "INVALID_CURRENCY_CODE"),
    }
)
REFUSALS: Final = REQUEST_WRONG | GATEWAY_FAULTS | NOT_HERE
#: The names alone, as causes begin with them; an issue is named before its family.
FAULT_NAMES: Final = frozenset(issue or name for _, name, issue in GATEWAY_FAULTS)

#: A payout's batch has been sent already: its error shows which one it is.
DUPLICATE_BATCH: Final = (400, "USER_BUSINESS_ERROR", "SENDER_BATCH_ID")
BATCH_LINK: Final = re.compile(r"https?://[!-~]+/v1/payments/payouts/([A-Za-z0-9_-]{1,64})\Z")

#: Answered, but what became of the request must be read; as an answer to a probe, a good one.
UNCERTAIN: Final = frozenset({"INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"})


@dataclass(frozen=True, slots=True)
class Read:
    """A refusal that says nothing itself: the object must be read."""

    cause: str


Refusal: TypeAlias = Outcome | Read


def shown(reply: Reply, type_: type[T]) -> T | Refusal:
    """Return the object in the answer to a change, or what anything else says.

    New objects come with 201, those that a key had made before with 200.
    """
    match reply:
        case Answer(status=200 | 201):
            object_ = parsed(reply.body, type_)
            return strange(reply) if object_ is None else object_
        case NeverSent(cause=cause):
            return NotCharged(Proof.NEVER_SENT, cause)
        case Answer():
            return refused(reply)
        case Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def refused(answer: Answer) -> Refusal:
    """Return what an answer that is no success says."""
    problem = parsed(answer.body, Problem)
    if problem is None or not (problem.name or problem.error):
        return strange(answer)
    name = problem.name or problem.error
    issues = [detail.issue for detail in problem.details] or [""]
    if answer.status == 400 and name == "VALIDATION_ERROR":
        issues = [""]  # Payouts put sentences there
    causes = [_cause(answer.status, name, issue, problem.debug_id) for issue in issues]
    verdicts = [
        _refusal(answer, (answer.status, name, issue), cause)
        for issue, cause in zip(issues, causes, strict=True)
    ]
    # One thing that is not in our tables makes the whole answer doubtful.
    doubts = [verdict for verdict in verdicts if isinstance(verdict, Unknown)]
    return (doubts or verdicts)[0]


def duplicate_of(reply: Reply) -> str | None:
    """Return the batch that a payout's answer calls the original; None: it calls none so."""
    if not isinstance(reply, Answer) or reply.status != DUPLICATE_BATCH[0]:
        return None
    problem = parsed(reply.body, Problem)
    if problem is None or problem.name != DUPLICATE_BATCH[1]:
        return None
    for detail in problem.details:
        if detail.field.upper() != DUPLICATE_BATCH[2]:
            continue
        for links in (detail.link, detail.links, problem.links):
            for link in links if isinstance(links, list) else []:
                href = link.get("href") if isinstance(link, dict) else None
                found = BATCH_LINK.match(href) if isinstance(href, str) else None
                if found:  # only the name is believed: PayPal's address is known to us
                    return found[1]
    return None


def read(reply: Reply, type_: type[T]) -> T | Unknown:
    """Return what a GET showed. Nothing that goes wrong while reading says anything about money."""
    match reply:
        case Answer(status=200, body=body):
            object_ = parsed(body, type_)
            return strange(reply) if object_ is None else object_
        case Answer():
            return strange(reply)
        case NeverSent() | Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def is_documented(reply: Reply) -> bool:
    """Whether a GET was answered as documented, be it with a refusal: somebody is at home."""
    if not isinstance(reply, Answer):
        return False
    if reply.status == 200:
        return True
    problem = parsed(reply.body, Problem)
    known = isinstance(refused(reply), NotCharged)
    return known or (problem is not None and problem.name in UNCERTAIN)


def is_absent(reply: Reply) -> bool:
    """Whether PayPal says that there is no such object."""
    return (
        isinstance(reply, Answer) and reply.status == 404 and isinstance(refused(reply), NotCharged)
    )


def is_forbidden(reply: Reply) -> bool:
    """Whether the account may not read this."""
    return (
        isinstance(reply, Answer) and reply.status == 403 and isinstance(refused(reply), NotCharged)
    )


def strange(answer: Answer) -> Unknown:
    """Return what an answer that is in no table says: nothing."""
    return Unknown(f"an answer that is not documented: {answer.status}, {len(answer.body)} bytes")


def _refusal(answer: Answer, kind: tuple[int, str, str], cause: str) -> Refusal:
    status, name, issue = kind
    if status == 422 and (issue or name) in DECLINES:
        return Declined(issue or name, DECLINES[issue or name])
    if status == 422 and issue in READ_FIRST:
        return Read(cause)
    if kind in REFUSALS:
        return NotCharged(
            Proof.REJECTED,
            cause,
            retry_after_s=retry_after_s(answer),
            request_wrong=kind in REQUEST_WRONG,
        )
    return Unknown(cause)


def _cause(status: int, name: str, issue: str, debug_id: str) -> str:
    """Name what is wrong first; PayPal's people ask for the debug id."""
    named = f", debug id {debug_id:.32}" if debug_id.isalnum() else ""
    return f"{issue or name:.64} ({status} {name}{named})"
