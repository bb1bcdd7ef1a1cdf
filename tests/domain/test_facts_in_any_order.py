"""Any order of the same facts gives the same row (law 1, law 4, law 9).

Proven for: every multiset of what providers say about one attempt, of every kind of outcome,
matching or not, told at one instant before the payment expires, while the other attempts stay what
they are and no flow decides in between; for an open payment, for one whose other attempt blocks,
and for every final one. "The same" is the payment's status, amounts, gateway, next run and parking,
and the attempt's state, next run and parking. Which of two equal "no"s is named, and which of two
ids, is whichever was heard first.

Left out is what no provider says: the first sender's own "never sent" or "rejected". It counts only
while the attempt is `sending`, so it counts first or never: both are situations here.

Not claimed across attempts: law 9 itself lets the order decide whose money is adopted. There, what
holds in every order is tested instead: no error, the sums, one adopted attempt at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement, permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.attempt import Attempt, State
from domain.backoff import Schedule
from domain.charge_facts import apply
from domain.due import Due
from domain.facts import Fact, Source, Terms
from domain.flows.learn import learn
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.payment import FINAL, Payment, Status
from tests.builders import (
    ATTEMPT,
    NOON,
    Scripted,
    a_payment,
    a_runtime,
    an_attempt,
    held,
    paid,
    usd,
)

SECOND = UUID(int=7)
TERMS = Terms(Schedule((5.0,)))
URL = "https://pay.example/1"

OUTCOMES: Sequence[Outcome] = (
    Unknown("timed out"),
    Pending("ch"),
    RequiresAction("ch", URL),
    held(an_attempt()),
    paid(an_attempt()),
    TakenBack("ch_1", usd(), usd(), "fraudulent"),
    Declined("insufficient_funds", Hardness.SOFT),
    Declined("stolen_card", Hardness.HARD),
    NotCharged(Proof.NEVER_SENT, "refused"),
    NotCharged(Proof.READ_BACK, "absent"),
    NotCharged(Proof.READ_BACK, "lapsed", lapsed=True),
    NotCharged(Proof.VOIDED, "cancelled"),
    Succeeded("ch", usd(4_999)),
    Succeeded("ch", Money(5_000, CURRENCIES["EUR"])),
    Succeeded("ch", usd(), reference="not ours"),
)


def is_said_by_a_provider(fact: Fact) -> bool:
    """Whether it is not the first sender's own word."""
    match fact.outcome:
        case NotCharged(proof=Proof.NEVER_SENT | Proof.REJECTED) | Declined(provider_id=None):
            return fact.source is not Source.ANSWER
        case _:
            return True


#: A person speaks once, about a row that is parked, and has the last word.
SOURCES = [source for source in Source if source is not Source.PERSON]
FACTS = st.builds(
    Fact, st.just(ATTEMPT), st.sampled_from(SOURCES), st.sampled_from(OUTCOMES)
).filter(is_said_by_a_provider)


def a_final(status: Status) -> Payment:
    moved = 5_000 if status not in (Status.FAILED, Status.CANCELLED, Status.EXPIRED) else 0
    return a_payment(status=status, due=Due(None), amount_authorized=moved, amount_captured=moved)


@dataclass(frozen=True)
class Situation:
    """What the facts meet. Two attempts never block at once, so beside another one ours is over."""

    payment: Payment
    state: State = State.SENDING
    another_blocks: bool = False

    def __str__(self) -> str:
        return f"{self.payment.status}, {self.state}" + ", another blocks" * self.another_blocks


PROCESSING = a_payment(status=Status.PROCESSING)
OPEN = Situation(PROCESSING)
SITUATIONS = [
    OPEN,
    Situation(PROCESSING, State.NOT_CHARGED),
    Situation(PROCESSING, State.NOT_CHARGED, another_blocks=True),
    Situation(PROCESSING, State.DECLINED, another_blocks=True),
    *(Situation(a_final(status)) for status in sorted(FINAL)),
    *(Situation(a_final(status), State.VOIDED) for status in sorted(FINAL)),
]


def met(situation: Situation) -> tuple[Payment, Attempt]:
    """Return what the facts meet."""
    proof = None if situation.state is State.SENDING else Proof.READ_BACK
    released = situation.state is State.VOIDED
    payment = situation.payment
    return payment, an_attempt(payment, state=situation.state, proof=proof, released=released)


