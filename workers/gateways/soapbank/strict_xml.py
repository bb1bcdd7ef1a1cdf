"""Strict XML of a bank's answers: no document type, no entity of its own, a bound on everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

#: The protocol's own limit of a message.
MAX_BYTES: Final = 64 * 1024
#: The deepest message has five levels.
MAX_DEPTH: Final = 8
#: Twenty records of twenty elements each, and some room.
MAX_ELEMENTS: Final = 1_000
#: Toolkits put namespace declarations and an encoding style on an envelope.
MAX_ATTRIBUTES: Final = 8
#: Namespace declarations; expat copies a long one for every name that uses it.
MAX_DECLARATIONS: Final = 64
MAX_NAMESPACE: Final = 256
#: Characters of a name, and of all the text of one element.
MAX_NAME: Final = 64
MAX_TEXT: Final = 2_048

_SPACE: Final = " \t\r\n"
#: No name can hold it.
_BETWEEN: Final = " "


@dataclass(slots=True)
class Element:
    """One element. Attributes mean nothing in this protocol and are not kept."""

    namespace: str
    name: str
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def is_named(self, namespace: str, name: str) -> bool:
        """Whether it is that element."""
        return (self.namespace, self.name) == (namespace, name)


class _Unfit(Exception):
    """The text is no message of this protocol."""


def root_of(body: bytes) -> Element | None:
    """Return the root of a message; None: it is not XML, or not XML of this kind.

    Refused are other encodings than UTF-8, document types, processing instructions, text beside
    elements, and whatever is larger or deeper than any message.
    """
    if len(body) > MAX_BYTES or b"<!DOCTYPE" in body or b"\0" in body:
        return None
    grown = _Growth()
    parser = expat.ParserCreate("utf-8", _BETWEEN)
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.XmlDeclHandler = grown.declared
    parser.StartDoctypeDeclHandler = _refused
    parser.EntityDeclHandler = _refused
    parser.ProcessingInstructionHandler = _refused
    parser.StartNamespaceDeclHandler = grown.bound
    parser.StartElementHandler = grown.opened
    parser.CharacterDataHandler = grown.wrote
    parser.EndElementHandler = grown.closed
    try:
        body.decode()
        parser.Parse(body, True)
    except (UnicodeDecodeError, expat.ExpatError, _Unfit):
        return None
    return grown.root


class _Growth:
    """The tree while expat reports it."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._path: list[Element] = []
        self._elements = 0
        self._declarations = 0

    def declared(self, version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0" or (encoding or "utf-8").lower() != "utf-8":
            raise _Unfit

    def bound(self, _prefix: str | None, namespace: str | None) -> None:
        self._declarations += 1
        if self._declarations > MAX_DECLARATIONS or len(namespace or "") > MAX_NAMESPACE:
            raise _Unfit

    def opened(self, name: str, attributes: Sequence[str]) -> None:
        self._elements += 1
        namespace, _, local = name.rpartition(_BETWEEN)
        if (
            self._elements > MAX_ELEMENTS
            or len(self._path) == MAX_DEPTH
            or len(attributes) > 2 * MAX_ATTRIBUTES
            or len(local) > MAX_NAME
        ):
            raise _Unfit
        element = Element(namespace, local)
        if self._path:
            self._path[-1].children.append(element)
        else:
            self.root = element
        self._path.append(element)

    def wrote(self, text: str) -> None:
        element = self._path[-1]
        if len(element.text) + len(text) > MAX_TEXT:
            raise _Unfit
        element.text += text

    def closed(self, _name: str) -> None:
        element = self._path.pop()
        if not element.children:
            return
        if element.text.strip(_SPACE):
            raise _Unfit
        element.text = ""


def _refused(*_what: object) -> NoReturn:
    raise _Unfit
