"""Transaction Search v1: what moved in the account, by page, and later than it moved."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from ops.sandbox.paypal import coins, problems, shows
from ops.sandbox.paypal.objects import Batch, Dispute, Movement, Order
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call, Refused
from ops.sandbox.times import epoch_s, rfc3339

TRANSACTIONS = "/v1/reporting/transactions"
WINDOW_S = 31 * 86_400.0
PAGE_LIMIT, PAGE_DEFAULT = 500, 100
#: More than this is no result, whatever the page.
RESULT_LIMIT = 10_000
KNOWN = frozenset({"start_date", "end_date", "fields", "page_size", "page"})

#: How each movement's own status is told here.
CAPTURED = {"PENDING": "P", "DECLINED": "D", "FAILED": "D"}
REFUNDED = {"PENDING": "P", "FAILED": "D", "CANCELLED": "D"}
PAID = {"SUCCESS": "S", "FAILED": "D", "BLOCKED": "D", "REFUNDED": "V", "RETURNED": "V"}
#: Of a payout, what has the money back in the account.
BACK = frozenset({"REFUNDED", "RETURNED"})

Json = dict[str, Any]


@dataclass(frozen=True)
class Reporting:
    """The search over an account's transactions."""

    shop: Shop
    lag_s: float

    def search(self, call: Call) -> Answer:
        """GET /v1/reporting/transactions."""
        asked = dict(parse_qsl(call.request.query, keep_blank_values=True, max_num_fields=20))
        if unknown := asked.keys() - KNOWN:
            raise _wrong(sorted(unknown)[0], "UNKNOWN_PARAMETER")
        since_s, until_s = _time(asked, "start_date"), _time(asked, "end_date")
        if not 0 <= until_s - since_s <= WINDOW_S:
            raise _wrong("end_date", "INVALID_DATE_RANGE")
        size = _number(asked, "page_size", PAGE_DEFAULT, PAGE_LIMIT)
        page = _number(asked, "page", 1, 2**31 - 1)
        seen_until = rfc3339(time.time() - self.lag_s)[:19] + "Z"
        found = [
            shown
            for shown in self._all()
            if since_s <= epoch_s(shown["transaction_initiation_date"]) <= until_s
            and shown["transaction_updated_date"] <= seen_until
        ]
        if len(found) > RESULT_LIMIT:
            raise _wrong("end_date", "RESULTSET_TOO_LARGE")
        found.sort(key=lambda one: one["transaction_initiation_date"])
        pages = math.ceil(len(found) / size)
        return json_answer(
            200,
            {
                "transaction_details": [
                    {"transaction_info": one} for one in found[(page - 1) * size : page * size]
                ],
                "account_number": "XZXSPECPDZHZU",
                "start_date": asked["start_date"],
                "end_date": asked["end_date"],
                "last_refreshed_datetime": seen_until,
                "page": page,
                "total_items": len(found),
                "total_pages": pages,
                "links": [shows.link(f"{self.shop.stage.public_url}{TRANSACTIONS}", "self")],
            },
        )

    def _all(self) -> Iterator[Json]:
        for order in self.shop.orders.values():
            for capture in order.captures:
                yield _capture(order, capture)
            for refund in order.refunds:
                yield _refund(order, refund)
            for dispute in order.disputes:
                yield _chargeback(order, dispute)
        for batch in self.shop.batches.values():
            yield from _payout(batch)


def _capture(order: Order, one: Movement) -> Json:
    status = CAPTURED.get(one.status, "S")
    about = {"paypal_reference_id": order.id, "paypal_reference_id_type": "ODR"}
    return _info("T0006", one.id, one.amount, order.currency, status, one) | about


def _refund(order: Order, one: Movement) -> Json:
    about = {"paypal_reference_id": one.of, "paypal_reference_id_type": "TXN"}
    status = REFUNDED.get(one.status, "S")
    return _info("T1107", one.id, -one.amount, order.currency, status, one) | about


def _chargeback(order: Order, one: Dispute) -> Json:
    named = Movement(
        id=one.id.replace("-", ""),
        status="COMPLETED",
        amount=one.amount,
        created=one.created,
        updated=one.created,
        invoice_id=order.invoice_id,
        custom_id=order.custom_id,
    )
    about = {"paypal_reference_id": one.capture, "paypal_reference_id_type": "TXN"}
    return _info("T1201", named.id, -one.amount, order.currency, "S", named) | about


def _payout(batch: Batch) -> Iterator[Json]:
    named = Movement(
        id=batch.item,
        status="",
        amount=batch.amount,
        created=batch.created,
        updated=batch.created,
        custom_id=batch.sender_item_id,
    )
    status = PAID.get(batch.item_status, "P")
    yield _info("T0001", batch.item, -batch.amount, batch.currency, status, named)
    if batch.item_status in BACK:
        about = {"paypal_reference_id": batch.item, "paypal_reference_id_type": "TXN"}
        back = f"{batch.item}R"
        yield _info("T1114", back, batch.amount, batch.currency, "S", named) | about


def _info(code: str, id_: str, minor: int, currency: str, status: str, named: Movement) -> Json:
    value = coins.text_of(abs(minor), currency)
    found = {
        "transaction_id": id_,
        "transaction_event_code": code,
        "transaction_initiation_date": named.created,
        "transaction_updated_date": named.updated,
        "transaction_amount": {
            "currency_code": currency,
            "value": f"-{value}" if minor < 0 else value,
        },
        "transaction_status": status,
    }
    if named.invoice_id:
        found["invoice_id"] = named.invoice_id
    if named.custom_id:
        found["custom_field"] = named.custom_id
    return found


def _time(asked: Json, name: str) -> float:
    try:
        return epoch_s(asked.get(name, ""))
    except ValueError:
        raise _wrong(name, "INVALID_PARAMETER_SYNTAX") from None


def _number(asked: Json, name: str, default: int, most: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isdecimal() and len(text) <= 10 and 1 <= int(text) <= most):
        raise _wrong(name, "INVALID_PARAMETER_VALUE")
    return int(text)


def _wrong(field: str, issue: str) -> Refused:
    found = {"field": field, "location": "query", "issue": issue, "description": issue}
    return Refused(problems.problem("INVALID_REQUEST", found))
