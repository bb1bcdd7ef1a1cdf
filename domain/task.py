"""Tasks: what a gateway is asked to do, as far as its request depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from domain.attempt import Attempt
from domain.money import Money
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund


@dataclass(frozen=True, slots=True)
class Charge:
    """Take or hold the payer's money."""

    payment: Payment


@dataclass(frozen=True, slots=True)
class Capture:
    """Collect `money` of what `charge` holds."""

    charge: Attempt
    money: Money


@dataclass(frozen=True, slots=True)
class Void:
    """Let go of what `charge` holds."""

    charge: Attempt


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Refund money of `charge`."""

    charge: Attempt
    refund: Refund


@dataclass(frozen=True, slots=True)
class PayOut:
    """Send money out."""

    payout: Payout


Task: TypeAlias = Charge | Capture | Void | GiveBack | PayOut
