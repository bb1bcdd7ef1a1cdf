"""The door's reads in memory: payments and refunds by every wish, and no money that moved."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.due import Due
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.payment import Mode, Payment, Status
from domain.refund import Refund, RefundKind, RefundStatus
from ops.store.memory.books import Job, Kept
from ops.store.memory.door import MemoryReads
from ops.store.memory.money import MemoryMoney
from ops.store.reads_money import Screening
from ops.store.wanted import PaymentsWanted, RefundsWanted, Span, TransactionsWanted
from tests.builders import ATTEMPT, MERCHANT, NOON, Scripted, a_payment, a_runtime, usd

CUSTOMER = UUID(int=55)


@dataclass(frozen=True)
class Whose:
    merchant_id: UUID = MERCHANT
    mode: Mode = Mode.TEST


STRANGERS = [Whose(UUID(int=77)), Whose(mode=Mode.LIVE)]


def payment(n: int, **changes: Any) -> Payment:
    return a_payment(id=UUID(int=n), **changes)


@pytest.mark.parametrize(
    ("wishes", "found"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"statuses": (Status.FAILED,)}, [2]),
        ({"statuses": (Status.FAILED, Status.PENDING)}, [5, 4, 3, 2, 1]),
        ({"order_id": "o-1"}, [1]),
        ({"customer_id": CUSTOMER}, [3]),
        ({"provider": "one"}, [4]),
        ({"provider": "sandbox"}, [4]),
        ({"provider": "two"}, []),
        ({"currency": "EUR"}, [5]),
        ({"method": "wallet"}, [5]),
        ({"amount_min": 5_001}, [5]),
        ({"amount_max": 5_000, "currency": "EUR"}, []),
        ({"created": Span(NOON + timedelta(hours=1))}, [1]),
        ({"created": Span(None, NOON + timedelta(hours=1))}, [5, 4, 3, 2]),
    ],
)
def test_each_wish_finds_the_payments_that_fit(wishes: dict[str, Any], found: list[int]) -> None:
    stage = a_runtime(
        Scripted("one"),
        holding=[
            payment(1, order_id="o-1", created_at=NOON + timedelta(hours=1)),
            payment(2, status=Status.FAILED),
            payment(3, customer_id=CUSTOMER),
            payment(4, gateway_id="one"),
            payment(5, method=Method("wallet"), money=Money(6_000, CURRENCIES["EUR"])),
        ],
    )
    reads, wanted = MemoryReads(stage.memory), PaymentsWanted(**wishes)

    page = asyncio.run(reads.page(Whose(), wanted, limit=10))

    assert [one.id.int for one in page] == found
    assert asyncio.run(reads.count(Whose(), wanted)) == len(found)
    for stranger in STRANGERS:
        assert asyncio.run(reads.page(stranger, wanted, limit=10)) == []
        assert asyncio.run(reads.count(stranger, wanted)) == 0


def test_refunds_are_listed_and_read_by_their_merchant_alone() -> None:
    one = Refund(
        *(UUID(int=31), UUID(int=1), ATTEMPT, MERCHANT, Mode.TEST, usd(400), RefundKind.LATE),
        *(RefundStatus.PENDING, "late", "paylink", "one", NOON, Due(NOON)),
    )
    two = replace(one, id=UUID(int=32), payment_id=UUID(int=2), charge_id=UUID(int=4))
    stage = a_runtime(holding=[payment(1), payment(2)])
    with stage.memory.begin() as work:
        for refund in (one, two):
            work.books.refunds.put(refund.id, Kept(refund, Job(None)))
    money = MemoryMoney(stage.memory)

    def listed(whose: Whose = Whose(), **wishes: Any) -> list[Refund]:
        wanted = RefundsWanted(**wishes)
        found = list(asyncio.run(money.refunds(whose, wanted, limit=10)))
        assert asyncio.run(money.count_refunds(whose, wanted)) == len(found)
        return found

    assert listed() == [two, one]
    assert listed(payment_id=one.payment_id) == [one]
    assert listed(statuses=(RefundStatus.FAILED,)) == []
    assert list(asyncio.run(money.refunds(Whose(), RefundsWanted(), limit=1))) == [two]
    before = asyncio.run(money.refunds(Whose(), RefundsWanted(), limit=9, before=two.id))
    assert list(before) == [one]
    assert asyncio.run(money.refund(Whose(), one.id)) == one
    for stranger in STRANGERS:
        assert listed(stranger) == []
        assert asyncio.run(money.refund(stranger, one.id)) is None


def test_nothing_is_screened_and_no_money_moves() -> None:
    money = MemoryMoney(a_runtime(holding=payment(1)).memory)
    everything = TransactionsWanted()

    assert asyncio.run(money.screening(Whose(), UUID(int=1))) == Screening(UUID(int=1), None)
    for stranger in STRANGERS:
        assert asyncio.run(money.screening(stranger, UUID(int=1))) is None
    assert not asyncio.run(money.transactions(Whose(), everything, limit=1))
    assert not asyncio.run(money.recorded(Whose(), everything, limit=1))
    assert asyncio.run(money.count_transactions(Whose(), everything)) == 0
    assert asyncio.run(money.transaction(Whose(), UUID(int=1))) is None
