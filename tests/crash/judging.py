"""Judging a cell: the one verdict over its merchant's rows and its lines in the ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.ids import Kind, public
from ops.harness.verdict import judge
from tests.crash.cells import Cell, Deed
from tests.crash.deeds import PLANS, amount, part
from tests.crash.stage import Merchant, Slot

#: What is due later than this (seconds) is no work that was left: a hold that lapses in days.
SOON_S = 3_600

_OPEN = """
SELECT 'attempt' AS what, id, state AS status, cause, parked_reason FROM payment_attempts
 WHERE merchant_id = %(merchant)s
   AND (state IN ('sending', 'unknown', 'pending', 'requires_action') OR next_run_at < {soon})
UNION ALL
SELECT 'payment', id, status, next_command, parked_reason FROM payments
 WHERE merchant_id = %(merchant)s AND next_run_at < {soon}
UNION ALL
SELECT 'refund', id, status, '', parked_reason FROM refunds
 WHERE merchant_id = %(merchant)s AND (next_run_at IS NOT NULL OR status <> 'succeeded')
UNION ALL
SELECT 'payout', id, status, '', parked_reason FROM payouts
 WHERE merchant_id = %(merchant)s AND (next_run_at IS NOT NULL OR status <> 'succeeded')
UNION ALL
SELECT 'webhook', id, status, '', parked_reason FROM webhook_events
 WHERE (next_run_at < {soon} OR status <> 'processed') AND (attempt_id IS NULL OR attempt_id IN
       (SELECT id FROM payment_attempts WHERE merchant_id = %(merchant)s))
""".format(soon=f"clock_timestamp() + interval '{SOON_S} s'")
_ENDED = "SELECT id, status FROM {table} WHERE merchant_id = %s"
_PREFIX = {"payments": Kind.PAYMENT, "refunds": Kind.REFUND, "payouts": Kind.PAYOUT}


@dataclass(frozen=True, slots=True)
class Ready:
    """A cell that can be played."""

    merchant: Merchant
    #: The payment that was there before.
    payment_id: UUID | None = None
    #: How often the cell was played before.
    take: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """How things are with a cell's merchant."""

    #: What its deed made or changed, by status.
    ended: Sequence[tuple[UUID, str]]
    #: What is still under way.
    under_way: Sequence[dict[str, Any]]
    wanted: str

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way and the deed came to its end."""
        return not self.under_way and [status for _, status in self.ended] == [self.wanted]


def settled(cell: Cell, slot: Slot, ready: Ready) -> Settled:
    """Look once."""
    plan, merchant = PLANS[cell.deed], ready.merchant
    ended = slot.sql(_ENDED.format(table=plan.table), [merchant.id])
    under_way = slot.sql(_OPEN, {"merchant": merchant.id})
    return Settled([(row["id"], row["status"]) for row in ended], under_way, plan.ends)


def judged(cell: Cell, slot: Slot, ready: Ready, end: Settled) -> list[str]:
    """Return everything that is wrong with a cell, in words."""
    plan, merchant = PLANS[cell.deed], ready.merchant
    wrong = []
    if [status for _, status in end.ended] != [plan.ends]:
        wrong.append(f"{plan.table} should be one that is {plan.ends}, not {end.ended}")
    wrong += [f"still under way: {row}" for row in end.under_way]
    names = [public(_PREFIX[plan.table], id_) for id_, _ in end.ended]
    for name in names:
        wrong += _untold(cell, slot, name)
    attempts = slot.sql(
        "SELECT id, gateway_id FROM payment_attempts WHERE merchant_id = %s ORDER BY id",
        [merchant.id],
    )
    if not attempts or attempts[0]["gateway_id"] != plan.gateway:
        wrong.append(f"not at {plan.gateway} first: {attempts}")
    references = [row["id"].hex for row in attempts]
    amounts = () if cell.deed is Deed.WEBHOOK else (amount(cell, ready.take), part(cell))
    folder = slot.stage.folder / f"ledgers-{cell.id}-{merchant.id.hex}"
    files = slot.stage.ledgers.of(references, amounts, folder)
    verdict = judge(slot.engine, files, None, merchant_id=merchant.id, accepted=names)
    if not verdict.clean:
        wrong.append(verdict.report())
    wrong += [f"parked: {row}" for row in verdict.parked]
    wrong += [f"given back: {row}" for row in verdict.given_back]
    return wrong


def _untold(cell: Cell, slot: Slot, name: str) -> list[str]:
    """A final move leaves exactly one event behind."""
    type_ = f"{PLANS[cell.deed].table.removesuffix('s')}.{PLANS[cell.deed].ends}"
    told = slot.sql(
        "SELECT id FROM outbox_events WHERE aggregate_id = %s AND type = %s", [name, type_]
    )
    return [] if len(told) == 1 else [f"{len(told)} events {type_} of {name}"]
