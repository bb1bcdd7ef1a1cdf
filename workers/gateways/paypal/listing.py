"""PayPal's transaction search: what moved in a window, page by page, hours after it moved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from domain.outcome import Unknown
from domain.ports import Budget
from domain.reconcile import Entry, Listing, Stands, Window
from domain.reconcile_books import Listed, Page, Unlisted
from domain.reconcile_ours import Move
from workers.gateways.paypal.answers import read
from workers.gateways.paypal.coins import heard
from workers.gateways.paypal.line import Line
from workers.gateways.paypal.shapes import Name

TRANSACTIONS: Final = "/v1/reporting/transactions"
PAGE: Final = 500
#: Documented: a search is of 31 days at most, and up to three hours behind.
LONGEST: Final = timedelta(days=31)
LAG_S: Final = 3 * 3_600.0

#: The kinds of transactions that are ours to make, by event code. Everything else in the account
#: (fees, transfers to the bank, conversions, holds) is no payment, refund or payout of a merchant.
EVENTS: Final[Mapping[str, Move]] = {
    "T0006": Move.CHARGE,
    "T1107": Move.REFUND,
    "T1106": Move.CHARGEBACK,
    "T1201": Move.CHARGEBACK,
    "T0001": Move.PAYOUT,
    "T1114": Move.PAYOUT_FAILURE,
    "T1115": Move.PAYOUT_FAILURE,
}
#: One that was reversed has moved; that it went back is a transaction of its own.
STATUSES: Final[Mapping[str, Stands]] = {
    "S": Stands.MOVED,
    "V": Stands.MOVED,
    "P": Stands.PENDING,
    "D": Stands.FAILED,
}
#: The type of a reference that is an order, which is what we call a charge.
ORDER: Final = "ODR"

Signed: TypeAlias = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(?:\.[0-9]{1,6})?\Z")]


class ShownAmount(msgspec.Struct, frozen=True):
    """Money, negative where it left the account."""

    currency_code: str
    value: Signed


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction."""

    transaction_id: Name
    transaction_event_code: str
    transaction_initiation_date: datetime
    transaction_status: str
    transaction_amount: ShownAmount | None = None
    paypal_reference_id: Name | None = None
    paypal_reference_id_type: str = ""
    invoice_id: str | None = None
    custom_field: str | None = None


class Details(msgspec.Struct, frozen=True):
    """What is told of a transaction; we ask for nothing of its payer."""

    transaction_info: Info


class Found(msgspec.Struct, frozen=True):
    """A page of the search."""

    transaction_details: list[Details]
    page: int
    total_pages: int


def listing(lag: timedelta) -> Listing:
    """Return what the search promises. A refund that failed later is not a transaction of its own."""
    return Listing(lag, LONGEST, frozenset(Move) - {Move.REFUND_FAILURE})


def listed(line: Line, window: Window, following: str | None, budget: Budget) -> Listed:
    """Read one page; `following` is its number."""
    query = {
        "start_date": _written(math.floor(window.since.timestamp())),
        "end_date": _written(math.ceil(window.until.timestamp())),
        "fields": "transaction_info",
        "page_size": PAGE,
        "page": following or "1",
    }
    found = read(line.get(f"{TRANSACTIONS}?{urlencode(query)}", budget), Found)
    if isinstance(found, Unknown):
        return Unlisted(found.cause)
    entries: list[Entry] = []
    for one in found.transaction_details:
        entry = _entry(one.transaction_info)
        if isinstance(entry, Unlisted):
            return entry
        entries += [] if entry is None else [entry]
    more = found.page < found.total_pages
    if more and not found.transaction_details:
        return Unlisted("a page of transactions that is empty and not the last")
    return Page(tuple(entries), str(found.page + 1) if more else None)


def _entry(info: Info) -> Entry | Unlisted | None:
    move = EVENTS.get(info.transaction_event_code)
    if move is None:
        return None
    amount, id_ = info.transaction_amount, info.transaction_id
    money = amount and heard(amount.value.removeprefix("-"), amount.currency_code)
    status = info.transaction_status
    if not money or status not in STATUSES or info.transaction_initiation_date.tzinfo is None:
        return Unlisted(f"{id_} is {status:.16}, or its amount is none")
    # A charge is its order, and all that was taken back of a capture is one thing.
    is_order = move is Move.CHARGE and info.paypal_reference_id_type == ORDER
    named = info.paypal_reference_id or id_ if is_order or move is Move.CHARGEBACK else id_
    # The order's own name first: a capture may have brought a number of its own.
    reference = info.custom_field or info.invoice_id
    at = info.transaction_initiation_date
    is_object = is_order or move is Move.REFUND
    return Entry(move, named, money, at, STATUSES[status], reference, id_, is_object)


def _written(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
