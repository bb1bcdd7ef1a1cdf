"""Scenes: the demo's checkouts, how each must end, and what each one shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: How a scene ends that no status tells: held for a person.
PARKED: Final = "parked"


@dataclass(frozen=True, slots=True)
class Scene:
    """One checkout. `fault` is what the simulators are asked to do with it."""

    title: str
    #: The status it settles in, or PARKED.
    ends: str
    #: The gateway that has the money in the end.
    gateway: str | None
    shows: str
    amount: int = 10_000
    fault: str = ""
    card: Mapping[str, int] = field(default_factory=dict)
    #: Sent a second time with the same key, and a third time with another amount.
    repeated: bool = False

    def body(self, token: str) -> dict[str, Any]:
        """Return the checkout. Its token is its own, so that no rule about habits fires."""
        method: dict[str, Any] = {"type": "card", "token": token}
        if self.card:
            method["card"] = dict(self.card)
        body = {"amount": self.amount, "currency": "USD", "payment_method": method}
        if self.fault:
            body["metadata"] = {"sandbox": self.fault}
        return body


SCENES: Final = (
    Scene(
        "plain",
        "captured",
        "sandbox-a",
        "Screened, routed to the gateway with the best priority, captured.",
    ),
    Scene(
        "soft decline",
        "captured",
        "sandbox-b",
        "A decline is proof that no money moved, and a soft one may go to the next gateway.",
        fault="sandbox-a:soft_decline",
    ),
    Scene(
        "hard decline",
        "failed",
        None,
        "A stolen card is declined once; it is not carried from gateway to gateway.",
        fault="hard_decline",
    ),
    Scene(
        "gateway unavailable",
        "captured",
        "sandbox-b",
        "A documented refusal before execution is proof too: the next gateway may try.",
        fault="sandbox-a:unavailable",
    ),
    Scene(
        "charged, answer lost",
        "captured",
        "sandbox-a",
        "Nobody knows, so the same gateway is asked again, never another: one charge.",
        fault="sandbox-a:charge_then_drop",
    ),
    Scene(
        "asynchronous",
        "captured",
        "sandbox-a",
        "The gateway decides later; its webhook is a hint, what is read back counts.",
        fault="sandbox-a:async",
    ),
    Scene(
        "3-D Secure",
        "requires_action",
        None,
        "The payer has to approve; open the address above and do it.",
        fault="three_ds",
    ),
    Scene(
        "same key twice",
        "captured",
        "sandbox-a",
        "The second request got the first one's bytes; another amount with that key is refused.",
        repeated=True,
    ),
    Scene(
        "expired card",
        "failed",
        None,
        "The fraud rules declined it before any gateway was asked.",
        card={"exp_month": 1, "exp_year": 2020},
    ),
    Scene(
        "wrong amount",
        PARKED,
        None,
        "The gateway reports other money than was asked for: a person decides (parked list).",
        fault="sandbox-a:wrong_amount",
    ),
)
