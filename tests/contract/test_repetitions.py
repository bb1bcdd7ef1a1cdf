"""What every adapter makes of the same call twice, of a refusal, and of a look-up that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.flows.send import send
from domain.outcome import NotCharged, NotFound, Outcome, Prepared, Proof, RequiresAction, Unknown
from tests.contract.cases import across
from tests.contract.deeds import (
    Deed,
    again,
    another,
    begun,
    carried,
    deeds,
    id_of,
    in_part,
    is_done,
    made,
    named,
    steps,
    times,
)
from tests.contract.losses import finds, is_silence
from tests.contract.made import within
from tests.contract.rigs import Finds, Replay, Rig, Scenario, Step, Ways

each = across("deed", deeds)
calls = across("deed, step", steps)
REFUSALS = (Scenario.LIMITS_RATE, Scenario.IS_DOWN)


def protected(ways: Ways) -> list[Deed]:
    """What may be sent again under its key."""
    return [deed for deed in deeds(ways) if ways.replays[deed.operation] is not Replay.ANOTHER]


def variable(ways: Ways) -> list[Deed]:
    """What may be sent again, and could be of other money."""
    return [
        deed for deed in protected(ways) if deed is not Deed.VOID and in_part(ways, deed.operation)
    ]


def refusals(ways: Ways) -> Iterator[tuple[Deed, Step, Scenario]]:
    for deed, step in steps(ways):
        for scenario in REFUSALS:
            yield deed, step, scenario


@across("deed", protected)
def test_the_same_call_twice_moves_money_once(rig: Rig, deed: Deed) -> None:
    attempt = begun(rig, made(rig, deed))
    first = send(rig.adapter, attempt, within())
    assert times(rig, attempt) == 1

    second = send(rig.adapter, again(attempt), within())

    assert is_done(first, attempt), first
    match rig.ways.replays[deed.operation]:
        case Replay.SAME:
            assert second == first
        case Replay.LATEST:
            assert is_done(second, attempt), second
            assert id_of(second) == id_of(first)
        case _:
            assert isinstance(second, Unknown), second
    assert times(rig, attempt) == 1
    assert is_done(rig.adapter.lookup(named(attempt, first), within()), attempt)


@across("deed", variable)
def test_the_same_key_with_another_body_moves_nothing_more(rig: Rig, deed: Deed) -> None:
    attempt = made(rig, deed)
    first = send(rig.adapter, attempt, within())
    forged = replace(again(attempt), request=another(rig, deed, attempt))

    second = send(rig.adapter, forged, within())

    refuses = rig.ways.replays[deed.operation] is Replay.UNKNOWN and not is_open(first)
    if refuses or not rig.ways.ignores_body(deed.operation):
        assert isinstance(second, Unknown), second
    else:
        assert id_of(second) == id_of(first)
        assert is_open(second) or is_done(second, attempt), second
    assert times(rig, attempt) == int(not is_open(first))


def is_open(outcome: Outcome) -> bool:
    """Whether only the object of a split operation is made."""
    return isinstance(outcome, Prepared | RequiresAction)


@across("deed, step, scenario", refusals)
def test_only_a_documented_refusal_is_proof_and_leaves_the_key_free(
    rig: Rig, deed: Deed, step: Step, scenario: Scenario
) -> None:
    attempt = made(rig, deed)
    if step is Step.MOVE:
        attempt = begun(rig, attempt)
    rig.plays(scenario, deed.operation, step)

    outcome = send(rig.adapter, attempt, within())

    assert times(rig, attempt) == 0
    if scenario not in rig.ways.refuses:
        assert isinstance(outcome, Unknown), outcome
        return
    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof is Proof.REJECTED
    assert outcome.retry_after_s == rig.ways.refuses[scenario]
    assert rig.adapter.at_fault(outcome)
    assert not outcome.request_wrong
    attempt, done = carried(rig, attempt) if step is Step.MAKE else (attempt, None)
    done = done or send(rig.adapter, attempt, within())
    assert is_done(done, attempt), done
    assert times(rig, attempt) == 1


@calls
def test_a_refused_connection_was_never_sent(rig: Rig, deed: Deed, step: Step) -> None:
    attempt = made(rig, deed)
    if step is Step.MOVE:
        attempt = begun(rig, attempt)
    rig.renew()  # on a kept connection nothing is refused: it may have arrived
    rig.plays(Scenario.REFUSES_CONNECTIONS)

    outcome = send(rig.adapter, attempt, within())

    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof is Proof.NEVER_SENT
    rig.calm()
    assert times(rig, attempt) == 0


@calls
def test_after_the_time_to_send_the_provider_sees_nothing(rig: Rig, deed: Deed, step: Step) -> None:
    attempt = made(rig, deed)
    if step is Step.MOVE:
        attempt = begun(rig, attempt)
    before = rig.posts(attempt.reference)

    outcome = send(rig.adapter, attempt, within(send_s=0.0))

    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof is Proof.NEVER_SENT
    assert times(rig, attempt) == 0
    assert rig.posts(attempt.reference) == before


@calls
def test_a_key_that_the_provider_does_not_know_is_proof_that_nothing_happened(
    rig: Rig, deed: Deed, step: Step
) -> None:
    attempt = made(rig, deed)
    if step is Step.MOVE:
        attempt = begun(rig, attempt)
    stranger = rig.stranger()

    outcome = send(stranger, attempt, within())

    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof in (Proof.REJECTED, Proof.NEVER_SENT)
    assert stranger.at_fault(outcome)
    assert not outcome.request_wrong
    found = stranger.lookup(attempt, within())
    nobody_asked = finds(rig.ways, attempt) is Finds.NEVER and found == NotFound()
    assert nobody_asked or isinstance(found, Unknown), found
    assert times(rig, attempt) == 0
    stranger.close()


@each
def test_a_request_that_is_wrong_in_itself_is_refused_and_not_the_gateways_fault(
    rig: Rig, deed: Deed
) -> None:
    attempt = begun(rig, made(rig, deed))
    nonsense = rig.nonsense(attempt)
    if nonsense is None:
        pytest.skip("this call says nothing that could be wrong")

    outcome = send(rig.adapter, replace(attempt, request=nonsense), within())

    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof is Proof.REJECTED
    assert outcome.request_wrong
    assert not rig.adapter.at_fault(outcome)
    assert times(rig, attempt) == 0


@each
def test_a_look_up_that_fails_says_nothing(rig: Rig, deed: Deed) -> None:
    attempt, outcome = carried(rig, made(rig, deed))
    assert is_done(outcome, attempt), outcome
    rig.fails_next_read()

    assert isinstance(rig.adapter.lookup(attempt, within()), Unknown)
    assert is_done(rig.adapter.lookup(attempt, within()), attempt)


@each
def test_what_was_done_is_found_by_id_and_by_reference(rig: Rig, deed: Deed) -> None:
    attempt, outcome = carried(rig, made(rig, deed))

    unnamed = replace(attempt, provider_id=None)
    by_reference = rig.adapter.lookup(unnamed, within())

    assert is_done(rig.adapter.lookup(attempt, within()), attempt)
    assert is_done(by_reference, attempt) or is_silence(rig.ways, unnamed, by_reference)
    if is_done(by_reference, attempt):
        assert id_of(by_reference) == id_of(outcome)
