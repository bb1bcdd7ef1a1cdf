"""Findings: what a person has found out about an attempt, as its provider would have told it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from domain.attempt import Attempt, Operation
from domain.errors import IllegalMove
from domain.ids import Kind
from domain.money import Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Proof,
    Returned,
    Succeeded,
    TakenBack,
)
from domain.settling import ATTEMPTS, Word, possible

#: These tell of an object at the provider, and so need its id.
_NAMED: Final = frozenset(
    {Word.CHARGED, Word.HELD, Word.CAPTURED, Word.TAKEN_BACK, Word.REFUNDED, Word.PAID_OUT}
    | {Word.RETURNED}
)
#: What a proof by a person says where a provider's would say why.
FOUND_OUT: Final = "an operator has found it out with the provider"


@dataclass(frozen=True, slots=True)
class Found:
    """What a person has found out about one attempt."""

    word: Word
    #: In minor units; None: all of it.
    amount: int | None = None
    provider_id: str | None = None


def needs_two(money: Money, limit_major: int) -> bool:
    """Whether two people must say it: above `limit_major` of the currency's major units."""
    limit: int = limit_major * 10**money.currency.exponent
    return money.minor > limit


def outcome_of(found: Found, attempt: Attempt) -> Outcome:
    """Return a person's word as a provider would have told it.

    Raises `IllegalMove` where the word cannot be said of this attempt, or not like this.
    """
    word, states = found.word, ATTEMPTS[attempt.operation].get(found.word, frozenset())
    if attempt.state not in states or word is Word.STANDS:
        allowed = possible(Kind.ATTEMPT, attempt.state, attempt.operation)
        raise IllegalMove(
            f"{word} cannot be said of a {attempt.operation} that is {attempt.state}",
            fix="say one of: " + ", ".join(allowed),
            allowed=allowed,
        )
    if found.provider_id and attempt.provider_id not in (None, found.provider_id):
        raise IllegalMove(
            f"its provider knows it as {attempt.provider_id}, not as {found.provider_id}",
            fix="leave the provider's id away, or look that object up",
        )
    name = attempt.provider_id or found.provider_id
    if word in _NAMED and name is None:
        raise IllegalMove(f"{word} needs the provider's id of it", fix="add --provider-id")
    return _told(word, attempt, _money(found, attempt), name)


def _told(word: Word, attempt: Attempt, money: Money, name: str | None) -> Outcome:
    ours = attempt.reference
    match word:
        case Word.CHARGED | Word.CAPTURED | Word.REFUNDED | Word.PAID_OUT:
            return Succeeded(name or "", money, reference=ours)
        case Word.HELD:
            return Succeeded(name or "", money, captured=False, reference=ours)
        case Word.RELEASED if attempt.operation is Operation.VOID:
            return Succeeded(name or attempt.target or "", money, captured=False)
        case Word.RELEASED:
            return NotCharged(Proof.VOIDED, FOUND_OUT, name)
        case (
            Word.NOT_CHARGED
            | Word.NOT_RELEASED
            | Word.NOT_CAPTURED
            | Word.NOT_REFUNDED
            | Word.NOT_PAID_OUT
        ):
            return NotCharged(Proof.READ_BACK, FOUND_OUT, name)
        case Word.DECLINED | Word.FAILED:
            return Declined(word.value, Hardness.HARD, name)
        case Word.RETURNED:
            return Returned(name or "", "returned")
        case Word.TAKEN_BACK:
            whole = Money(attempt.captured, money.currency)
            return TakenBack(name or "", whole, money, FOUND_OUT, ours)
        case Word.STANDS | Word.CANCELLED | Word.EXPIRED | Word.NOT_OURS | Word.FORGOTTEN:
            raise AssertionError(f"{word} is no fact")
        case _:
            assert_never(word)


def _money(found: Found, attempt: Attempt) -> Money:
    """Return how much it is. A part can only be collected of a hold, or taken back."""
    taken = found.word is Word.TAKEN_BACK
    whole = attempt.captured if taken else attempt.money.minor
    minor = whole if found.amount is None else found.amount
    parts = taken or (found.word is Word.CHARGED and not attempt.captures)
    if not 0 < minor <= whole or (minor != whole and not parts):
        most = Money(whole, attempt.money.currency)
        raise IllegalMove(
            f"it is {most} that {found.word} can be said of here",
            fix="leave the amount away; other money than was asked for is decided in /v1/reviews",
        )
    return Money(minor, attempt.money.currency)
