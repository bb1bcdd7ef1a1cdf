"""Refunds and payouts in memory keep the database's laws."""

from __future__ import annotations

from dataclasses import replace
from operator import methodcaller
from typing import Any
from uuid import UUID

import pytest

from domain.due import NEVER, Reason
from domain.payment import Mode, Status
from domain.payout import PAYOUT_MOVES, Destination, PayoutStatus
from domain.refund import REFUND_MOVES, RefundKind, RefundStatus, rebalanced
from ops.store.memory.store import MemoryWork
from tests.builders import (
    NOON,
    PAYMENT,
    usd,
)
from tests.domain.memory.made import (
    OTHER,
    PAID,
    a_payout,
    a_refund,
    ask,
    on,
    refused,
)


def test_law_6_a_request_never_asks_back_more_than_is_left() -> None:
    stage = on()
    stage.change(ask(a_refund()))
    stage.change(ask(a_refund(id=UUID(int=40))))

    refused(stage, ask(a_refund(id=UUID(int=41))), "more is asked back than is left")
    assert stage.payment().amount_refund_pending == 4_000


def test_law_6_a_providers_word_may_pass_the_sum_and_no_request_after_it() -> None:
    stage = on()
    stage.change(ask(a_refund()))
    taken = replace(stage.payment(), amount_reversed=5_000, status=Status.REVERSED)
    stage.change(lambda work: work.save_payment(taken))

    assert stage.payment().amount_reversed == 5_000
    refused(stage, ask(a_refund(id=UUID(int=40))), "more is asked back than is left")


def test_refunds_and_their_payments_sums_add_up_at_every_commit() -> None:
    stage = on()
    refused(stage, lambda work: work.add_refund(a_refund()), "add up")
    stage.change(ask(a_refund()))
    failed = a_refund(status=RefundStatus.FAILED)
    refused(stage, lambda work: work.save_refund(failed), "add up")
    less = replace(stage.payment(), amount_refund_pending=1_999)
    refused(stage, lambda work: work.save_payment(less), "add up")

    def both(work: MemoryWork) -> None:
        work.save_payment(rebalanced(work.lock_payment(PAYMENT), a_refund(), failed))
        work.save_refund(failed)

    stage.change(both)
    assert stage.payment().amount_refund_pending == 0


def test_law_9_late_money_goes_back_once_and_counts_in_no_sum() -> None:
    stage = on()
    late = a_refund(kind=RefundKind.LATE)
    with stage.memory.begin() as work:
        assert work.add_refund(late)
        assert not work.add_refund(replace(late, id=OTHER))
        assert list(work.refunds(PAYMENT)) == [late]
    assert stage.payment() == PAID


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"charge_id": OTHER}, "not of a charge"),
        ({"money": usd(0)}, "refunds_amount"),
        ({"merchant_id": OTHER}, "refunds_payment"),
        ({"mode": Mode.LIVE}, "refunds_payment"),
        ({"gateway_id": "live"}, "refunds_gateway"),
        ({"due": replace(NEVER.park(NOON, Reason.POISON), next_run_at=NOON)}, "refunds_parked"),
    ],
)
def test_what_a_new_refund_can_never_be_is_refused(change: dict[str, Any], law: str) -> None:
    refused(on(), lambda work: work.add_refund(a_refund(**change)), law)


@pytest.mark.parametrize("start", RefundStatus)
def test_a_refund_makes_legal_moves_only(start: RefundStatus) -> None:
    for end in RefundStatus:
        stage = on()
        late = a_refund(kind=RefundKind.LATE, status=start)
        stage.change(methodcaller("add_refund", late))
        moved = replace(late, status=end)
        if end is start or end in REFUND_MOVES[start]:
            stage.change(methodcaller("save_refund", moved))
        else:
            refused(stage, methodcaller("save_refund", moved), "illegal move")


@pytest.mark.parametrize("start", PayoutStatus)
def test_a_payout_makes_legal_moves_only(start: PayoutStatus) -> None:
    for end in PayoutStatus:
        stage, payout = on(), a_payout(status=start)
        stage.change(methodcaller("add_payout", payout))
        moved = replace(payout, status=end)
        if end is start or end in PAYOUT_MOVES[start]:
            stage.change(methodcaller("save_payout", moved))
        else:
            refused(stage, methodcaller("save_payout", moved), "illegal move")


def test_what_was_asked_for_never_changes() -> None:
    stage = on()
    stage.change(lambda work: work.add_refund(a_refund(kind=RefundKind.LATE)))
    stage.change(lambda work: work.add_payout(a_payout()))
    of_refunds: list[dict[str, Any]] = [{"money": usd(1)}, {"reason": "x"}, {"gateway_id": "two"}]
    of_payouts: list[dict[str, Any]] = [{"money": usd(1)}, {"destination": Destination("x", "x")}]
    for change in of_refunds:
        wrong = a_refund(kind=RefundKind.LATE, **change)
        refused(stage, methodcaller("save_refund", wrong), "never changes")
    for change in of_payouts:
        other = a_payout(**change)
        refused(stage, methodcaller("save_payout", other), "never changes")
    nowhere = a_payout(gateway_id="live")
    refused(stage, lambda work: work.save_payout(nowhere), "payouts_gateway")
