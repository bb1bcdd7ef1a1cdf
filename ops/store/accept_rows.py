"""Accept, the rows: what one statement is given to write a batch of checkouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

import msgspec

from domain.checkout import Checkout
from domain.events import Actor, payment_told
from domain.payment import Mode, Payment
from ops.store import rows
from ops.store.accept_sql import BESIDE, COLUMNS
from ops.vault import Vault

KeyId: TypeAlias = tuple[UUID, str, str]

_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Ask:
    """One checkout at the door."""

    merchant_id: UUID
    mode: Mode
    key: str
    key_id: str
    checkout: Checkout
    fingerprint: bytes
    request_id: str
    payment_id: UUID

    @property
    def id(self) -> KeyId:
        """The scope of the idempotency key."""
        return self.merchant_id, self.mode.value, self.key


def values_of(
    asks: Sequence[Ask],
    payments: Sequence[Payment],
    bodies: Sequence[bytes],
    key_ttl: timedelta,
    vault: Vault,
) -> list[object]:
    """Return the values of `accept_sql`'s statements, for asks with their payments and answers."""
    written = [rows.payment_insert(payment, vault) for payment in payments]
    for row in written:
        row["metadata"] = _json(row["metadata"])
    told = [
        payment_told(None, payment, Actor.MERCHANT, f"key:{ask.key_id}")
        for ask, payment in zip(asks, payments, strict=True)
    ]
    # A new payment is told of in one way: what of it is the same for all of them.
    ((actor, action, entity, type_, aggregate),) = {
        (one.entry.actor, one.entry.action, one.entry.entity, one.event.type, one.event.aggregate)
        for one in told
    }
    beside = (
        [ask.key for ask in asks],
        [ask.fingerprint for ask in asks],
        bodies,
        [one.entry.actor_id for one in told],
        [one.entry.entity_id for one in told],
        [_json(one.entry.after) for one in told],
        [_json(one.event.payload) for one in told],
    )
    return [
        *(array([row[name] for row in written]) for name, array in COLUMNS),
        *(array(column) for (_, array), column in zip(BESIDE, beside, strict=True)),
        key_ttl,
        *(actor.value, action, entity, "{}", type_, aggregate),
    ]
