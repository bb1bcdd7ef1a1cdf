"""The sandbox adapter finds several payments under one reference, which its own keys never make."""

from __future__ import annotations

from domain.outcome import Pending, Succeeded, Unknown
from tests.contract.made import an_attempt
from tests.contract.spoken import OFFLINE, looked_up, shown


def test_of_several_payments_under_one_reference_the_one_that_may_cost_money_counts() -> None:
    attempt = an_attempt(OFFLINE)
    no = shown(attempt, id="sp_no", status="declined", amount_captured=0)
    open_ = shown(attempt, id="sp_open", status="processing", amount_captured=0)
    odd = shown(attempt, id="sp_odd", status="settling", amount_captured=0)
    took = shown(attempt, id="sp_money")

    assert looked_up(attempt, no, open_) == Pending("sp_open")
    assert isinstance(looked_up(attempt, open_, odd, no), Unknown)
    found = looked_up(attempt, no, odd, open_, took)
    assert isinstance(found, Succeeded)
    assert found.provider_id == "sp_money"


def test_of_two_that_moved_money_the_first_one_is_ours() -> None:
    attempt = an_attempt(OFFLINE)
    first = shown(attempt, id="sp_z", created_at="2026-01-01T00:00:00Z")
    second = shown(attempt, id="sp_a", created_at="2026-01-01T00:00:01Z")

    for found in (looked_up(attempt, first, second), looked_up(attempt, second, first)):
        assert isinstance(found, Succeeded)
        assert found.provider_id == "sp_z"


def test_of_two_in_the_same_millisecond_the_one_that_the_provider_shows_last_came_first() -> None:
    attempt = an_attempt(OFFLINE)
    first, second = shown(attempt, id="sp_z"), shown(attempt, id="sp_a")

    found = looked_up(attempt, second, first)

    assert isinstance(found, Succeeded)
    assert found.provider_id == "sp_z"
