"""The breaker, by table and by property, on a clock that the test holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.breaker import (
    BUCKETS,
    Change,
    Circuit,
    Hold,
    Override,
    Policy,
    Reason,
    Refusal,
    State,
    Verdict,
    Window,
    counted,
    decide,
    is_probe,
    judged,
    moved,
    refusal,
    state_at,
    to_ms,
)

GOOD, BAD, IGNORED = Verdict.GOOD, Verdict.BAD, Verdict.IGNORED
POLICY = Policy()
T0 = 1_000_000.0
OPENED = Circuit(epoch=1, open_until=T0 + 60)


@dataclass
class Breaker:
    """One circuit under a fake clock: calls that enter and leave at once, or stay out as probes."""

    policy: Policy = POLICY
    circuit: Circuit = field(default_factory=Circuit)
    now: float = T0
    changes: list[Change] = field(default_factory=list)

    def call(self, *verdicts: Verdict, took_s: float = 0.1) -> Breaker:
        for verdict in verdicts:
            probe = is_probe(self.policy, self.circuit, self.now, probes_out=0)
            self.ends(judged(self.policy, verdict, took_s), probe=probe)
        return self

    def ends(self, verdict: Verdict, *, probe: bool) -> None:
        circuit = counted(self.policy, self.circuit, verdict, self.now, probe=probe)
        if circuit is self.circuit:
            return
        if change := decide(self.policy, circuit, self.now):
            circuit = moved(self.policy, circuit, change)
            self.changes.append(change)
        self.circuit = circuit

    def wait(self, seconds: float) -> Breaker:
        self.now += seconds
        return self

    def refuses(self, *, probes_out: int = 0, hold: Hold | None = None) -> Refusal | None:
        return refusal(self.policy, self.circuit, self.now, probes_out=probes_out, hold=hold)

    @property
    def state(self) -> State:
        return state_at(self.circuit, self.now)


@pytest.mark.parametrize(
    ("verdicts", "ends_as"),
    [
        ([BAD] * 4, State.CLOSED),
        ([BAD] * 5, State.OPEN),
        ([GOOD, GOOD, BAD, BAD], State.CLOSED),
        ([GOOD, GOOD, GOOD, BAD, BAD], State.CLOSED),
        ([GOOD, GOOD, GOOD, BAD, BAD, BAD], State.OPEN),
        ([BAD, BAD, BAD, GOOD, GOOD], State.OPEN),
        ([BAD] * 4 + [IGNORED] * 50, State.CLOSED),
        ([IGNORED] * 1_000, State.CLOSED),
        ([GOOD] * 100, State.CLOSED),
    ],
    ids=[
        "four calls prove nothing",
        "five failures",
        "half of four",
        "two of five",
        "half of six",
        "the fifth call completes the evidence",
        "declines are no evidence",
        "declines alone",
        "healthy",
    ],
)
def test_it_opens_at_five_calls_of_which_half_failed(
    verdicts: list[Verdict], ends_as: State
) -> None:
    assert Breaker().call(*verdicts).state is ends_as


def test_slow_answers_open_it() -> None:
    slow = Breaker().call(*[GOOD] * 5, took_s=POLICY.slow_call_s)
    fast = Breaker().call(*[GOOD] * 5, took_s=math.nextafter(POLICY.slow_call_s, 0))

    assert (slow.state, fast.state) == (State.OPEN, State.CLOSED)


def test_a_slow_decline_is_still_a_decline() -> None:
    assert Breaker().call(*[IGNORED] * 20, took_s=60).state is State.CLOSED


def test_failures_that_slid_out_of_the_window_are_forgotten() -> None:
    breaker = Breaker().call(*[BAD] * 4).wait(POLICY.window_s)

    assert breaker.call(BAD).state is State.CLOSED
    assert breaker.call(*[BAD] * 4).state is State.OPEN


def test_failures_within_the_window_add_up() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.wait(POLICY.window_s / 6).call(BAD)

    assert breaker.state is State.OPEN


def test_a_decline_does_not_open_it_when_good_calls_slide_out_of_the_window() -> None:
    breaker = Breaker().call(*[GOOD] * 6).wait(15).call(*[BAD] * 5).wait(15)

    assert breaker.call(IGNORED).state is State.CLOSED
    assert breaker.call(BAD).state is State.OPEN


def test_it_stays_open_for_the_open_time_and_then_lets_probes_in() -> None:
    breaker = Breaker().call(*[BAD] * 5)

    assert breaker.wait(59.9).refuses() is Refusal.OPEN
    assert breaker.wait(0.1).refuses() is None
    assert breaker.state is State.HALF_OPEN


@pytest.mark.parametrize(
    ("probes_out", "good", "refused"),
    [
        (0, 0, None),
        (4, 0, None),
        (5, 0, Refusal.HALF_OPEN_FULL),
        (0, 4, None),
        (1, 4, Refusal.HALF_OPEN_FULL),
        (3, 2, Refusal.HALF_OPEN_FULL),
    ],
)
def test_probes_out_and_probes_that_succeeded_share_five_places(
    probes_out: int, good: int, refused: Refusal | None
) -> None:
    breaker = Breaker(circuit=replace(OPENED, good_probes=good)).wait(60)

    assert breaker.refuses(probes_out=probes_out) is refused
    assert is_probe(POLICY, breaker.circuit, breaker.now, probes_out=probes_out) is (not refused)


def test_it_closes_when_all_probes_succeeded_and_starts_counting_anew() -> None:
    breaker = Breaker().call(*[BAD] * 5).wait(60)

    assert breaker.call(*[GOOD] * 4).state is State.HALF_OPEN
    assert breaker.call(GOOD).state is State.CLOSED
    assert breaker.call(*[BAD] * 4).state is State.CLOSED
    assert [(c.from_state, c.to_state, c.reason) for c in breaker.changes] == [
        (State.CLOSED, State.OPEN, Reason.TOO_MANY_FAILURES),
        (State.HALF_OPEN, State.CLOSED, Reason.PROBES_SUCCEEDED),
    ]


def test_the_first_bad_probe_opens_it_again() -> None:
    breaker = Breaker().call(*[BAD] * 5).wait(60).call(GOOD, GOOD, GOOD, GOOD, BAD)

    assert breaker.changes[-1] == Change(
        State.HALF_OPEN, State.OPEN, Reason.PROBE_FAILED, breaker.now
    )
    assert breaker.wait(59.9).state is State.OPEN
    assert breaker.wait(0.1).call(*[GOOD] * 5).state is State.CLOSED


def test_a_slow_probe_opens_it_again() -> None:
    breaker = Breaker().call(*[BAD] * 5).wait(60).call(GOOD, took_s=POLICY.slow_call_s)

    assert breaker.state is State.OPEN


def test_a_probe_that_says_nothing_leaves_its_place_to_another() -> None:
    breaker = Breaker().call(*[BAD] * 5).wait(60).call(*[IGNORED] * 20)

    assert breaker.state is State.HALF_OPEN
    assert breaker.call(*[GOOD] * 5).state is State.CLOSED


def test_calls_from_before_the_change_decide_nothing() -> None:
    breaker = Breaker().call(*[BAD] * 5).wait(60)

    breaker.ends(BAD, probe=False)

    assert breaker.state is State.HALF_OPEN


def test_every_change_starts_a_new_epoch() -> None:
    breaker = Breaker().call(*[BAD] * 5)
    opened = breaker.circuit.epoch

    breaker.wait(60).call(*[GOOD] * 5)

    assert 0 < opened < breaker.circuit.epoch


@pytest.mark.parametrize(
    ("circuit", "hold", "refused"),
    [
        (Circuit(), Hold.DOWN, Refusal.OPEN),
        (OPENED, Hold.UP, None),
        (OPENED, None, Refusal.OPEN),
        (Circuit(), None, None),
        (Circuit(), Hold.UP, None),
    ],
)
def test_a_person_beats_the_breaker(
    circuit: Circuit, hold: Hold | None, refused: Refusal | None
) -> None:
    assert Breaker(circuit=circuit).refuses(hold=hold) is refused


@pytest.mark.parametrize(("until", "counts"), [(T0 + 1, True), (T0, False), (None, True)])
def test_an_override_ends_at_its_time(until: float | None, counts: bool) -> None:
    assert Override(Hold.DOWN, until).in_force(T0) is counts


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_s": 0},
        {"open_s": math.inf},
        {"slow_call_s": -1},
        {"min_calls": 0},
        {"probes": 0},
        {"failure_ratio": 0},
        {"failure_ratio": 1.1},
    ],
    ids=str,
)
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        replace(POLICY, **wrong)  # type: ignore[arg-type]


STEPS = st.lists(
    st.tuples(st.floats(min_value=0, max_value=20), st.sampled_from(Verdict)), max_size=120
)


@given(steps=STEPS)
def test_whatever_happens_only_evidence_and_time_move_it(
    steps: list[tuple[float, Verdict]],
) -> None:
    breaker = Breaker(policy=Policy(window_s=10, open_s=15, min_calls=3, probes=2))
    history: list[tuple[float, Verdict]] = []
    for pause_s, verdict in steps:
        before, changes = breaker.wait(pause_s).state, len(breaker.changes)
        breaker.call(verdict)
        history.append((breaker.now, verdict))
        if len(breaker.changes) == changes:
            assert breaker.state is before
            continue
        change = breaker.changes[-1]
        assert change.from_state is before
        assert verdict is not IGNORED
        match change.reason:
            case Reason.TOO_MANY_FAILURES:
                recent = [v for at, v in history if breaker.now - at < 10 and v is not IGNORED]
                assert len(recent) >= 3
                assert BAD in recent
                history.clear()
            case Reason.PROBE_FAILED:
                assert verdict is BAD
            case Reason.PROBES_SUCCEEDED:
                assert [v for _, v in history if v is not IGNORED][-2:] == [GOOD, GOOD]
                history.clear()
            case Reason.OPEN_TIME_OVER:
                pytest.fail("time alone is not a decision")


@given(
    calls=st.lists(st.tuples(st.floats(min_value=0, max_value=0.3), st.booleans()), max_size=200)
)
def test_a_window_counts_what_a_plain_list_would(
    calls: list[tuple[float, bool]],
) -> None:
    span_s = 1.0
    step_ms = to_ms(span_s) // BUCKETS
    window, now, seen = Window(), T0, list[tuple[int, bool]]()
    for pause_s, mark in calls:
        now += pause_s
        window = window.plus(now, span_s, mark=mark)
        seen.append((to_ms(now) // step_ms * step_ms, mark))
        live = [m for start, m in seen if start > to_ms(now) - to_ms(span_s)]
        assert window.tally(now, span_s) == (len(live), sum(live))


def test_a_busy_window_stays_small() -> None:
    window = Window()
    for n in range(1_000):
        window = window.plus(T0 + n / 20, 1.0, mark=False)

    assert len(window.buckets) <= BUCKETS
    assert window.tally(T0 + 999 / 20, 1.0)[0] in range(18, 21)
