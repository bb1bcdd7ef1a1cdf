"""Direct: statements that every payment runs, said to the driver itself and kept at the server.

SQLAlchemy's own way to run a statement costs four times the driver's. Only statements that name
their columns come here: one with `*` would fail in each session that keeps it, from the moment at
which a migration adds a column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import count
from typing import Any, TypeAlias

import msgspec
import psycopg
from psycopg.adapt import Dumper, PyFormat, Transformer
from psycopg.pq.abc import PGresult
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from ops.store.transaction import Transaction

Values: TypeAlias = Sequence[object]
Row: TypeAlias = dict[str, Any]

#: Under this name a pooled session keeps what it knows.
_KEPT = "direct"
#: What stands for a value until it gets its number.
MARK = "%s"


class _Said(Dumper):
    """A value as text whose type the server takes from where it stands.

    The driver would name a type by the value's size: the same statement would be kept many times.
    """

    def dump(self, obj: object) -> bytes:
        return str(obj).encode()


class _Document(Dumper):
    """A document as JSON text."""

    def dump(self, obj: object) -> bytes:
        return msgspec.json.encode(obj)


class _Kept:
    """What a session keeps from one transaction to the next: how it writes values, the names of the
    statements that the server has, and of the columns of each that gave rows."""

    __slots__ = ("adaption", "columns", "names", "statements")

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        cursor = driver.cursor()
        for kind in (int, datetime):
            cursor.adapters.register_dumper(kind, _Said)
        cursor.adapters.register_dumper(dict, _Document)
        self.adaption = Transformer(cursor)
        self.statements: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self.names = (f"direct_{n}".encode() for n in count())
        self.columns: dict[str, list[str]] = {}


class Direct:
    """Says statements to the session of one transaction. Errors are those of SQLAlchemy, without any
    value.

    One call of libpq sends a statement and waits for its answer, while other threads run: the
    driver's cursors would get ready for answers in pieces, for twice the time.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        kept = transaction.kept
        if _KEPT not in kept:
            kept[_KEPT] = _Kept(transaction.driver)
        self._kept: _Kept = kept[_KEPT]

    def run(self, query: str, values: Values = ()) -> int:
        """Run a numbered statement; return how many rows it touched."""
        return self._said(query, values).command_tuples or 0

    def rows(self, query: str, values: Values = ()) -> list[Row]:
        """Run a numbered statement; return its rows."""
        result, kept = self._said(query, values), self._kept
        names = kept.columns.get(query)
        if names is None:
            names = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
            kept.columns[query] = names
        kept.adaption.set_pgresult(result)
        found = kept.adaption.load_rows(0, result.ntuples, tuple)
        return [dict(zip(names, row, strict=True)) for row in found]

    def row(self, query: str, values: Values = ()) -> Row | None:
        """Run a numbered statement; return its first row, if it has one."""
        return next(iter(self.rows(query, values)), None)

    def _said(self, query: str, values: Values) -> PGresult:
        transaction, adaption = self._transaction, self._kept.adaption
        with transaction.telling(query):
            session = transaction.begun()
            written = adaption.dump_sequence(values, [PyFormat.AUTO] * len(values))
            formats, types = adaption.formats, adaption.types or ()
            name = self._kept.statements.get((query, types)) or self._prepared(query, types)
            # Its declaration knows no NULL among the values; libpq does.
            result = session.exec_prepared(name, written, formats)  # type: ignore[arg-type]
            try:
                return transaction.good(result)
            except psycopg.errors.InvalidSqlStatementName:
                self._kept.statements.clear()  # the next transaction has them kept again
                raise

    def _prepared(self, query: str, types: tuple[int, ...]) -> bytes:
        """Have the server keep a statement for values of these types; return its name."""
        transaction, name = self._transaction, next(self._kept.names)
        transaction.good(transaction.session.prepare(name, query.encode(), types))
        self._kept.statements[query, types] = name
        return name


@dataclass(frozen=True, slots=True)
class Write:
    """A statement with marks and its values, which changes rows of one table."""

    table: str
    query: str
    values: Values
    #: Raised if it touches no row.
    missed: Callable[[], Exception] | None = None


class Pending:
    """Writes that nobody needs the answer of now: one statement says them together.

    None of them sees what another one writes, so no two may touch the same row, and who reads one
    of their tables has them written before.
    """

    def __init__(self, direct: Direct, *, together: bool = True) -> None:
        """Not `together`: each write is said when it comes, as other transactions may see."""
        self._direct = direct
        self._together = together
        self._writes: list[Write] = []
        self._tables: set[str] = set()

    def add(self, write: Write) -> None:
        """Write this with the others, but for a table of which one waits already: after it."""
        if write.table in self._tables:
            self.write()
        self._writes.append(write)
        self._tables.add(write.table)
        if not self._together:
            self.write()

    def holds(self, *tables: str) -> bool:
        """Whether a write to one of these tables waits; without names, whether any does."""
        return bool(self._tables.intersection(tables) if tables else self._tables)

    def write(self) -> None:
        """Write all of them. Raises what a write wants to be raised that has touched no row."""
        if not self._writes:
            return
        writes, self._writes = self._writes, []
        self._tables = set()
        query = together(tuple((one.query, one.missed is not None) for one in writes))
        values = [value for one in reversed(writes) for value in one.values]
        found = self._direct.row(query, values)
        assert found is not None
        checked = [one.missed for one in reversed(writes) if one.missed is not None]
        for missed, touched in zip(checked, found.values(), strict=False):
            if not touched:
                raise missed()


@cache
def numbered(query: str) -> str:
    """Return a statement whose marks have become the server's own, in their order."""
    first, *rest = query.split(MARK)
    return first + "".join(f"${n}{part}" for n, part in enumerate(rest, 1))


@cache
def together(writes: tuple[tuple[str, bool], ...]) -> str:
    """Return one statement that makes all these writes, whose values come from the last to the
    first; it tells how many rows those have touched that are asked (they return a row for each).

    PostgreSQL runs what nobody reads from the last to the first: so the times that it writes are in
    the order in which the writes came. Nothing but the order of a story depends on that.
    """
    named = [(f"w{n}", query, asked) for n, (query, asked) in reversed([*enumerate(writes)])]
    parts = ", ".join(f"{name} AS ({query})" for name, query, _ in named)
    told = [f"(SELECT count(*) FROM {name}) AS {name}" for name, _, asked in named if asked]
    return numbered(f"WITH {parts} SELECT {', '.join(told) or '1 AS done'}")


@cache
def columns_of(table: Table) -> str:
    """Return the names of all columns, for a statement that is kept."""
    return ", ".join(column.name for column in table.columns)


@cache
def insert_into(table: str, columns: tuple[str, ...]) -> str:
    """Return the insert of one row into these columns."""
    marks = ", ".join(MARK for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"


@cache
def sets(columns: tuple[str, ...]) -> str:
    """Return the assignments of an update of these columns."""
    return ", ".join(f"{column} = {MARK}" for column in columns)


@cache
def typed(table: Table, columns: tuple[str, ...]) -> str:
    """Return marks for these columns where the server cannot see their types."""
    kinds = (table.c[name].type.compile(dialect=postgresql.dialect()) for name in columns)  # type: ignore[no-untyped-call]
    return ", ".join(f"CAST({MARK} AS {kind})" for kind in kinds)


def inserted(table: str, values: Mapping[str, object], more: str = "") -> Write:
    """Return the write of one new row; `more` follows the statement."""
    return Write(table, insert_into(table, tuple(values)) + more, tuple(values.values()))
