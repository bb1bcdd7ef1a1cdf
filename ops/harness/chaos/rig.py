"""The rig: the real programs in a folder and on ports of their own, and hands to hurt them with."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

import psycopg
import redis
from psycopg.rows import dict_row

from ops.dev import proc
from ops.dev.errors import DevError
from ops.dev.ports import free_port
from ops.dev.simulators import SIMULATORS
from ops.dev.supervisor import Supervisor
from ops.dev.up import ROOT, SANDBOX_PORTS, Stack, stack
from ops.procfile import read_procfile

#: Everything is up by then, also on a busy machine.
UP_S: Final = 120.0
#: Everything has ended by then: longer than a drain.
DOWN_S: Final = 90.0
#: Seconds where production counts in minutes, so that a run sees whole schedules. Look-ups go on for
#: 100 s: longer than anything is away during a storm, and than a payer thinks about it.
SETTINGS: Final[Mapping[str, str]] = {
    "APP_ENV": "test",
    "LOG_LEVEL": "INFO",
    "PROVIDER_DEADLINE_S": "3",
    "RESOLVE_SCHEDULE_S": "1,1,1,2,2,3,3,5,5,8,10,15,20,25",
    "BACKOFF_BASE_S": "0.5",
    "BACKOFF_CAP_S": "3",
    "BREAKER_OPEN_S": "2",
    "ORPHAN_S": "30",
    "DRAIN_TIMEOUT_S": "12",
    "IP_RATE_LIMIT_PER_MINUTE": "1000000",
}
_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "VERIFIER")
PROGRAMS: Final = ("ingress", "worker", "clock")


@dataclass(slots=True)
class Rig:
    """What runs."""

    stack: Stack
    supervisor: Supervisor
    folder: Path
    #: What supervisor and servers said, in order.
    said: list[str] = field(default_factory=list)

    @property
    def admin_ports(self) -> dict[str, int]:
        """The admin port of every simulator, by gateway."""
        both = {**self.stack.sandboxes, **self.stack.simulators}
        return {gateway: admin for gateway, (_, admin) in both.items()}

    def sql(self, query: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """Ask the database; raises psycopg.OperationalError while it is away."""
        url = self.stack.settings.database_url
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=5) as db:
            return db.execute(query, values).fetchall()

    def await_up(self, program: str, within_s: float, over: threading.Event) -> bool:
        """Wait until a program is ready; False when the time is over first, or the storm."""
        deadline = monotonic() + within_s
        while program not in self.supervisor.alive():
            if over.wait(0.1) or monotonic() > deadline:
                return False
        return True

    def kill(self, program: str) -> None:
        """End a program and all its processes as a power cut would."""
        if (pid := self.supervisor.pid(program)) is not None:
            _signal_group(pid, signal.SIGKILL)

    def kill_one_process(self, program: str) -> None:
        """Kill one of a program's processes; its others have to notice."""
        pid = self.supervisor.pid(program)
        children = [one for one in proc.living() if pid is not None and proc.parent(one) == pid]
        if children:  # the one with most threads: the others serve numbers, not work
            proc.send(max(children, key=_threads_of), signal.SIGKILL)

    def deploy(self, program: str) -> None:
        """Ask a program to end, and start it again, as a rolling deploy does."""
        self.supervisor.restart(program)

    def flush_redis(self) -> None:
        """Make Redis forget everything."""
        client = redis.Redis.from_url(self.stack.settings.redis_url)
        try:
            client.flushall()
        finally:
            client.close()

    def kill_redis(self) -> None:
        """Kill Redis; the supervisor starts it again."""
        assert self.stack.services.redis is not None
        self.stack.services.redis.kill()

    def kill_postgres(self) -> None:
        """Kill PostgreSQL with all its processes; it recovers from its log."""
        assert self.stack.services.postgres is not None
        self.stack.services.postgres.kill()

    def stop_postgres_at_once(self) -> None:
        """Tell PostgreSQL to stop without asking its clients (an immediate shutdown)."""
        assert self.stack.services.postgres is not None
        process = self.stack.services.postgres.process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGQUIT)

    def log_tail(self, program: str, lines: int = 20) -> list[str]:
        """Return the end of a program's log."""
        log = self.folder / "logs" / f"{program}.log"
        return log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []


@contextmanager
def a_rig(folder: Path, sabotage: str | None, say: Callable[[str], None]) -> Iterator[Rig]:
    """Start everything in `folder`; stop it afterwards. Raises DevError where it does not come up."""
    said: list[str] = []

    def hear(text: str) -> None:
        said.append(text)
        say(text)

    is_up = threading.Event()
    procfile = _procfile(folder, sabotage)
    with stack(folder, _environ(), hear, durable=False, procfile=procfile) as ours:
        supervisor = Supervisor(
            ours.programs, hear, folder / "logs", ours.services.embedded, on_up=is_up.set
        )
        # Programs end with the thread that runs the supervisor: it lives as long as the rig.
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        try:
            deadline = monotonic() + UP_S
            while not is_up.wait(0.1):
                if not thread.is_alive() or monotonic() > deadline:
                    raise DevError("the programs did not come up:\n" + "\n".join(said[-20:]))
            yield Rig(ours, supervisor, folder, said)
        finally:
            supervisor.stop()
            thread.join(DOWN_S)


def _procfile(folder: Path, sabotage: str | None) -> Path:
    if sabotage is None:
        return ROOT / "Procfile"
    lines = read_procfile(ROOT / "Procfile")
    assert "worker" in lines
    folder.mkdir(parents=True, exist_ok=True)
    planted = folder / "Procfile"
    kept = [line for line in (ROOT / "Procfile").read_text().splitlines() if "worker:" not in line]
    bad = f"worker: python -m ops.harness.sabotage {sabotage}"
    planted.write_text("\n".join([*kept, bad]) + "\n")
    return planted


def _environ() -> dict[str, str]:
    names = ["APP_PORT", "WORKER_METRICS_PORT", "CLOCK_METRICS_PORT"]
    prefixes = [name.upper().replace("-", "_") for name in SANDBOX_PORTS]
    prefixes += [one.prefix for one in SIMULATORS]
    names += [f"{prefix}_{side}" for prefix in prefixes for side in ("PORT", "ADMIN_PORT")]
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | dict(SETTINGS) | {name: str(port) for name, port in _ports(names).items()}


def _ports(names: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        port = free_port()
        while port in found.values():
            port = free_port()
        found[name] = port
    return found


def _threads_of(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0  # it has ended meanwhile


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return  # it died by itself a moment ago