def heard(
    fact: Fact, payment: Payment, attempt: Attempt, situation: Situation
) -> tuple[Payment, Attempt]:
    """Return what one fact makes of these."""
    blocks = situation.another_blocks
    found = apply(fact, payment, attempt, another_blocks=blocks, now=NOON, terms=TERMS)
    assert_sums_hold(found.payment)
    return found.payment, found.attempt


def row(payment: Payment, attempt: Attempt) -> tuple[object, ...]:
    """Return what must not depend on the order."""
    return (
        payment.status,
        payment.amount_authorized,
        payment.amount_captured,
        payment.gateway_id,
        payment.captured_at,
        payment.next_command if payment.due.next_run_at else None,
        payment.due,
        attempt.state,
        attempt.due,
        attempt.finished_at,
    )


def after(facts: Sequence[Fact], situation: Situation) -> tuple[object, ...]:
    """Apply facts in this order; return what must not depend on it."""
    payment, attempt = met(situation)
    for fact in facts:
        payment, attempt = heard(fact, payment, attempt, situation)
    return row(payment, attempt)


def assert_sums_hold(payment: Payment) -> None:
    assert 0 <= payment.amount_captured <= payment.amount_authorized <= payment.money.minor
    assert payment.amount_refunded == payment.amount_refund_pending == 0
    assert (payment.status is not Status.CAPTURED) or payment.amount_captured > 0
    assert payment.due.parked is None or payment.due.next_run_at is None


@settings(max_examples=300, deadline=None)
@given(
    facts=st.lists(FACTS, min_size=2, max_size=8),
    situation=st.sampled_from(SITUATIONS),
    data=st.data(),
)
def test_any_order_of_the_same_facts_gives_the_same_row(
    facts: list[Fact], situation: Situation, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(facts))

    assert after(facts, situation) == after(shuffled, situation)


@pytest.mark.uncounted
@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_every_three_facts_give_the_same_row_in_all_their_orders(situation: Situation) -> None:
    facts = [Fact(ATTEMPT, Source.LOOKUP, outcome) for outcome in OUTCOMES]

    @cache  # orders that begin alike are told their beginning once
    def told(order: tuple[int, ...]) -> tuple[Payment, Attempt]:
        *earlier, last = order
        before = told(tuple(earlier)) if earlier else met(situation)
        return heard(facts[last], *before, situation)

    for three in combinations_with_replacement(range(len(facts)), 3):
        rows = {row(*told(order)) for order in permutations(three)}
        assert len(rows) == 1, ([facts[number] for number in three], rows)


@settings(max_examples=200, deadline=None)
@given(facts=st.lists(FACTS, min_size=1, max_size=5))
def test_hearing_everything_twice_changes_nothing(facts: list[Fact]) -> None:
    assert after(facts, OPEN) == after([*facts, *facts], OPEN)


@settings(max_examples=200, deadline=None)
@given(facts=st.lists(FACTS, max_size=6))
def test_mismatched_money_alone_never_captures(facts: list[Fact]) -> None:
    matching = [f for f in facts if f.outcome in OUTCOMES[3:6]]
    row = after([fact for fact in facts if fact not in matching], OPEN)

    assert row[0] not in (Status.CAPTURED, Status.AUTHORIZED)
    assert row[1] == row[2] == 0


@settings(max_examples=150, deadline=None)
@given(
    facts=st.lists(
        st.builds(
            Fact,
            st.sampled_from([ATTEMPT, SECOND]),
            st.sampled_from(SOURCES),
            st.sampled_from(OUTCOMES),
        ),
        max_size=10,
    )
)
def test_facts_about_two_attempts_in_any_order_break_no_law_of_the_books(facts: list[Fact]) -> None:
    """Applied through the store, which refuses two open charges, wrong sums and illegal moves."""
    payment = a_payment(status=Status.PROCESSING)
    first = an_attempt(payment, state=State.NOT_CHARGED, proof=Proof.REJECTED, due=Due(None))
    second = an_attempt(payment, id=SECOND, number=2, gateway_id="two")
    stage = a_runtime(Scripted("one"), Scripted("two"), holding=payment, attempts=[first, second])

    for fact in facts:
        learn(fact, stage.attempt_by(fact.attempt_id), stage)
        assert_sums_hold(stage.payment())
        assert not stage.is_stuck()

    assert stage.facts() == facts
    adopted: list[Attempt] = [
        attempt
        for attempt in stage.attempts()
        if attempt.state in (State.CAPTURED, State.REVERSED, State.AUTHORIZED)
    ]
    assert len(adopted) <= 1
    captured = any(attempt.captured for attempt in adopted)
    assert (stage.payment().amount_captured > 0) is captured
