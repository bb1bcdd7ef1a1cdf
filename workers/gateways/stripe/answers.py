"""Stripe's errors: which are a "no", which prove that nothing was executed, which prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar, assert_never

from domain.outcome import Declined, NotCharged, Outcome, Proof, Unknown
from workers.gateways.reading import failed, parsed, retry_after_s
from workers.gateways.stripe.declines import DENIALS
from workers.gateways.stripe.shapes import Failed, Problem, told
from workers.gateways.wire import Answer, NeverSent, Reply, Unanswered, Unreadable

T = TypeVar("T")

#: The types of an error. An error of another type is none of this provider's.
REQUEST: Final = "invalid_request_error"
CARD: Final = "card_error"
IDEMPOTENCY: Final = "idempotency_error"
API: Final = "api_error"
TYPES: Final = frozenset({REQUEST, CARD, IDEMPOTENCY, API})

#: Documented as not executed: status and `code` of an error of type `invalid_request_error`; the
#: empty code is a request that was refused for what it says. What is not here is `Unknown`: so is
#: 409 and `lock_timeout`, because another request with our key, or on our object, is under way.
REFUSALS: Final = frozenset(
    {
        (400, ""),
        (400, "amount_too_large"),
        (400, "amount_too_small"),
        (400, "country_unsupported"),
        (400, "customer_max_payment_methods"),
        (400, "instant_payouts_config_disabled"),
        (400, "instant_payouts_currency_disabled"),
        (400, "instant_payouts_limit_exceeded"),
        (400, "instant_payouts_unsupported"),
        (400, "invalid_characters"),
        (400, "invalid_charge_amount"),
        (400, "invalid_charge_amount_no_decimal_compatible"),
        (400, "livemode_mismatch"),
        (400, "parameter_invalid_empty"),
        (400, "parameter_invalid_integer"),
        (400, "parameter_invalid_string_blank"),
        (400, "parameter_invalid_string_empty"),
        (400, "parameter_missing"),
        (400, "parameter_unknown"),
        (400, "parameters_exclusive"),
        (400, "payment_intent_incompatible_payment_method"),
        (400, "payment_intent_invalid_parameter"),
        (400, "payment_method_currency_mismatch"),
        (400, "payment_method_invalid_parameter"),
        (400, "payment_method_unactivated"),
        (400, "payment_method_unsupported_type"),
        (400, "resource_missing"),
        (400, "testmode_charges_only"),
        (400, "url_invalid"),
        (404, ""),
        (404, "resource_missing"),
        (429, "rate_limit"),
    }
)
#: The key is wrong, too old, or may not do this, whatever else the error says.
LOCKED_OUT: Final = frozenset({401, 403})
#: Of the refusals, what speaks of the parameters that we sent: any other gateway would get the
#: same ones.
REQUEST_WRONG: Final = frozenset(
    {
        "",
        "invalid_characters",
        "parameter_invalid_empty",
        "parameter_invalid_integer",
        "parameter_invalid_string_blank",
        "parameter_invalid_string_empty",
        "parameter_missing",
        "parameter_unknown",
        "parameters_exclusive",
        "payment_intent_invalid_parameter",
    }
)
#: And what any other request would have met as well.
GATEWAY_FAULTS: Final = frozenset({"401", "403", "429"})

#: The intent is not in a state in which it can be captured, or not any more: reading it tells.
ELSEWHERE: Final = frozenset(
    {
        "capture_charge_authorization_expired",
        "charge_already_captured",
        "charge_expired_for_capture",
        "payment_intent_unexpected_state",
    }
)

#: Parameters that make a charge better and that it can do without. A service that speaks an older
#: or smaller part of this protocol refuses them by name.
SPARE: Final = frozenset({"description", "return_url"})
#: And those that had another name before, which such a service knows.
FORMER: Final[Mapping[str, str]] = {"allowed_payment_method_types": "payment_method_types"}

#: What an operation makes of an error before the tables do; None: nothing.
Says: TypeAlias = Callable[[int, Problem], Outcome | None]


def answered(
    reply: Reply, type_: type[T], said: Callable[[T], Outcome], says: Says | None = None
) -> Outcome:
    """Return what the answer to a POST comes to.

    `said` reads the object that it shows, `says` the errors that this operation knows more about.
    """
    if isinstance(reply, Answer) and reply.status == 200:
        shown = parsed(reply.body, type_)
        return strange(reply) if shown is None else said(shown)
    return unmade(reply, says)


def unmade(reply: Reply, says: Says | None = None) -> Outcome:
    """Return what anything but the wanted object says: a "no", a documented refusal, or nothing."""
    match reply:
        case NeverSent(cause=cause):
            return NotCharged(Proof.NEVER_SENT, cause)
        case Answer():
            return _refused(reply, says)
        case Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def denied(status: int, problem: Problem) -> Outcome | None:
    """Return the documented "no" to the money of a refund or a payout."""
    code = told(problem.code)
    if status == 400 and problem.type == REQUEST and code in DENIALS:
        return Declined(code, DENIALS[code])
    return None


def is_elsewhere(reply: Reply) -> bool:
    """Whether the intent was not what the request took it for; the request changed nothing."""
    problem = problem_of(reply, 400)
    return problem is not None and problem.type == REQUEST and told(problem.code) in ELSEWHERE


def restated(params: Mapping[str, Any], reply: Reply) -> dict[str, Any] | None:
    """Return `params` in older words, without the spare ones, as far as they were refused by name;
    None: none was."""
    problem = problem_of(reply, 400)
    if (
        problem is None
        or problem.type != REQUEST
        or told(problem.code) not in ("", "parameter_unknown")
    ):
        return None
    message = problem.message if isinstance(problem.message, str) else ""
    refused = {
        name
        for name in (SPARE | FORMER.keys()) & params.keys()
        if problem.param == name or name in message
    }
    if not refused:
        return None
    kept = {name: params[name] for name in params if name not in refused}
    return kept | {FORMER[name]: params[name] for name in FORMER if name in refused}


def is_documented(reply: Reply, type_: type[object]) -> bool:
    """Whether a GET was answered as documented, with a `type_` or a refusal: somebody is at home,
    and it is the provider."""
    if not isinstance(reply, Answer):
        return False
    if reply.status == 200:
        return parsed(reply.body, type_) is not None
    found = parsed(reply.body, Failed)
    return found is not None and reply.status < 500 and told(found.error.type) in TYPES


def read(reply: Reply, type_: type[T]) -> T | Unknown:
    """Return what a GET showed. Nothing that goes wrong while reading says anything about money."""
    match reply:
        case Answer(status=200, body=body):
            shown = parsed(body, type_)
            return strange(reply) if shown is None else shown
        case Answer():
            found = parsed(reply.body, Failed)
            return strange(reply) if found is None else Unknown(cause_of(reply.status, found.error))
        case NeverSent() | Unanswered() | Unreadable():
            return Unknown(failed(reply))
        case _:
            assert_never(reply)


def strange(answer: Answer) -> Unknown:
    """Return what an answer that is in no table says: nothing."""
    return Unknown(f"an answer that is not documented: {answer.status}, {len(answer.body)} bytes")


def problem_of(reply: Reply, status: int) -> Problem | None:
    """Return the error that an answer of this status carries."""
    if not isinstance(reply, Answer) or reply.status != status:
        return None
    found = parsed(reply.body, Failed)
    return None if found is None else found.error


def cause_of(status: int, problem: Problem) -> str:
    """Return an error for the record: its status first, and never its message."""
    return f"{status} {told(problem.type, 'untyped')} {told(problem.code)}".rstrip()


def _is_unactivated(problem: Problem) -> bool:
    """Whether the type of the payment method is refused: another account may have it."""
    return any(problem.param in names for names in FORMER.items())


def _refused(answer: Answer, says: Says | None) -> Outcome:
    found = parsed(answer.body, Failed)
    if found is None:
        return strange(answer)
    problem = found.error
    if says is not None and (outcome := says(answer.status, problem)) is not None:
        return outcome
    cause, code = cause_of(answer.status, problem), told(problem.code)
    documented = problem.type == REQUEST and (answer.status, code) in REFUSALS
    if not documented and not (answer.status in LOCKED_OUT and told(problem.type) in TYPES):
        return Unknown(cause)
    return NotCharged(
        Proof.REJECTED,
        cause,
        retry_after_s=retry_after_s(answer),
        request_wrong=answer.status == 400
        and code in REQUEST_WRONG
        and not _is_unactivated(problem),
    )
