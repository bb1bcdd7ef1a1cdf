"""Attempts of every operation in memory, and the jobs of refunds, payouts and old methods."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import HARMLESS, Operation, State
from domain.commands import Command
from domain.due import Due, Lease
from domain.errors import LeaseLost, NotFound
from domain.outcome import Proof
from domain.payment import Mode
from domain.refund import RefundKind
from domain.vaulted import Detachment
from domain.webhook import Hint
from ops.store.memory.books import Job, Kept
from ops.store.memory.store import MemoryWork
from ops.store.memory.sweep import sweep
from ops.store.work.session import StaleWrite
from tests.builders import (
    MERCHANT,
    NOON,
    OWNER,
    PAYMENT,
    usd,
)
from tests.domain.memory.made import (
    CHARGE,
    OTHER,
    PAYOUT,
    REFUND,
    a_payout,
    a_refund,
    a_try,
    ask,
    on,
    refused,
)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.REFUND, Operation.PAYOUT])
def test_law_1_what_is_open_has_one_open_attempt(operation: Operation, state: State) -> None:
    owners: dict[Operation, dict[str, Any]] = {
        Operation.REFUND: {"refund_id": REFUND},
        Operation.PAYOUT: {"payout_id": PAYOUT, "payment_id": None},
    }
    owner = owners.get(operation, {})
    second = Operation.VOID if operation is not Operation.PAYOUT else operation
    proof = Proof.READ_BACK if state in HARMLESS else None
    stage = on()
    stage.change(lambda work: work.add_payout(a_payout()))
    stage.change(lambda work: work.add_refund(a_refund(kind=RefundKind.LATE)))
    first = a_try(operation, state=state, proof=proof, **owner)
    stage.change(lambda work: work.add_attempt(first))
    again = a_try(second, **owner, id=UUID(int=50), number=2)

    if state in HARMLESS:
        stage.change(lambda work: work.add_attempt(again))
    else:
        refused(stage, lambda work: work.add_attempt(again), "one_open")


@pytest.mark.parametrize(
    ("operation", "change", "law"),
    [
        (Operation.PAYOUT, {}, "root"),
        (Operation.CAPTURE, {"payment_id": None}, "root"),
        (Operation.CAPTURE, {"payout_id": PAYOUT}, "root"),
        (Operation.CAPTURE, {"refund_id": REFUND}, "root"),
        (Operation.REFUND, {}, "root"),
        (Operation.REFUND, {"refund_id": REFUND}, "payment_attempts_refund"),
        (Operation.PAYOUT, {"payment_id": None, "payout_id": PAYOUT}, "payment_attempts_payout"),
        (Operation.CAPTURE, {"merchant_id": OTHER}, "payment_attempts_payment"),
        (Operation.CAPTURE, {"money": usd(0)}, "payment_attempts_amount"),
    ],
)
def test_an_attempt_belongs_to_exactly_one_thing_that_is_there(
    operation: Operation, change: dict[str, Any], law: str
) -> None:
    refused(on(), lambda work: work.add_attempt(a_try(operation, **change)), law)


def test_a_charge_begins_under_its_payments_lease_only() -> None:
    with pytest.raises(ValueError, match="lease"):
        on().change(lambda work: work.add_attempt(a_try(Operation.CHARGE, number=2)))


def test_a_hint_by_the_providers_id_means_the_charge() -> None:
    stage = on()
    older = NOON - timedelta(seconds=1)
    capture = a_try(Operation.CAPTURE, provider_id="ch_1", created_at=older)
    stage.change(lambda work: work.add_attempt(capture))
    with stage.memory.begin() as work:
        assert work.find_attempt("one", Hint(None, "ch_1", "")) == CHARGE
        assert work.find_attempt("one", Hint(OTHER.hex, "ch_1", "")) == capture
        assert list(work.attempts(PAYMENT)) == [capture, CHARGE]


def test_refunds_payouts_and_detachments_are_claimed_swept_and_saved_alike() -> None:
    stage = on()
    row = Detachment(OTHER, MERCHANT, Mode.TEST, "one", "pm_1", Due(NOON))

    def fill(work: MemoryWork) -> None:
        ask(a_refund())(work)
        work.add_payout(a_payout())
        work.books.detachments.put(OTHER, Kept(row, Job(NOON)))

    stage.change(fill)
    stage.clock.advance(5)
    assert {(wake.command, wake.row_id) for wake in sweep(stage.memory)} == {
        (Command.REFUND, REFUND),
        (Command.PAYOUT, PAYOUT),
        (Command.DETACH, OTHER),
    }
    with stage.memory.begin() as work:
        refund = work.claim_refund(REFUND, OWNER, 30)
        payout = work.claim_payout(PAYOUT, OWNER, 30)
        method = work.claim_detachment(OTHER, OWNER, 30)
        assert refund is not None
        assert payout is not None
        assert method is not None
        assert work.claim_refund(REFUND, OWNER, 30) is None
    stale = Lease(0, OWNER)
    for late in (
        lambda work: work.save_refund(refund.row, stale),
        lambda work: work.save_payout(payout.row, stale),
        lambda work: work.save_detachment(method.row, stale),
    ):
        with pytest.raises(LeaseLost):
            stage.change(late)
    with stage.memory.begin() as work:
        assert work.save_refund(refund.row, refund.lease).version == 2
        assert work.save_payout(payout.row, payout.lease) == work.lock_payout(PAYOUT)
        work.save_detachment(method.row, method.lease)
        assert work.claim_payout(PAYOUT, OWNER, 30) is not None
        with pytest.raises(NotFound):
            work.lock_payout(OTHER)
    with pytest.raises(StaleWrite):
        stage.change(lambda work: work.save_refund(refund.row))
