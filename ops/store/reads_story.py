"""Reads of a payment's story for the door: what operators see of it, in its merchant's scope."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Engine, text

from ops.store.tale import Tale, read_tale
from ops.store.wanted import Owner

_OWNED = text("SELECT 1 FROM payments WHERE id = :id AND merchant_id = :merchant AND mode = :mode")


class Stories:
    """Stories of payments, each from one snapshot."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def of_payment(self, owner: Owner, id_: UUID) -> Tale | None:
        """Return the story of the merchant's payment; None for anybody else's."""
        asked = {"id": id_, "merchant": owner.merchant_id, "mode": owner.mode.value}
        with self._engine.connect() as db:
            if db.execute(_OWNED, asked).one_or_none() is None:
                return None
            return read_tale(db, id_)
