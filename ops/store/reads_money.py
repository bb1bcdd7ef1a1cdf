"""Reads of money for the door: transactions, refunds and fraud scores, each in its merchant's scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from domain.facts import Movement
from domain.money import CURRENCIES, Money
from domain.payment import Mode
from domain.refund import Refund
from ops.store.accept import Pool
from ops.store.fetching import all_of, one_of
from ops.store.order_rows import refund_of
from ops.store.wanted import (
    COUNT_CAP,
    Owner,
    RefundsWanted,
    TransactionsWanted,
    asked_of,
    where,
)

# What is asked for is cut out first, by an index and in its order; the orders are joined to what is
# left of it, which is a page.
_TRANSACTIONS = """
SELECT t.*, p.order_id FROM (
    SELECT * FROM transactions WHERE {where} ORDER BY id {order} LIMIT %(limit)s
) t LEFT JOIN payments p ON p.id = t.payment_id ORDER BY t.id {order}
"""
_OF_ORDER: Final = (
    "payment_id IN (SELECT id FROM payments"
    " WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND order_id = %(order_id)s)"
)
_TRANSACTION = """
SELECT t.*, p.order_id FROM transactions t LEFT JOIN payments p ON p.id = t.payment_id
 WHERE t.id = %(id)s AND t.merchant_id = %(merchant)s AND t.mode = %(mode)s
"""
_REFUND = (
    "SELECT * FROM refunds WHERE id = %(id)s AND merchant_id = %(merchant)s AND mode = %(mode)s"
)
_REFUNDS = "SELECT * FROM refunds WHERE {where} ORDER BY id DESC LIMIT %(limit)s"
_WITH_STATUS: Final = "status = ANY (%(statuses)s)"
_COUNT = "SELECT count(*) AS n FROM (SELECT 1 FROM {table} WHERE {where} LIMIT %(most)s) found"
# The payment is there or not; its check may still be missing.
_SCORE = """
SELECT p.id, f.score::text AS score, f.risk_level, f.decision, f.reason, f.factors,
       f.mode AS scored_mode, f.ruleset_version, f.model_id, f.created_at AS decided_at
  FROM payments p LEFT JOIN fraud_checks f ON f.payment_id = p.id
 WHERE p.id = %(id)s AND p.merchant_id = %(merchant)s AND p.mode = %(mode)s
"""


@dataclass(frozen=True, slots=True)
class Booked:
    """One money movement as it stands in the books."""

    id: UUID
    mode: Mode
    type: Movement
    money: Money
    attempt_id: UUID
    gateway_id: str
    provider_id: str
    created_at: datetime
    payment_id: UUID | None = None
    refund_id: UUID | None = None
    payout_id: UUID | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """What raised a score, by its name, who raised it, and what it means."""

    name: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What screening decided, and by which rules."""

    score: str
    level: str
    decision: str
    #: The row of the decision table that matched; None for a plain approval.
    reason: str | None
    factors: tuple[Reason, ...]
    #: How much the score could look at.
    scored: str
    ruleset_version: str
    model_id: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Screening:
    """A payment's screening; no verdict: it is still to come."""

    payment_id: UUID
    verdict: Verdict | None


Row: TypeAlias = dict[str, Any]


class MoneyReads:
    """What the door reads of money that moved, or is about to."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def transaction(self, owner: Owner, id_: UUID) -> Booked | None:
        """Return the merchant's transaction; None for anybody else's."""
        row = await one_of(self._pool, _TRANSACTION, _one(owner, id_))
        return None if row is None else _booked(row)

    async def transactions(
        self,
        owner: Owner,
        wanted: TransactionsWanted,
        *,
        limit: int,
        before: UUID | None = None,
    ) -> Sequence[Booked]:
        """Return at most `limit` transactions older than `before`, newest first."""
        asked = asked_of(owner, wanted, before=before)
        query = _TRANSACTIONS.format(where=where(asked, order_id=_OF_ORDER), order="DESC")
        return [_booked(row) for row in await all_of(self._pool, query, asked | {"limit": limit})]

    async def recorded(
        self,
        owner: Owner,
        wanted: TransactionsWanted,
        *,
        limit: int,
        after: UUID | None = None,
    ) -> Sequence[Booked]:
        """Return at most `limit` transactions newer than `after`, oldest first."""
        asked = asked_of(owner, wanted, after=after)
        query = _TRANSACTIONS.format(where=where(asked, order_id=_OF_ORDER), order="ASC")
        return [_booked(row) for row in await all_of(self._pool, query, asked | {"limit": limit})]

    async def count_transactions(self, owner: Owner, wanted: TransactionsWanted) -> int:
        """Return how many there are; one more than COUNT_CAP stands for all that is beyond."""
        asked = asked_of(owner, wanted)
        return await self._count("transactions", where(asked, order_id=_OF_ORDER), asked)

    async def refund(self, owner: Owner, id_: UUID) -> Refund | None:
        """Return the merchant's refund; None for anybody else's."""
        row = await one_of(self._pool, _REFUND, _one(owner, id_))
        return None if row is None else refund_of(row)

    async def refunds(
        self,
        owner: Owner,
        wanted: RefundsWanted,
        *,
        limit: int,
        before: UUID | None = None,
    ) -> Sequence[Refund]:
        """Return at most `limit` refunds older than `before`, newest first."""
        asked = asked_of(owner, wanted, before=before)
        query = _REFUNDS.format(where=where(asked, statuses=_WITH_STATUS))
        return [refund_of(row) for row in await all_of(self._pool, query, asked | {"limit": limit})]

    async def count_refunds(self, owner: Owner, wanted: RefundsWanted) -> int:
        """Return how many there are, as `count_transactions` does."""
        asked = asked_of(owner, wanted)
        return await self._count("refunds", where(asked, statuses=_WITH_STATUS), asked)

    async def screening(self, owner: Owner, payment_id: UUID) -> Screening | None:
        """Return what screening made of the merchant's payment; None for anybody else's."""
        row = await one_of(self._pool, _SCORE, _one(owner, payment_id))
        return (
            None
            if row is None
            else Screening(row["id"], _verdict(row) if row["decision"] else None)
        )

    async def _count(self, table: str, condition: str, asked: Row) -> int:
        query = _COUNT.format(table=table, where=condition)
        (row,) = await all_of(self._pool, query, asked | {"most": COUNT_CAP + 1})
        return int(row["n"])


def _one(owner: Owner, id_: UUID) -> Row:
    return {"id": id_, "merchant": owner.merchant_id, "mode": owner.mode.value}


def _booked(row: Row) -> Booked:
    return Booked(
        id=row["id"],
        mode=Mode(row["mode"]),
        type=Movement(row["type"]),
        money=Money(row["amount"], CURRENCIES[row["currency"]]),
        attempt_id=row["attempt_id"],
        gateway_id=row["gateway_id"],
        provider_id=row["provider_id"],
        created_at=row["created_at"],
        payment_id=row["payment_id"],
        refund_id=row["refund_id"],
        payout_id=row["payout_id"],
        order_id=row["order_id"],
    )


def _verdict(row: Row) -> Verdict:
    factors = [Reason(one["name"], one["source"], one["text"]) for one in row["factors"]]
    return Verdict(
        score=row["score"],
        level=row["risk_level"],
        decision=row["decision"],
        reason=row["reason"],
        factors=tuple(factors),
        scored=row["scored_mode"],
        ruleset_version=row["ruleset_version"],
        model_id=row["model_id"],
        decided_at=row["decided_at"],
    )
