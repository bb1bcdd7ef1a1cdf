"""The audit trail: each move of a row begins where the move before it has ended."""

from __future__ import annotations

from domain.attempt import State
from domain.facts import Fact, Source
from domain.flows.learn import learn
from domain.outcome import TakenBack
from domain.payment import Status
from tests.builders import a_payment, a_runtime, an_attempt, usd
from tests.scripted import Scripted


def test_money_that_was_taken_back_before_we_heard_of_it_leaves_no_gap() -> None:
    payment = a_payment(status=Status.PROCESSING)
    attempt = an_attempt(payment, state=State.UNKNOWN)
    stage = a_runtime(Scripted("one"), holding=payment, attempts=[attempt])

    taken = TakenBack("ch_1", usd(), usd(), "fraudulent")
    learn(Fact(attempt.id, Source.WEBHOOK, taken), attempt, stage)

    moves = [
        (told.entry.before["status"], told.entry.after["status"])
        for told in stage.memory.books.told
        if told.entry.entity == "payment"
    ]
    assert moves == [("processing", "captured"), ("captured", "reversed")]
