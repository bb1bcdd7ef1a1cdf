"""Review cases and idempotency keys in memory: asked once, answered once."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from domain.errors import KeyInFlight
from domain.idempotency import Claimed, Recorded
from domain.payment import Mode
from domain.review import Case, CaseKind, Decision
from ops.store.memory.store import MemoryWork
from ops.store.work.session import StaleWrite
from tests.builders import (
    MERCHANT,
    NOON,
    PAYMENT,
)
from tests.domain.memory.made import (
    OTHER,
    PAYOUT,
    REFUND,
    on,
    refused,
)


def test_a_question_is_asked_once_per_kind_and_answered_once() -> None:
    stage = on()
    case = Case(OTHER, PAYMENT, CaseKind.FRAUD, "odd", NOON)
    with stage.memory.begin() as work:
        assert work.open_case(case)
        assert not work.open_case(replace(case, id=REFUND))
        assert work.open_case(replace(case, id=PAYOUT, kind=CaseKind.MISMATCH))
        decided = replace(case, decision=Decision.APPROVED, decided_by="k", decided_at=NOON)
        assert work.decide_case(decided)
        assert not work.decide_case(replace(decided, decision=Decision.REJECTED))
        assert [one.id for one in work.open_cases(PAYMENT)] == [PAYOUT]
        assert work.open_case(replace(case, id=REFUND))
    half = replace(case, id=REFUND, decision=Decision.APPROVED)
    refused(stage, lambda work: work.decide_case(half), "review_cases_decided")
    lost = replace(case, id=UUID(int=60), payment_id=UUID(int=61))
    refused(stage, lambda work: work.open_case(lost), "review_cases_payment")


def test_a_key_is_won_once_answered_once_and_free_again_if_its_winner_gives_up() -> None:
    stage = on()
    answer = Recorded(b"f", 202, b"{}")

    def win(work: MemoryWork) -> Claimed | None:
        return work.win_key(MERCHANT, Mode.TEST, "k", b"f")

    def record(work: MemoryWork) -> None:
        work.record_key(MERCHANT, Mode.TEST, "k", PAYMENT, answer)

    with pytest.raises(StaleWrite, match="not answered"):
        stage.change(win)
    with pytest.raises(StaleWrite):
        stage.change(record)
    with stage.memory.begin() as work:
        assert win(work) is None
        with pytest.raises(KeyInFlight):
            win(work)
        record(work)
    with stage.memory.begin() as work:
        assert win(work) == Claimed(answer, PAYMENT)
    with pytest.raises(StaleWrite):
        stage.change(record)
