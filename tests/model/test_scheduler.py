"""The scheduler: one task at a time, from port to port, until somebody ends it."""

from __future__ import annotations

import pytest

from tests.model.scheduler import Crashed, Killed, Scheduler


def test_tasks_take_turns_as_they_are_told() -> None:
    scheduler, seen = Scheduler(), list[str]()

    def body(name: str) -> None:
        for point in ("first", "second"):
            seen.append(f"{name} {point}")
            scheduler.pause(point)
        seen.append(f"{name} ends")

    one = scheduler.spawn("one", lambda: body("one"))
    two = scheduler.spawn("two", lambda: body("two"))
    for task in (one, two, two, one, one, two):
        scheduler.resume(task)

    assert seen == ["one first", "two first", "two second", "one second", "one ends", "two ends"]
    assert scheduler.tasks == []


def test_a_killed_task_does_nothing_any_more() -> None:
    scheduler, seen = Scheduler(), list[str]()

    def body() -> None:
        try:
            scheduler.pause("here")
            seen.append("alive")
        finally:
            scheduler.pause("in its last words")
            seen.append("talking")

    task = scheduler.spawn("one", body)
    scheduler.resume(task)
    scheduler.kill(task, Killed())

    assert task.over
    assert seen == []
    assert scheduler.tasks == []


def test_a_task_that_never_began_is_only_forgotten() -> None:
    scheduler = Scheduler()
    task = scheduler.spawn("one", lambda: pytest.fail("it ran"))

    scheduler.kill(task, Killed())

    assert scheduler.tasks == []


@pytest.mark.parametrize("error", [ValueError("wrong"), Crashed("here")])
def test_what_a_task_dies_of_is_heard_by_whoever_resumed_it(error: BaseException) -> None:
    scheduler = Scheduler()

    def body() -> None:
        raise error

    with pytest.raises(type(error)):
        scheduler.resume(scheduler.spawn("one", body))
    assert scheduler.tasks == []


def test_nobody_pauses_where_nobody_else_runs() -> None:
    scheduler = Scheduler()
    scheduler.pause("anywhere")
    assert scheduler.running is None


def test_a_task_that_waits_is_ready_when_it_says_so() -> None:
    scheduler, free = Scheduler(), list[bool]()

    def body() -> None:
        assert scheduler.running is not None
        scheduler.running.waits_for = lambda: bool(free)
        scheduler.pause("waits")

    task = scheduler.spawn("one", body)
    scheduler.resume(task)
    before = task.ready
    free.append(True)
    assert (before, task.ready) == (False, True)
    scheduler.close()
    assert scheduler.tasks == []
