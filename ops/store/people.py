"""Customers: a merchant's payers, what is personal of them sealed, and forgotten when asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Engine, TextClause, insert, text
from sqlalchemy.exc import IntegrityError

from domain.errors import CustomerExists, IllegalMove, NotFound
from domain.events import Json
from domain.ids import Kind, public
from domain.payment import Mode
from domain.people import Address, Asker, Person, Profile, SavedCustomer, merchant_told
from ops.store import tables
from ops.store.merchants import Merchants
from ops.store.payment_methods import Methods, delete_all
from ops.store.rows import Row
from ops.store.story import tell
from ops.vault import Vault

_READ = text("SELECT * FROM customers WHERE id = :id AND merchant_id = :merchant AND mode = :mode")
# Two changes at the same time are made one after the other; payments and methods that only refer to
# the customer are not held up.
_LOCK = text(f"{_READ.text} FOR NO KEY UPDATE")
# Newest first by id (UUIDv7 is ordered in time), from the cursor on; without filters the index by
# merchant serves it, with a filter the unique index or the GIN index.
_LIST = text("""
SELECT * FROM customers
 WHERE merchant_id = :merchant AND mode = :mode
   AND (CAST(:before AS uuid) IS NULL OR id < :before)
   AND (CAST(:external_id AS text) IS NULL OR external_id = :external_id)
   AND (CAST(:metadata AS jsonb) IS NULL OR metadata @> CAST(:metadata AS jsonb))
 ORDER BY id DESC LIMIT :limit
""")
_UPDATE = text("""
UPDATE customers
   SET external_id = :external_id, username = :username, country_code = :country_code,
       metadata = CAST(:metadata AS jsonb), details = :details, updated_at = clock_timestamp()
 WHERE id = :id RETURNING *
""")
_ANONYMIZE = text("""
UPDATE customers
   SET external_id = NULL, username = NULL, country_code = NULL, metadata = '{}', details = NULL,
       anonymized_at = clock_timestamp(), updated_at = clock_timestamp()
 WHERE id = :id
