"""Backing: what the door stands on. PostgreSQL and Redis, or everything in this process's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import redis.asyncio
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from domain.attempt import Attempt
from domain.books import Store
from domain.commands import Command
from domain.payment import Mode, Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.review import Case, Decision
from ingress.accounts import Accounts
from ingress.directory import Directory, on_pool
from ingress.intake import Announce
from ingress.lookups import Lookups
from ops.oversight import Oversight
from ops.queue.line import Asking, Line
from ops.queue.wakes import LoopWakes
from ops.runtime import REDIS_CONNECT_S, REDIS_SOCKET_S, ground, new_id
from ops.settings import Settings
from ops.store.accept import LOCK_TIMEOUT_MS, Acceptance, Answer, Ask, Pool, Terms
from ops.store.backlog import BacklogReads
from ops.store.cases import Cases
from ops.store.engine import is_readable, session, session_options
from ops.store.gateways import Account
from ops.store.inbox import Came, Inbox, Stored
from ops.store.people import People, people
from ops.store.postgres import PostgresStore
from ops.store.reads import KeyRow
from ops.store.reads_money import Booked, MoneyReads, Screening
from ops.store.reads_payouts import PayoutReads, PayoutsWanted
from ops.store.reads_story import Stories
from ops.store.wanted import Owner, PaymentsWanted, RefundsWanted, TransactionsWanted

SERVICE = "ingress"
#: A request that cannot get a connection in this time is answered with 503.
POOL_TIMEOUT_S = 2.0
#: A rate that takes longer to count is worth less than the request it holds up, and a recorded
#: answer that takes longer to find is slower than the truth.
PATIENCE_S = 0.1
#: Nobody waits for a wake-up to be sent, but without it a worker is told seconds later.
WAKES_S = 0.5
#: Connections for the few blocking jobs beside the loop: cancelling, reading gateways.
BLOCKING_CONNECTIONS = 4


class Reading(Protocol):
    """What the door reads; every query is scoped by merchant and mode."""

    async def payment(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment | None:
        """Return the merchant's payment; None for anybody else's."""

    async def attempts(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Sequence[Attempt]:
        """Return its attempts, oldest first."""

    async def mismatch(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Case | None:
        """Return the undecided question about its money, if there is one."""

    async def version(self, id_: UUID, merchant_id: UUID, mode: Mode) -> int | None:
        """Return its version; None for anybody else's."""

    async def page(
        self, owner: Owner, wanted: PaymentsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Payment]:
        """Return payments older than `before`, newest first."""

    async def count(self, owner: Owner, wanted: PaymentsWanted) -> int:
        """Return how many there are, at most one more than COUNT_CAP."""

    async def key(self, key_id: str, /) -> KeyRow | None:
        """Return an API key by its public id."""

    async def ping(self) -> None:
        """Raise if nothing can be read."""


class MoneyReading(Protocol):
    """What the door reads of money; every query is scoped by its owner."""

    async def transaction(self, owner: Owner, id_: UUID) -> Booked | None:
        """Return the owner's transaction."""

    async def transactions(
        self, owner: Owner, wanted: TransactionsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Booked]:
        """Return transactions older than `before`, newest first."""

    async def recorded(
        self, owner: Owner, wanted: TransactionsWanted, *, limit: int, after: UUID | None = None
    ) -> Sequence[Booked]:
        """Return transactions newer than `after`, oldest first."""

    async def count_transactions(self, owner: Owner, wanted: TransactionsWanted) -> int:
        """Return how many there are, at most one more than COUNT_CAP."""

    async def refund(self, owner: Owner, id_: UUID) -> Refund | None:
        """Return the owner's refund."""

    async def refunds(
        self, owner: Owner, wanted: RefundsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Refund]:
        """Return refunds older than `before`, newest first."""

    async def count_refunds(self, owner: Owner, wanted: RefundsWanted) -> int:
        """Return how many there are, at most one more than COUNT_CAP."""

    async def screening(self, owner: Owner, payment_id: UUID) -> Screening | None:
        """Return what screening made of the owner's payment."""


class PayoutReading(Protocol):
    """What the door reads of payouts; every query is scoped by its owner."""

    async def payout(self, owner: Owner, id_: UUID) -> Payout | None:
        """Return the owner's payout."""

    async def payouts(
        self, owner: Owner, wanted: PayoutsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Payout]:
        """Return payouts older than `before`, newest first."""


