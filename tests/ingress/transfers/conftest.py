"""The door's transfers behind its real guards, on books in memory."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import fakeredis
import httpx2
import pytest
import uuid_utils.compat
from starlette.applications import Starlette
from starlette.testclient import TestClient

from domain.books import Work
from domain.commands import Command
from domain.directory import Gate
from domain.flows.withdraw import Counter, MayWithdraw
from domain.payment import Mode, Payment
from domain.payout import Payout
from domain.routing import GatewayRow
from domain.webhook import Notice
from ingress import deposits, withdrawals
from ingress.app import build_app
from ingress.backlog import Backlog, unbounded
from ingress.callbacks import HEADER_SETTING, Callbacks
from ingress.checkout import Checkouts
from ingress.deposits import Deposits
from ingress.directory import on_memory
from ingress.guards import guards
from ingress.intake import Intake
from ingress.knocks import Door
from ingress.replays import Replays
from ingress.waiting import Waiting
from ingress.webhooks import Webhooks
from ingress.withdrawals import Withdrawals
from ops import apikeys
from ops.providers import PROVIDERS
from ops.queue.line import OnClient
from ops.store.accept import Terms
from ops.store.gateways import Account
from ops.store.memory.door import MemoryAcceptance, MemoryInbox, MemoryReads
from ops.store.memory.payouts import MemoryPayoutReads
from ops.store.memory.store import MemoryStore
from tests.ingress.rig import PEPPER, Book, Key, settings_with

ALL = frozenset({"payments:read", "payments:write", "payouts:write"})
STRANGER = UUID("0198c0de-0000-7000-8000-000000000009")
SECRET, TOKEN = "whsec_of_bank_a", "token-of-bank-b"

BANK_A = Account(
    id="bank-a",
    provider="bank",
    mode=Mode.TEST,
    base_url="http://127.0.0.1:1",
    credentials={"key": "never shown"},
    webhook_secrets=[SECRET],
    scheme=PROVIDERS["sandbox"].scheme,
)
#: It signs its webhooks, and shows a token with its callbacks.
BANK_B = replace(
    BANK_A, id="bank-b", webhook_secrets=[TOKEN], settings={HEADER_SETTING: "X-Bank-Token"}
)
#: It sends nothing: it has no secret.
SILENT = replace(BANK_A, id="silent", webhook_secrets=[])
ACCOUNTS = (BANK_A, BANK_B, SILENT)


@dataclass
class Shop:
    """The door, its books, and hands to knock at it."""

    client: TestClient
    store: MemoryStore
    book: Book
    woken: list[tuple[Command, UUID]]
    #: Why no withdrawal is allowed; empty: each is.
    refusals: list[str]
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.book.add(scopes=ALL)

    def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Send one request with an API key; a body that is text goes as it is."""
        sent = {"Authorization": f"Bearer {key or self.key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str):
            return self.client.request(method, path, content=body.encode(), headers=sent)
        return self.client.request(method, path, json=body, headers=sent)

    def xml(
        self, path: str, body: str, media: str = "application/xml", **more: str
    ) -> httpx2.Response:
        """Send one POST in XML."""
        return self.call("POST", path, body, content_type=media, **more)

    def knock(self, path: str, body: bytes, **headers: str) -> httpx2.Response:
        """Come without an API key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=body, headers=sent)

    def payments(self) -> list[Payment]:
        return [kept.row for kept in self.store.books.payments]

    def payouts(self) -> list[Payout]:
        return [kept.row for kept in self.store.books.payouts]

    def notices(self) -> list[Notice]:
        return [kept.row for kept in self.store.books.notices]

    def live_key(self) -> str:
        """Return a key of the same merchant's live mode."""
        id_, text = apikeys.new_key(Mode.LIVE)
        parsed = apikeys.parse(text)
        assert parsed is not None
        mac = apikeys.mac(PEPPER, id_, parsed.secret)
        self.book.keys[id_] = Key(id_, mac, Mode.LIVE, scopes=ALL)
        return text


def signature(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    """Sign as bank-a does."""
    now = int(time.time()) if at is None else at
    mac = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={mac}"


@pytest.fixture
def backlog() -> Backlog:
    """What waits behind the door: nothing, unless a test says so."""
    return unbounded()


@pytest.fixture
def shop(backlog: Backlog) -> Iterator[Shop]:
    rows = [GatewayRow(one.id, one.provider, one.mode, tuple(one.routes)) for one in ACCOUNTS]
    store = MemoryStore(clock=lambda: datetime.now(UTC), gateways=rows)
    book, woken = Book(), list[tuple[Command, UUID]]()
    refusals: list[str] = []

    def may_withdraw(work: Work, payout: Payout) -> str | None:
        return refusals[0] if refusals else None

    with TestClient(_app(store, book, woken, may_withdraw, backlog)) as client:
        yield Shop(client, store, book, woken, refusals)


def _app(
    store: MemoryStore,
    book: Book,
    woken: list[tuple[Command, UUID]],
    may_withdraw: MayWithdraw,
    backlog: Backlog,
) -> Starlette:
    directory = on_memory(*(Gate(one.id, one.provider, one.mode) for one in ACCOUNTS))
    redis, new_id = fakeredis.FakeAsyncRedis(), uuid_utils.compat.uuid7
    waiting, reads = Waiting(redis), MemoryReads(store)

    async def wake_many(wakes: Sequence[tuple[Command, UUID, str]]) -> None:
        woken.extend((command, id_) for command, id_, _ in wakes)

    def wake(command: Command, id_: UUID, request_id: str) -> None:
        woken.append((command, id_))

    async def accounts() -> Sequence[Account]:
        return ACCOUNTS

    accepted = partial(deposits.accepted, checkout_url=_hop)
    terms = Terms(timedelta(minutes=30), timedelta(days=30), accepted, _conflict)
    intake = Intake(
        MemoryAcceptance(store, terms), Replays(OnClient(redis)), wake_many, cap=8, depth=100
    )
    door = Door(
        MemoryInbox(store), wake_many, new_id, lambda sender, result: None, cap=8, depth=100
    )
    counter = Counter(store, new_id, wake, withdrawals.accepted, timedelta(days=1), may_withdraw)
    checkouts = Checkouts(intake, directory, None, store, new_id, backlog)
    nouns = (
        Deposits(checkouts, reads, waiting, _hop, new_id, b"fingerprints"),
        Withdrawals(counter, MemoryPayoutReads(store), waiting, directory, backlog),
        Webhooks(door, accounts),
        Callbacks(door, accounts),
    )

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        waiting.start()
        try:
            yield
        finally:
            await intake.drain()
            await door.drain()
            await waiting.stop()

    return build_app(
        versioned=[route for noun in nouns for route in noun.routes()],
        public=[route for noun in nouns for route in noun.older_routes()],
        guards=guards(settings_with(), book, None),
        lifespan=living,
    )


def _hop(payment_id: UUID) -> str:
    return f"https://pay.example.com/{payment_id.hex}"


def _conflict(request_id: str, active: UUID | None, order_id: str) -> bytes:
    return (
        b'{"type": "urn:x", "title": "t", "status": 409, "detail": "active", '
        b'"code": "order_already_active", "operation": "o", "request_id": "r", "errors": []}'
    )
