"""The verdict finds every move that the audit does not tell of, and every entry that is gone."""

from __future__ import annotations

import pytest

from domain.ids import Kind, public
from tests.ops.harness.conftest import World, found

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    "kind",
    [Kind.PAYMENT, Kind.ATTEMPT, Kind.REFUND, Kind.PAYOUT],
)
def test_a_deleted_audit_entry_is_found_whether_it_was_sealed_or_not(
    world: World, kind: Kind
) -> None:
    last = "(SELECT max(id) FROM audit_logs WHERE entity_id LIKE :of)"
    world.tamper(f"DELETE FROM audit_logs WHERE id = {last}", of=f"{kind}\\_%")

    assert "the audit's last word is" in found(world.verdict(), "unaudited")


def test_an_audit_entry_deleted_from_the_middle_of_a_story_is_found(world: World) -> None:
    world.tamper(
        "DELETE FROM audit_logs WHERE entity = 'payment' AND after ->> 'status' = 'processing'"
    )

    words = found(world.verdict(), "unaudited")

    assert "an entry comes from processing, but it was pending" in words


def test_a_movement_booked_without_an_entry_beside_it_is_found(world: World) -> None:
    world.tamper(
        "UPDATE audit_logs SET after = after WHERE entity_id = :of",
        of=public(Kind.ATTEMPT, world.attempt(world.payout, "payout")),
    )
    world.tamper(
        "UPDATE audit_logs SET after = after WHERE entity_id = :of",
        of=public(Kind.PAYOUT, world.payout),
    )

    assert "without an entry beside it" in found(world.verdict(), "unaudited")


def test_a_sealed_entry_that_was_changed_breaks_the_chain(world: World) -> None:
    assert world.verdict().clean  # seals
    world.tamper("UPDATE audit_logs SET actor_id = 'somebody' WHERE id = 2")

    assert "the audit entry was changed" in found(world.verdict(), "unaudited")
