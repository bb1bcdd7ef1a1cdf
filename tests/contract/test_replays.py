"""What a replay under the same key makes of a lost answer: it brings it to light, and does it once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from domain.flows.send import send
from domain.outcome import Lookup, Unknown
from tests.contract.cases import across
from tests.contract.deeds import Deed, again, carried, is_done, steps, times
from tests.contract.losses import LOST, is_kept, is_made, struck
from tests.contract.made import within
from tests.contract.rigs import Replay, Rig, Scenario, Step, Ways


def repeatable(ways: Ways) -> Iterator[tuple[Deed, Step, Scenario]]:
    """Every call that may be sent again under its key, and how its answer can be lost."""
    for (deed, step), scenario in product(steps(ways), LOST):
        if ways.replays[deed.operation] is not Replay.ANOTHER:
            yield deed, step, scenario


@across("deed, step, scenario", repeatable)
def test_a_replay_after_a_lost_answer_brings_what_was_done_to_light_and_does_it_once(
    rig: Rig, deed: Deed, step: Step, scenario: Scenario
) -> None:
    attempt, _ = struck(rig, deed, step, scenario)

    replayed: Lookup = send(rig.adapter, again(attempt), within())

    moved = LOST[scenario] and step is Step.MOVE
    refuses = rig.ways.replays[deed.operation] is Replay.UNKNOWN and moved
    if is_kept(rig.ways, scenario, deed.operation) or refuses:
        assert isinstance(replayed, Unknown)
        assert times(rig, attempt) == int(moved)
        return
    if step is Step.MAKE:
        assert is_made(replayed, rig.ways), replayed
        assert times(rig, attempt) == 0
        attempt, replayed = carried(rig, again(attempt))
        assert attempt.provider_id is not None
    assert is_done(replayed, attempt), replayed
    assert times(rig, attempt) == 1
