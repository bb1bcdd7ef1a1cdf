"""The storm: what is destroyed, in which order, and how long the system needs to go on."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Final

import psycopg
import redis

from ops.dev.errors import DevError
from ops.harness.chaos.faults import Providers
from ops.harness.chaos.migration import Migrated, clean_up, migrate_under_load
from ops.harness.chaos.rig import PROGRAMS, Rig

#: Something happens this often in a long run; in a short one everything happens once.
EVERY_S: Final = 4.0
#: A provider hangs for this share of the pause between two rounds, but not for longer.
HANG_S: Final = 12.0
#: The load goes on for a while after the last blow, so that recovery can be seen.
QUIET_SHARE: Final = 0.12

#: A program that was struck is given this long to come up before it is struck again: on a busy machine
#: one that is struck while it starts would never serve anybody.
UP_AGAIN_S: Final = 30.0

BLOWS: Final = (
    *(f"kill {program}" for program in PROGRAMS),
    "kill a worker process",
    "flush redis",
    "kill redis",
    "kill postgres",
    "stop postgres at once",
    *(f"deploy {program}" for program in PROGRAMS),
    "migrate",
    "hang",
)


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that is done to the system."""

    at_s: float
    what: str


@dataclass(slots=True)
class Struck:
    """A blow that has fallen; `at` is the time of day, as the database counts it."""

    what: str
    at: float
    why_not: str = ""


def schedule(seed: int, storm_s: float) -> list[Blow]:
    """Return the blows of a storm: every kind once per round, in a new order each round."""
    draw = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    last_s = storm_s * (1 - QUIET_SHARE)
    rounds = max(1, round(last_s / (EVERY_S * len(BLOWS))))
    step_s = last_s / (rounds * len(BLOWS))
    found: list[Blow] = []
    for _ in range(rounds):
        for what in draw.sample(BLOWS, len(BLOWS)):
            found.append(Blow((len(found) + draw.uniform(0.3, 0.9)) * step_s, what))
    return found


@dataclass(slots=True)
class Storm:
    """Strikes a rig, blow by blow, in a thread of its own."""

    rig: Rig
    providers: Providers
    blows: Sequence[Blow]
    seed: int
    struck: list[Struck] = field(default_factory=list)
    migrations: list[Migrated] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Let it begin."""
        self._thread(self._blow)

    @property
    def over(self) -> bool:
        """Whether every blow has fallen."""
        return len(self.struck) == len(self.blows)

    def stop(self) -> None:
        """End it, and put right what it left half done."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self.migrations:
            clean_up(self.rig.stack.settings.database_url)

    def _thread(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _blow(self) -> None:
        begun = monotonic()
        for blow in self.blows:
            if self._over.wait(max(0.0, begun + blow.at_s - monotonic())):
                return
            program = next((one for one in PROGRAMS if one in blow.what.split()), None)
            up = program is None or self.rig.await_up(program, UP_AGAIN_S, self._over)
            done = Struck(blow.what, time())
            try:
                if up:
                    self._deeds[blow.what]()
                else:
                    done.why_not = f"{program} was not up"
            except (DevError, OSError, psycopg.Error, redis.RedisError) as error:
                done.why_not = type(error).__name__  # what it was for is down already
            self.struck.append(done)

    @property
    def _deeds(self) -> Mapping[str, Callable[[], None]]:
        rig = self.rig
        found: dict[str, Callable[[], None]] = {
            "kill a worker process": lambda: rig.kill_one_process("worker"),
            "flush redis": rig.flush_redis,
            "kill redis": rig.kill_redis,
            "kill postgres": rig.kill_postgres,
            "stop postgres at once": rig.stop_postgres_at_once,
            "migrate": lambda: self._thread(self._migrate),
            "hang": lambda: self._thread(self._hang),
        }
        for program in PROGRAMS:
            found[f"kill {program}"] = _bound(rig.kill, program)
            found[f"deploy {program}"] = _bound(rig.deploy, program)
        return found

    def _migrate(self) -> None:
        self.migrations.append(migrate_under_load(self.rig.stack.settings.database_url))

    def _hang(self) -> None:
        """Let one provider hang for a while; another one each time."""
        gateways = sorted(self.providers.ports)
        turn = sum(one.what == "hang" for one in self.struck)
        gateway = gateways[(self.seed + turn) % len(gateways)]
        self.providers.hang(gateway)
        self._over.wait(min(HANG_S, self.blows[-1].at_s / 6))
        self.providers.behave(gateway)
        if not self._over.is_set():
            self.providers.misbehave(gateway)


def _bound(deed: Callable[[str], None], program: str) -> Callable[[], None]:
    return lambda: deed(program)
