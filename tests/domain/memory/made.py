"""What tests of orders in memory are built from: a paid payment, its refund, a payout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import Attempt, Operation, State
from domain.due import NEVER, Due
from domain.payment import Mode, Status
from domain.payout import Destination, Payout, PayoutStatus
from domain.refund import Refund, RefundKind, RefundStatus, rebalanced
from ops.store.memory.laws import LawBroken
from ops.store.memory.store import MemoryWork
from tests.builders import (
    ATTEMPT,
    MERCHANT,
    NOON,
    PAYMENT,
    Scripted,
    Stage,
    a_gateway,
    a_payment,
    a_runtime,
    an_attempt,
    usd,
)

CHARGE = an_attempt(state=State.CAPTURED, captured=5_000, provider_id="ch_1", due=NEVER)
PAID = a_payment(status=Status.CAPTURED, amount_authorized=5_000, amount_captured=5_000, due=NEVER)
PAYOUT, REFUND, OTHER = UUID(int=31), UUID(int=32), UUID(int=33)


def a_refund(**changes: Any) -> Refund:
    quiet = Refund(
        id=REFUND,
        payment_id=PAYMENT,
        charge_id=ATTEMPT,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(2_000),
        kind=RefundKind.REFUND,
        status=RefundStatus.PENDING,
        reason="returned goods",
        requested_by="key:k",
        gateway_id="one",
        created_at=NOON,
        due=Due(NOON),
    )
    return replace(quiet, **changes)


def a_payout(**changes: Any) -> Payout:
    quiet = Payout(
        id=PAYOUT,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(700),
        status=PayoutStatus.PENDING,
        destination=Destination("bank_account", "ba_1"),
        created_at=NOON,
        expires_at=NOON + timedelta(hours=1),
        due=Due(NOON),
    )
    return replace(quiet, **changes)


def a_try(operation: Operation, **changes: Any) -> Attempt:
    quiet = an_attempt(id=OTHER, operation=operation, target="ch_1")
    return replace(quiet, **changes)


def on(payment: Any = PAID, *attempts: Any) -> Stage:
    live = Scripted("live", row=a_gateway("live", mode=Mode.LIVE))
    return a_runtime(
        Scripted("one"), Scripted("two"), live, holding=payment, attempts=attempts or [CHARGE]
    )


def ask(refund: Refund) -> Callable[[MemoryWork], None]:
    """Return the transaction that asks a refund, as the door's does."""

    def asked(work: MemoryWork) -> None:
        payment = work.lock_payment(PAYMENT)
        work.add_refund(refund)
        work.save_payment(rebalanced(payment, None, refund))

    return asked


def refused(stage: Stage, change: Callable[[MemoryWork], object], law: str) -> None:
    before = stage.payment(), len(stage.memory.books.refunds), len(stage.memory.books.attempts)
    with pytest.raises(LawBroken, match=law):
        stage.change(change)
    books = stage.memory.books
    assert (stage.payment(), len(books.refunds), len(books.attempts)) == before
