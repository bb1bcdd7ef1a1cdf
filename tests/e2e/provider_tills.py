"""How each provider is asked for money in the matrix, and by what its requests are told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.e2e.provider_cells import Cell
from tests.e2e.system import Json, System


@dataclass(frozen=True, slots=True)
class Till:
    """One provider, as merchants and payers meet it."""

    country: str
    currency: str
    #: The payment method of a cell, and where a payout of it goes.
    pays: Callable[[Cell], Json]
    destination: Callable[[Cell], Json]
    #: Which operations take two calls, of which only the second moves money.
    splits: frozenset[str] = frozenset()
    #: Whether every payer approves a charge on the provider's page; the order is known by then.
    asks: bool = False
    #: How a payout's first call says the cell's mark.
    paid_to: Callable[[Cell], str] = lambda cell: cell.mark
    #: By what the webhooks of new money, and of a refund, are known; the charge's or payout's name,
    #: or the mark, where they say that.
    told: Callable[[Cell, str], str] = lambda _, name: name


def _account(cell: Cell) -> Json:
    """An account at a bank of countries with IBANs, with the cell's mark in it."""
    return {"type": "bank_account", "token": f"DE00{cell.mark.upper()}00"}


TILLS: Mapping[str, Till] = {
    "stripe-eu": Till(
        "FR",
        "EUR",
        pays=lambda cell: {
            "type": "card",
            "token": "pm_card_visa",
            # One test card stands for many: else the fraud windows would soon challenge it.
            "card": {"fingerprint": cell.mark},
        },
        destination=lambda _: {"type": "bank_account", "token": "ba_1"},
        splits=frozenset({"charge"}),
    ),
    "paypal-eu": Till(
        "FR",
        "EUR",
        pays=lambda _: {"type": "paypal"},
        destination=lambda cell: {"type": "wallet", "token": f"{cell.mark}@payee.example"},
        splits=frozenset({"charge"}),
        asks=True,
    ),
    "midtrans-id": Till(
        "ID",
        "IDR",
        pays=lambda cell: {"type": "card", "token": f"tok_{cell.mark}"},
        destination=lambda cell: {"type": "bank_account", "token": f"bca:1234567890:{cell.mark}"},
        splits=frozenset({"payout"}),
    ),
    "xendit-id": Till(
        "ID",
        "IDR",
        pays=lambda cell: {"type": "card", "token": f"pt-card-{cell.mark}"},
        destination=lambda cell: {
            "type": "bank_account",
            "token": f"ID_BCA:000000000099:{cell.mark}",
        },
    ),
    "soapbank-ch": Till(
        "CH",
        "CHF",
        pays=lambda cell: {"type": "card", "token": f"tok_{cell.mark}"},
        destination=_account,
        splits=frozenset({"payout"}),
        paid_to=lambda cell: cell.mark.upper(),
        told=lambda cell, _: f">{cell.asked / 100:.2f}<",
    ),
}


def mark_of_charge(system: System, cell: Cell, provider_id: str) -> str:
    """Return what the request names that captures, voids or refunds this charge."""
    if cell.gateway not in ("paypal-eu", "xendit-id"):
        return provider_id
    lines = system.admin("GET", cell.gateway, f"/ledger?about={provider_id}")["data"]
    if cell.gateway == "xendit-id":
        charge = [line for line in lines if line["object"] == provider_id][-1]
        return (
            provider_id if cell.operation.on == "refund" else str(charge["state"]["payment"]["id"])
        )
    return str([line for line in lines if line.get("of") == provider_id][-1]["object"])
