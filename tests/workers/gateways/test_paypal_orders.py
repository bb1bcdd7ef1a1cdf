"""What every documented status of a PayPal order and its children says of a charge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.attempt import Attempt, Operation
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.paypal_spoken import (
    CAPTURE,
    ORDER,
    PAGE,
    adapter_at,
    answer,
    asking,
    held,
    holding,
    making,
    movement,
    order,
    paid,
    read_back,
    sent,
)
from tests.workers.raw_server import answering, serving
from workers.gateways import DOUBLES

PREPARED = Prepared(ORDER)
ASKED = RequiresAction(ORDER, PAGE)
SHORT = {"href": PAGE, "rel": "approve"}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("CREATED", ASKED),
        ("SAVED", ASKED),
        ("PAYER_ACTION_REQUIRED", ASKED),
        ("APPROVED", PREPARED),
        ("VOIDED", NotCharged(Proof.VOIDED, "read as voided", ORDER)),
    ],
)
def test_an_order_whose_money_was_not_asked_for(status: str, outcome: Outcome) -> None:
    attempt = making()

    assert sent(attempt, answer(201, order(attempt, status))) == outcome
    assert sent(attempt, answer(200, order(attempt, status))) == outcome  # the key again
    assert read_back(asking_for(attempt), order(attempt, status)) == outcome


def asking_for(attempt: Attempt) -> Attempt:
    return making(id=attempt.id, provider_id=ORDER)


@pytest.mark.parametrize("status", ["COMPLETED", "INVENTED", "approved", ""])
def test_an_order_without_money_in_another_status_is_unknown(status: str) -> None:
    attempt = making()

    assert isinstance(sent(attempt, answer(201, order(attempt, status))), Unknown)


def test_a_short_answer_to_a_new_order_is_enough() -> None:
    short = {"id": ORDER, "status": "CREATED", "links": [{"rel": "self"}, 7, SHORT]}

    assert sent(making(), answer(201, short)) == ASKED


@pytest.mark.parametrize(
    "links", [None, [], {}, [{"href": PAGE, "rel": "self"}], [{"href": "x", "rel": "approve"}]]
)
def test_an_order_that_does_not_say_where_to_approve_is_unknown(links: Any) -> None:
    attempt = making()

    shown = order(attempt, "CREATED") | {"links": links}
    assert isinstance(sent(attempt, answer(201, shown)), Unknown)


@pytest.mark.parametrize("status", ["COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"])
def test_captured_money_has_moved_whatever_came_of_it(status: str) -> None:
    attempt = asking()

    outcome = sent(attempt, answer(201, paid(attempt, status)))

    assert outcome == Succeeded(ORDER, money(1250), reference=attempt.reference)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("PENDING", Pending(ORDER)),
        ("DECLINED", Declined("capture_declined", Hardness.SOFT, ORDER)),
        ("FAILED", Declined("capture_declined", Hardness.SOFT, ORDER)),
    ],
)
def test_a_completed_order_is_only_as_good_as_its_capture(status: str, outcome: Outcome) -> None:
    attempt = asking()

    assert sent(attempt, answer(201, paid(attempt, status))) == outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("PENDING", Pending(ORDER)),
        ("DENIED", Declined("authorization_denied", Hardness.SOFT, ORDER)),
        ("VOIDED", NotCharged(Proof.VOIDED, "AUTH1 is read as voided", ORDER)),
    ],
)
def test_a_hold_is_only_as_good_as_its_authorization(status: str, outcome: Outcome) -> None:
    attempt = holding()

    assert sent(attempt, answer(201, held(attempt, status))) == outcome


def test_a_hold_is_held() -> None:
    attempt = holding()

    outcome = sent(attempt, answer(201, held(attempt)))

    assert outcome == Succeeded(ORDER, money(1250), captured=False, reference=attempt.reference)


@pytest.mark.parametrize("status", ["CAPTURED", "PARTIALLY_CAPTURED", "EXPIRED", "INVENTED"])
def test_a_hold_in_another_status_without_its_capture_is_unknown(status: str) -> None:
    attempt = holding()

    assert isinstance(sent(attempt, answer(201, held(attempt, status))), Unknown)


def odd(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    return order(attempt, captures=[movement(CAPTURE, "COMPLETED") | changes])


@pytest.mark.parametrize(
    "shown",
    [
        lambda it: odd(it, status="INVENTED"),
        lambda it: odd(it, amount={"currency_code": "EUR", "value": "12.505"}),
        lambda it: odd(it, amount={"currency_code": "EUR", "value": "-12.50"}),
        lambda it: odd(it, amount={"currency_code": "EUR", "value": 12.5}),
        lambda it: odd(it, amount={"currency_code": "XXX", "value": "12.50"}),
        lambda it: odd(it, amount=None),
        lambda it: paid(it) | {"purchase_units": []},
        lambda it: paid(it) | {"purchase_units": paid(it)["purchase_units"] * 2},
        lambda it: paid(it) | {"id": 7},
        lambda it: order(it, captures=[movement("A", "COMPLETED"), movement("B", "INVENTED")]),
    ],
    ids=range(10),
)
def test_money_that_cannot_be_read_is_unknown(shown: Callable[[Attempt], Any]) -> None:
    attempt = asking()

    assert isinstance(sent(attempt, answer(201, shown(attempt))), Unknown)


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [("1250", "JPY", 1250), ("1250.00", "JPY", 1250), ("12", "HUF", 1200), ("12.5", "KWD", 12500)],
)
def test_money_is_told_in_our_minor_units(value: str, currency: str, minor: int) -> None:
    attempt = asking()
    shown = odd(attempt, amount={"currency_code": currency, "value": value})

    outcome = sent(attempt, answer(201, shown))

    assert outcome == Succeeded(ORDER, money(minor, currency), reference=attempt.reference)


def test_somebody_elses_money_is_told_under_its_name_and_their_no_is_nothing() -> None:
    attempt, other = asking(), making()

    stolen = sent(attempt, answer(201, paid(other)))
    assert stolen == Succeeded(ORDER, money(1250), reference=other.reference)
    assert isinstance(sent(attempt, answer(201, paid(other, "DECLINED"))), Unknown)
    assert isinstance(read_back(attempt, order(other, "APPROVED")), Unknown)


def test_an_order_that_was_captured_twice_is_told_to_people() -> None:
    attempt, alarms = asking(), []
    twice = order(attempt, captures=[movement("A", "COMPLETED"), movement("B", "COMPLETED")])
    script = answering(answer(200, {"access_token": "t", "expires_in": 99}), answer(200, twice))

    with serving(script) as server:
        adapter = adapter_at(
            server.url, lambda what, about: alarms.append((what, about)), read_disputes=False
        )
        found = adapter.lookup(attempt, within())
        adapter.close()

    assert found == Succeeded(ORDER, money(2500), reference=attempt.reference)
    assert alarms == [(DOUBLES[Operation.CHARGE], attempt.reference)]
