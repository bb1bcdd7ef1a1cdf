"""Fields: reads a JSON object field by field and collects everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from domain.errors import FieldError, InvalidRequest
from ingress.cards import refuse_card_data
from ingress.plain_json import read_plain
from ingress.strict_json import BODY, MAX_ERRORS, child, loads, refuse_unclean

MISSING: Final = "is missing"


class Fields:
    """One object of a request. A field that is null counts as absent; an unknown one is refused.

    Every reader returns the value, or None where it is absent or wrong; what is wrong is added to
    the errors, which all objects of a body share.
    """

    def __init__(self, found: Mapping[str, Any], path: str, errors: list[FieldError]) -> None:
        self._found = found
        self._path = path
        self._known: set[str] = set()
        self._errors = errors

    def __contains__(self, name: str) -> bool:
        return self._found.get(name) is not None

    def refuse(self, name: str, reason: str, fix: str) -> None:
        """Add an error about one field."""
        self._errors.append(FieldError(child(self._path, name), reason, fix))

    def add(self, refused: InvalidRequest) -> None:
        """Add the errors that a check of the domain found."""
        self._errors.extend(refused.errors)

    def take(self, name: str) -> Any:
        """Return the value as it came; None: absent."""
        self._known.add(name)
        return self._found.get(name)

    def text(self, name: str, pattern: re.Pattern[str], fix: str) -> str | None:
        """Read a string that matches the whole pattern. `fix` says what would."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(name, "is not a string", fix)
            return None
        if pattern.fullmatch(value) is None:
            self.refuse(name, "does not have the right form" if value else "is empty", fix)
            return None
        return value

    def integer(self, name: str, least: int, most: int) -> int | None:
        """Read an integer within its bounds."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            fix = f"send an integer from {least} to {most}"
            self.refuse(name, "is not an integer in its bounds", fix)
            return None
        return value

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Read one of a few words."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str) or value not in allowed:
            self.refuse(name, "is not one of the known values", f"send {', '.join(allowed)}")
            return None
        return value

    def object(self, name: str) -> Fields | None:
        """Read a nested object."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.refuse(name, "is not an object", f'send "{name}": {{...}}')
            return None
        return Fields(value, f"{self._path}.{name}" if self._path else name, self._errors)

    def strings(self, name: str, most: int, longest_name: int, longest: int) -> dict[str, str]:
        """Read a map of at most `most` strings; lengths in characters."""
        value = self.take(name)
        if value is None:
            return {}
        fix = (
            f"send at most {most} strings, names to {longest_name}, values to {longest} characters"
        )
        if not isinstance(value, dict) or len(value) > most:
            self.refuse(name, "is not a map of strings in its bounds", fix)
            return {}
        for key, item in value.items():
            if 0 < len(key) <= longest_name and isinstance(item, str) and len(item) <= longest:
                continue
            if not 0 < len(key) <= longest_name:
                self._errors.append(
                    FieldError(
                        child(child(self._path, name), key), "has an empty or too long name", fix
                    )
                )
            if not isinstance(item, str) or len(item) > longest:
                self._errors.append(
                    FieldError(child(child(self._path, name), key), "is no string in bounds", fix)
                )
        return dict(value)

    def close(self) -> None:
        """Refuse what nobody asked for: a field that is silently ignored is a bug at the client."""
        if self._known.issuperset(self._found):
            return
        known = ", ".join(sorted(self._known))
        for name in self._found:
            if name not in self._known:
                self.refuse(name, "is not a field of this request", f"remove it; known: {known}")

    def raise_errors(self) -> None:
        """Raise `InvalidRequest` with everything that was found wrong, if anything was."""
        if self._errors:
            raise InvalidRequest(self._errors[:MAX_ERRORS])


def open_body(body: bytes) -> Fields:
    """Return the fields of a request body that is one clean JSON object without card data.

    Raises `MalformedBody`, `RawCardDataRefused`, or `InvalidRequest`. Card data is looked for
    first: the other errors repeat names.
    """
    if (plain := read_plain(body)) is not None:
        return Fields(plain, "", [])
    document = loads(body)
    refuse_card_data(document)
    refuse_unclean(document)
    if not isinstance(document, dict):
        raise InvalidRequest(
            [FieldError(BODY, "is not a JSON object", 'send an object: {"amount": 10000}')]
        )
    return Fields(document, "", [])
