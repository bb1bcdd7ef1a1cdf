"""What every adapter makes of a lost answer, to each call of each operation, by the provider's books."""

from __future__ import annotations

import pytest

from domain.flows.send import send
from domain.outcome import Prepared, Unknown
from tests.contract.cases import across
from tests.contract.deeds import Deed, begun, deeds, is_done, made, named, steps, times
from tests.contract.losses import HANGS, LOST, is_absence, is_made, is_silence, struck
from tests.contract.made import within
from tests.contract.rigs import Rig, Scenario, Step, Ways

lost = pytest.mark.parametrize("scenario", LOST, ids=str)
calls = across("deed, step", steps)


def splits(ways: Ways) -> list[Deed]:
    return [deed for deed in deeds(ways) if ways.splits(deed.operation)]


@calls
@lost
def test_a_lost_answer_is_unknown_and_the_look_up_tells_what_the_books_say(
    rig: Rig, deed: Deed, step: Step, scenario: Scenario
) -> None:
    attempt, outcome = struck(rig, deed, step, scenario)

    read = deed.operation in rig.ways.reads_at_once and scenario not in HANGS
    if read and LOST[scenario] and step is Step.MOVE:
        assert is_done(outcome, attempt)
    else:
        assert isinstance(outcome, Unknown)
    moved = LOST[scenario] and step is Step.MOVE
    assert times(rig, attempt) == int(moved)
    found = rig.adapter.lookup(attempt, within())
    if moved:
        assert is_done(found, attempt) or is_silence(rig.ways, attempt, found), found
    elif attempt.provider_id is not None:
        assert isinstance(found, Prepared)
    elif LOST[scenario]:
        assert is_made(found, rig.ways) or is_silence(rig.ways, attempt, found), found
    else:
        assert is_absence(rig.ways, attempt, found), found


@across("deed", splits)
def test_the_call_that_makes_the_object_moves_no_money(rig: Rig, deed: Deed) -> None:
    attempt = made(rig, deed)

    outcome = send(rig.adapter, attempt, within())

    assert is_made(outcome, rig.ways), outcome
    assert times(rig, attempt) == 0
    found = rig.adapter.lookup(named(attempt, outcome), within())
    assert found == outcome
    by_reference = rig.adapter.lookup(attempt, within())
    assert by_reference == outcome or is_silence(rig.ways, attempt, by_reference)
    assert times(rig, attempt) == 0


@across("deed", splits)
def test_whoever_goes_on_from_what_was_made_moves_the_money_once(rig: Rig, deed: Deed) -> None:
    attempt = begun(rig, made(rig, deed))
    before = rig.posts(attempt.reference)
    assert times(rig, attempt) == 0

    outcome = send(rig.adapter, attempt, within())

    assert is_done(outcome, attempt), outcome
    assert named(attempt, outcome).provider_id == attempt.provider_id
    assert times(rig, attempt) == 1
    assert rig.posts(attempt.reference) == before + 1
    found = rig.adapter.lookup(attempt, within())
    assert is_done(found, attempt)
