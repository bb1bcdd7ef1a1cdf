"""Settling: one table says what may be said of what, and each word is worth one outcome."""

from __future__ import annotations

from itertools import product

import pytest

from domain.attempt import HARMLESS, KNOWLEDGE, Operation, State, state_of
from domain.errors import IllegalMove
from domain.facts import OPEN
from domain.findings import Found, needs_two, outcome_of
from domain.ids import Kind
from domain.money import CURRENCIES, Money
from domain.outcome import NotCharged, Outcome, Proof, Succeeded, TakenBack
from domain.payment import Status
from domain.payout import PayoutStatus
from domain.refund import RefundStatus
from domain.settling import (
    ATTEMPTS,
    EXPECTED,
    MEANINGS,
    OTHERS,
    PAYMENTS,
    PAYOUTS,
    REFUNDS,
    Word,
    possible,
)
from tests.builders import an_attempt, usd

WHOLE = usd().minor
EVERY = [
    (operation, word, state)
    for operation, words in ATTEMPTS.items()
    for word, states in words.items()
    for state in sorted(states)
]


def told(operation: Operation, word: Word, state: State, **found: object) -> Outcome:
    attempt = an_attempt(
        operation=operation,
        state=state,
        proof=Proof.READ_BACK if state in HARMLESS else None,
        provider_id="ch_1",
        captured=WHOLE if state in (State.CAPTURED, State.REVERSED) else 0,
    )
    return outcome_of(Found(word, **found), attempt)  # type: ignore[arg-type]


def test_every_word_means_something_and_can_be_said_of_something() -> None:
    said = {word for words in ATTEMPTS.values() for word in words}
    said |= {*PAYMENTS, *REFUNDS, *PAYOUTS, *OTHERS.values()}

    assert said == set(Word) == set(MEANINGS)
    assert all(not text.endswith(".") for text in MEANINGS.values())


def test_of_every_attempt_that_can_be_parked_something_may_be_said() -> None:
    for operation, words in ATTEMPTS.items():
        for state in OPEN:
            assert len(possible(Kind.ATTEMPT, state, operation)) >= 2, (operation, state)
        ends = {state for states in words.values() for state in states}
        assert ends == set(State) - ({State.AUTHORIZED} - ends), operation


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [(Kind.PAYMENT, Status), (Kind.REFUND, RefundStatus), (Kind.PAYOUT, PayoutStatus)],
)
def test_of_every_order_something_may_be_said(kind: Kind, statuses: type[Status]) -> None:
    for status in statuses:
        assert possible(kind, status)


def test_of_what_is_about_no_money_one_thing_may_be_said() -> None:
    assert possible(Kind.WEBHOOK, "orphan") == (Word.NOT_OURS,)
    assert possible(Kind.PAYMENT_METHOD, "deleted") == (Word.FORGOTTEN,)
    assert possible(Kind.CUSTOMER, "x") == ()


@pytest.mark.parametrize(("operation", "word", "state"), EVERY, ids=str)
def test_each_word_is_an_outcome_that_knows_more(
    operation: Operation, word: Word, state: State
) -> None:
    if word is Word.STANDS:
        with pytest.raises(IllegalMove):
            told(operation, word, state)
        return
    outcome = told(operation, word, state)

    ends = EXPECTED[operation, word]
    if operation is Operation.CHARGE:
        known = state_of(outcome)
        assert known in ends or (word is Word.RELEASED and known is State.VOIDED)
    if state in OPEN:
        assert all(KNOWLEDGE[end] > KNOWLEDGE[state] for end in ends)


@pytest.mark.parametrize("operation", list(Operation))
def test_nothing_else_may_be_said(operation: Operation) -> None:
    words = ATTEMPTS[operation]
    others = [pair for pair in product(Word, State) if pair[1] not in words.get(pair[0], ())]
    assert len(others) > len(Word)
    for word, state in others:
        with pytest.raises(IllegalMove) as refused:
            told(operation, word, state)
        assert refused.value.allowed == possible(Kind.ATTEMPT, state, operation)


def test_that_money_moved_needs_the_providers_name_of_it() -> None:
    nameless = an_attempt(state=State.UNKNOWN)
    with pytest.raises(IllegalMove, match="provider's id"):
        outcome_of(Found(Word.CHARGED), nameless)

    found = outcome_of(Found(Word.CHARGED, provider_id="ch_7"), nameless)

    assert found == Succeeded("ch_7", usd(), reference=nameless.reference)


def test_another_name_than_the_one_that_is_known_is_refused() -> None:
    with pytest.raises(IllegalMove, match="knows it as ch_1"):
        told(Operation.CHARGE, Word.CHARGED, State.UNKNOWN, provider_id="ch_2")


def test_that_no_money_moved_is_read_back_by_a_person() -> None:
    found = told(Operation.CHARGE, Word.NOT_CHARGED, State.UNKNOWN)

    assert isinstance(found, NotCharged)
    assert found.proof is Proof.READ_BACK


@pytest.mark.parametrize("amount", [0, -1, WHOLE - 1, WHOLE + 1])
def test_other_money_than_was_asked_for_is_not_settled_by_a_word(amount: int) -> None:
    with pytest.raises(IllegalMove, match=r"50\.00 USD"):
        told(Operation.CHARGE, Word.CHARGED, State.UNKNOWN, amount=amount)


def test_a_part_may_have_been_taken_back() -> None:
    found = told(Operation.CHARGE, Word.TAKEN_BACK, State.CAPTURED, amount=1_000)

    assert isinstance(found, TakenBack)
    assert (found.captured, found.taken) == (usd(), usd(1_000))


@pytest.mark.parametrize(
    ("minor", "currency", "two"),
    [
        (100_000, "USD", False),
        (100_001, "USD", True),
        (1_000, "JPY", False),
        (1_001, "JPY", True),
        (1_000_000, "KWD", False),
        (1_000_001, "KWD", True),
    ],
)
def test_two_must_say_it_above_the_limit_in_whole_units(
    minor: int, currency: str, two: bool
) -> None:
    assert needs_two(Money(minor, CURRENCIES[currency]), 1_000) is two


def test_the_limit_may_be_nothing() -> None:
    assert needs_two(usd(1), 0)
