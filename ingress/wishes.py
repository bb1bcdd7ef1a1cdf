"""Wishes: the bodies with which a merchant asks something of a payment, read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from domain.money import MAX_MINOR
from domain.payment import Status
from domain.requests import FORCIBLE
from ingress.fields import MISSING, Fields, open_body
from ingress.order_method import VISIBLE, VISIBLE_FIX

#: What fits a line of a bank statement's explanation, and of any list.
MAX_REASON: Final = 500
_REASON: Final = re.compile(rf"(?=.*\S).{{1,{MAX_REASON}}}")
_REASON_FIX: Final = f"say why in 1 to {MAX_REASON} characters on one line"
_AMOUNT_FIX: Final = "send a positive integer of minor units: 10000 for 100.00"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: an amount in minor units (None: all of it), and why."""

    amount: int | None = None
    reason: str = ""
    #: The idempotency key in the body, for clients that cannot set the header.
    key: str | None = None


def parse_plain(body: bytes) -> Wish:
    """Read a request that says nothing more: an empty body, or an empty object."""
    top = _open(body)
    return _closed(top, None, None)


def parse_capture(body: bytes) -> Wish:
    """Read how much is to be collected."""
    top = _open(body)
    return _closed(top, _amount(top), None)


def parse_refund(body: bytes) -> Wish:
    """Read how much goes back, and why."""
    top = _open(body)
    return _closed(top, _amount(top), _reason(top))


def parse_reversal(body: bytes) -> Wish:
    """Read why everything is undone."""
    top = _open(body)
    return _closed(top, None, _reason(top))


def parse_decision(body: bytes) -> Wish:
    """Read what a reviewer notes, if anything."""
    top = _open(body)
    return _closed(top, None, top.text("note", _REASON, _REASON_FIX))


def parse_move(body: bytes) -> tuple[Status, str]:
    """Read where an operator moves a payment by hand, and why."""
    top = open_body(body)
    to = top.choice("status", [status.value for status in sorted(FORCIBLE)])
    if "status" not in top:
        top.refuse("status", MISSING, f"send {', '.join(sorted(FORCIBLE))}")
    reason = _reason(top)
    top.close()
    top.raise_errors()
    assert to is not None, "a missing status was refused"
    return Status(to), reason or ""


def _open(body: bytes) -> Fields:
    return open_body(body.strip() or b"{}")


def _amount(top: Fields) -> int | None:
    amount = top.take("amount")
    if amount is None:
        return None
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= MAX_MINOR:
        top.refuse("amount", "is not an amount", _AMOUNT_FIX)
        return None
    return amount


def _reason(top: Fields) -> str | None:
    if "reason" not in top:
        top.refuse("reason", MISSING, _REASON_FIX)
    return top.text("reason", _REASON, _REASON_FIX)


def _closed(top: Fields, amount: int | None, reason: str | None) -> Wish:
    key = top.text("idempotency_key", VISIBLE, VISIBLE_FIX)
    top.close()
    top.raise_errors()
    return Wish(amount, reason or "", key)
