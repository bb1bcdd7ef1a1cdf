"""Review cases in an open transaction: asked once, decided once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as once

from domain.money import CURRENCIES, Money
from domain.review import Case, CaseKind, Decision
from ops.store import tables
from ops.store.rows import Row
from ops.store.work.session import Session


class CaseWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def open_case(self, case: Case) -> bool:
        """Insert a review case. False: one of its kind is open for this payment already."""
        written = once(tables.review_cases).values(_case_insert(case))
        only = written.on_conflict_do_nothing(
            index_elements=["payment_id", "kind"], index_where=text("decision IS NULL")
        )
        return self._db.execute(only.returning(tables.review_cases.c.id)).first() is not None

    def open_cases(self, payment_id: UUID) -> Sequence[Case]:
        """The payment's undecided cases, oldest first."""
        t = tables.review_cases
        asked = select(t).where(t.c.payment_id == payment_id, t.c.decision.is_(None))
        found = self._db.execute(asked.order_by(t.c.opened_at, t.c.id)).mappings()
        return [case_of(row) for row in found]

    def decide_case(self, case: Case) -> bool:
        """Write a decision. False: somebody else has decided it."""
        t = tables.review_cases
        undecided = (t.c.id == case.id) & t.c.decision.is_(None)
        written = update(t).where(undecided).values(_decision(case))
        return self._db.execute(written).rowcount == 1


def _case_insert(case: Case) -> dict[str, Any]:
    """Return every column of a new case."""
    return {
        "id": case.id,
        "payment_id": case.payment_id,
        "attempt_id": case.attempt_id,
        "kind": case.kind.value,
        "reason": case.reason,
        "opened_at": case.opened_at,
        "found_amount": case.found.minor if case.found else None,
        "found_currency": case.found.currency.code if case.found else None,
        "found_held": case.found_held,
        "found_ours": case.found_ours,
        "provider_id": case.provider_id,
        **_decision(case),
    }


def _decision(case: Case) -> dict[str, Any]:
    """Return the columns that a decision writes."""
    return {
        "decision": case.decision.value if case.decision else None,
        "decided_by": case.decided_by,
        "decided_at": case.decided_at,
        "note": case.note,
    }


def case_of(row: Row) -> Case:
    """Read a case."""
    amount, decision = row["found_amount"], row["decision"]
    return Case(
        id=row["id"],
        payment_id=row["payment_id"],
        kind=CaseKind(row["kind"]),
        reason=row["reason"],
        opened_at=row["opened_at"],
        attempt_id=row["attempt_id"],
        found=None if amount is None else Money(amount, CURRENCIES[row["found_currency"]]),
        found_held=row["found_held"],
        found_ours=row["found_ours"],
        provider_id=row["provider_id"],
        decision=Decision(decision) if decision else None,
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        note=row["note"],
    )
