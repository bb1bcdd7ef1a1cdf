"""Saved payment methods: tokens sealed, one default per customer, and deletion that is a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import IntegrityError

from domain.errors import FieldError, IllegalMove, InvalidRequest, LimitReached, NotFound
from domain.events import Json
from domain.ids import Kind, public
from domain.means import Card
from domain.payment import Mode
from domain.people import (
    MAX_METHODS,
    Asker,
    Funding,
    Means,
    MethodType,
    SavedMethod,
    merchant_told,
)
from ops.store import tables
from ops.store.rows import Row
from ops.store.story import tell
from ops.vault import Vault

_READ = text("""
SELECT * FROM payment_methods
 WHERE id = :id AND merchant_id = :merchant AND mode = :mode AND deleted_at IS NULL
""")
_LIST = text("""
SELECT * FROM payment_methods
 WHERE customer_id = :customer AND merchant_id = :merchant AND mode = :mode AND deleted_at IS NULL
 ORDER BY id DESC
""")
# The customer's row is the lock of everything that is decided over all of its methods: the limit,
# the default, anonymizing. NO KEY: whoever merely refers to the customer is not held up.
_LOCK_CUSTOMER = text("""
SELECT anonymized_at FROM customers
 WHERE id = :id AND merchant_id = :merchant AND mode = :mode FOR NO KEY UPDATE
""")
_CUSTOMER = text("""
SELECT 1 FROM customers WHERE id = :id AND merchant_id = :merchant AND mode = :mode
""")
# Waits for the customer without reading the method: whether it still lives is asked afterwards.
_LOCK_OWNER = text("""
SELECT c.id FROM customers c JOIN payment_methods m ON m.customer_id = c.id
 WHERE m.id = :id AND m.merchant_id = :merchant AND m.mode = :mode
   FOR NO KEY UPDATE OF c
""")
_COUNT = text("""
SELECT count(*) AS methods, count(*) FILTER (WHERE is_default) AS defaults
  FROM payment_methods WHERE customer_id = :customer AND deleted_at IS NULL
""")
# The old default goes before the new one comes: the unique index is checked row by row.
_NO_DEFAULT = text("""
UPDATE payment_methods SET is_default = false, updated_at = clock_timestamp()
 WHERE customer_id = :customer AND is_default AND deleted_at IS NULL
""")
_DEFAULT = text("""
UPDATE payment_methods SET is_default = true, updated_at = clock_timestamp()
 WHERE id = :id AND deleted_at IS NULL RETURNING *
""")
# Due at once: a worker tells the gateway's vault to forget the token (`Command.DETACH`).
_DELETE = """
UPDATE payment_methods
   SET deleted_at = clock_timestamp(), updated_at = clock_timestamp(), is_default = false,
       next_run_at = clock_timestamp(), wake_at = clock_timestamp(), wakes = 0,
       request_id = :request
 WHERE {which} AND deleted_at IS NULL RETURNING id, customer_id
