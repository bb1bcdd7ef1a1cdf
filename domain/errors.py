"""Refusals: what the business says no to, each with a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class DomainError(Exception):
    """A business refusal. `code` is part of the API and never changes its meaning."""

    code = "refused"

    def __init__(
        self, detail: str = "", *, fix: str | None = None, allowed: Sequence[str] | None = None
    ) -> None:
        """`fix`: what to do about it. `allowed`: what is possible now, where that can be said."""
        super().__init__(detail or (self.__doc__ or "").strip())
        self.detail = str(self)
        self.fix = fix
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field of a request: where it is, what is wrong, what would be right."""

    field: str
    reason: str
    fix: str


class InvalidRequest(DomainError):
    """The request parses but is wrong."""

    code = "validation_failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.reason}" for e in errors))
        self.errors = tuple(errors)


class MalformedBody(DomainError):
    """The bytes do not parse."""

    code = "malformed_body"


class UnsupportedMedia(DomainError):
    """The body is written in something that is not read here."""

    code = "unsupported_media_type"


class SoapVersionUnsupported(DomainError):
    """The envelope is not one of SOAP 1.1."""

    code = "soap_version_unsupported"


class SoapHeaderNotUnderstood(DomainError):
    """A SOAP header must be understood, and none is understood here."""

    code = "soap_header_not_understood"


class RawCardDataRefused(DomainError):
    """The request carries what looks like a card number."""

    code = "raw_card_data_refused"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} holds what looks like a card number",
            fix="send a provider token in payment_method.token, never a card number",
        )
        self.field = field


class NotFound(DomainError):
    """No such object for this merchant in this mode."""

    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"no such {what}")


class Unauthorized(DomainError):
    """The API key is missing, unknown, revoked or expired."""

    code = "unauthorized"


class Forbidden(DomainError):
    """The key is right, but not for this."""

    code = "forbidden"


class RateLimited(DomainError):
    """Too many requests for this key."""

    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many requests; retry in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class KeyRequired(DomainError):
    """A live money request came without an Idempotency-Key."""

    code = "idempotency_key_required"


class KeyReused(DomainError):
    """The same Idempotency-Key arrived with a different body."""

    code = "idempotency_key_reused"


class KeyInFlight(DomainError):
    """The first request with this Idempotency-Key has not been committed yet."""

    code = "request_in_progress"


class OrderActive(DomainError):
    """Another payment with this order_id is still active."""

    code = "order_already_active"


class OperationInFlight(DomainError):
    """Another operation on this payment is open and conflicts with this one."""

    code = "operation_in_flight"


class IllegalMove(DomainError):
    """The payment's status does not allow this."""

    code = "illegal_state"

    def __init__(
        self, detail: str = "", *, fix: str | None = None, allowed: Sequence[str] | None = None
    ) -> None:
        """`allowed`: what is possible now."""
        if allowed is not None and fix is None:
            fix = f"possible now: {', '.join(allowed) or 'nothing'}"
        super().__init__(detail, fix=fix, allowed=allowed)


class RefundTooLarge(DomainError):
    """More was asked back than is left of the captured money."""

    code = "amount_exceeds_refundable"


class CaptureTooLarge(DomainError):
    """More was to be captured than is authorized."""

    code = "amount_exceeds_authorized"


class RefundWindowClosed(DomainError):
    """The capture is too long ago for a refund."""

    code = "refund_window_closed"


class NotSupported(DomainError):
    """The gateway of this payment cannot do this."""

    code = "operation_not_supported"


class AmountOutOfRange(DomainError):
    """The amount is outside what this currency allows."""

    code = "amount_out_of_range"


class CurrencyMismatch(DomainError):
    """Two amounts of different currencies met."""

    code = "currency_mismatch"


class Overloaded(DomainError):
    """Something that is bounded is full."""

    code = "overloaded"

    def __init__(self, detail: str, retry_after_s: int = 1, *, fix: str | None = None) -> None:
        super().__init__(detail, fix=fix)
        self.retry_after_s = retry_after_s


class Unavailable(DomainError):
    """A part of this service is not there."""

    code = "unavailable"


class CustomerExists(DomainError):
    """Another customer of this merchant has this external_id."""

    code = "customer_exists"


class LimitReached(DomainError):
    """There are as many of these as there may be."""

    code = "limit_reached"


class WithdrawalRefused(DomainError):
    """The merchant may not send this out: its balance or a limit does not allow it."""

    code = "withdrawal_refused"


class LeaseLost(DomainError):
    """Another worker has taken this row over: this run must not decide anything any more."""

    code = "lease_lost"
