"""Queries: reads the parameters of a request one by one and collects everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from starlette.datastructures import QueryParams

from domain.errors import FieldError, InvalidRequest, NotFound
from domain.ids import Kind, parse
from ingress.orders import MAX_METADATA_NAME, MAX_METADATA_VALUE
from ingress.schemas import Page, read_page
from ingress.strict_json import MAX_ERRORS, shown
from ops.store.wanted import Span

Word = TypeVar("Word", bound=StrEnum)

#: What says which part of a list is wanted, and not which list.
_PART: Final = frozenset({"cursor", "limit", "include_total"})
#: Nobody asks about another millennium, and its moments have neighbours that are no moments.
DATE: Final = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")
MOMENT: Final = re.compile(
    r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
#: A query is not cleaned as a body is, and PostgreSQL refuses NUL: no control characters.
METADATA: Final = re.compile(rf"metadata\[([^\x00-\x1f\x7f-\x9f]{{1,{MAX_METADATA_NAME}}})\]")
METADATA_VALUE: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{1,{MAX_METADATA_VALUE}}}")
METADATA_FIX: Final = f"send 1 to {MAX_METADATA_VALUE} characters on one line"
#: More names at once are no search.
MAX_METADATA_QUERY: Final = 5
_WHOLE: Final = re.compile(r"[0-9]{1,12}")
_MOMENT_FIX: Final = "send 2026-03-31 or 2026-03-31T12:00:00Z; in a URL a + is written %2B"
_FLAGS: Final = {"true": True, "false": False}


class Query:
    """The query of a request. Every reader returns the value, or None where it is absent or wrong;
    what is wrong is added to the errors."""

    def __init__(self, found: QueryParams, of: str) -> None:
        """`of` names the list: a cursor of one list is no cursor of another."""
        self._found = found
        self._of = of
        self._known: set[str] = set()
        self._repeatable: set[str] = set()
        self._metadata: dict[str, str] = {}
        self._errors: list[FieldError] = []

    def refuse(self, name: str, reason: str, fix: str) -> None:
        """Add an error about one parameter."""
        self._errors.append(FieldError(shown(name), reason, fix))

    def text(self, name: str, pattern: re.Pattern[str], fix: str) -> str | None:
        """Read a text that matches the whole pattern. `fix` says what would."""
        value = self._take(name)
        if value is not None and pattern.fullmatch(value) is None:
            self.refuse(name, "does not have the right form", fix)
            return None
        return value

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Read one of a few words."""
        value = self._take(name)
        if value is not None and value not in allowed:
            self.refuse(name, "is not one of the known values", f"send {', '.join(allowed)}")
            return None
        return value

    def words(self, name: str, kind: type[Word]) -> tuple[Word, ...]:
        """Read any number of different words: `status=captured&status=refunded`."""
        self._known.add(name)
        self._repeatable.add(name)
        values = list(dict.fromkeys(self._found.getlist(name)))
        if not set(values) <= set(kind):
            self.refuse(name, "is not one of the known values", f"send {', '.join(kind)}")
            return ()
        return tuple(kind(value) for value in values)

    def integer(self, name: str, least: int, most: int) -> int | None:
        """Read an integer within its bounds."""
        value = self._take(name)
        if value is None:
            return None
        if _WHOLE.fullmatch(value) is None or not least <= int(value) <= most:
            fix = f"send an integer from {least} to {most}"
            self.refuse(name, "is not an integer in its bounds", fix)
            return None
        return int(value)

    def flag(self, name: str) -> bool:
        """Read true or false; absent is false."""
        return _FLAGS.get(self.choice(name, _FLAGS) or "false", False)

    def id(self, name: str, kind: Kind) -> UUID | None:
        """Read one of our ids. Whether there is such a thing is not asked here."""
        value = self._take(name)
        if value is None:
            return None
        try:
            return parse(kind, value)
        except NotFound:
            self.refuse(name, "does not have the right form", f"send an id such as {kind}_0198...")
            return None

    def span(self) -> Span:
        """Read `from` and `to`, moments or whole days (UTC): a day as `to` is part of it."""
        since, until = self._moment("from", timedelta()), self._moment("to", timedelta(days=1))
        if since is not None and until is not None and since >= until:
            self.refuse("to", "is not after from", "send a later moment")
        return Span(since, until)

    def metadata(self) -> Mapping[str, str]:
        """Read `metadata[tier]=gold`, some different names of them; absent is none."""
        self._known.add("metadata[name]")
        for name in sorted(set(self._found)):
            if match := METADATA.fullmatch(name):
                self._metadata[name] = match[1]
                if METADATA_VALUE.fullmatch(self._found[name]) is None:
                    self.refuse(name, "does not have the right form", METADATA_FIX)
        if len(self._metadata) > MAX_METADATA_QUERY:
            self.refuse("metadata", "has too many names", f"send at most {MAX_METADATA_QUERY}")
        return {key: self._found[name] for name, key in self._metadata.items()}

    def page(self) -> Page:
        """Read which part of the list is wanted. Call it after every filter has been read."""
        self._known |= {"cursor", "limit"}
        return read_page(self._found, self.scope, self.refuse)

    @property
    def scope(self) -> str:
        """The list with its filters: what a cursor is bound to."""
        filters = sorted(one for one in self._found.multi_items() if one[0] not in _PART)
        return f"{self._of}?{urlencode(filters)}"

    def close(self) -> None:
        """Refuse what nobody asked for, then raise `InvalidRequest` if anything was wrong."""
        known = ", ".join(sorted(self._known))
        for name in sorted(set(self._found)):
            if name not in self._known and name not in self._metadata:
                self.refuse(name, "is not a parameter here", f"remove it; known: {known}")
            elif name not in self._repeatable and len(self._found.getlist(name)) > 1:
                self.refuse(name, "is there twice", "send it once")
        if self._errors:
            raise InvalidRequest(self._errors[:MAX_ERRORS])

    def _take(self, name: str) -> str | None:
        self._known.add(name)
        return self._found.get(name)

    def _moment(self, name: str, of_a_day: timedelta) -> datetime | None:
        value = self._take(name)
        if value is None:
            return None
        try:
            if DATE.fullmatch(value):
                return datetime.fromisoformat(value).replace(tzinfo=UTC) + of_a_day
            if MOMENT.fullmatch(value):
                return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):  # the 31st of February, 25 o'clock
            self.refuse(name, "is not a moment", _MOMENT_FIX)
            return None
        self.refuse(name, "does not have the right form", _MOMENT_FIX)
        return None
