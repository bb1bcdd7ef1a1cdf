"""Mock: the door on books in memory (`USE_MOCK_DB=true`), to try its contract without any service.

Nobody works behind it: payments are accepted, replayed, listed, authorized and cancelled, and stay
pending.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from dramatiq.brokers.stub import StubBroker

from domain.payment import Mode
from domain.review import Case
from ingress.backing import Backing
from ingress.directory import on_memory
from ops import apikeys
from ops.queue.broker import stub_broker
from ops.queue.line import OnClient
from ops.queue.wakes import BrokerSender, Wake, Wakes
from ops.seed import DEMO_MERCHANT, DEMO_RATE_PER_MINUTE, SCOPES
from ops.settings import Settings
from ops.store.accept import Terms
from ops.store.gateways import Account
from ops.store.memory.door import MemoryAcceptance, MemoryInbox, MemoryReads
from ops.store.memory.money import MemoryMoney
from ops.store.memory.payouts import MemoryPayoutReads
from ops.store.memory.store import MemoryStore
from ops.store.reads import KeyRow


def in_memory(settings: Settings, terms: Terms) -> Backing:
    """Return a door without services; its key is DEMO_API_KEY, or a new one that is printed."""
    import fakeredis  # a development library: production has neither it nor this mode

    store = MemoryStore(clock=lambda: datetime.now(UTC), gateways=())
    broker: StubBroker = stub_broker()
    wakes = Wakes(BrokerSender(broker), queue_depth=settings.queue_depth)

    async def announce(due: Sequence[Wake]) -> None:
        wakes.wake_many(due)

    client = fakeredis.FakeAsyncRedis()

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        yield

    return Backing(
        accept=MemoryAcceptance(store, terms),
        store_webhooks=MemoryInbox(store),
        reads=MemoryReads(store, [_demo_key(settings)]),
        money=MemoryMoney(store),
        payouts=MemoryPayoutReads(store),
        books=store,
        accounts=_no_accounts,
        directory=on_memory(),
        oversight=None,
        cases=_no_cases,
        announce=announce,
        wake=wakes.wake,
        redis=client,
        line=OnClient(client),
        living=living,
    )


async def _no_accounts() -> Sequence[Account]:
    return ()


async def _no_cases(*_: object) -> Sequence[Case]:
    """Nobody screens payments in memory, so nobody is asked to decide on any."""
    return ()


def _demo_key(settings: Settings) -> KeyRow:
    text = os.environ.get("DEMO_API_KEY")
    if not text:
        text = apikeys.new_key(Mode.TEST)[1]
        print(f"mock mode, everything is in memory; the API key is {text}", file=sys.stderr)
    key = apikeys.parse(text)
    if key is None or key.mode is not Mode.TEST:
        raise SystemExit("DEMO_API_KEY is not a test key of this system: unset it to get a new one")
    return KeyRow(
        key.id,
        DEMO_MERCHANT,
        Mode.TEST,
        apikeys.mac(settings.secrets.pepper, key.id, key.secret),
        frozenset(SCOPES),
        None,
        None,
        True,
        DEMO_RATE_PER_MINUTE,
        (),
    )
