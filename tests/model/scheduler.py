"""Tasks that run one at a time and stop at every port: who goes on, and who dies, is decided outside.

Each task has a thread, and one baton goes around, so that the real flows run as they are. Whoever
holds the baton runs alone: nothing here needs a lock, and the same decisions give the same history.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import Final

#: More steps than this in one turn is an endless loop in what runs. Far above any flow's length.
MAX_PAUSES: Final = 5_000


class Killed(BaseException):
    """The process of this task has ended: nothing that it still does has any effect."""


class Crashed(BaseException):
    """This run failed at this point, for a reason of its own; its process lives on."""


class Task:
    """One run of a flow, a request or a sweep."""

    def __init__(self, name: str, body: Callable[[], None]) -> None:
        self.name = name
        self.body = body
        #: What it is told when it goes on.
        self.doom: BaseException | None = None
        #: Where it stands.
        self.point = "begins"
        #: What it waits for; None: it can go on.
        self.waits_for: Callable[[], bool] | None = None
        self.over = False
        self.error: BaseException | None = None
        self.hand: _Hand | None = None

    @property
    def ready(self) -> bool:
        """Whether it can go on."""
        return self.waits_for is None or self.waits_for() or self.doom is not None


class Scheduler:
    """Gives the baton to one task at a time, until it pauses or ends."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.running: Task | None = None
        self._back = _thread.allocate_lock()
        self._back.acquire()
        self._pauses = 0

    def spawn(self, name: str, body: Callable[[], None]) -> Task:
        """Return a new task that has not begun."""
        task = Task(name, body)
        self.tasks.append(task)
        return task

    def resume(self, task: Task) -> None:
        """Let a task run until it pauses or ends. Raises what it died of, unless it was to die."""
        if task.hand is None:
            task.hand = _IDLE.pop() if _IDLE else _Hand()
        task.waits_for = None
        self.running, self._pauses = task, 0
        task.hand.work(task, self._back)
        self._back.acquire()
        self.running = None
        if task.over:
            self.tasks.remove(task)
            _IDLE.append(task.hand)
            task.hand = None
            if task.error is not None:
                raise task.error

    def pause(self, point: str) -> None:
        """Give the baton back, until somebody resumes this task; raises if it is to die."""
        task = self.running
        if task is None or task.hand is None:
            return  # nobody else runs: no schedule is in the way
        self._pauses += 1
        assert self._pauses < MAX_PAUSES, f"{task.name} never ends"
        if task.doom is None:
            task.point = point
            hand = task.hand
            self._back.release()
            hand.go.acquire()
        if task.doom is not None:
            raise task.doom

    def kill(self, task: Task, how: BaseException) -> None:
        """End a task where it stands."""
        if task.hand is None:  # it never began
            self.tasks.remove(task)
            task.over = True
            return
        task.doom = how
        try:
            self.resume(task)
        except (Killed, Crashed):
            return

    def close(self) -> None:
        """End whatever is left."""
        for task in list(self.tasks):
            self.kill(task, Killed())


class _Hand:
    """A thread that runs one task after another; it outlives the schedule that needed it."""

    def __init__(self) -> None:
        self.go = _thread.allocate_lock()
        self.go.acquire()
        self._task: Task | None = None
        self._back = self.go
        threading.Thread(target=self._run, daemon=True).start()

    def work(self, task: Task, back: _thread.LockType) -> None:
        """Begin a task, or go on with it."""
        self._task, self._back = task, back
        self.go.release()

    def _run(self) -> None:
        while True:
            self.go.acquire()
            task = self._task
            assert task is not None
            try:
                task.body()
            except BaseException as error:  # noqa: BLE001 - whoever resumed it judges
                task.error = error
            task.over = True
            self._back.release()


#: Threads that wait for a task. Only whoever holds the baton touches it.
_IDLE: list[_Hand] = []
