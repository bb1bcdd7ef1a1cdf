"""The door's side in memory: accepting checkouts, storing webhooks, and what the door reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.attempt import Attempt
from domain.due import Due
from domain.errors import DomainError, Overloaded
from domain.events import Actor, payment_told
from domain.idempotency import Recorded
from domain.payment import Mode, Payment
from domain.review import Case, CaseKind
from domain.webhook import RECEIVED, UNVERIFIED, Notice
from ops.store.accept import Accepted, Answer, Ask, KeyId, Terms
from ops.store.inbox import MAX_UNVERIFIED, Came, Stored
from ops.store.memory.books import ANNOUNCED, Books, Job, Kept, order_of
from ops.store.memory.laws import LawBroken
from ops.store.memory.money import fits, is_owned
from ops.store.memory.store import MemoryStore, MemoryWork
from ops.store.reads import KeyRow
from ops.store.wanted import Owner, PaymentsWanted


class MemoryAcceptance:
    """Writes batches of checkouts: key, payment, audit and event in one transaction."""

    def __init__(self, store: MemoryStore, terms: Terms) -> None:
        self._store = store
        self._terms = terms

    async def __call__(self, asks: Sequence[Ask]) -> list[Answer]:
        """Accept a batch. Every ask gets its own answer or error, in the order given."""
        first = {ask.id: ask for ask in reversed(asks)}  # one key twice in a batch: the first asks
        ordered = [first[id_] for id_ in sorted(first)]
        with self._store.begin() as work:
            found = self._accepted(work, ordered)
        return [_judged(ask, first[ask.id], found[ask.id]) for ask in asks]

    def _accepted(self, work: MemoryWork, asks: Sequence[Ask]) -> dict[KeyId, Accepted]:
        found: dict[KeyId, Accepted] = {}
        won: list[tuple[Ask, Payment]] = []
        for ask in asks:
            if (known := work.books.keys.get(ask.id)) is not None:
                found[ask.id] = Accepted(*known, replayed=True)
            else:
                won.append((ask, self._payment(ask, work.now)))
        # Of two payments of one order in a batch the same one wins as in PostgreSQL.
        won.sort(key=lambda pair: (*pair[0].id[:2], pair[1].order_id or "", pair[1].id))
        for ask, payment in won:
            recorded = self._recorded(work, ask, payment)
            work.books.keys.put(ask.id, (recorded, ask.payment_id))
            found[ask.id] = Accepted(recorded, ask.payment_id, replayed=False)
        return found

    def _recorded(self, work: MemoryWork, ask: Ask, payment: Payment) -> Recorded:
        """Create the payment; another one that holds the order makes the answer a refusal."""
        try:
            work.books.add_payment(payment)
        except LawBroken:
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
        with self._store.begin() as work:
            return [self._stored(work, one) for one in came]

    def _stored(self, work: MemoryWork, one: Came) -> Stored | Exception:
        books, now = work.books, work.now
        event = (one.gateway_id, one.dedupe_key)
        id_ = books.notice_ids.get(event)
        kept = None if id_ is None else books.notices.get(id_)
        if one.headers and _waiting(books, one.gateway_id) >= MAX_UNVERIFIED:
            return Overloaded("too many webhooks of this gateway wait for their certificate")
        if kept is None:
            _insert(books, one, now)
            return Stored(one.id, new=True)
        row, job = replace(kept.row, last_copy_at=now), kept.job
        if row.due.parked is None and row.due.next_run_at is None:
            # It may tell of a newer change than the last re-read saw.
            row = replace(row, due=replace(row.due, next_run_at=now))
            job = replace(job, wake_at=now + ANNOUNCED)
        books.notices.put(row.id, Kept(row, job))
        books.copies.put(row.id, (books.copies.get(row.id) or 0) + 1)
        return Stored(row.id, new=False)


def _waiting(books: Books, gateway_id: str) -> int:
    return sum(
        kept.row.gateway_id == gateway_id
        and kept.row.status == UNVERIFIED
        and kept.row.due.parked is None
        for kept in books.notices
    )


def _insert(books: Books, one: Came, now: datetime) -> None:
    if one.gateway_id not in books.gateways:
        raise LawBroken("webhook_events_gateway_id_fkey")
    row = Notice(
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
    books.notices.put(one.id, Kept(row, Job(now + ANNOUNCED)))
    books.notice_ids.put((one.gateway_id, one.dedupe_key), one.id)
    books.copies.put(one.id, 1)


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


def _judged(ask: Ask, first: Ask, answer: Accepted) -> Answer:
    """Give a repeated request the recorded answer, or refuse its other body."""
    try:
        recorded = answer.recorded.replayed_for(ask.fingerprint)
    except DomainError as refusal:
        return refusal
    return Accepted(recorded, answer.payment_id, answer.replayed or ask is not first)
