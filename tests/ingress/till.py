"""A till: the doing side of the door behind its real guards, on books in memory with workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import fakeredis
from httpx2 import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

from domain.commands import Command
from domain.ids import Kind, public
from domain.merchant import Scope
from domain.payment import CaptureMethod, Mode, Payment
from domain.policy import Policy
from domain.review import Case, Decision
from ingress import payment_list, views
from ingress.acting import Acting, Ground
from ingress.app import build_app
from ingress.backlog import Backlog, unbounded
from ingress.beside import Beside
from ingress.checkout import Checkouts
from ingress.directory import on_memory
from ingress.forcing import Forcing
from ingress.guards import guards
from ingress.hop import Hop
from ingress.hop_links import HopLinks
from ingress.intake import Intake
from ingress.limits import Limits
from ingress.payment_operations import PaymentOperations
from ingress.payments import Payments
from ingress.replays import Replays
from ingress.reviews import Reviews
from ingress.showing import Showing
from ingress.waiting import Waiting
from ops.queue.line import OnClient
from ops.runtime import new_id
from ops.store.accept import Terms
from ops.store.memory.door import MemoryAcceptance, MemoryReads
from ops.store.memory.money import MemoryMoney
from tests.builders import MERCHANT, Scripted, a_payment, a_runtime, held, paid
from tests.ingress.rig import Book, settings_with
from tests.stage import PAYMENT, Stage

ALL = frozenset(scope.value for scope in Scope)
PUBLIC = "https://pay.example.com"
ID = public(Kind.PAYMENT, PAYMENT)
STRANGER = UUID(int=77)


@dataclass
class Till:
    """The door, the books behind it, and hands that work only when a test says so."""

    stage: Stage
    book: Book = field(default_factory=Book)
    #: Whether a wake-up is answered at once, as by a worker that is quick.
    quick: bool = False
    links: HopLinks = field(default_factory=lambda: HopLinks(PUBLIC, b"a key for checkout links"))
    woken: list[Command] = field(default_factory=list)
    backlog: Backlog = field(default_factory=unbounded)

    def __post_init__(self) -> None:
        self.key = self.book.add(merchant_id=MERCHANT, scopes=ALL)
        self.redis = fakeredis.FakeAsyncRedis()
        self.waiting = Waiting(self.redis)

    @contextmanager
    def open(self) -> Iterator[TestClient]:
        """Open the door; its client sends the merchant's key and follows no redirect."""
        headers = {"Authorization": f"Bearer {self.key}"}
        with TestClient(self._app(), headers=headers, follow_redirects=False) as client:
            self.client = client
            yield client

    def ask(
        self, verb: str, body: object = None, key: str | None = None, **headers: str
    ) -> Response:
        """Ask the payment for something, by the last part of the path."""
        return self.post(f"/v1/payments/{ID}/{verb}", body, key, **headers)

    def post(
        self, path: str, body: object = None, key: str | None = None, **headers: str
    ) -> Response:
        named = {"Idempotency-Key": key} if key else {}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json=body, headers=named | sent)

    def payment(self) -> Payment:
        return self.stage.payment()

    def hop(self, id_: UUID = PAYMENT) -> str:
        """Return the path of a payment's checkout link."""
        return self.links.url(id_).removeprefix(PUBLIC)

    async def cases(
        self,
        merchant_id: UUID,
        mode: Mode,
        decision: Decision | None,
        before: UUID | None,
        limit: int,
    ) -> list[Case]:
        """Find review cases as the database does."""
        found = [
            case
            for case in self.stage.cases()
            if (owner := self.stage.payment(case.payment_id)).merchant_id == merchant_id
            and owner.mode is mode
            and case.decision is decision
            and (before is None or case.id < before)
        ]
        return sorted(found, key=lambda case: case.id, reverse=True)[:limit]

    def _wake(self, command: Command, _id: UUID, _request_id: str) -> None:
        self.woken.append(command)
        if self.quick:
            self.stage.run_due()

    def _app(self) -> Starlette:
        memory, url = self.stage.memory, self.links.url
        terms = Terms(
            timedelta(minutes=30),
            timedelta(days=30),
            partial(views.accepted, checkout_url=url),
            lambda request_id, active, order_id: b"{}",
        )
        intake = Intake(
            MemoryAcceptance(memory, terms),
            Replays(OnClient(self.redis)),
            self._announce,
            cap=8,
            depth=8,
        )
        reads = MemoryReads(memory)
        window = timedelta(seconds=Policy().refund_window_s)
        show = Showing(reads, url, window, self.stage.clock.now)
        checkouts = Checkouts(intake, on_memory(), None, memory, new_id, self.backlog)
        acting = Acting(
            Ground(
                books=memory,
                reads=reads,
                money=MemoryMoney(memory),
                waiting=self.waiting,
                wake=self._wake,
                new_id=new_id,
                show=show,
                backlog=self.backlog,
            )
        )

        @asynccontextmanager
        async def living() -> AsyncIterator[None]:
            self.waiting.start()
            yield
            await intake.drain()
            await self.waiting.stop()

        return build_app(
            versioned=[
                *Payments(checkouts, reads, self.waiting, show, new_id, b"cards").routes(),
                *payment_list.routes(reads, MemoryMoney(memory), show),
                *PaymentOperations(acting).routes(),
                *Forcing(memory, show, Beside()).routes(),
                *Reviews(self.cases, acting).routes(),
                *Hop(self.links, memory, self.waiting, Limits(None), self.stage.clock.now).routes(),
            ],
            public=[],
            guards=guards(settings_with(), self.book, None),
            lifespan=living,
        )

    async def _announce(self, wakes: object) -> None:
        if self.quick:
            await asyncio.to_thread(self.stage.run_due)


def a_till(*gateways: Scripted, quick: bool = False, **changes: Any) -> Till:
    """A till with one payment in its books, as `changes` say, due for its charge."""
    holding = a_payment(**changes)
    return Till(a_runtime(*gateways, holding=holding), quick=quick)


def charged(*, manual: bool = False, quick: bool = False, **scripts: Any) -> Till:
    """A till whose payment was captured, or is held for the merchant to capture."""
    method = CaptureMethod.MANUAL if manual else CaptureMethod.AUTOMATIC
    till = a_till(Scripted("one", held if manual else paid, **scripts), capture_method=method)
    till.stage.run_due()
    return replace(till, quick=quick)
