"""Outcomes: what a provider's answer comes to. A provider's answer is never an exception."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from domain.money import Money


class Proof(StrEnum):
    """Why we know that an attempt moved no money."""

    NEVER_SENT = "never_sent"  # the connection never opened, or the send window had passed
    DECLINED = "declined"  # the provider or the issuer said no to the money
    REJECTED = "rejected"  # a documented refusal before execution (authentication, rate limit)
    VOIDED = "voided"  # cancelled at the provider, and read back
    READ_BACK = (
        "read_back"  # read at the provider in a final state without money, or provably absent
    )


class Hardness(StrEnum):
    """What a decline allows next."""

    SOFT = "soft"  # another gateway may succeed
    HARD = "hard"  # nobody may try this payment again
    FIX_DATA = "fix_data"  # the payer must correct something first


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Money moved (`captured`) or is held (`not captured`); `money` is what the provider says.

    `reference` is our name on the provider's object, where the provider shows it.
    """

    provider_id: str
    money: Money
    captured: bool = True
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The provider works on it and will tell."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """The provider made its object and moved no money: sent again, the attempt goes on from there."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class RequiresAction:
    """The payer must do something at `url` first; `shown` is what else they need to know of it, such
    as the account to pay to: pairs of a name and a text."""

    provider_id: str
    url: str
    shown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Declined:
    """No money moved: the provider or the issuer refused. `barred`: the card's scheme forbids to try
    this card again, anywhere."""

    code: str
    hardness: Hardness
    provider_id: str | None = None
    barred: bool = False


@dataclass(frozen=True, slots=True)
class NotCharged:
    """Proven: no money moved; the next gateway may try. `lapsed`: the provider's own expiry ended it."""

    proof: Proof
    cause: str
    provider_id: str | None = None
    retry_after_s: float | None = None
    lapsed: bool = False
    #: The request itself is wrong: another gateway would be asked for the same nonsense.
    request_wrong: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The provider took captured money back (a chargeback): `taken` in all, of what was `captured`."""

    provider_id: str
    captured: Money
    taken: Money
    reason: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """A payout or a refund that had succeeded came back."""

    provider_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have reached the gateway: ask the same one again, never another. `provider_id`, where it
    is known: an object of ours is there, whatever became of it."""

    cause: str
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """A look-up found nothing. Alone this proves nothing: the request may still be on its way."""


Outcome: TypeAlias = (
    Succeeded
    | Pending
    | Prepared
    | RequiresAction
    | Declined
    | NotCharged
    | TakenBack
    | Returned
    | Unknown
)
Lookup: TypeAlias = Outcome | NotFound
