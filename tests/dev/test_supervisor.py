"""The supervisor: up in order, kept up, down in reverse."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.dev.program import child_of
from ops.dev.redis import EmbeddedRedis
from ops.dev.spawn import LOG_LIMIT_BYTES
from ops.dev.supervisor import Supervisor
from tests.dev.kept import (
    DRAINING,
    NOTING,
    PLAIN,
    STUBBORN,
    a_noting,
    a_program,
    kept,
    notes,
    python,
)
from tests.dev.waiting import assert_gone, wait_until


def test_a_program_starts_when_the_one_before_is_ready_and_ends_before_it(tmp_path: Path) -> None:
    open_gate, asked = threading.Event(), threading.Semaphore(0)

    def gate() -> bool:
        asked.release()
        return open_gate.is_set()

    first = a_program("first", python(PLAIN), ready=gate)
    with kept(tmp_path, first, a_program("second", python(PLAIN))) as at_work:
        for _ in range(4):
            assert asked.acquire(timeout=30)
        assert at_work.supervisor.pid("first")
        assert at_work.supervisor.pid("second") is None
        assert at_work.supervisor.alive() == set()
        assert at_work.times_up == 0

        open_gate.set()
        at_work.has_said("everything is up")
        assert at_work.supervisor.alive() == {"first", "second"}
        assert at_work.finish() == 0

    ups = [line.split()[0] for line in at_work.said if " is up (pid" in line]
    downs = [line.split()[0] for line in at_work.said if "was ended by SIGTERM" in line]
    assert ups == ["first", "second"]
    assert downs == ["second", "first"]


def test_the_programs_of_a_group_start_together(tmp_path: Path) -> None:
    one = a_program("one", python(PLAIN), ready=lambda: False)
    two = a_program("two", python(PLAIN), ready=lambda: False)
    with kept(tmp_path, [one, two], a_program("later", python(PLAIN))) as at_work:
        assert at_work.pid("one") != at_work.pid("two")
        assert at_work.supervisor.pid("later") is None
        assert at_work.finish() == 0


def test_a_stop_while_coming_up_starts_nothing_more(tmp_path: Path) -> None:
    first = a_program("first", python(PLAIN), ready=lambda: False)
    with kept(tmp_path, first, a_program("second", python(PLAIN))) as at_work:
        at_work.pid("first")
        assert at_work.finish() == 0
        assert at_work.said == ["asked: stopping", "first was ended by SIGTERM"]
        assert at_work.times_up == 0


def test_a_program_that_dies_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    once = tmp_path / "once"
    script = (
        f"import os, sys\nif not os.path.exists({str(once)!r}):\n    open({str(once)!r}, 'w')\n"
    )
    script += f"    print('my last words', flush=True)\n    sys.exit(3)\n{PLAIN}"
    with kept(tmp_path, a_program("frail", python(script))) as at_work:
        said = at_work.has_said("frail ended with exit code 3")
        log = tmp_path / "logs" / "frail.log"
        assert said.endswith(f": starting it again in 0.5 s, see {log}")
        wait_until(lambda: sum(" is up " in line for line in at_work.said) == 2)
        assert log.read_text() == "my last words\n"
        assert at_work.finish() == 0


def test_a_killed_program_is_said_to_be_killed(tmp_path: Path) -> None:
    with kept(tmp_path, a_program("victim", python(PLAIN))) as at_work:
        at_work.has_said("victim is up")
        old = at_work.pid("victim")
        os.kill(old, signal.SIGKILL)
        at_work.has_said("victim was ended by SIGKILL: starting it again")
        assert at_work.new_pid("victim", old)


def test_delays_double_to_a_limit_until_it_stays_up(tmp_path: Path) -> None:
    child = child_of(a_program("any", ["true"]), tmp_path, print)
    child.started_at = 1_000.0
    assert [child.next_delay_s(1_001.0) for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert child.next_delay_s(1_029.9) == 10
    assert child.next_delay_s(1_030.0) == 0.5
    assert child.next_delay_s(1_029.0) == 1


@pytest.fixture
def _a_silent_terminal() -> Iterator[None]:
    """Our own input is something that never ends, as a terminal is."""
    before = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    yield
    os.dup2(before, 0)
    for file in (before, reading, writing):
        os.close(file)


@pytest.mark.usefixtures("_a_silent_terminal")
def test_a_program_lives_in_its_own_session_without_input(tmp_path: Path) -> None:
    script = (
        "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()), flush=True)"
    )
    log = tmp_path / "logs" / "curious.log"
    with kept(tmp_path, a_program("curious", python(f"{script}; {PLAIN}"))):
        assert wait_until(lambda: log.exists() and log.read_text()) == "True ''\n"


def test_a_program_that_ignores_the_stop_signal_is_killed_and_that_is_said(tmp_path: Path) -> None:
    stubborn = a_program("stubborn", python(STUBBORN, tmp_path, "note"), stop_timeout_s=0.3)
    with kept(tmp_path, a_noting(tmp_path, "good"), stubborn) as at_work:
        wait_until(lambda: notes(tmp_path, "note"))
        pid = at_work.pid("stubborn")
        assert at_work.finish() == 1
    assert "stubborn did not end in 0.3 s: killing it" in at_work.said
    assert_gone(pid)
    assert notes(tmp_path, "good") == ["started", "SIGTERM"]


def test_a_program_that_ends_badly_makes_the_end_unclean(tmp_path: Path) -> None:
    script = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print(1, flush=True)"
    log = tmp_path / "logs" / "sore.log"
    with kept(tmp_path, a_program("sore", python(f"{script}; signal.pause()"))) as at_work:
        wait_until(lambda: log.exists() and log.read_text())
        assert at_work.finish() == 1
    assert "sore ended with exit code 7" in at_work.said


def test_what_never_gets_ready_ends_everything_with_its_last_words(tmp_path: Path) -> None:
    mute = a_program(
        "mute",
        python(f"print('no database', flush=True); {PLAIN}"),
        ready=lambda: False,
        ready_timeout_s=0.5,
    )
    never = a_program("never", python(NOTING, tmp_path, "never"))
    with kept(tmp_path, a_noting(tmp_path, "good"), mute, never) as at_work:
        assert at_work.ended() == 1
    assert any("mute is not ready in time" in line for line in at_work.said)
    assert any("giving up" in line and "no database" in line for line in at_work.said)
    assert notes(tmp_path, "good") == ["started", "SIGTERM"]
    assert notes(tmp_path, "never") == []


def test_a_program_that_cannot_be_started_is_said_and_given_up(tmp_path: Path) -> None:
    absent = a_program("absent", [str(tmp_path / "nothing")], ready_timeout_s=0.2)
    with kept(tmp_path, absent) as at_work:
        assert at_work.ended() == 1
    assert any("absent cannot start, next try in 0.5 s: " in line for line in at_work.said)


def test_a_restart_on_request_is_clean_and_at_once(tmp_path: Path) -> None:
    with kept(tmp_path, a_noting(tmp_path, "one"), a_noting(tmp_path, "two")) as at_work:
        at_work.has_said("everything is up")
        old, other = at_work.pid("one"), at_work.pid("two")
        at_work.supervisor.restart("one")
        at_work.new_pid("one", old)
        assert at_work.times_up == 1
        wait_until(lambda: notes(tmp_path, "one") == ["started", "SIGTERM", "started"])
        assert at_work.pid("two") == other
        assert not any("again" in line for line in at_work.said)
        with pytest.raises(KeyError):
            at_work.supervisor.restart("three")
        assert at_work.finish() == 0


def test_a_stop_during_a_restart_sends_no_second_signal(tmp_path: Path) -> None:
    with kept(tmp_path, a_noting(tmp_path, "slow", DRAINING)) as at_work:
        at_work.has_said("everything is up")
        at_work.supervisor.restart("slow")
        wait_until(lambda: "SIGTERM" in notes(tmp_path, "slow"))
        at_work.supervisor.stop()
        at_work.supervisor.stop()
        at_work.has_said("stopping already: slow has ", " s left")
        (tmp_path / "go").touch()
        assert at_work.ended() == 0
    assert notes(tmp_path, "slow") == ["started", "SIGTERM"]


def test_a_closed_terminal_does_not_keep_programs_alive(tmp_path: Path) -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    with kept(tmp_path, a_noting(tmp_path, "one"), say=broken) as at_work:
        wait_until(lambda: at_work.supervisor.alive() == {"one"})
        assert at_work.finish() == 0
    assert notes(tmp_path, "one") == ["started", "SIGTERM"]


def test_an_overgrown_log_is_set_aside_at_the_start(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "chatty.log"
    log.parent.mkdir()
    with log.open("wb") as file:
        file.truncate(LOG_LIMIT_BYTES + 1)
    script = f"print('fresh', flush=True); {PLAIN}"
    with kept(tmp_path, a_program("chatty", python(script))):
        wait_until(lambda: log.exists() and log.read_bytes() == b"fresh\n")
    assert log.with_name("chatty.log.1").stat().st_size == LOG_LIMIT_BYTES + 1
    assert log.stat().st_mode & 0o777 == 0o600


def test_where_the_kernel_does_not_tell_of_an_end_we_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    with kept(tmp_path, a_program("victim", python(PLAIN))) as at_work:
        at_work.has_said("everything is up")
        old = at_work.pid("victim")
        os.kill(old, signal.SIGKILL)
        at_work.new_pid("victim", old)
        assert at_work.finish() == 0


def test_asking_a_supervisor_that_has_ended_does_nothing(tmp_path: Path) -> None:
    with kept(tmp_path, a_program("one", python(PLAIN))) as at_work:
        assert at_work.finish() == 0
        at_work.supervisor.restart("one")
        assert at_work.supervisor.pid("one") is None


def test_two_programs_of_one_name_are_refused(tmp_path: Path) -> None:
    twin = a_program("twin", python(PLAIN))
    with pytest.raises(ValueError, match="share a name"):
        Supervisor([twin, [twin]], print, tmp_path)


@pytest.mark.services
def test_a_watched_server_that_dies_comes_back_on_its_port(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path)
    url = redis.start()
    assert redis.process is not None
    try:
        with kept(tmp_path, a_program("one", python(PLAIN)), watch=[redis]) as at_work:
            at_work.has_said("everything is up")
            os.kill(redis.process.pid, signal.SIGKILL)
            at_work.has_said("redis was ended by SIGKILL: starting it again in 0.5 s")
            at_work.has_said("redis is up")
            assert redis.answers()
            assert redis.url == url
            assert at_work.finish() == 0
    finally:
        redis.stop()
