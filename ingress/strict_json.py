"""Strict JSON: bytes to objects, where everything that two parsers could read differently is refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from domain.errors import FieldError, InvalidRequest, MalformedBody

#: Our deepest request has three levels, the deepest of a provider about ten.
MAX_DEPTH: Final = 32
#: More digits are no amount and no id; converting thousands of them costs time.
MAX_DIGITS: Final = 20
#: Characters of a name or number that are repeated in an error.
MAX_SHOWN: Final = 40
#: After so many errors of one body the rest is not worth reading.
MAX_ERRORS: Final = 20
#: How an error names the whole body.
BODY: Final = "body"

#: Strings first, so that brackets inside them do not count; possessive, so that it stays linear.
_STRING_OR_BRACKET: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
#: Control characters (NUL, CR, LF, ...) forge log lines and are refused by PostgreSQL; halves of
#: surrogate pairs are no text at all.
_UNCLEAN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Inexact:
    """A number that is not a plain integer, as it was written: `100.00`, `1e400`, `NaN`."""

    text: str

    def __str__(self) -> str:
        return shown(self.text)


class Object(dict[str, Any]):
    """A JSON object that remembers which of its names came twice."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: tuple[str, ...] = ()
        if len(self) != len(pairs):
            times = Counter(name for name, _ in pairs)
            self.repeated = tuple(name for name, count in times.items() if count > 1)


def loads(body: bytes) -> Any:
    """Parse JSON; numbers that are not integers are kept as `Inexact` for whoever reads the field.

    Raises `MalformedBody` for bytes that do not parse and `InvalidRequest` for too many levels.
    What the names and strings hold is for `refuse_unclean`, and for `cards` before it: an error
    repeats names, so they must have been looked at.
    """
    if _too_deep(body):
        raise InvalidRequest(
            [FieldError(BODY, f"is nested deeper than {MAX_DEPTH} levels", "send a flatter body")]
        )
    try:
        return _decode(body.decode())
    except UnicodeDecodeError:
        raise MalformedBody("the body is not UTF-8", fix="send JSON encoded as UTF-8") from None
    except json.JSONDecodeError as error:  # its text names a place, and never repeats the body
        raise MalformedBody(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            fix="send a JSON object",
        ) from None


def refuse_unclean(document: Any) -> None:
    """Raise `InvalidRequest`, naming the fields, for what no client means to send.

    That is a name that came twice, a control character, or half of a surrogate pair.
    """
    if errors := list(islice(_unclean(document, ""), MAX_ERRORS)):
        raise InvalidRequest(errors)


def child(path: str, name: str) -> str:
    """Return the path of a member: `payment_method.card`."""
    return f"{path}.{shown(name)}" if path else shown(name)


def shown(text: str) -> str:
    """Return a name or number as it may stand in an error: short, printable, valid UTF-8."""
    short = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
    return short if short.isprintable() else "".join(c if c.isprintable() else "?" for c in short)


def _unclean(value: Any, path: str) -> Iterator[FieldError]:
    match value:
        case Object():
            for name in value.repeated:
                yield FieldError(child(path, name), "is there twice", "send each field once")
            for name, item in value.items():
                if _UNCLEAN.search(name):
                    yield _unclean_text(child(path, name), "has a name that")
                yield from _unclean(item, child(path, name))
        case list():
            for index, item in enumerate(value):
                yield from _unclean(item, f"{path}[{index}]")
        case str() if _UNCLEAN.search(value):
            yield _unclean_text(path, "")
        case _:
            return


def _unclean_text(path: str, what: str) -> FieldError:
    reason = f"{what} holds a control character or half of a surrogate pair".strip()
    return FieldError(path, reason, "send plain text on one line")


def _too_deep(body: bytes) -> bool:
    """Whether brackets nest too deep; told before parsing, because parsers recurse."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(body):
        mark = match[0]
        if mark in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif mark in (b"]", b"}"):
            depth -= 1
    return False


def _integer(text: str) -> int | Inexact:
    return int(text) if len(text) <= MAX_DIGITS else Inexact(text)


_decode = json.JSONDecoder(
    object_pairs_hook=Object,
    parse_float=Inexact,
    parse_int=_integer,
    parse_constant=Inexact,
).decode
