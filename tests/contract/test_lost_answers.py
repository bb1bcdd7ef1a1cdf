"""What every adapter makes of a lost answer to what changes or follows a charge, and to a payout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from domain.attempt import Attempt, Operation, State
from domain.flows.send import send
from domain.outcome import Lookup, NotCharged, NotFound, Pending, Proof, Succeeded, Unknown
from tests.contract.losses import KEPT_FAILURES, LOST, charged, held, patience
from tests.contract.made import a_capture, a_payout, a_refund, a_void, within
from tests.contract.rigs import Rig, Scenario

#: An attempt of each operation that the provider would carry out.
MADE: Mapping[Operation, Callable[[Rig], Attempt]] = {
    Operation.CAPTURE: lambda rig: a_capture(rig.adapter, held(rig), 1000),
    Operation.VOID: lambda rig: a_void(rig.adapter, held(rig)),
    Operation.REFUND: lambda rig: a_refund(rig.adapter, charged(rig), 250),
    Operation.PAYOUT: lambda rig: a_payout(rig.adapter),
}
#: Each keeps its answer under its key; a void asks anew in every round.
KEYED = [Operation.CAPTURE, Operation.REFUND, Operation.PAYOUT]
#: In these a void still has the time to read what its cancel did.
READ_AT_ONCE = {Scenario.DROPS_AFTER, Scenario.FAILS_AFTER, Scenario.GARBAGE_AFTER}

operations = pytest.mark.parametrize("operation", MADE, ids=str)


def is_done(found: Lookup, attempt: Attempt) -> bool:
    """Whether this says that exactly what was asked for has happened, or is under way."""
    if attempt.operation is Operation.PAYOUT and isinstance(found, Pending):
        return True
    return isinstance(found, Succeeded) and found.money == attempt.money


@operations
@pytest.mark.parametrize("scenario", LOST, ids=str)
def test_a_lost_answer_is_unknown_and_the_look_up_tells_what_the_books_say(
    rig: Rig, scenario: Scenario, operation: Operation
) -> None:
    attempt = MADE[operation](rig)
    rig.plays(scenario, operation)

    outcome = send(rig.adapter, attempt, patience(scenario))

    if operation is Operation.VOID and scenario in READ_AT_ONCE:
        assert is_done(outcome, attempt)
    else:
        assert isinstance(outcome, Unknown)
    assert rig.done(attempt) == int(LOST[scenario])
    found = rig.adapter.lookup(attempt, within())
    if LOST[scenario]:
        assert is_done(found, attempt), found
    else:
        assert found == NotFound()


@operations
@pytest.mark.parametrize("scenario", sorted(set(LOST) - KEPT_FAILURES), ids=str)
def test_a_replay_after_a_lost_answer_does_it_once(
    rig: Rig, scenario: Scenario, operation: Operation
) -> None:
    attempt = MADE[operation](rig)
    rig.plays(scenario, operation)
    send(rig.adapter, attempt, patience(scenario))

    replayed = send(rig.adapter, replace(attempt, state=State.UNKNOWN), within())

    assert is_done(replayed, attempt), replayed
    assert rig.done(attempt) == 1


@pytest.mark.parametrize("operation", KEYED, ids=str)
@pytest.mark.parametrize("scenario", sorted(KEPT_FAILURES), ids=str)
def test_a_failure_kept_under_the_key_stays_unknown_and_does_nothing_more(
    rig: Rig, scenario: Scenario, operation: Operation
) -> None:
    attempt = MADE[operation](rig)
    rig.plays(scenario, operation)
    send(rig.adapter, attempt, within())

    assert isinstance(send(rig.adapter, attempt, within()), Unknown)
    assert rig.done(attempt) == int(LOST[scenario])


@pytest.mark.parametrize("scenario", sorted(KEPT_FAILURES), ids=str)
def test_a_void_that_failed_is_asked_for_anew_in_the_next_round(
    rig: Rig, scenario: Scenario
) -> None:
    attempt = MADE[Operation.VOID](rig)
    rig.plays(scenario, Operation.VOID)
    rig.adapter.void(attempt, within())

    voided = rig.adapter.void(replace(attempt, polls=1), within())

    assert is_done(voided, attempt)
    assert rig.done(attempt) == 1


@operations
def test_the_same_attempt_twice_gives_the_same_answer_and_moves_money_once(
    rig: Rig, operation: Operation
) -> None:
    attempt = MADE[operation](rig)

    first, second = (send(rig.adapter, attempt, within()) for _ in range(2))

    assert first == second
    assert is_done(first, attempt)
    assert rig.done(attempt) == 1
    assert is_done(rig.adapter.lookup(attempt, within()), attempt)


@operations
@pytest.mark.parametrize("scenario", [Scenario.LIMITS_RATE, Scenario.IS_DOWN], ids=str)
def test_a_documented_refusal_is_proof_and_leaves_the_key_free(
    rig: Rig, scenario: Scenario, operation: Operation
) -> None:
    attempt = MADE[operation](rig)
    rig.plays(scenario, operation)

    outcome = send(rig.adapter, attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert outcome.retry_after_s == 1.0
    assert rig.adapter.at_fault(outcome)
    assert not outcome.request_wrong
    assert rig.done(attempt) == 0
    assert is_done(send(rig.adapter, attempt, within()), attempt)


@operations
def test_a_refused_connection_was_never_sent(rig: Rig, operation: Operation) -> None:
    attempt = MADE[operation](rig)
    rig.renew()  # on a kept connection nothing is refused: it may have arrived
    rig.plays(Scenario.REFUSES_CONNECTIONS)

    outcome = send(rig.adapter, attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT


@operations
def test_after_the_time_to_send_the_provider_does_nothing(rig: Rig, operation: Operation) -> None:
    attempt = MADE[operation](rig)

    outcome = send(rig.adapter, attempt, within(send_s=0.0))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert rig.done(attempt) == 0


@operations
def test_a_key_that_the_provider_does_not_know_is_proof_that_nothing_happened(
    rig: Rig, operation: Operation
) -> None:
    attempt = MADE[operation](rig)
    stranger = rig.stranger()

    outcome = send(stranger, attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert stranger.at_fault(outcome)
    assert isinstance(stranger.lookup(attempt, within()), Unknown)
    assert rig.done(attempt) == 0
    stranger.close()


@operations
def test_bytes_that_make_no_sense_are_refused_as_a_wrong_request(
    rig: Rig, operation: Operation
) -> None:
    attempt = MADE[operation](rig)

    outcome = send(rig.adapter, replace(attempt, request=b'{"amount": "much"}'), within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert outcome.request_wrong
    assert not rig.adapter.at_fault(outcome)
    assert rig.done(attempt) == 0


@operations
def test_a_look_up_that_fails_says_nothing(rig: Rig, operation: Operation) -> None:
    attempt = MADE[operation](rig)
    send(rig.adapter, attempt, within())
    rig.fails_next_read()

    assert isinstance(rig.adapter.lookup(attempt, within()), Unknown)
    assert is_done(rig.adapter.lookup(attempt, within()), attempt)
