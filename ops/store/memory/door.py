"""The door's side in memory: accepting checkouts, storing webhooks, and what the door reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from domain.attempt import Attempt
from domain.due import Due
from domain.errors import DomainError, KeyInFlight, Overloaded
from domain.events import Actor, payment_told
from domain.idempotency import Recorded
from domain.payment import Mode, Payment
from domain.review import Case, CaseKind
from domain.webhook import RECEIVED, UNVERIFIED, Notice
from ops.store.accept import MAX_TRIES, Accepted, Answer, Ask, KeyId, Terms
from ops.store.inbox import MAX_UNVERIFIED, Came, Event, Stored
from ops.store.memory.books import ANNOUNCED, Books, Job, Kept, new, order_of
from ops.store.memory.laws import LawBroken, require
from ops.store.memory.locks import WRITTEN, Deadlock, WaitedTooLong
from ops.store.memory.money import fits, is_owned
from ops.store.memory.store import MemoryStore, MemoryWork
from ops.store.reads import KeyRow
from ops.store.wanted import Owner, PaymentsWanted

#: What the database refuses a whole batch for, because of one row.
REFUSALS = (LawBroken, Deadlock, WaitedTooLong)

#: An event and the webhooks that tell of it.
Copies: TypeAlias = tuple[Event, Sequence[Came]]


class MemoryAcceptance:
    """Writes batches of checkouts: key, payment, audit and event in one transaction."""

    def __init__(self, store: MemoryStore, terms: Terms) -> None:
        self._store = store
        self._terms = terms

    async def __call__(self, asks: Sequence[Ask]) -> list[Answer]:
        """Accept a batch. Every ask gets its own answer or error, in the order given."""
        first = {ask.id: ask for ask in reversed(asks)}  # one key twice in a batch: the first asks
        ordered = [first[id_] for id_ in sorted(first)]
        try:
            found = self._transaction(ordered)
        except REFUSALS:
            found = self._one_by_one(ordered)
        return [_judged(ask, first[ask.id], found[ask.id]) for ask in asks]

    def _one_by_one(self, asks: Sequence[Ask]) -> dict[KeyId, Answer]:
        """One row spoils the batch: answer each alone, so that only the bad one hears of it."""
        found: dict[KeyId, Answer] = {}
        for ask in asks:
            try:
                found |= self._alone(ask)
            except WaitedTooLong:
                found[ask.id] = KeyInFlight("the first request with this key is being written")
            except REFUSALS as error:
                found[ask.id] = error
        return found

    def _alone(self, ask: Ask) -> dict[KeyId, Answer]:
        for _ in range(MAX_TRIES - 1):
            try:
                return self._transaction([ask])
            except Deadlock:
                continue
        return self._transaction([ask])

    def _transaction(self, asks: Sequence[Ask]) -> dict[KeyId, Answer]:
        with self._store.begin() as work:
            keys, now = work.books.keys, work.now
            won = [(ask, self._payment(ask, now)) for ask in asks if keys.reserve(ask.id) is None]
            created = self._create(work, [payment for _, payment in won])
            found: dict[KeyId, Answer] = {}
            for ask, payment in won:
                recorded = self._recorded(work, ask, payment, payment.id in created)
                keys.insert(ask.id, (recorded, payment.id))
                found[ask.id] = Accepted(recorded, payment.id, replayed=False)
            for ask in asks:
                if ask.id not in found and (known := keys.get(ask.id)) is not None:
                    found[ask.id] = Accepted(*known, replayed=True)
        return found

    def _create(self, work: MemoryWork, payments: Sequence[Payment]) -> set[UUID]:
        """Insert those whose order no other payment holds; return which."""
        table, created = work.books.payments, set()
        for payment in sorted(
            payments, key=lambda p: (p.merchant_id, p.mode, p.order_id or "", p.id)
        ):
            kept = new(payment, payment.created_at)
            if table.conflict(payment.id, kept) is None:
                table.insert(payment.id, kept)
                created.add(payment.id)
        return created

    def _recorded(self, work: MemoryWork, ask: Ask, payment: Payment, is_created: bool) -> Recorded:
        """Return the answer; another payment that holds the order makes it a refusal."""
        if not is_created:
            order = order_of(payment)
            active = None if order is None else work.books.active_payment(order)
            body = self._terms.conflict(ask.request_id, active, payment.order_id or "")
            return Recorded(ask.fingerprint, 409, body)
        work.tell(payment_told(None, payment, Actor.MERCHANT, f"key:{ask.key_id}"))
        return Recorded(ask.fingerprint, 202, self._terms.answer(payment))

    def _payment(self, ask: Ask, now: datetime) -> Payment:
        return ask.checkout.payment(
            ask.payment_id,
            ask.merchant_id,
            ask.mode,
            now,
            self._terms.checkout_ttl,
            ask.request_id,
        )


class MemoryInbox:
    """Stores batches of webhooks; a copy costs a counter and at most a re-read."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def __call__(self, came: Sequence[Came]) -> list[Stored | Exception]:
        """Store a batch; each copy of an event gets the event's one row."""
        events: dict[Event, list[Came]] = {}
        for one in came:
            events.setdefault((one.gateway_id, one.dedupe_key), []).append(one)
        ordered = sorted(events.items())
        try:
            found: dict[Event, Stored | Exception] = dict(self._transaction(ordered))
        except REFUSALS:
            if len(ordered) == 1:
                raise
            found = self._one_by_one(ordered)
        return [_answer(one, found.get((one.gateway_id, one.dedupe_key))) for one in came]

    def _one_by_one(self, events: Sequence[Copies]) -> dict[Event, Stored | Exception]:
        """One row spoils the batch: store each alone, so that only the bad one is refused."""
        found: dict[Event, Stored | Exception] = {}
        for event in events:
            try:
                found |= self._transaction([event])
            except REFUSALS as error:
                found[event[0]] = error
        return found

    def _transaction(self, events: Sequence[Copies]) -> dict[Event, Stored]:
        found: dict[Event, Stored] = {}
        with self._store.begin() as work:
            room = {id_: MAX_UNVERIFIED - _waiting(work.books, id_) for id_ in work.books.gateways}
            for event, copies in sorted(events, key=lambda one: bool(one[1][0].headers)):
                if copies[0].headers:
                    room[event[0]] = room.get(event[0], MAX_UNVERIFIED) - 1
                    if room[event[0]] < 0:
                        continue
                found[event] = _stored(work, copies)
        return found


