"""Withdraw: an order is taken once per key, and what was taken goes out once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commands import Command
from domain.errors import InvalidRequest, KeyReused, Overloaded, WithdrawalRefused
from domain.flows.withdraw import Counter, MayWithdraw, Order, Withdrawal, withdraw
from domain.means import Customer
from domain.outcome import Succeeded, Unknown
from domain.payment import Mode
from domain.payout import Destination, Payout, PayoutStatus
from tests.builders import MERCHANT, NOON, Stage, a_runtime, paid
from tests.scripted import Scripted

TTL = timedelta(hours=1)
WITHDRAWAL = Withdrawal(
    5_000, "USD", Destination("bank_account", "acct_secret"), Customer(id="user-1"), country="US"
)
ORDER = Order(WITHDRAWAL, MERCHANT, Mode.TEST, "key:k", "key-1", "req-1")


def yes(work: object, payout: Payout) -> str | None:
    return None


def counter(stage: Stage, may_withdraw: MayWithdraw = yes) -> Counter:
    def rendered(payout: Payout) -> bytes:
        return f"{payout.id} {payout.status}".encode()

    return Counter(stage.store, stage.new_id, stage.wake, rendered, TTL, may_withdraw)


def test_what_was_ordered_goes_out_once_whoever_repeats_it() -> None:
    gateway = Scripted("one", payouts=[paid])
    stage = a_runtime(gateway)
    at = counter(stage)

    taken = withdraw(ORDER, at)
    assert stage.woken == [(Command.PAYOUT, taken.payout_id)]
    stage.run_due()
    again = withdraw(ORDER, at)

    payout = stage.payout(taken.payout_id)
    assert payout.status is PayoutStatus.SUCCEEDED
    assert (payout.expires_at, payout.request_id) == (NOON + TTL, "req-1")
    assert (again.replayed, again.payout_id) == (True, taken.payout_id)
    assert again.recorded == taken.recorded
    assert taken.recorded.body == f"{payout.id} pending".encode(), "the first answer, for ever"
    assert len(gateway.made("payout")) == 1
    assert len(stage.woken) == 1


def test_many_at_once_under_one_key_are_one_order() -> None:
    stage = a_runtime(Scripted("one", payouts=[paid]))
    at = replace(counter(stage), new_id=lambda: UUID(int=7))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: withdraw(ORDER, at), range(50)))

    assert len({answer.recorded for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert len(stage.woken) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 5_001},
        {"currency": "EUR"},
        {"destination": Destination("bank_account", "acct_other")},
        {"customer": Customer(id="user-2")},
        {"country": None},
        {"metadata": {"a": "b"}},
    ],
)
def test_another_order_under_the_same_key_is_refused(change: dict[str, Any]) -> None:
    stage = a_runtime(Scripted("one"))
    withdraw(ORDER, counter(stage))
    other = replace(ORDER, withdrawal=replace(WITHDRAWAL, **change))

    with pytest.raises(KeyReused):
        withdraw(other, counter(stage))


@pytest.mark.parametrize(
    "change", [{"key": "key-2"}, {"merchant_id": UUID(int=9)}, {"mode": Mode.LIVE}]
)
def test_a_key_is_of_one_merchant_in_one_mode(change: dict[str, Any]) -> None:
    stage = a_runtime(Scripted("one"))

    taken = [withdraw(order, counter(stage)) for order in (ORDER, replace(ORDER, **change))]

    assert [answer.replayed for answer in taken] == [False, False]


def refused_by_balance(work: object, payout: Payout) -> str | None:
    return f"{payout.money} are more than there is"


@pytest.mark.parametrize(
    ("order", "may", "error"),
    [
        (ORDER, refused_by_balance, WithdrawalRefused),
        (replace(ORDER, refusal=Overloaded("closed")), yes, Overloaded),
        (replace(ORDER, withdrawal=replace(WITHDRAWAL, amount=0)), yes, InvalidRequest),
    ],
    ids=["the balance", "the house", "the amount"],
)
def test_a_refused_order_leaves_nothing_behind_and_its_key_free(
    order: Order, may: MayWithdraw, error: type[Exception]
) -> None:
    stage = a_runtime(Scripted("one"))

    with pytest.raises(error):
        withdraw(order, counter(stage, may))

    assert not stage.woken
    assert not stage.actions()
    assert not withdraw(ORDER, counter(stage)).replayed


def test_what_was_answered_before_counts_more_than_a_refusal() -> None:
    stage = a_runtime(Scripted("one"))
    taken = withdraw(ORDER, counter(stage))

    again = withdraw(
        replace(ORDER, refusal=Overloaded("closed")), counter(stage, refused_by_balance)
    )

    assert again.recorded == taken.recorded


def test_whether_it_may_be_is_asked_inside_the_transaction_that_takes_it() -> None:
    stage = a_runtime(Scripted("one"))
    asked: list[bool] = []

    def may(work: object, payout: Payout) -> str | None:
        asked.append(stage.memory.in_transaction)
        return None

    withdraw(ORDER, counter(stage, may))

    assert asked == [True]


def test_an_answer_that_got_lost_is_not_sent_to_another_gateway() -> None:
    lost = Unknown("timed out")
    found: Callable[[Any], Succeeded] = paid
    one, two = Scripted("one", payouts=[lost], lookups=[found]), Scripted("two", payouts=[paid])
    stage = a_runtime(one, two)

    taken = withdraw(ORDER, counter(stage))
    stage.run_on()

    assert stage.payout(taken.payout_id).status is PayoutStatus.SUCCEEDED
    assert not two.calls
