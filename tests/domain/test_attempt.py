"""Attempts: what an outcome comes to, the keys, the window in which bytes may be sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attempt import KNOWLEDGE, State, state_of
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.builders import NOON, an_attempt, usd


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Succeeded("ch", usd()), State.CAPTURED),
        (Succeeded("ch", usd(), captured=False), State.AUTHORIZED),
        (Pending("ch"), State.PENDING),
        (RequiresAction("ch", "https://pay.example"), State.REQUIRES_ACTION),
        (Declined("no", Hardness.SOFT), State.DECLINED),
        (Declined("no", Hardness.FIX_DATA), State.DECLINED),
        (NotCharged(Proof.NEVER_SENT, "x"), State.NOT_CHARGED),
        (NotCharged(Proof.REJECTED, "x"), State.NOT_CHARGED),
        (NotCharged(Proof.READ_BACK, "x"), State.NOT_CHARGED),
        (NotCharged(Proof.READ_BACK, "x", lapsed=True), State.EXPIRED),
        (NotCharged(Proof.VOIDED, "x"), State.VOIDED),
        (Unknown("timed out"), State.UNKNOWN),
    ],
)
def test_every_outcome_comes_to_one_state(outcome: Outcome, state: State) -> None:
    assert state_of(outcome) is state


def test_the_keys_of_one_attempt_fit_every_provider_and_differ_by_step() -> None:
    attempt = an_attempt()

    assert attempt.key() == attempt.key("a") == attempt.reference + "a"
    assert attempt.key("b") != attempt.key("a")
    assert len(attempt.reference) == 32
    assert len(attempt.key()) == 33


@given(
    left_s=st.integers(min_value=-100, max_value=100),
    margin_s=st.integers(min_value=0, max_value=50),
)
def test_law_5_past_the_keys_window_nothing_is_sent_again(left_s: int, margin_s: int) -> None:
    attempt = an_attempt(key_window_ends=NOON + timedelta(seconds=left_s))

    assert attempt.may_replay(NOON, timedelta(seconds=margin_s)) is (margin_s < left_s)


def test_money_that_moved_outranks_every_no() -> None:
    no_money = (State.DECLINED, State.NOT_CHARGED, State.VOIDED, State.EXPIRED)

    assert all(KNOWLEDGE[State.CAPTURED] > KNOWLEDGE[state] for state in no_money)
    assert all(KNOWLEDGE[State.LATE_SUCCESS] > KNOWLEDGE[state] for state in no_money)
    assert all(KNOWLEDGE[state] > KNOWLEDGE[State.UNKNOWN] for state in no_money)
    assert set(KNOWLEDGE) == set(State)


def test_the_request_stays_out_of_repr() -> None:
    assert "exact bytes" not in repr(an_attempt())
