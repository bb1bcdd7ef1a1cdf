"""The bank's shelf: every object, by id and by the merchant's reference, and who is told of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TypeVar

from ops.sandbox.soapbank.currencies import written
from ops.sandbox.soapbank.objects import Charge, Payout, Refund, Thing
from ops.sandbox.soapbank.writer import notification
from ops.sandbox.stage.lines import Kind, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.stage import Stage

T = TypeVar("T", bound=Charge | Refund | Payout)

#: What the ids of each kind of object begin with.
PREFIXES: dict[type[Thing], str] = {Charge: "sbc", Refund: "sbr", Payout: "sbp"}
#: A look-up shows no more.
MOST = 20


class Shelf:
    """Objects change here only: with a line in the ledger, and a callback where the status is new."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._things: dict[str, Thing] = {}
        self._by_reference: dict[str, list[str]] = {}

    def put(self, kind: Kind | str, thing: Thing, moved: int = 0) -> None:
        """Keep an object as it is now. `kind` is the ledger's word for what happened to it, and
        `moved` the minor units that it moved."""
        before = self._things.get(thing.id)
        self._keep(thing)
        named = {"reference": thing.reference}
        if isinstance(thing, Refund):
            charge = self._things[thing.charge]
            named = {
                "reference": charge.reference,
                "refund_reference": thing.reference,
                "of": thing.charge,
            }
        self._stage.record(
            kind,
            object=thing.id,
            amount=moved,
            currency=thing.currency,
            state=thing,
            **named,
        )
        if before is None or before.status is not thing.status:
            self._tell(thing)

    def find(self, id_: str, type_: type[T]) -> T | None:
        """Return an object of this kind."""
        thing = self._things.get(id_)
        return thing if isinstance(thing, type_) else None

    def known_by(self, field: str, name: str) -> Sequence[Thing]:
        """Return the object with this `BankId`, or those with this `Reference`, oldest first."""
        ids = [name] if field == "BankId" else self._by_reference.get(name, [])
        return [self._things[id_] for id_ in ids[:MOST] if id_ in self._things]

    def restore(self, line: Line) -> None:
        """Take a line from before a restart."""
        for type_, prefix in PREFIXES.items():
            if line.object.startswith(prefix):
                self._keep(line.holds(type_))

    def _keep(self, thing: Thing) -> None:
        if thing.id not in self._things and thing.reference:
            self._by_reference.setdefault(thing.reference, []).append(thing.id)
        self._things[thing.id] = thing

    def _tell(self, thing: Thing) -> None:
        event = f"sbe_{secrets.token_hex(12)}"
        body = notification(
            {
                "EventId": event,
                "BankId": thing.id,
                "Reference": thing.reference,
                "Status": thing.status.value,
                "Amount": written(thing.amount, thing.currency),
                "Currency": thing.currency,
            }
        )
        self._stage.notify(
            Notice(
                id=event,
                type=thing.status.value,
                object=thing.id,
                reference=thing.reference,
                body=body,
            )
        )


def new_id(type_: type[Thing]) -> str:
    """Return a name that no object has."""
    return f"{PREFIXES[type_]}_{secrets.token_hex(12)}"