"""
_DELETE_ONE = text(_DELETE.format(which="id = :id"))
_DELETE_ALL = text(_DELETE.format(which="customer_id = :customer"))


class Methods:
    """The saved methods of every merchant; each call sees those of its asker alone (law 15)."""

    def __init__(self, engine: Engine, vault: Vault, new_id: Callable[[], UUID]) -> None:
        self._engine = engine
        self._vault = vault
        self._new_id = new_id

    def add(
        self, asker: Asker, customer_id: UUID, means: Means, *, make_default: bool = False
    ) -> SavedMethod:
        """Save a way to pay; it becomes the default if asked, or if the customer has none.

        Raises `NotFound` for anybody else's customer, `IllegalMove` for an anonymized one,
        `LimitReached` at `MAX_METHODS`, `InvalidRequest` for a gateway that is not of this mode.
        """
        with self._engine.begin() as db:
            locked = db.execute(_LOCK_CUSTOMER, _scope(asker) | {"id": customer_id}).one_or_none()
            if locked is None:
                raise NotFound("customer")
            if locked.anonymized_at is not None:
                raise IllegalMove("the customer was anonymized", fix="create a new customer")
            count = db.execute(_COUNT, {"customer": customer_id}).one()
            if count.methods >= MAX_METHODS:
                raise LimitReached(
                    f"the customer has {MAX_METHODS} payment methods", fix="delete one of them"
                )
            is_default = make_default or count.defaults == 0
            if is_default:
                db.execute(_NO_DEFAULT, {"customer": customer_id})
            values = self._values(asker, customer_id, means) | {"is_default": is_default}
            row = _insert(db, values)
            said = _said(row) | {"type": means.type.value, "gateway": means.gateway_id}
            _tell(db, asker, "created", row["id"], said | {"is_default": is_default})
        return self._method(row)

    def find(self, asker: Asker, id_: UUID) -> SavedMethod:
        """Return a method of the asker, with its token. Raises `NotFound`."""
        with self._engine.connect() as db:
            row = db.execute(_READ, _scope(asker) | {"id": id_}).mappings().one_or_none()
        if row is None:
            raise NotFound("payment_method")
        return self._method(row)

    def of_customer(self, asker: Asker, customer_id: UUID) -> Sequence[SavedMethod]:
        """Return a customer's methods, newest first. Raises `NotFound` for anybody else's customer."""
        with self._engine.connect() as db:
            if db.execute(_CUSTOMER, _scope(asker) | {"id": customer_id}).first() is None:
                raise NotFound("customer")
            found = db.execute(_LIST, _scope(asker) | {"customer": customer_id}).mappings()
            return [self._method(row) for row in found]

    def make_default(self, asker: Asker, id_: UUID) -> SavedMethod:
        """Make a method its customer's only default. Safe to repeat. Raises `NotFound`."""
        with self._engine.begin() as db:
            customer = _lock_owner(db, asker, id_)
            before = db.execute(_READ, _scope(asker) | {"id": id_}).mappings().one_or_none()
            if before is None:
                raise NotFound("payment_method")
            if before["is_default"]:
                return self._method(before)
            db.execute(_NO_DEFAULT, {"customer": customer})
            row = db.execute(_DEFAULT, {"id": id_}).mappings().one()
            _tell(db, asker, "made_default", id_, _said(row))
        return self._method(row)

    def delete(self, asker: Asker, id_: UUID) -> None:
        """Delete a method; its gateway forgets the token soon. No other becomes the default: which
        one is charged next is the payer's word. Raises `NotFound`, the second time too."""
        with self._engine.begin() as db:
            _lock_owner(db, asker, id_)
            asked = {"id": id_, "request": asker.request_id}
            row = db.execute(_DELETE_ONE, asked).mappings().one_or_none()
            if row is None:
                raise NotFound("payment_method")
            _tell(db, asker, "deleted", id_, _said(row))

    def _values(self, asker: Asker, customer_id: UUID, means: Means) -> dict[str, Any]:
        id_, card = self._new_id(), means.card or Card()

        def sealed(column: str, value: str | None) -> bytes | None:
            return None if value is None else self._vault.seal(value.encode(), **_at(column, id_))

        return {
            "id": id_,
            "customer_id": customer_id,
            "merchant_id": asker.merchant_id,
            "mode": asker.mode.value,
            "type": means.type.value,
            "gateway_id": means.gateway_id,
            "token": sealed("token", means.token),
            "fingerprint": card.fingerprint,
            "brand": card.brand,
            "last4": card.last4,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "card_country": card.country,
            "funding": means.funding.value,
            "paypal_email": sealed("paypal_email", means.paypal_email),
            "wallet_id": sealed("wallet_id", means.wallet_id),
            "request_id": asker.request_id,
        }

    def _method(self, row: Row) -> SavedMethod:
        def opened(column: str) -> str | None:
            sealed = row[column]
            return sealed and self._vault.open(sealed, **_at(column, row["id"])).decode()

        card = Card(
            row["fingerprint"],
            row["brand"],
            row["last4"],
            row["exp_month"],
            row["exp_year"],
            row["card_country"],
        )
        type_ = MethodType(row["type"])
        means = Means(
            type_,
            opened("token"),
            row["gateway_id"],
            card if type_ is MethodType.CARD else None,
            Funding(row["funding"]),
            opened("paypal_email"),
            opened("wallet_id"),
        )
        return SavedMethod(
            row["id"],
            row["customer_id"],
            Mode(row["mode"]),
            means,
            row["is_default"],
            row["created_at"],
            row["updated_at"],
        )


def delete_all(db: Connection, asker: Asker, customer_id: UUID) -> int:
    """Delete every method of a customer whose row is held; returns how many there were."""
    asked = {"customer": customer_id, "request": asker.request_id}
    gone = db.execute(_DELETE_ALL, asked).mappings().all()
    for row in gone:
        _tell(db, asker, "deleted", row["id"], _said(row))
    return len(gone)


def _insert(db: Connection, values: dict[str, Any]) -> Row:
    written = insert(tables.payment_methods).values(values).returning(tables.payment_methods)
    try:
        return db.execute(written).mappings().one()
    except IntegrityError as error:
        if not isinstance(error.orig, ForeignKeyViolation):
            raise
        # The customer is held, so it is the gateway that is not there in this mode.
        fix = "send the id of a gateway of this mode, or leave it out for a portable test token"
        wrong = FieldError("gateway_id", "is not a gateway we have", fix)
        raise InvalidRequest([wrong]) from None


def _lock_owner(db: Connection, asker: Asker, id_: UUID) -> UUID:
    customer: UUID | None = db.execute(
        _LOCK_OWNER, _scope(asker) | {"id": id_}
    ).scalar_one_or_none()
    if customer is None:
        raise NotFound("payment_method")
    return customer


def _scope(asker: Asker) -> dict[str, Any]:
    return {"merchant": asker.merchant_id, "mode": asker.mode.value}


def _at(column: str, id_: UUID) -> dict[str, str]:
    return {"table": "payment_methods", "column": column, "row": id_.hex}


def _said(row: Row) -> dict[str, object]:
    return {"customer_id": public(Kind.CUSTOMER, row["customer_id"])}


def _tell(db: Connection, asker: Asker, deed: str, id_: UUID, said: Json) -> None:
    name = public(Kind.PAYMENT_METHOD, id_)
    tell(db, [merchant_told(asker, f"payment_method.{deed}", "payment_method", name, said)])
