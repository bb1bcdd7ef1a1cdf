"""What nobody collects, pays or decides ends by itself; money that comes after the end goes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.living import (
    a_hold,
    a_payment,
    an_undecided,
    get,
    movements,
    post,
    refunds_over,
)
from tests.e2e.system import System, a_system, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose holds and reviews end within seconds."""
    folder: Path = tmp_path_factory.mktemp("hasty")
    with a_system(folder, HOLD_S="3", REVIEW_S="3", CHECKOUT_TTL_S="4") as system:
        yield system


def test_what_nobody_collects_pays_or_decides_ends_in_time(hasty: System) -> None:
    hold = a_hold(hasty)
    unpaid = a_payment(hasty, metadata={"sandbox": "sandbox-a:three_ds"})
    undecided = an_undecided(hasty)
    unconfirmed = a_payment(hasty, confirm=False)

    for id_ in (hold, unpaid, undecided, unconfirmed):
        assert hasty.settled(id_, "expired", within_s=40)["amount_authorized"] == 0
    assert movements(hasty, hold) == [("authorization", 10_000), ("void", 10_000)]


@pytest.mark.parametrize("becomes", ["authorized", "captured"])
def test_money_that_comes_after_the_end_goes_back_by_itself(hasty: System, becomes: str) -> None:
    id_ = a_payment(hasty, 5_000, metadata={"sandbox": "sandbox-a:three_ds"})
    hasty.settled(id_, "requires_action")
    post(hasty, f"/v1/payments/{id_}/cancel")
    hasty.settled(id_, "cancelled")
    (attempt,) = get(hasty, f"/v1/payments/{id_}/attempts")["data"]

    late = {"payment": attempt["provider_reference"], "status": becomes}
    hasty.admin("POST", "sandbox-a", "/settle", late)

    (refund,) = eventually(lambda: refunds_over(hasty, id_), 20)
    assert (refund["kind"], refund["status"], refund["amount"]) == ("late", "succeeded", 5_000)
    over = hasty.payment(id_)
    assert (over["status"], over["amount_captured"]) == ("cancelled", 0)
