"""What nobody collects, pays or decides ends by itself; money that comes after the end goes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.living import a_hold, a_payment, an_undecided, movements, refunds_over
from tests.e2e.system import Json, System, a_system, eventually
from tests.e2e.test_payers import press

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


def test_money_that_comes_after_the_end_goes_back_by_itself(hasty: System) -> None:
    """The provider loses its answer, hides the payment, and shows it when ours has expired."""
    id_ = a_payment(hasty, 5_000, metadata={"sandbox": "sandbox-a:three_ds"})
    url = hasty.settled(id_, "requires_action")["next_action"]["url"]
    hasty.fault("sandbox-a", "unavailable", on="cancel", count=100)
    hasty.fault("sandbox-a", "unavailable", on="read", count=3)
    press(hasty, url, "approve")

    ended = eventually(lambda: _has_ended(hasty, id_), 60)

    if ended["status"] == "captured":  # our look-up was faster than the expiry: then it is ours
        assert ended["amount_captured"] == 5_000
        return
    (refund,) = refunds_over(hasty, id_)
    assert (refund["kind"], refund["status"]) == ("late", "succeeded")


def _has_ended(system: System, id_: str) -> Json | None:
    found = system.payment(id_)
    return found if found["status"] in ("captured", "expired", "failed", "cancelled") else None
