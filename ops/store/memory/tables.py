"""Tables in memory: what is committed, and over it what one open transaction wrote."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from ops.store.memory.laws import LawBroken
from ops.store.memory.locks import LOCKED, POINTED_AT, WRITTEN, Locks, Party

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: What a row puts into a unique index: the index's name, then what may be there once.
Entry: TypeAlias = tuple[Hashable, ...]


class Rows(Generic[Key, Value]):
    """What is committed. Nobody but an ending transaction writes here."""

    def __init__(
        self,
        name: str,
        primary: str,
        group: Callable[[Value], Hashable] | None = None,
        entries: Callable[[Value], Sequence[Entry]] = lambda value: (),
    ) -> None:
        """`primary`: the name of its primary key; `group`: what rows are looked up by, which never
        changes; `entries`: those in its other unique indexes, which never span two groups."""
        self.name = name
        self.primary = primary
        self.group = group
        self.entries = entries
        self.values: dict[Key, Value] = {}
        self.groups: dict[Hashable, list[Key]] = {}

    def set(self, key: Key, value: Value | None) -> None:
        """Make it so for everybody; None deletes."""
        before = self.values.get(key)
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value
        if self.group is not None and before is None and value is not None:
            self.groups.setdefault(self.group(value), []).append(key)
        elif self.group is not None and before is not None and value is None:
            self.groups[self.group(before)].remove(key)


class Table(Generic[Key, Value]):
    """A table as one transaction sees it: each statement sees what was committed before it."""

    def __init__(
        self, rows: Rows[Key, Value], locks: Locks, party: Party, written: list[Table[Any, Any]]
    ) -> None:
        """`written`: where a table puts itself when the transaction first writes in it."""
        self._written = written
        self._rows = rows
        self._values = rows.values
        self._locks = locks
        self._party = party
        #: What this transaction wrote; None: deleted.
        self._own: dict[Key, Value | None] = {}

    def get(self, key: Key) -> Value | None:
        """Return the value; None: there is none."""
        if key in self._own:
            return self._own[key]
        return self._values.get(key)

    def among(self, group: Hashable) -> list[Value]:
        """Return the values of a group, in the order in which they came."""
        keys = self._rows.groups.get(group, ())
        found = [value for key in keys if (value := self.get(key)) is not None]
        for key, value in self._own.items():
            if value is not None and key not in self._values and self._in(value, group):
                found.append(value)
        return found

    def items(self) -> list[tuple[Key, Value]]:
        """Return every key with its value."""
        if not self._own:
            return list(self._values.items())
        seen = {**self._values, **self._own}
        return [(key, value) for key, value in seen.items() if value is not None]

    def __iter__(self) -> Iterator[Value]:
        if not self._own:
            return iter(list(self._values.values()))
        return iter([value for _, value in self.items()])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def lock(self, key: Key, mode: int = LOCKED) -> None:
        """Hold a row until the transaction ends."""
        self._locks.take(self._party, (self._rows.name, key), mode)

    def is_held(self, key: Key) -> bool:
        """Whether somebody else holds the row in any way (SKIP LOCKED)."""
        return bool(self._locks.rivals(self._party, (self._rows.name, key), LOCKED))

    def is_own(self, key: Key) -> bool:
        """Whether this transaction has written the row."""
        return key in self._own

    def pointed(self, key: Key | None) -> Value | None:
        """Return the row that a foreign key points at, held; None: there is none to be seen."""
        if key is None or self.get(key) is None:
            return None
        self.lock(key, POINTED_AT)
        return self.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Insert or replace, whatever the laws say and whoever holds it."""
        self._write(key, value)

    def reserve(self, key: Key) -> Value | None:
        """Wait for whoever inserts this key. Returns its row; None: it is ours to insert."""
        entry = (self._rows.primary, key)
        self._locks.settle(self._party, entry, WRITTEN)
        there = self.get(key)
        if there is None:
            self._locks.take(self._party, entry, WRITTEN)
        return there

    def insert(self, key: Key, value: Value) -> None:
        """Insert. Raises `LawBroken` in the name of the unique index that has such a row."""
        if self.reserve(key) is not None:
            raise LawBroken(self._rows.primary)
        self._enter(value, ())
        self._write(key, value)

    def conflict(self, key: Key, value: Value, *indexes: str) -> Value | None:
        """Return the row that an insert with ON CONFLICT meets in these indexes (none named: in
        any); whoever is writing one is waited for first."""
        entries = [(self._rows.primary, key), *self._rows.entries(value)]
        asked = [entry for entry in entries if not indexes or entry[0] in indexes]
        at = 0
        while at < len(asked):
            waited = self._locks.settle(self._party, asked[at], WRITTEN)
            there = self.get(key) if asked[at][0] == self._rows.primary else None
            there = there or self._holder(asked[at], value)
            if there is not None:
                return there
            at = 0 if waited else at + 1
        return None

    def update(self, key: Key, before: Value, after: Value) -> None:
        """Replace a row that was locked. Raises `LawBroken` as `insert` does."""
        self._enter(after, self._leave(key, before))
        self._write(key, after)

    def delete(self, key: Key, before: Value) -> None:
        """Delete a row that was locked."""
        self._leave(key, before)
        self._write(key, None)

    def end(self, *, keeps: bool) -> None:
        """Make what was written true for everybody, or forget it."""
        if keeps:
            for key, value in self._own.items():
                self._rows.set(key, value)
        self._own.clear()

    def _write(self, key: Key, value: Value | None) -> None:
        if not self._own:
            self._written.append(self)
        self._own[key] = value

    def _leave(self, key: Key, before: Value) -> Sequence[Entry]:
        """Whoever inserts such a row waits until it is sure that this one is gone, or stays."""
        entries = self._rows.entries(before)
        self._locks.take(self._party, (self._rows.primary, key), WRITTEN)
        for entry in entries:
            self._locks.take(self._party, entry, WRITTEN)
        return entries

    def _enter(self, value: Value, before: Sequence[Entry]) -> None:
        for entry in self._rows.entries(value):
            if entry in before:
                continue
            self._locks.take(self._party, entry, WRITTEN)
            if self._holder(entry, value) is not None:
                raise LawBroken(str(entry[0]))

    def _holder(self, entry: Entry, value: Value) -> Value | None:
        """Return the row with this entry."""
        if self._rows.group is None:
            return None
        for other in self.among(self._rows.group(value)):
            if entry in self._rows.entries(other):
                return other
        return None

    def _in(self, value: Value, group: Hashable) -> bool:
        return self._rows.group is not None and self._rows.group(value) == group
