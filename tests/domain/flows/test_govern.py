"""Govern: a card that its scheme forbids to try goes to no gateway, and the payment says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import Attempt, State
from domain.flows.charge import charge
from domain.means import Card, Method
from domain.outcome import Declined, Hardness, Proof, Unknown
from domain.payment import Mode, Payment, Status
from domain.schemes import BARRED, SCHEME_LIMIT, watched
from tests.builders import (
    MERCHANT,
    NOON,
    PAYMENT,
    SOFT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    meanwhile,
    paid,
)


def a_card(brand: str) -> Method:
    return Method("card", "tok_secret", Card(fingerprint="fp", brand=brand))


def of(brand: str, **changes: Any) -> Payment:
    return a_payment(method=a_card(brand), **changes)


def tried(brand: str, *ages: timedelta, **changes: Any) -> tuple[list[Payment], list[Attempt]]:
    """Earlier payments of the same card, each declined once."""
    watch = watched(MERCHANT, Mode.TEST, a_card(brand))
    assert watch is not None
    payments, attempts = [], []
    for number, age in enumerate(ages):
        earlier = of(
            brand, id=UUID(int=0x9000 + number), status=Status.FAILED, created_at=NOON - age
        )
        payments.append(replace(earlier, due=earlier.due.at(None)))
        said = {"state": State.DECLINED, "proof": Proof.DECLINED, "cause": "soft", "code": "x"}
        told = {"card": watch.card, "created_at": NOON - age, "id": UUID(int=0xA000 + number)}
        attempt = an_attempt(earlier, **said | told | changes)
        attempts.append(replace(attempt, due=attempt.due.at(None)))
    return payments, attempts


def on(
    *gateways: Scripted, payment: Payment, before: tuple[Sequence[Payment], Sequence[Attempt]]
) -> Stage:
    return a_runtime(*gateways, holding=[payment, *before[0]], attempts=before[1])


def test_the_next_gateway_is_not_tried_either() -> None:
    one, two = Scripted("one", SOFT), Scripted("two", paid)
    stage = on(one, two, payment=of("visa"), before=tried("visa", *[timedelta(days=3)] * 19))

    charge(PAYMENT, stage)

    failure = stage.payment().failure
    assert failure is not None
    assert (stage.payment().status, failure.code) == (Status.FAILED, SCHEME_LIMIT)
    assert failure.reason == "visa: this card was declined 20 times within 30 days"
    assert (len(one.made("charge")), len(two.made("charge"))) == (1, 0)
    assert two.slots_out == 0
    assert stage.actions()[-1] == "payment.failed"
    assert not stage.is_stuck()


@pytest.mark.parametrize(
    ("brand", "ages", "goes"),
    [
        ("visa", [timedelta(days=29)] * 20, False),
        ("visa", [timedelta(days=29)] * 19, True),
        ("visa", [timedelta(days=30)] * 40, True),
        ("mastercard", [timedelta(hours=23)] * 10, False),
        ("mastercard", [timedelta(hours=24)] * 34, True),
        ("mastercard", [timedelta(days=29)] * 35, False),
        ("amex", [timedelta(0)] * 50, True),
    ],
    ids=str,
)
def test_tries_count_within_their_windows(brand: str, ages: list[timedelta], goes: bool) -> None:
    one = Scripted("one", paid)
    earlier = tried(brand, *ages) if brand != "amex" else ([], [])
    stage = on(one, payment=of(brand), before=earlier)

    charge(PAYMENT, stage)

    assert len(one.made("charge")) == goes
    assert stage.payment().status is (Status.CAPTURED if goes else Status.FAILED)


@pytest.mark.parametrize(
    ("brand", "said", "goes"),
    [
        ("visa", {"code": "stolen_card"}, False),
        ("visa", {"code": "R1"}, False),
        ("visa", {"code": "51"}, True),
        ("mastercard", {"code": "51"}, True),
        ("mastercard", {"code": "do_not_honor", "cause": BARRED}, False),
    ],
    ids=str,
)
def test_what_an_issuer_will_never_approve_is_never_tried_again(
    brand: str, said: dict[str, str], goes: bool
) -> None:
    one = Scripted("one", paid)
    stage = on(one, payment=of(brand), before=tried(brand, timedelta(days=400), **said))

    charge(PAYMENT, stage)

    assert len(one.made("charge")) == goes


def test_a_card_that_was_paid_with_is_not_counted() -> None:
    changes = {"state": State.CAPTURED, "captured": 5_000, "proof": None, "provider_id": "ch"}
    payments, attempts = tried("visa", *[timedelta(days=1)] * 25, **changes)
    whole: dict[str, Any] = {"amount_authorized": 5_000, "amount_captured": 5_000}
    payments = [replace(p, status=Status.CAPTURED, **whole) for p in payments]
    stage = on(one := Scripted("one", paid), payment=of("visa"), before=(payments, attempts))

    charge(PAYMENT, stage)

    assert len(one.made("charge")) == 1


def test_a_try_whose_outcome_is_unknown_counts() -> None:
    changes = {"state": State.UNKNOWN, "proof": None}
    payments, attempts = tried("visa", *[timedelta(days=1)] * 20, **changes)
    payments = [replace(payment, status=Status.PROCESSING) for payment in payments]
    stage = on(one := Scripted("one", paid), payment=of("visa"), before=(payments, attempts))

    charge(PAYMENT, stage)

    assert not one.made("charge")
    assert stage.payment().status is Status.FAILED


def test_a_card_that_is_barred_by_this_very_answer_goes_no_further() -> None:
    said = Declined("do_not_honor", Hardness.SOFT, barred=True)
    one, two = Scripted("one", said), Scripted("two", paid)
    stage = on(one, two, payment=of("mastercard"), before=([], []))

    charge(PAYMENT, stage)

    assert not two.made("charge")
    assert stage.payment().failure is not None


def test_a_cancel_that_came_meanwhile_beats_the_limit() -> None:
    one = Scripted("one", paid)
    stage = on(one, payment=of("visa"), before=tried("visa", *[timedelta(days=1)] * 20))

    def cancelled() -> None:
        def ask(work: Any) -> None:
            held = work.lock_payment(PAYMENT)
            work.save_payment(replace(held, cancel_requested_at=work.now))

        stage.change(ask)

    stage.board.before_admit = cancelled
    charge(PAYMENT, stage)
    stage.board.before_admit = lambda: None
    stage.run_on()

    assert not one.made("charge")
    assert stage.payment().status is Status.CANCELLED


def test_each_try_is_written_down_under_the_cards_name() -> None:
    watch = watched(MERCHANT, Mode.TEST, a_card("visa"))
    stage = on(Scripted("one", Unknown("x")), payment=of("visa"), before=([], []))
    charge(PAYMENT, stage)
    plain = on(
        Scripted("one", meanwhile(lambda: None, Unknown("x"))), payment=of("amex"), before=([], [])
    )
    charge(PAYMENT, plain)

    assert watch is not None
    assert stage.attempt().card == watch.card
    assert plain.attempt().card is None
