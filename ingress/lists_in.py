"""Lists, inwards: the filters of every list and of the report, read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from starlette.datastructures import QueryParams

from domain.facts import Movement
from domain.ids import Kind
from domain.money import MAX_MINOR
from domain.payment import Status
from domain.people import MethodType
from domain.refund import RefundStatus
from ingress.orders import ORDER_ID, ORDER_ID_FIX
from ingress.pages import Listed
from ingress.queries import Query
from ops.store.wanted import PaymentsWanted, RefundsWanted, Span, TransactionsWanted

Wish = TypeVar("Wish")

#: A year and a leap day: what books are closed over.
LONGEST_REPORT: Final = timedelta(days=366)
#: What a report covers that does not say from when.
USUAL_REPORT: Final = timedelta(days=30)
FORMATS: Final = ("csv", "json")

PROVIDER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PROVIDER_FIX: Final = "send a gateway or a provider"
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CURRENCY_FIX: Final = "send an ISO 4217 code such as USD, EUR or IDR"


@dataclass(frozen=True, slots=True)
class Report:
    """Which transactions a report holds, and how it is written."""

    wanted: TransactionsWanted
    since: datetime
    until: datetime
    format: str


def parse_payments(found: QueryParams) -> Listed[PaymentsWanted]:
    """Read the query of the list of payments. Raises `InvalidRequest` with all errors at once."""
    query = Query(found, "payments")
    low, high = _amounts(query)
    wanted = PaymentsWanted(
        statuses=query.words("status", Status),
        order_id=query.text("order_id", ORDER_ID, ORDER_ID_FIX),
        customer_id=query.id("customer_id", Kind.CUSTOMER),
        provider=_provider(query),
        currency=query.text("currency", _CURRENCY, _CURRENCY_FIX),
        method=query.choice("method", list(MethodType)),
        amount_min=low,
        amount_max=high,
        created=query.span(),
        metadata=query.metadata(),
    )
    return _listed(query, wanted)


def parse_transactions(found: QueryParams) -> Listed[TransactionsWanted]:
    """Read the query of the list of transactions. Raises `InvalidRequest`."""
    query = Query(found, "transactions")
    wanted = TransactionsWanted(
        types=query.words("type", Movement),
        payment_id=query.id("payment_id", Kind.PAYMENT),
        order_id=query.text("order_id", ORDER_ID, ORDER_ID_FIX),
        provider=_provider(query),
        currency=query.text("currency", _CURRENCY, _CURRENCY_FIX),
        created=query.span(),
    )
    return _listed(query, wanted)


def parse_refunds(found: QueryParams, of: UUID | None = None) -> Listed[RefundsWanted]:
    """Read the query of the list of refunds, or of those of one payment. Raises `InvalidRequest`."""
    query = Query(found, "refunds" if of is None else f"refunds of {of.hex}")
    payment_id = of or query.id("payment_id", Kind.PAYMENT)
    return _listed(query, RefundsWanted(payment_id, query.words("status", RefundStatus)))


def parse_report(found: QueryParams, now: datetime) -> Report:
    """Read the query of a report; without `to` it ends now. Raises `InvalidRequest`."""
    query = Query(found, "report")
    span = query.span()
    until = span.until or now
    since = span.since or until - USUAL_REPORT
    if span.until is None and since >= until:
        query.refuse("from", "is not before now", "send an earlier moment")
    if until - since > LONGEST_REPORT:
        query.refuse("from", "is too long before to", f"ask for {LONGEST_REPORT.days} days at most")
    wanted = TransactionsWanted(types=query.words("type", Movement), created=Span(since, until))
    format_ = query.choice("format", FORMATS) or FORMATS[0]
    query.close()
    return Report(wanted, since, until, format_)


def _listed(query: Query, wanted: Wish) -> Listed[Wish]:
    total = query.flag("include_total")
    page = query.page()
    query.close()
    return Listed(wanted, page, total, query.scope)


def _provider(query: Query) -> str | None:
    """Read a gateway or a provider, under either of the two names."""
    one, other = (query.text(name, PROVIDER, _PROVIDER_FIX) for name in ("provider", "gateway"))
    if one is not None and other is not None:
        query.refuse("gateway", "is the same as provider", "send one of the two")
    return one or other


def _amounts(query: Query) -> tuple[int | None, int | None]:
    low, high = query.integer("amount_min", 1, MAX_MINOR), query.integer("amount_max", 1, MAX_MINOR)
    if low is not None and high is not None and low > high:
        query.refuse("amount_max", "is less than amount_min", "send a larger amount")
    return low, high
