"""The shop: lives all orders at once, open loop, and notes what the client of the API gets to see."""

from __future__ import annotations

import heapq
import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Final

import urllib3

from ops.harness.chaos.lives import REFUSED, Answer, Ask, Life, Press, Step, Wait, life
from ops.harness.chaos.orders import Order

#: Enough that an order is sent when it arrives, although others wait for a slow answer.
THREADS: Final = 32
#: A request that hangs is given up and sent again.
HTTP_S: Final = 15.0
#: A client that was never answered gives up in the end, and does not know.
TRIES: Final = 200
PAUSES_S: Final = (0.2, 0.4, 0.8, 1.5, 3.0)
#: What begins an order: nothing that we ask for there may be refused.
BEGINNINGS: Final = frozenset({"/v1/payments", "/v1/withdrawals"})
#: One answered request in so many is sent once more.
REPEATED: Final = 8
#: Worth another try under the same key: nobody said that it was not done.
AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(slots=True)
class Tally:
    """What clients have seen so far. Read by the display while it grows."""

    sent: int = 0
    over: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    #: Requests that were not answered, or with what should be tried again, by kind.
    errors: Counter[str] = field(default_factory=Counter)
    #: What was refused for good, by code: a payment had gone another way meanwhile.
    refused: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    #: Money POSTs that were never answered.
    unanswered: int = 0
    #: The same key was answered twice, and not alike.
    two_answers: list[str] = field(default_factory=list)
    #: By how much the latest order was late: an open loop that lags is none.
    lag_s: float = 0.0
    #: Where the harness was wrong: a bug of its own, or an order that the door does not take.
    crashes: list[str] = field(default_factory=list)


@dataclass(order=True, slots=True)
class _Turn:
    at: float
    number: int
    life: Life = field(compare=False)
    #: What to do again, and how often it was tried.
    again: Ask | Press | None = field(compare=False, default=None)
    tries: int = field(compare=False, default=0)
    fresh: bool = field(compare=False, default=False)


class Shop:
    """All merchants and payers. `start`, then wait until `idle`."""

    def __init__(self, url: str, api_key: str, orders: Sequence[Order]) -> None:
        self.tally = Tally()
        self._url = url
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._orders = orders
        self._http = urllib3.PoolManager(
            maxsize=THREADS, num_pools=16, retries=False, timeout=HTTP_S
        )
        self._turns: list[_Turn] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._closed = False
        self._threads: list[threading.Thread] = []

    @property
    def idle(self) -> bool:
        """Whether every order has been lived."""
        return self.tally.over == len(self._orders)

    def start(self) -> None:
        """Let the orders arrive from now on."""
        begun = monotonic()
        with self._changed:
            for order in self._orders:
                turn = _Turn(begun + order.at_s, next(self._numbers), life(order), fresh=True)
                heapq.heappush(self._turns, turn)
        for _ in range(THREADS):
            thread = threading.Thread(target=self._serve, daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Stop; what is not over stays so."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(HTTP_S + 1)

    def _serve(self) -> None:
        while (turn := self._next()) is not None:
            try:
                self._live(turn)
            except Exception as error:  # noqa: BLE001  # a bug of the harness must not end a thread
                with self._changed:
                    self.tally.crashes.append(repr(error))
                    self.tally.over += 1

    def _next(self) -> _Turn | None:
        with self._changed:
            while not self._closed:
                now = monotonic()
                if self._turns and self._turns[0].at <= now:
                    turn = heapq.heappop(self._turns)
                    if turn.fresh:
                        self.tally.sent += 1
                        self.tally.lag_s = max(self.tally.lag_s, now - turn.at)
                    return turn
                self._changed.wait(self._turns[0].at - now if self._turns else None)
            return None

    def _live(self, turn: _Turn) -> None:
        """Do steps until one has to wait; then leave the thread to somebody else."""
        step: Step | None = turn.again
        tries = turn.tries
        answer: Answer | None = None
        while True:
            if step is None:
                try:
                    step = turn.life.send(answer)
                except StopIteration:
                    with self._changed:
                        self.tally.over += 1
                    return
            if isinstance(step, Wait):
                self._later(turn.life, step.seconds)
                return
            heard = self._do(step)
            if heard is None and tries < TRIES and not isinstance(step, Press):
                pause_s = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
                self._later(turn.life, pause_s, step, tries + 1)
                return
            if heard is None and isinstance(step, Ask) and step.key is not None:
                self.tally.unanswered += 1
            answer, step, tries = heard, None, 0

    def _later(
        self, alive: Life, seconds: float, again: Ask | Press | None = None, tries: int = 0
    ) -> None:
        turn = _Turn(monotonic() + seconds, next(self._numbers), alive, again, tries)
        with self._changed:
            heapq.heappush(self._turns, turn)
            self._changed.notify()

    def _do(self, step: Ask | Press) -> Answer | None:
        """Send one request. None: not answered, or with what asks for another try."""
        try:
            raw = self._pressed(step) if isinstance(step, Press) else self._called(step)
        except urllib3.exceptions.HTTPError as error:
            if isinstance(step, Ask):
                self._note(self.tally.errors, type(error).__name__)
            return None
        if isinstance(step, Press):
            return Answer(raw.status, {})
        said = json.loads(raw.data) if raw.data else {}
        code = str(said.get("code", ""))
        if raw.status in AGAIN or code in ("idempotency_key_in_flight", "operation_in_flight"):
            self._note(self.tally.errors, f"{raw.status} {code}".strip())
            return None
        self._note(self.tally.answers, f"{step.method} {raw.status}")
        if raw.status in REFUSED:
            self._note(self.tally.refused, code or str(raw.status))
        answer = Answer(raw.status, said)
        if not answer.accepted and (raw.status not in REFUSED or step.path in BEGINNINGS):
            with self._changed:
                self.tally.crashes.append(f"{step.method} {step.path}: {raw.status} {code}")
        if step.key is not None and answer.accepted:
            with self._changed:
                self.tally.accepted.add(str(said["id"]))
            self._repeat(step, raw)
        return answer

    def _repeat(self, ask: Ask, first: urllib3.BaseHTTPResponse) -> None:
        """Now and then, send what was answered once more: the answer must be the same, to the byte."""
        if sum(map(ord, ask.key or "")) % REPEATED:
            return
        try:
            second = self._called(ask)
        except urllib3.exceptions.HTTPError:
            return  # the door died; the next one will be compared
        if second.status not in AGAIN and (second.status, second.data) != (
            first.status,
            first.data,
        ):
            with self._changed:
                self.tally.two_answers.append(f"{ask.path}: {first.status} then {second.status}")

    def _called(self, ask: Ask) -> urllib3.BaseHTTPResponse:
        headers = self._headers | ({} if ask.key is None else {"Idempotency-Key": ask.key})
        body = None if ask.body is None else json.dumps(ask.body).encode()
        return self._http.request(ask.method, self._url + ask.path, body=body, headers=headers)

    def _pressed(self, press: Press) -> urllib3.BaseHTTPResponse:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._http.request("POST", press.url, body=press.form, headers=kind, redirect=False)

    def _note(self, where: Counter[str], what: str) -> None:
        with self._changed:
            where[what] += 1
