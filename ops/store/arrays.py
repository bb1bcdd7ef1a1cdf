"""Arrays: one parameter per column for many rows, in PostgreSQL's binary form.

The driver turns lists into arrays element by element, which costs more than writing the rows does.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

#: Where PostgreSQL's count of microseconds begins.
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LENGTH: Final = struct.Struct("!i").pack
_LONG: Final = struct.Struct("!iq").pack
_ABSENT: Final = _LENGTH(-1)
#: The version of jsonb's binary form, before the text.
_JSONB: Final = b"\1"
_16_BYTES: Final = _LENGTH(16)
_FALSE, _TRUE = (_LENGTH(1) + value for value in (b"\0", b"\1"))


class Array:
    """An array as it is sent; each subclass is of one type."""

    __slots__ = ("sent",)
    #: The element's type and the array's, as `pg_type` numbers them.
    element: ClassVar[int]
    oid: ClassVar[int]

    def __init__(self, count: int, elements: bytes) -> None:
        # One dimension, maybe with NULLs, counted from 1.
        self.sent = struct.pack("!5i", 1, 1, self.element, count, 1) + elements


class Uuids(Array):
    """uuid[]"""

    __slots__ = ()
    element, oid = 2950, 2951


class Texts(Array):
    """text[]"""

    __slots__ = ()
    element, oid = 25, 1009


class Blobs(Array):
    """bytea[]"""

    __slots__ = ()
    element, oid = 17, 1001


class Documents(Array):
    """jsonb[]"""

    __slots__ = ()
    element, oid = 3802, 3807


class Longs(Array):
    """bigint[]"""

    __slots__ = ()
    element, oid = 20, 1016


class Booleans(Array):
    """boolean[]"""

    __slots__ = ()
    element, oid = 16, 1000


class Moments(Array):
    """timestamptz[]"""

    __slots__ = ()
    element, oid = 1184, 1185


def uuids(values: Sequence[UUID | None]) -> Uuids:
    """Return them as uuid[]."""
    parts = [_ABSENT if one is None else _16_BYTES + one.bytes for one in values]
    return Uuids(len(parts), b"".join(parts))


def texts(values: Sequence[str | None]) -> Texts:
    """Return them as text[]."""
    return Texts(len(values), _joined([None if one is None else one.encode() for one in values]))


def blobs(values: Sequence[bytes | None]) -> Blobs:
    """Return them as bytea[]."""
    return Blobs(len(values), _joined(values))


def documents(values: Sequence[bytes]) -> Documents:
    """Return JSON texts as jsonb[]."""
    return Documents(len(values), _joined([_JSONB + one for one in values]))


def longs(values: Sequence[int | None]) -> Longs:
    """Return them as bigint[]. Raises struct.error for what does not fit."""
    parts = [_ABSENT if one is None else _LONG(8, one) for one in values]
    return Longs(len(parts), b"".join(parts))


def booleans(values: Sequence[bool]) -> Booleans:
    """Return them as boolean[]."""
    parts = [_TRUE if one else _FALSE for one in values]
    return Booleans(len(parts), b"".join(parts))


def moments(values: Sequence[datetime | None]) -> Moments:
    """Return points in time, which have their zone, as timestamptz[]."""
    parts = [_ABSENT if one is None else _LONG(8, (one - _EPOCH) // _MICROSECOND) for one in values]
    return Moments(len(parts), b"".join(parts))


def teach(db: AsyncConnection[Any]) -> None:
    """Let a connection send these arrays."""
    try:
        db.adapters.get_dumper(Uuids, PyFormat.BINARY)
    except psycopg.ProgrammingError:  # it has not been taught
        for type_, dumper in _DUMPERS.items():
            db.adapters.register_dumper(type_, dumper)


def _joined(values: Sequence[bytes | None]) -> bytes:
    parts: list[bytes] = []
    for one in values:
        if one is None:
            parts.append(_ABSENT)
        else:
            parts += (_LENGTH(len(one)), one)
    return b"".join(parts)


def _dumper(kind: type[Array]) -> type[Dumper]:
    class Dumps(Dumper):
        format = Format.BINARY
        oid = kind.oid

        def dump(self, obj: Array) -> bytes:
            return obj.sent

    return Dumps


_DUMPERS: Final = {
    kind: _dumper(kind) for kind in (Uuids, Texts, Blobs, Documents, Longs, Booleans, Moments)
}
