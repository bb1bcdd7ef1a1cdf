"""Envelopes: what a bank's message holds, be it an answer, a fault or a callback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from workers.gateways.soapbank.requests import ENVELOPE, NAMESPACE, STATEMENT
from workers.gateways.soapbank.strict_xml import Element, root_of

#: A look-up answers with no more of them.
MAX_RECORDS: Final = 20
RECORD: Final = "Record"
#: And a statement with no more of these, or with none.
MAX_LINES: Final = 100
LINE: Final = "Line"
MORE: Final = "More"
REQUEST_ID: Final = "RequestId"
DUPLICATE: Final = "Duplicate"
NOTIFY: Final = "Notify"

Fields: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: the objects it shows, and the request that it answers, where that changed one."""

    records: tuple[Fields, ...]
    request_id: str | None
    #: Whether a statement has lines after these.
    more: bool = False


@dataclass(frozen=True, slots=True)
class Faulted:
    """A fault; `code` is `Client.<CODE>` or `Server.<CODE>`."""

    code: str
    #: When the bank wants to be asked again, if it says so.
    retry_after_s: float | None = None


def answer(body: bytes, operation: str) -> Said | None:
    """Return what the answer to an operation says; None: it is no such answer."""
    content = _content(body)
    if content is None or not content.is_named(NAMESPACE, f"{operation}Response"):
        return None
    lists = operation == STATEMENT
    name, least, most = (LINE, 0, MAX_LINES) if lists else (RECORD, 1, MAX_RECORDS)
    heads = [child for child in content.children if child.name != name]
    records = [_fields(child) for child in content.children if child.name == name]
    told = _flat(heads)
    if told is None or not least <= len(records) <= most:
        return None
    # A statement must say whether it is whole; anything else need not say that it is no duplicate.
    flag = told.get(MORE, "") if lists else told.get(DUPLICATE, "false")
    known = tuple(record for record in records if record is not None)
    if flag not in ("true", "false") or len(known) < len(records):
        return None
    return Said(known, told.get(REQUEST_ID), more=lists and flag == "true")


def fault(body: bytes) -> Faulted | None:
    """Return the fault that a message holds; None: it holds none."""
    content = _content(body)
    if content is None or not content.is_named(ENVELOPE, "Fault"):
        return None
    codes = [child.text for child in content.children if child.is_named("", "faultcode")]
    if len(codes) != 1:
        return None
    code = codes[0].strip().rpartition(":")[2]  # toolkits put the envelope's prefix before it
    return Faulted(code) if code and code.isascii() and code.isprintable() else None


def notice(body: bytes) -> Fields | None:
    """Return the fields of a callback; None: it is none."""
    content = _content(body)
    if content is None or not content.is_named(NAMESPACE, NOTIFY):
        return None
    return _fields(content)


def _content(body: bytes) -> Element | None:
    """Return the one element in an envelope's body. Headers are for those on the way, of whom there
    are none."""
    root = root_of(body)
    if root is None or not root.is_named(ENVELOPE, "Envelope") or not root.children:
        return None
    last = root.children[-1]
    if not last.is_named(ENVELOPE, "Body") or len(last.children) != 1:
        return None
    before = [child.is_named(ENVELOPE, "Header") for child in root.children[:-1]]
    return last.children[0] if before in ([], [True]) else None


def _fields(element: Element) -> Fields | None:
    return _flat(element.children) if element.namespace == NAMESPACE else None


def _flat(elements: list[Element]) -> Fields | None:
    """Return texts by name; None: one is not a text, is no word of the protocol's, or comes twice."""
    found: dict[str, str] = {}
    for element in elements:
        if element.namespace != NAMESPACE or element.children or element.name in found:
            return None
        found[element.name] = element.text
    return found
