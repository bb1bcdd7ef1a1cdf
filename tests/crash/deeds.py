"""The deeds: how each is asked for, at which gateway, what must be there before and what after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.commands import Command
from tests.crash.cells import CELLS, Cell, Deed

Json = dict[str, Any]

#: Every cell moves another amount, so that money which no attempt asked for is still known by it.
#: They stay clear of the amounts that mean a fault to the sandbox.
AMOUNT: Final = 10_000
PART: Final = 1_000
#: The sandbox decides a payment of this amount a moment later, and tells by a webhook.
UNDECIDED: Final = 9_020


@dataclass(frozen=True, slots=True)
class Plan:
    """One deed."""

    #: The runs in which a worker is struck.
    command: Command
    #: Where it is asked for; `{}` is the payment that was there before.
    path: str
    #: What is asked, without the parts that differ from cell to cell.
    body: Json
    #: The table of what it ends, and the status that it must come to.
    table: str
    ends: str
    #: The commands whose runs it takes, whatever goes wrong.
    commands: tuple[Command, ...]
    #: What the payment is that must be there before, and the status in which it waits; None: none.
    before: tuple[Json, str] | None = None
    #: Where the first attempt of all must be made: the cell says something of this one.
    gateway: str = "sandbox-a"


def _payment(**more: object) -> Json:
    return {
        "currency": "USD",
        "country": "US",
        "payment_method": {"type": "card", "token": "tok_visa"},
        **more,
    }


_SPLIT: Final = _payment(
    currency="EUR", country="DE", payment_method={"type": "card", "token": "pm_card_visa"}
)
_PAYOUT: Final = {
    "user_id": "payee",
    "currency": "USD",
    "country": "US",
    "destination": {"type": "bank_account", "token": "ba_1"},
}
_PAYOUT_SPLIT: Final = _PAYOUT | {
    "currency": "CHF",
    "country": "CH",
    "destination": {"type": "bank_account", "token": "CH9300762011623852957"},
}
_HOLD: Final = (_payment(capture_method="manual"), "authorized")
_CHARGING: Final = (Command.SCREEN, Command.CHARGE, Command.RESOLVE)

PLANS: Final[Mapping[Deed, Plan]] = {
    Deed.CHARGE: Plan(
        Command.SCREEN,
        *("/v1/checkout", _payment(), "payments", "captured", _CHARGING),
    ),
    Deed.CHARGE_SPLIT: Plan(
        Command.SCREEN,
        *("/v1/checkout", _SPLIT, "payments", "captured", _CHARGING),
        gateway="stripe-eu",
    ),
    Deed.CAPTURE: Plan(
        Command.CAPTURE,
        *("/v1/payments/{}/capture", {}, "payments", "captured"),
        (Command.CAPTURE, Command.VOID, Command.RESOLVE),
        before=_HOLD,
    ),
    Deed.VOID: Plan(
        Command.VOID,
        *("/v1/payments/{}/cancel", {}, "payments", "cancelled"),
        (Command.VOID, Command.RESOLVE),
        before=_HOLD,
    ),
    Deed.REFUND: Plan(
        Command.REFUND,
        "/v1/payments/{}/refunds",
        {"reason": "returned"},
        "refunds",
        "succeeded",
        (Command.REFUND, Command.RESOLVE),
        before=(_payment(), "captured"),
    ),
    Deed.PAYOUT: Plan(
        Command.PAYOUT,
        *("/v1/withdrawals", _PAYOUT, "payouts", "succeeded"),
        (Command.PAYOUT, Command.RESOLVE),
    ),
    Deed.PAYOUT_SPLIT: Plan(
        Command.PAYOUT,
        *("/v1/withdrawals", _PAYOUT_SPLIT, "payouts", "succeeded"),
        (Command.PAYOUT, Command.RESOLVE),
        gateway="soapbank-ch",
    ),
    Deed.WEBHOOK: Plan(
        Command.NOTICE,
        *("/v1/webhooks/sandbox/sandbox-a", {}, "payments", "captured"),
        # Nobody looks the attempt up by itself: only the webhook can bring the news.
        (Command.NOTICE,),
        before=(_payment(), "processing"),
    ),
}


def amount(cell: Cell, take: int = 0) -> int:
    """Return what the payment or payout of a cell comes to, in minor units. `take`: a cell that is
    played several times moves another amount each time."""
    if cell.deed is Deed.WEBHOOK:
        return UNDECIDED
    return AMOUNT + len(CELLS) * take + CELLS.index(cell)


def part(cell: Cell) -> int:
    """Return what a refund gives back of it."""
    return PART + CELLS.index(cell)


def before(cell: Cell, take: int = 0) -> Json | None:
    """Return the payment that must be there before; None: none."""
    plan = PLANS[cell.deed]
    if plan.before is None:
        return None
    body, _ = plan.before
    return _marked(body | {"amount": amount(cell, take)}, cell)


def asked(cell: Cell, take: int = 0) -> Json:
    """Return what is asked for."""
    match cell.deed:
        case Deed.REFUND:
            return PLANS[cell.deed].body | {"amount": part(cell)}
        case Deed.CAPTURE | Deed.VOID | Deed.WEBHOOK:
            return PLANS[cell.deed].body
        case Deed.CHARGE | Deed.CHARGE_SPLIT | Deed.PAYOUT | Deed.PAYOUT_SPLIT:
            return _marked(PLANS[cell.deed].body | {"amount": amount(cell, take)}, cell)


def _marked(body: Json, cell: Cell) -> Json:
    """Give the payer a card of their own: the fraud windows know everybody by it."""
    method = body.get("payment_method")
    if method is None:
        return body
    return body | {"payment_method": method | {"card": {"fingerprint": cell.id}}}
