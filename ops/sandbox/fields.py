"""Strict reading of JSON bodies: a field that is unknown, missing or of the wrong type is a 400."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from ops.sandbox.replies import ApiError, invalid
from ops.sandbox.times import epoch_s, rfc3339

Value = TypeVar("Value")

#: Amounts fit into the 64-bit integers of every client language.
AMOUNT_LIMIT = 2**63 - 1
_CURRENCY = re.compile(r"[A-Z]{3}")
_HTTP_URL = re.compile(r"https?://[!-~]+")


def json_object(body: bytes) -> dict[str, Any]:
    """Return the body's JSON object. ApiError 400 for anything else, duplicate keys included."""
    try:
        parsed = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise invalid("The body is not valid JSON.") from None
    if not isinstance(parsed, dict):
        raise invalid("The body must be a JSON object.")
    return parsed


class Fields:
    """Takes the fields of one JSON object out one by one; `end` refuses what is left over."""

    def __init__(self, given: dict[str, Any], inside: str = "") -> None:
        self._given = dict(given)
        self._inside = inside

    def text(self, name: str, least: int, most: int) -> str:
        """Take a required string of `least` to `most` characters."""
        return self._required(name, self.optional_text(name, least, most))

    def optional_text(self, name: str, least: int, most: int) -> str | None:
        """Take a string of `least` to `most` characters; absent or null is None."""
        value = self._given.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, str) or not least <= len(value) <= most or not _encodes(value):
            raise self._wrong(name, f"must be a string of {least} to {most} characters")
        return value

    def amount(self, name: str) -> int:
        """Take a required amount in minor units, above 0."""
        return self._required(name, self.optional_amount(name))

    def optional_amount(self, name: str) -> int | None:
        """Take an amount in minor units, above 0; absent or null is None."""
        return self.optional_int(name, 1, AMOUNT_LIMIT)

    def optional_int(self, name: str, least: int, most: int) -> int | None:
        """Take an integer from `least` to `most`; absent or null is None."""
        value = self._given.pop(name, None)
        if value is None:
            return None
        if type(value) is not int or not least <= value <= most:
            raise self._wrong(name, f"must be an integer from {least} to {most}")
        return value

    def share(self, name: str, default: float) -> float:
        """Take a number from 0 to 1."""
        value = self._given.pop(name, default)
        if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
            raise self._wrong(name, "must be a number from 0 to 1")
        return float(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """Take a boolean."""
        value = self._given.pop(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "must be true or false")
        return value

    def choice(self, name: str, allowed: tuple[Value, ...], default: Value | None = None) -> Value:
        """Take one of the allowed strings; required where there is no default."""
        value = self._given.pop(name, default)
        if value is None:
            raise self._wrong(name, "is required")
        for one in allowed:
            if isinstance(value, str) and value == one:
                return one
        raise self._wrong(name, "must be one of " + ", ".join(map(str, allowed)))

    def currency(self, name: str) -> str:
        """Take a required currency code of three upper-case letters."""
        value = self._required(name, self._given.pop(name, None))
        if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
            raise self._wrong(name, "must be three upper-case letters")
        return value

    def optional_url(self, name: str) -> str | None:
        """Take an http(s) URL of printable ASCII; it will stand in a Location header."""
        value = self.optional_text(name, 1, 2048)
        if value is not None and not _HTTP_URL.fullmatch(value):
            raise self._wrong(name, "must be an http or https URL")
        return value

    def optional_future(self, name: str, now_s: float) -> str | None:
        """Take an RFC 3339 time that lies ahead; returned in UTC."""
        value = self.optional_text(name, 1, 64)
        if value is None:
            return None
        try:
            moment_s = epoch_s(value)
            in_utc = rfc3339(moment_s)
        except (ValueError, OverflowError):
            raise self._wrong(name, "must be an RFC 3339 time with an offset") from None
        if moment_s <= now_s:
            raise self._wrong(name, "must lie in the future")
        return in_utc

    def metadata(self, name: str, most: int, key_most: int, value_most: int) -> dict[str, str]:
        """Take a flat object of strings; absent or null is empty."""
        value = self._given.pop(name, None)
        if value is None:
            return {}
        if not isinstance(value, dict) or len(value) > most:
            raise self._wrong(name, f"must be an object with at most {most} keys")
        inside = Fields(value, f"{self._inside}{name}.")
        for key in value:
            if not 1 <= len(key) <= key_most or not _encodes(key):
                raise self._wrong(name, f"may have keys of 1 to {key_most} characters")
            inside.text(key, 0, value_most)
        return value

    def nested(self, name: str, read: Callable[["Fields"], Value]) -> Value:
        """Take a required object and read all of it with `read`."""
        value = self._required(name, self._given.pop(name, None))
        if not isinstance(value, dict):
            raise self._wrong(name, "must be an object")
        inside = Fields(value, f"{self._inside}{name}.")
        taken = read(inside)
        inside.end()
        return taken

    def end(self) -> None:
        """Refuse every field that nobody took."""
        for name in self._given:
            raise self._wrong(name if _encodes(name) else "?", "is not a known field")

    def _required(self, name: str, value: Value | None) -> Value:
        if value is None:
            raise self._wrong(name, "is required")
        return value

    def _wrong(self, name: str, why: str) -> ApiError:
        param = f"{self._inside}{name}"
        return invalid(f"{param} {why}.", param)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _encodes(text: str) -> bool:
    """Say whether UTF-8 can carry it: JSON can smuggle in half a surrogate pair."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
