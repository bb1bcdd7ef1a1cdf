"""Playing a cell: ask, strike, let others go on, and look at what is left when all is quiet."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.commands import Command
from tests.crash.cells import Cell, Deed, How
from tests.crash.client import Answer, Client, merchant_client, provider_client
from tests.crash.deeds import PLANS, asked, before
from tests.crash.failpoint import KILLED
from tests.crash.family import Child, NotHeard
from tests.crash.judging import Ready, Settled, judged, settled
from tests.crash.orders import Role
from tests.crash.stage import Slot, a_key

#: A cell's boundary is reached within this; a deed takes tenths of a second. Bounds are generous:
#: a crowded machine may need ten times as long as an idle one.
STRIKE_S = 90.0
LOOK_S = 0.2
#: How long a hung process hangs: longer than any lease of a run (2.3 s), and shorter than the
#: database lets a transaction idle.
HANG_S = 3.5
#: A process that was told to stop, or that goes on, is through by then.
END_S = 120.0
#: Everything is quiet by then, or something is wrong.
SETTLE_S = 90.0
PREPARE_S = 120.0
#: How often a cell is played whose boundary is not reached, on a machine that others keep busy.
TAKES = 3


class NotStruck(Exception):
    """The deed came to its end elsewhere: the machine was too slow for the time to send, say."""


@dataclass(slots=True)
class Played:
    """What came of a cell."""

    cell: Cell
    wrong: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    took_s: float = 0.0
    struck: bool = True

    def report(self) -> str:
        """Say exactly what is wrong where."""
        cell = self.cell
        head = f"{cell.deed}, {cell.boundary}, {cell.when}, {cell.how}, {self.took_s:.0f} s:"
        return "\n".join([head, *self.wrong, *self.logs])


def prepare(slot: Slot, cells: Sequence[Cell], take: int = 0) -> dict[Cell, Ready]:
    """Write the merchants of these cells, and bring each payment to where its cell begins."""
    ready = {cell: Ready(slot.merchant(cell), take=take) for cell in cells}
    needy = [cell for cell in cells if before(cell) is not None]
    if not needy:
        return ready
    port = slot.open_door().port()
    commands = (Command.SCREEN, Command.CHARGE)
    order = slot.order(Role.WORKER, f"before-{slot.number}", commands=commands, patient=True)
    worker = slot.stage.family.ready(order)
    for cell in needy:
        body, merchant = before(cell, take), ready[cell].merchant
        assert body is not None
        answer = merchant_client("/v1/payments", body, merchant.key, a_key()).insist(port)
        assert answer.status == 202, (cell, answer)
        ready[cell] = Ready(merchant, UUID(answer.json()["id"].partition("_")[2]), take)
    wanted = {ready[cell].payment_id: _waits_as(cell) for cell in needy}
    until, pause = time.monotonic() + PREPARE_S, threading.Event()
    while missing := _not_yet(slot, wanted):
        assert time.monotonic() < until, f"not ready: {missing[:5]} {worker.tail()}"
        pause.wait(0.1)
    worker.signal(signal.SIGTERM)
    assert worker.exit_code(END_S) == 0, worker.tail()
    return ready


def play(cell: Cell, slot: Slot, ready: Ready, bug: str = "", settle_s: float = SETTLE_S) -> Played:
    """Play a cell and judge it, once all is quiet or `settle_s` are over."""
    played, began = Played(cell), time.monotonic()
    scene = Scene(cell, slot, ready, bug, settle_s)
    try:
        scene.play()
        played.wrong += scene.wrong
    except NotStruck:
        played.struck = False
        played.wrong.append("its boundary was not reached")
    except (AssertionError, NotHeard) as error:
        played.wrong += [*scene.wrong, str(error) or repr(error)]
    except Exception:  # noqa: BLE001 - it belongs to this cell alone, whatever it is
        played.wrong += [*scene.wrong, traceback.format_exc()]
    finally:
        scene.close()
    if played.wrong:
        played.logs = [
            f"--- {child.order.role} {child.order.log}\n{child.tail()}"
            for child in (*scene.children, *slot.dismiss())
        ]
    played.took_s = time.monotonic() - began
    return played


class Scene:
    """One cell while it plays."""

    def __init__(self, cell: Cell, slot: Slot, ready: Ready, bug: str, settle_s: float) -> None:
        self.cell, self.slot, self.ready = cell, slot, ready
        self.bug, self.settle_s = bug, settle_s
        self.plan = PLANS[cell.deed]
        self.wrong: list[str] = []
        self.children: list[Child] = []
        self.answers: list[Answer] = []

    def play(self) -> None:
        """Ask, strike, settle, judge."""
        self.slot.redis.flushdb()
        self.slot.successor()
        client = self._client()
        if self.cell.at_the_door:
            self._at_the_door(client)
        else:
            self._at_a_worker(client)
        end = self._wait(self.settle_s)
        self.answers.append(client.insist(self.slot.open_door().port()))
        self._compare()
        self.wrong += judged(self.cell, self.slot, self.ready, end)

    def close(self) -> None:
        """End whoever still lives, and have the others rest."""
        for child in self.children:
            with suppress(NotHeard):
                child.kill()
        with suppress(NotHeard):
            self.slot.rest()

    def _client(self) -> Client:
        if self.cell.deed is Deed.WEBHOOK:
            (attempt,) = self.slot.sql(
                "SELECT id FROM payment_attempts WHERE payment_id = %s", [self.ready.payment_id]
            )
            body = self.slot.stage.postbox.get(attempt["id"].hex, "payment.captured")
            return provider_client(self.plan.path, body)
        id_ = self.ready.payment_id
        path = self.plan.path.format(f"pay_{id_.hex}" if id_ else "")
        return merchant_client(
            path, asked(self.cell, self.ready.take), self.ready.merchant.key, a_key()
        )

    # At the door: the client loses its answer, and asks again under the same key.

    def _at_the_door(self, client: Client) -> None:
        door = self._child(Role.DOOR, "struck", cell=self.cell)
        asking = ThreadPoolExecutor(1)
        first_answer = asking.submit(client.once, door.port())
        door.wait("struck", STRIKE_S)
        self._next()
        port = self.slot.open_door().port()
        waking: threading.Timer | None = None
        match self.cell.how:
            case How.KILL:
                self._ends(door, KILLED)
            case How.TERM:
                self._ends(door, 0)
            case How.RAISE:
                port = door.port()
            case How.HANG:
                door.wait("stopped", STRIKE_S)
                waking = threading.Timer(HANG_S, door.signal, [signal.SIGCONT])
                waking.start()
        self.answers.append(client.insist(port))
        if waking is not None:
            waking.join()
            self._stops(door)  # it finishes what is under way
        first = first_answer.result()
        asking.shutdown()
        if first is not None and first.status < 500:
            self.answers.append(first)
        elif self.cell.how is How.TERM:
            self.wrong.append(f"a request under way was not answered: {first}")

    # At a worker: somebody else goes on, or it does so itself.

    def _at_a_worker(self, client: Client) -> None:
        commands = self.plan.commands
        worker = self._child(
            Role.WORKER, "struck", cell=self.cell, command=self.plan.command, commands=commands
        )
        self.answers.append(client.insist(self.slot.open_door().port()))
        self._wait_until_struck(worker)
        match self.cell.how:
            case How.KILL:
                self._ends(worker, KILLED)
            case How.TERM:
                self._ends(worker, 0)
            case How.RAISE:
                return
            case How.HANG:
                worker.wait("stopped", STRIKE_S)
        self._next()
        if self.cell.how is How.HANG:
            self._wait(HANG_S)
            worker.signal(signal.SIGCONT)
            worker.wait("over", END_S)
            self._stops(worker)

    def _wait_until_struck(self, worker: Child) -> None:
        until = time.monotonic() + STRIKE_S
        while worker.has("struck") is None:
            if time.monotonic() > until or settled(self.cell, self.slot, self.ready).quiet:
                break
            with suppress(NotHeard):
                worker.wait("struck", LOOK_S)
        if worker.has("struck") is None:
            raise NotStruck

    def _compare(self) -> None:
        """One key, one answer, byte for byte, whoever gives it and whenever."""
        several = {(answer.status, answer.body) for answer in self.answers}
        if any(status // 100 != 2 for status, _ in several):
            self.wrong.append(f"refused: {several}")
        if len(several) > 1 and self.cell.deed is not Deed.WEBHOOK:  # which tells a copy from new
            self.wrong.append(f"one key, several answers: {several}")

    def _child(self, role: Role, name: str, **more: Any) -> Child:
        log = f"{self.cell.id}{self.bug and '-' + self.bug}-{name}"
        bug = self.bug if role is Role.WORKER else ""
        child = self.slot.stage.family.order(self.slot.order(role, log, bug=bug, **more))
        self.children.append(child)
        child.wait("ready", STRIKE_S)
        return child

    def _next(self) -> None:
        """Let others go on: the slot's own worker, or one with the same bug."""
        if not self.bug:
            self.slot.go_on()
            return
        self._child(Role.WORKER, "next", commands=self.plan.commands)

    def _ends(self, child: Child, code: int) -> None:
        ended = child.exit_code(END_S)
        if ended != code:
            self.wrong.append(f"the {child.order.role} ended with {ended}, not with {code}")

    def _stops(self, child: Child) -> None:
        """Have a process that went on after it hung end as any other."""
        child.signal(signal.SIGTERM)
        self._ends(child, 0)

    def _wait(self, within_s: float) -> Settled:
        """Wait until all is quiet, or the time is over; return how things are then."""
        until, pause = time.monotonic() + within_s, threading.Event()
        while True:
            seen = settled(self.cell, self.slot, self.ready)
            if seen.quiet or time.monotonic() > until:
                return seen
            pause.wait(0.1)


def _waits_as(cell: Cell) -> str:
    plan = PLANS[cell.deed]
    assert plan.before is not None
    return plan.before[1]


def _not_yet(slot: Slot, wanted: dict[UUID | None, str]) -> list[dict[str, Any]]:
    rows = slot.sql(
        "SELECT p.id, p.status, a.state, a.cause FROM payments p LEFT JOIN payment_attempts a"
        " ON a.payment_id = p.id WHERE p.id = ANY(%s)",
        [list(wanted)],
    )
    return [row for row in rows if wanted[row["id"]] != row["status"]]