def _stored(work: MemoryWork, copies: Sequence[Came]) -> Stored:
    """Insert a webhook, or count the copies of one that is there and have it read again."""
    notices, counts = work.books.notices, work.books.copies
    one, now = copies[0], work.tick()
    kept = Kept(_notice(one, now), Job(now + ANNOUNCED))
    while (there := notices.conflict(one.id, kept, "webhook_events_once")) is not None:
        id_ = there.row.id
        notices.lock(id_, WRITTEN)
        if notices.get(id_) is there:
            notices.update(id_, there, _copied(there, work.tick()))
            counts.put(id_, (counts.get(id_) or 0) + len(copies))
            return Stored(id_, new=False)
    notices.insert(one.id, kept)
    require(one.gateway_id in work.books.gateways, "webhook_events_gateway_id_fkey")
    counts.put(one.id, len(copies))
    return Stored(one.id, new=True)


def _copied(kept: Kept[Notice], now: datetime) -> Kept[Notice]:
    """It may tell of a newer change than the last re-read saw."""
    row, job = replace(kept.row, last_copy_at=now), kept.job
    if row.due.parked is None and row.due.next_run_at is None:
        row = replace(row, due=replace(row.due, next_run_at=now))
        job = replace(job, wake_at=now + ANNOUNCED)
    return Kept(row, job)


def _notice(one: Came, now: datetime) -> Notice:
    return Notice(
        id=one.id,
        gateway_id=one.gateway_id,
        dedupe_key=one.dedupe_key,
        body=one.body,
        received_at=now,
        last_copy_at=now,
        due=Due(now),
        request_id=one.request_id,
        status=UNVERIFIED if one.headers else RECEIVED,
        headers=one.headers,
    )


def _waiting(books: Books, gateway_id: str) -> int:
    return sum(
        kept.row.gateway_id == gateway_id
        and kept.row.status == UNVERIFIED
        and kept.row.due.parked is None
        for kept in books.notices
    )


def _answer(one: Came, kept: Stored | Exception | None) -> Stored | Exception:
    if kept is None:
        return Overloaded("too many webhooks of this gateway wait for their certificate")
    if isinstance(kept, Exception):
        return kept
    return Stored(kept.id, kept.new and one.id == kept.id)


class MemoryReads:
    """What the door reads: every query is scoped by merchant and mode."""

    def __init__(self, store: MemoryStore, keys: Iterable[KeyRow] = ()) -> None:
        self._store = store
        self._keys = {key.key_id: key for key in keys}

    async def payment(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment | None:
        """Return the merchant's payment; None for anybody else's."""
        with self._store.begin() as work:
            return _owned(work, id_, merchant_id, mode)

    async def mismatch(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Case | None:
        """Return the undecided question about the payment's money, if there is one."""
        with self._store.begin() as work:
            owned = _owned(work, id_, merchant_id, mode)
            cases = [] if owned is None else work.open_cases(id_)
        return next((case for case in cases if case.kind is CaseKind.MISMATCH), None)

    async def version(self, id_: UUID, merchant_id: UUID, mode: Mode) -> int | None:
        """Return the payment's version: enough to know whether anything changed."""
        payment = await self.payment(id_, merchant_id, mode)
        return None if payment is None else payment.version

    async def attempts(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Sequence[Attempt]:
        """Return the attempts of the merchant's payment, oldest first."""
        with self._store.begin() as work:
            return work.attempts(id_) if _owned(work, id_, merchant_id, mode) else []

    async def page(
        self, owner: Owner, wanted: PaymentsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Payment]:
        """Return at most `limit` payments older than `before`, newest first."""
        found = [one for one in self._wanted(owner, wanted) if before is None or one.id < before]
        return sorted(found, key=lambda payment: payment.id, reverse=True)[:limit]

    async def count(self, owner: Owner, wanted: PaymentsWanted) -> int:
        """Return how many there are."""
        return len(self._wanted(owner, wanted))

    def _wanted(self, owner: Owner, wanted: PaymentsWanted) -> list[Payment]:
        with self._store.begin() as work:
            rows, gateways = [kept.row for kept in work.books.payments], work.books.gateways
        return [row for row in rows if is_owned(row, owner) and fits(row, wanted, gateways)]

    async def key(self, key_id: str) -> KeyRow | None:
        """Return an API key by its public id."""
        return self._keys.get(key_id)

    async def ping(self) -> None:
        """Memory always answers."""


def _owned(work: MemoryWork, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment | None:
    kept = work.books.payments.get(id_)
    ours = kept is not None and kept.row.merchant_id == merchant_id and kept.row.mode is mode
    return kept.row if kept is not None and ours else None


def _judged(ask: Ask, first: Ask, answer: Answer) -> Answer:
    """Give a repeated request the recorded answer, or refuse its other body."""
    if isinstance(answer, Exception):
        return answer
    try:
        recorded = answer.recorded.replayed_for(ask.fingerprint)
    except DomainError as refusal:
        return refusal
    return Accepted(recorded, answer.payment_id, answer.replayed or ask is not first)
