"""Means: how a payer pays, and who they are, as far as the merchant tells."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Card:
    """What a token stands for, as far as the merchant tells; never a number."""

    fingerprint: str | None = None
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    country: str | None = None
    funding: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where the payer lives. Personal data: encrypted at rest."""

    street: str | None = field(repr=False, default=None)
    city: str | None = field(repr=False, default=None)
    state: str | None = None
    zip_code: str | None = field(repr=False, default=None)
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """How the payer pays; `token` is the provider's, and a secret."""

    type: str
    token: str = field(repr=False, default="")
    card: Card | None = None
    holder_name: str | None = field(repr=False, default=None)

    @property
    def holds(self) -> bool:
        """Whether the money can be held first and collected later."""
        return self.type in HOLDABLE


#: The ways to pay that a checkout can ask for.
METHODS = frozenset({"card", "wallet", "paypal", "bank_transfer"})
#: Methods in which an issuer or a wallet holds money for us; a bank transfer is simply there.
HOLDABLE = frozenset({"card", "paypal"})


@dataclass(frozen=True, slots=True)
class Customer:
    """The merchant's payer, as the checkout describes them. Personal data: encrypted at rest."""

    id: str | None = None
    email: str | None = field(repr=False, default=None)
    ip: str | None = field(repr=False, default=None)
    country: str | None = None