""")


@dataclass(frozen=True, slots=True)
class People:
    """What the door does with people: customers, their saved methods, and merchants themselves."""

    customers: Customers
    methods: Methods
    merchants: Merchants


def people(engine: Engine, vault: Vault, pepper: bytes, new_id: Callable[[], UUID]) -> People:
    """Return everything about people on these books."""
    return People(
        Customers(engine, vault, new_id),
        Methods(engine, vault, new_id),
        Merchants(engine, vault, pepper),
    )


class Customers:
    """The customers of every merchant; each call sees those of its asker alone (law 15)."""

    def __init__(self, engine: Engine, vault: Vault, new_id: Callable[[], UUID]) -> None:
        self._engine = engine
        self._vault = vault
        self._new_id = new_id

    def create(self, asker: Asker, profile: Profile) -> SavedCustomer:
        """Write a new customer down. Raises `CustomerExists` for an external_id that is taken."""
        id_ = self._new_id()
        owned = {"id": id_, "merchant_id": asker.merchant_id, "mode": asker.mode.value}
        values = owned | self._values(id_, profile) | {"metadata": dict(profile.metadata)}
        with _writing(self._engine) as db:
            written = insert(tables.customers).values(values).returning(tables.customers)
            row = db.execute(written).mappings().one()
            _tell(db, asker, "created", id_, {"fields": _differing(profile, Profile())})
        return self._customer(row)

    def find(self, asker: Asker, id_: UUID) -> SavedCustomer:
        """Return a customer of the asker. Raises `NotFound` for anybody else's."""
        with self._engine.connect() as db:
            return self._customer(_row(db, _READ, asker, id_))

    def page(
        self,
        asker: Asker,
        *,
        before: UUID | None,
        limit: int,
        external_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Sequence[SavedCustomer]:
        """Return at most `limit` customers older than `before`, newest first."""
        asked = {
            **_scope(asker),
            "before": before,
            "limit": limit,
            "external_id": external_id,
            "metadata": json.dumps(metadata) if metadata else None,
        }
        with self._engine.connect() as db:
            return [self._customer(row) for row in db.execute(_LIST, asked).mappings()]

    def update(
        self,
        asker: Asker,
        id_: UUID,
        change: Callable[[Profile], Profile],
    ) -> SavedCustomer:
        """Change a customer; of two changes at the same time the second sees the first.

        Raises `NotFound`, `CustomerExists`, and `IllegalMove` for one who was anonymized.
        """
        with _writing(self._engine) as db:
            before = self._customer(_row(db, _LOCK, asker, id_))
            if before.anonymized_at is not None:
                raise IllegalMove("the customer was anonymized", fix="create a new customer")
            after = change(before.profile)
            if after == before.profile:
                return before
            values = self._values(id_, after) | {"metadata": json.dumps(dict(after.metadata))}
            row = db.execute(_UPDATE, {"id": id_} | values).mappings().one()
            _tell(db, asker, "updated", id_, {"fields": _differing(after, before.profile)})
        return self._customer(row)

    def anonymize(self, asker: Asker, id_: UUID) -> None:
        """Erase what is personal and delete the payment methods; the row stays. Safe to repeat."""
        with self._engine.begin() as db:
            if _row(db, _LOCK, asker, id_)["anonymized_at"] is not None:
                return
            deleted = delete_all(db, asker, id_)
            db.execute(_ANONYMIZE, {"id": id_})
            _tell(db, asker, "anonymized", id_, {"payment_methods_deleted": deleted})

    def _values(self, id_: UUID, profile: Profile) -> dict[str, Any]:
        personal = json.dumps(asdict(profile.person)).encode()
        return {
            "external_id": profile.external_id,
            "username": profile.username,
            "country_code": profile.country,
            "details": self._vault.seal(personal, **_place(id_)),
        }

    def _customer(self, row: Row) -> SavedCustomer:
        person = Person()
        if row["details"] is not None:
            person = _person(json.loads(self._vault.open(row["details"], **_place(row["id"]))))
        return SavedCustomer(
            row["id"],
            Mode(row["mode"]),
            Profile(
                row["external_id"], row["username"], row["country_code"], row["metadata"], person
            ),
            row["created_at"],
            row["updated_at"],
            row["anonymized_at"],
        )


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that may find an external_id taken: the unique index is the judge."""
    try:
        with engine.begin() as db:
            yield db
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        fix = "find it with GET /v1/customers?external_id=... and update it, or send another"
        raise CustomerExists(fix=fix) from None


def _scope(asker: Asker) -> dict[str, Any]:
    return {"merchant": asker.merchant_id, "mode": asker.mode.value}


def _place(id_: UUID) -> dict[str, str]:
    return {"table": "customers", "column": "details", "row": id_.hex}


def _row(db: Connection, query: TextClause, asker: Asker, id_: UUID) -> Row:
    row = db.execute(query, _scope(asker) | {"id": id_}).mappings().one_or_none()
    if row is None:
        raise NotFound("customer")
    return row


def _person(said: dict[str, Any]) -> Person:
    address = said.pop("billing_address")
    return Person(**said, billing_address=Address(**address) if address else None)


def _differing(one: Profile, other: Profile) -> list[str]:
    """Return the names of the fields that differ: the audit tells which, never what is in them."""
    return [
        part.name
        for first, second in ((one, other), (one.person, other.person))
        for part in fields(first)
        if part.name != "person" and getattr(first, part.name) != getattr(second, part.name)
    ]


def _tell(db: Connection, asker: Asker, deed: str, id_: UUID, said: Json) -> None:
    name = public(Kind.CUSTOMER, id_)
    tell(db, [merchant_told(asker, f"customer.{deed}", "customer", name, said)])