#: (merchant, mode, decision or None for open ones, older than, at most) to cases, newest first.
FindCases = Callable[[UUID, Mode, Decision | None, UUID | None, int], Awaitable[Sequence[Case]]]


@dataclass(frozen=True, slots=True)
class Backing:
    """The stores as the door uses them; `living` holds them open."""

    accept: Callable[[Sequence[Ask]], Awaitable[list[Answer]]]
    store_webhooks: Callable[[Sequence[Came]], Awaitable[list[Stored | Exception]]]
    reads: Reading
    money: MoneyReading
    payouts: PayoutReading
    books: Store
    accounts: Callable[[], Awaitable[Sequence[Account]]]
    directory: Directory
    #: Who watches and holds the gateways; None: there are none (USE_MOCK_DB).
    oversight: Oversight | None
    announce: Announce
    wake: Callable[[Command, UUID, str], None]
    redis: redis.asyncio.Redis = field(repr=False)
    #: The same Redis, for what is asked with every batch.
    line: Asking = field(repr=False)
    living: Callable[[], AbstractAsyncContextManager[None]] = field(repr=False)
    #: The questions that a person must decide.
    cases: FindCases
    #: Customers, their saved methods, merchants; None: nothing of them is kept (USE_MOCK_DB).
    people: People | None = None
    #: What happened to each payment; None: it is not written down (USE_MOCK_DB).
    stories: Stories | None = None
    #: What waits for a worker; None: there are none (USE_MOCK_DB).
    backlog: BacklogReads | None = None


def on_stores(settings: Settings, terms: Terms) -> Backing:
    """Return the door's real ground; nothing is connected before it lives."""
    opened = ground(settings, SERVICE, BLOCKING_CONNECTIONS)
    base = opened.__enter__()
    pool, client = _pool(settings), _redis(settings)
    line = Line(settings.redis_url, PATIENCE_S)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        await pool.open(wait=False)
        try:
            yield
        finally:
            await pool.close()
            await client.aclose()
            line.close()
            opened.__exit__(None, None, None)

    return Backing(
        accept=Acceptance(pool, base.vault, terms),
        store_webhooks=Inbox(pool, base.vault),
        reads=Lookups(pool, base.vault, depth=settings.intake_queue),
        cases=Cases(pool),
        money=MoneyReads(pool),
        payouts=PayoutReads(pool, base.vault),
        books=PostgresStore(base.engine, base.vault, new_id, key_ttl=terms.key_ttl),
        accounts=Accounts(base),
        directory=on_pool(pool),
        oversight=Oversight(base.engine, base.redis, settings.breaker),
        announce=LoopWakes(base.wakes, line.within(WAKES_S)),
        wake=base.wakes.wake,
        redis=client,
        line=line.within(PATIENCE_S),
        living=living,
        people=people(base.engine, base.vault, settings.secrets.pepper, new_id),
        stories=Stories(base.engine),
        backlog=BacklogReads(pool),
    )


def _pool(settings: Settings) -> Pool:
    # What is kept at the server is planned once: a plan for the arrays of one batch is no better
    # than one for those of any other, and making it takes longer than the work.
    options = (
        f"{session_options(SERVICE)} -c lock_timeout={LOCK_TIMEOUT_MS}"
        " -c plan_cache_mode=force_generic_plan"
    )
    return AsyncConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=settings.db_pool_size,
        timeout=POOL_TIMEOUT_S,
        kwargs=session(options) | {"autocommit": True},  # one statement needs no BEGIN and COMMIT
        check=_look_at,
        open=False,
    )


async def _look_at(db: AsyncConnection[tuple[Any, ...]]) -> None:
    """Ask a session that has something to read whether it is alive: the server has ended it, or has
    said what is the answer to nothing. Looking costs no round trip, as asking each one would."""
    if is_readable(db.fileno()):
        await AsyncConnectionPool.check_connection(db)


def _redis(settings: Settings) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=REDIS_CONNECT_S,
        socket_timeout=REDIS_SOCKET_S,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,  # to name itself, the library reads its metadata for every connection
    )
