"""Settle: a person's word about a charge or a hold is one more fact, and the payment goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import Operation, State
from domain.due import Due, Reason
from domain.errors import IllegalMove, NotFound, OperationInFlight
from domain.facts import Fact, Movement, Source
from domain.flows.learn import learn
from domain.ids import Kind
from domain.outcome import NotCharged, Proof, Succeeded
from domain.payment import Status
from domain.refund import RefundStatus
from domain.requests import Verb
from domain.review import Decision
from domain.settling import Word
from tests.asking import ask
from tests.builders import (
    NOON,
    PAYMENT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    paid,
    usd,
)
from tests.domain.flows.parked import (
    EVIDENCE,
    IMPATIENT,
    is_parked,
    of,
    say,
    say_of,
    silent,
    silent_charge,
)

WRONG = Succeeded("ch_1", usd(1_234))


def statuses(stage: Stage) -> tuple[State, Status]:
    return stage.attempt().state, stage.payment().status


def test_charged_captures_the_payment_and_the_audit_keeps_why() -> None:
    stage = silent_charge()
    assert is_parked(stage.attempt())

    found = say_of(stage, stage.attempt(), Word.CHARGED, provider_id="ch_9", by=("ann", "bob"))

    assert found.row == stage.attempt()
    assert statuses(stage) == (State.CAPTURED, Status.CAPTURED)
    assert stage.attempt().due == Due(None)
    assert stage.attempt().provider_id == "ch_9"
    assert stage.facts()[-1].source is Source.PERSON
    assert [(t.type, t.money) for t in stage.transactions()] == [(Movement.SALE, usd())]
    (told,) = [t for t in stage.memory.books.told if t.entry.action == "attempt.settled"]
    assert (told.entry.actor, told.entry.actor_id) == ("operator", "ann+bob")
    assert told.entry.before == {"parked": "unresolved", "state": "unknown"}
    assert told.entry.after["evidence"] == EVIDENCE
    assert told.event.payload == {"as": "charged"}
    moved = [t.entry.actor for t in stage.memory.books.told if t.entry.action == "payment.captured"]
    assert moved == ["operator"]


def test_not_charged_goes_on_to_the_next_gateway() -> None:
    stage = silent_charge(two := Scripted("two", paid))

    say_of(stage, stage.attempt(), Word.NOT_CHARGED)
    script = stage.board.by_id["one"].scripts["charge"]
    script[0] = NotCharged(Proof.NEVER_SENT, "away")
    stage.run_due()

    assert stage.attempt().proof is Proof.READ_BACK
    assert stage.payment().status is Status.CAPTURED
    assert len(two.made("charge")) == 1


def test_not_charged_after_the_payment_has_expired_fails_it() -> None:
    stage = silent_charge()
    stage.clock.advance(3_600)

    say_of(stage, stage.attempt(), Word.NOT_CHARGED)
    stage.run_on()

    failure = stage.payment().failure
    assert failure is not None
    assert (stage.payment().status, failure.code) == (Status.FAILED, "no_provider_available")


def test_declined_ends_the_payment_and_asks_nobody_else() -> None:
    stage = silent_charge(two := Scripted("two", paid))

    say_of(stage, stage.attempt(), Word.DECLINED)
    stage.run_on()

    assert statuses(stage) == (State.DECLINED, Status.FAILED)
    assert not two.calls


def test_held_waits_for_its_merchant_and_then_is_collected() -> None:
    stage = silent_charge(manual=True, captures=[paid])

    say_of(stage, stage.attempt(), Word.HELD, provider_id="ch_1")
    assert statuses(stage) == (State.AUTHORIZED, Status.AUTHORIZED)
    ask(stage, Verb.CAPTURE)
    stage.run_due()

    assert stage.payment().status is Status.CAPTURED


def test_held_is_collected_by_itself_where_nobody_has_to_say_so() -> None:
    stage = silent_charge(captures=[paid])

    say_of(stage, stage.attempt(), Word.HELD, provider_id="ch_1")
    stage.run_due()

    assert statuses(stage) == (State.CAPTURED, Status.CAPTURED)


def test_law_9_money_that_a_person_finds_too_late_goes_back_once() -> None:
    over = a_payment(status=Status.CANCELLED, due=Due(None))
    parked = Due(None).park(NOON, Reason.CONTRADICTION)
    gone = an_attempt(over, state=State.VOIDED, proof=Proof.VOIDED, released=True, due=parked)
    one = Scripted("one", refunds=[lambda a: Succeeded("re_1", a.money)])
    stage = a_runtime(one, holding=over, attempts=[gone])

    say_of(stage, gone, Word.CHARGED, provider_id="ch_1")
    stage.run_on()

    assert statuses(stage) == (State.LATE_SUCCESS, Status.CANCELLED)
    assert [refund.status for refund in stage.refunds()] == [RefundStatus.SUCCEEDED]
    assert not is_parked(stage.attempt())


def mismatched(*others: Scripted) -> Stage:
    stage = a_runtime(Scripted("one", WRONG), *others, holding=a_payment(), policy=IMPATIENT)
    stage.run_due()
    assert is_parked(stage.attempt())
    assert stage.payment().due.parked is not None
    return stage


def test_a_wrong_amount_that_was_wrongly_told_is_settled_with_its_review() -> None:
    stage = mismatched()

    say_of(stage, stage.attempt(), Word.CHARGED)

    assert statuses(stage) == (State.CAPTURED, Status.CAPTURED)
    assert stage.payment().amount_captured == 5_000
    assert [case.decision for case in stage.cases()] == [Decision.APPROVED]
    assert stage.payment().due == stage.attempt().due == Due(None)


def test_a_wrong_amount_that_never_was_lets_the_payment_go_on() -> None:
    stage = mismatched(two := Scripted("two", paid))

    say_of(stage, stage.attempt(), Word.DECLINED)
    assert [case.decision for case in stage.cases()] == [Decision.REJECTED]
    stage.run_on()

    assert stage.payment().status is Status.FAILED
    assert not two.calls
    assert stage.payment().due == Due(None)


def test_a_wrong_amount_is_not_settled_by_another_wrong_amount() -> None:
    stage = mismatched()
    before = stage.attempt(), stage.payment(), stage.facts()

    with pytest.raises(IllegalMove, match=r"50\.00 USD"):
        say_of(stage, stage.attempt(), Word.CHARGED, amount=1_234)

    assert (stage.attempt(), stage.payment(), stage.facts()) == before


def test_a_payment_that_waits_for_its_money_is_settled_by_its_attempt() -> None:
    stage = mismatched()

    with pytest.raises(IllegalMove, match="waits for what is found out about its attempt"):
        say(stage, Kind.PAYMENT, PAYMENT, Word.FAILED)

    assert stage.payment().due.parked is not None


def contradicted() -> Stage:
    """Declined, and then its provider says that the money is held."""
    declined = an_attempt(
        state=State.DECLINED, proof=Proof.DECLINED, captures=False, due=Due(None), cause="soft"
    )
    waiting = a_payment(status=Status.PROCESSING, due=Due(NOON + timedelta(minutes=30)))
    stage = a_runtime(Scripted("one"), holding=waiting, attempts=[declined])
    held = Succeeded("ch_1", usd(), captured=False)
    learn(Fact(declined.id, Source.WEBHOOK, held), declined, stage)
    assert statuses(stage) == (State.DECLINED, Status.IN_REVIEW)
    assert is_parked(stage.attempt())
    return stage


def test_a_contradiction_may_come_to_money() -> None:
    stage = contradicted()

    say_of(stage, stage.attempt(), Word.CHARGED)

    assert statuses(stage) == (State.CAPTURED, Status.CAPTURED)
    assert [case.decision for case in stage.cases()] == [Decision.APPROVED]


def test_a_contradiction_may_come_to_nothing() -> None:
    stage = contradicted()

    say_of(stage, stage.attempt(), Word.RELEASED)
    stage.run_on(NOON)

    assert stage.payment().final
    assert stage.payment().amount_captured == 0
    assert not is_parked(stage.attempt())
    assert all(case.decision is Decision.REJECTED for case in stage.cases())


def test_what_is_known_is_not_undone_by_a_word_but_by_what_came_after() -> None:
    stage = a_runtime(Scripted("one", paid), holding=a_payment())
    stage.run_due()
    no = NotCharged(Proof.READ_BACK, "absent")
    learn(Fact(stage.attempt().id, Source.WEBHOOK, no), stage.attempt(), stage)
    assert is_parked(stage.attempt())

    with pytest.raises(IllegalMove):
        say_of(stage, stage.attempt(), Word.NOT_CHARGED)
    say_of(stage, stage.attempt(), Word.TAKEN_BACK)

    assert statuses(stage) == (State.REVERSED, Status.REVERSED)
    assert [t.type for t in stage.transactions()] == [Movement.SALE, Movement.CHARGEBACK]


def test_what_stands_leaves_the_list_and_changes_nothing_else() -> None:
    over = a_payment(status=Status.FAILED, due=Due(None))
    parked = Due(None).park(NOON, Reason.LATE_SUCCESS)
    late = an_attempt(over, state=State.LATE_SUCCESS, captured=5_000, due=parked)
    stage = a_runtime(Scripted("one"), holding=over, attempts=[late])

    say_of(stage, late, Word.STANDS)

    assert stage.attempt() == replace(late, due=Due(None))
    assert not stage.facts()
    assert stage.actions() == ["attempt.settled"]
    with pytest.raises(IllegalMove, match="not parked"):
        say_of(stage, late, Word.STANDS)


def test_nothing_stands_while_its_outcome_or_its_payment_is_open() -> None:
    with pytest.raises(IllegalMove):
        say_of(stage := silent_charge(), stage.attempt(), Word.STANDS)
    stage = mismatched()
    declined = replace(stage.attempt(), state=State.DECLINED, proof=Proof.DECLINED)
    stage.change(lambda work: work.save_attempt(declined))
    with pytest.raises(IllegalMove, match="payment waits"):
        say_of(stage, stage.attempt(), Word.STANDS)


def poisoned(**changes: Any) -> Stage:
    parked = Due(None).park(NOON, Reason.POISON)
    return a_runtime(Scripted("one", paid), holding=a_payment(due=parked, **changes))


@pytest.mark.parametrize("word", [Word.FAILED, Word.CANCELLED, Word.EXPIRED])
def test_a_payment_without_a_charge_may_be_given_up(word: Word) -> None:
    stage = poisoned()

    say(stage, Kind.PAYMENT, PAYMENT, word)

    assert stage.payment().status == word.value
    assert stage.payment().due == Due(None)


def test_law_4_a_payment_whose_charge_is_open_is_not_given_up() -> None:
    stage = silent_charge()
    parked = replace(stage.payment(), due=Due(None).park(NOON, Reason.POISON))
    stage.change(lambda work: work.save_payment(parked))

    with pytest.raises(OperationInFlight):
        say(stage, Kind.PAYMENT, PAYMENT, Word.FAILED)
    say(stage, Kind.PAYMENT, PAYMENT, Word.CHARGED, provider_id="ch_1")

    assert statuses(stage) == (State.CAPTURED, Status.CAPTURED)


def test_of_a_payment_without_a_charge_nothing_else_may_be_said() -> None:
    with pytest.raises(IllegalMove, match="no charge"):
        say(poisoned(), Kind.PAYMENT, PAYMENT, Word.CHARGED, provider_id="x")
    with pytest.raises(IllegalMove, match="cannot be said"):
        say(poisoned(), Kind.PAYMENT, PAYMENT, Word.PAID_OUT, provider_id="x")


def test_a_hold_that_nobody_would_release_is_released_by_a_word() -> None:
    no = NotCharged(Proof.NEVER_SENT, "away")
    stage = silent(Operation.VOID)
    stage.board.by_id["one"].scripts["void"][0] = no
    say_after = of(stage, Operation.VOID)
    stage.run_on()
    say_of(stage, say_after, Word.NOT_RELEASED)
    stage.run_on()
    parked = stage.payment().due.parked
    assert parked is not None
    assert parked.reason is Reason.UNRESOLVED

    say(stage, Kind.PAYMENT, PAYMENT, Word.RELEASED)
    stage.run_on()

    assert stage.payment().status is Status.CANCELLED


def test_captured_collects_and_not_captured_collects_once_more() -> None:
    stage = silent(Operation.CAPTURE)
    stage.run_on()
    say_of(stage, of(stage, Operation.CAPTURE), Word.NOT_CAPTURED)
    stage.board.by_id["one"].scripts["capture"][0] = paid
    assert stage.payment().status is Status.AUTHORIZED
    stage.run_on()
    assert stage.payment().status is Status.CAPTURED

    stage = silent(Operation.CAPTURE)
    stage.run_on()
    say_of(stage, of(stage, Operation.CAPTURE), Word.CAPTURED, provider_id="cap_1")
    assert statuses(stage) == (State.CAPTURED, Status.CAPTURED)


def test_a_row_that_is_not_there_or_not_parked_is_refused() -> None:
    stage = silent_charge()
    with pytest.raises(NotFound):
        say(stage, Kind.ATTEMPT, PAYMENT, Word.CHARGED)
    with pytest.raises(NotFound):
        say(stage, Kind.REFUND, PAYMENT, Word.REFUNDED)
    with pytest.raises(IllegalMove, match="not parked"):
        say(stage, Kind.PAYMENT, PAYMENT, Word.CHARGED)


def test_a_providers_later_word_against_it_opens_the_question_again() -> None:
    stage = silent_charge()
    attempt = stage.attempt()
    say_of(stage, attempt, Word.CHARGED, provider_id="ch_1")

    no = NotCharged(Proof.READ_BACK, "absent")
    learn(Fact(attempt.id, Source.WEBHOOK, no), attempt, stage)

    parked = stage.attempt().due.parked
    assert parked is not None
    assert parked.reason is Reason.CONTRADICTION
    assert statuses(stage) == (State.CAPTURED, Status.CAPTURED)
    say_of(stage, attempt, Word.TAKEN_BACK)
    assert statuses(stage) == (State.REVERSED, Status.REVERSED)


def test_money_that_shows_up_after_all_is_found_late_and_goes_back() -> None:
    stage = silent_charge(Scripted("two", paid), refunds=[lambda a: Succeeded("re_1", a.money)])
    attempt = stage.attempt()
    say_of(stage, attempt, Word.NOT_CHARGED)
    stage.board.by_id["one"].scripts["charge"][0] = NotCharged(Proof.NEVER_SENT, "away")
    stage.run_due()
    assert stage.payment().gateway_id == "two"

    learn(Fact(attempt.id, Source.WEBHOOK, paid(attempt)), attempt, stage)
    stage.run_on()

    assert stage.attempt().state is State.LATE_SUCCESS
    assert [refund.status for refund in stage.refunds()] == [RefundStatus.SUCCEEDED]
    assert stage.payment().amount_refunded == 0
