"""Load: sends requests from a process of its own, as fast as answers come or on a schedule.

`python -m ops.bench.load` reads a `Plan` as JSON from its input and prints an `Outcome` as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, cast

import msgspec
import uvloop

#: What is under way at the end is waited for, so that nothing of it disturbs the next turn.
LAST_S: Final = 15.0
#: Marks in a request: its number, the microsecond it was due, its line, and its signature.
NUMBER, DUE, LINE, SIGNED = b"@N@", b"@T@", b"@L@", b"@S@"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send where, how often, and for how long."""

    port: int
    #: With the marks above; `Content-Length` is added.
    head: str
    body: str = ""
    connections: int
    #: Ends after so many requests, or after so many seconds, whichever comes first.
    count: int = 10**9
    seconds: float = 3600.0
    #: Per second, at random moments (a Poisson process); 0: whenever an answer has come.
    rate: float = 0.0
    seed: int = 1
    #: The number of the first request; after `cycle` of them the numbers begin again.
    first: int = 0
    cycle: int = 10**9
    #: What stands for the mark of a line, one after another.
    lines: tuple[str, ...] = ("",)
    #: Signs the body as the sandbox signs its webhooks.
    secret: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. Latencies are from the moment at which a request was due."""

    done: int
    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.done / self.seconds


class Maker:
    """Makes requests out of a plan's templates."""

    def __init__(self, plan: Plan) -> None:
        self._head = _template(plan.head)
        self._body = _template(plan.body)
        self._plan = plan
        self._secret = plan.secret.encode()
        self._lines = [line.encode() for line in plan.lines]
        self._post = bool(plan.body)

    def make(self, number: int, due_us: int) -> bytes:
        """Return the bytes of one request."""
        counted = self._plan.first + number % self._plan.cycle
        line = self._lines[counted % len(self._lines)]
        values = {b"n": counted, b"t": due_us, b"l": line, b"s": b""}
        body = self._body % values
        if self._secret:
            values[b"s"] = self._signed(due_us // 1_000_000, body)
        head = self._head % values
        length = b"Content-Length: %d\r\n" % len(body) if self._post else b""
        return b"%s\r\n%s\r\n%s" % (head, length, body)

    def _signed(self, sent_at: int, body: bytes) -> bytes:
        digest = hmac.digest(self._secret, b"%d.%s" % (sent_at, body), hashlib.sha256)
        return b"t=%d,v1=%s" % (sent_at, digest.hex().encode())


class Line(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, answered: Callable[[Line, int], None]) -> None:
        self._answered = answered
        self._buffer = b""
        self._needed = 0
        self._status = 0
        self.due = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def send(self, request: bytes, due: float) -> None:
        """Send one request that was due at this moment."""
        assert self.transport is not None
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take what came; tell when the answer is complete. Answers have a Content-Length."""
        self._buffer += data
        if not self._needed:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
            self._needed, self._status = end + 4 + length, int(head[9:12])
        if len(self._buffer) >= self._needed:
            self._buffer, self._needed = self._buffer[self._needed :], 0
            self._answered(self, self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that will not be answered any more."""
        if self.due:
            self._answered(self, 0)


class Load:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._make = Maker(plan).make
        self._random = random.Random(plan.seed)  # noqa: S311 - arrivals, not secrets
        self._sent = 0
        self._due = 0.0
        self._ends = 0.0
        self._late: deque[float] = deque()
        self._idle: list[Line] = []
        self._lines: list[Line] = []
        self._took: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._last = 0.0
        self._over = asyncio.Event()
        self._epoch = time.time() - time.perf_counter()

    async def run(self) -> Outcome:
        """Connect, send, wait for the last answers."""
        loop = asyncio.get_running_loop()
        for _ in range(self._plan.connections):
            _, line = await loop.create_connection(
                lambda: Line(self._answered), "127.0.0.1", self._plan.port
            )
            self._lines.append(line)
        began = self._last = self._due = time.perf_counter()
        self._ends = began + self._plan.seconds
        self._idle = list(self._lines)
        if self._plan.rate:
            self._due += self._random.expovariate(self._plan.rate)
            self._pump()
        else:
            while self._idle and self._wanted(began):
                self._send(self._idle.pop(), began)
        limit_s = self._plan.seconds + LAST_S
        try:
            await asyncio.wait_for(self._over.wait(), limit_s)
        except TimeoutError:
            self._statuses["unanswered"] = self._sent - len(self._took)
        for line in self._lines:
            line.due = 0.0
            if line.transport is not None:
                line.transport.abort()
        used = time.process_time()
        return _outcome(self._took, self._statuses, self._last - began, used)

    def _wanted(self, now: float) -> bool:
        return self._sent < self._plan.count and now < self._ends

    def _pump(self) -> None:
        """Send everything that is due, or let it wait for a connection; come back for the rest."""
        loop, now = asyncio.get_running_loop(), time.perf_counter()
        while self._due <= now and self._wanted(self._due):
            if self._idle:
                self._send(self._idle.pop(), self._due)
            else:
                self._sent += 1
                self._late.append(self._due)
            self._due += self._random.expovariate(self._plan.rate)
        if self._wanted(self._due):
            loop.call_later(max(0.0, self._due - time.perf_counter()), self._pump)
        else:
            self._ends = 0.0
            self._look_over()

    def _send(self, line: Line, due: float, *, counted: bool = True) -> None:
        number = self._sent if counted else self._sent - len(self._late) - 1
        self._sent += counted
        line.send(self._make(number, int((self._epoch + due) * 1e6)), due)

    def _answered(self, line: Line, status: int) -> None:
        now = self._last = time.perf_counter()
        self._took.append(now - line.due)
        line.due = 0.0
        self._statuses[str(status)] += 1
        if not status:
            self._look_over()  # a lost connection carries no more
        elif self._late:
            due = self._late.popleft()
            self._send(line, due, counted=False)
        elif not self._plan.rate and self._wanted(now):
            self._send(line, now)
        else:
            self._idle.append(line)
            self._look_over()

    def _look_over(self) -> None:
        open_loop = self._plan.rate and self._ends
        if not open_loop and not self._late and all(not line.due for line in self._lines):
            self._over.set()


def _template(text: str) -> bytes:
    """Return a template of `%`, in which numbers have a fixed width and so bodies a fixed length."""
    raw = text.encode().replace(b"%", b"%%")
    for mark, place in (
        (NUMBER, b"%(n)012d"),
        (DUE, b"%(t)016d"),
        (LINE, b"%(l)s"),
        (SIGNED, b"%(s)s"),
    ):
        raw = raw.replace(mark, place)
    return raw


def _outcome(
    took: Sequence[float], statuses: Counter[str], seconds: float, cpu_s: float
) -> Outcome:
    ranked = sorted(took) or [0.0]

    def at(share: float) -> float:
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] * 1e3

    return Outcome(
        done=len(took),
        seconds=max(seconds, 1e-9),
        statuses=dict(statuses),
        p50_ms=at(0.50),
        p95_ms=at(0.95),
        p99_ms=at(0.99),
        cpu_s=cpu_s,
    )


def main() -> int:
    """Run the plan on the standard input."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    outcome = uvloop.run(Load(plan).run())
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main())
