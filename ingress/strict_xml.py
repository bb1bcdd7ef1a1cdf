"""Strict XML: bytes to elements; no document type, no entity of one's own, and a bound on everything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

from domain.errors import FieldError, InvalidRequest, MalformedBody
from ingress.strict_json import BODY

#: Our deepest request has three levels and SOAP adds two; the deepest of a provider has about ten.
MAX_DEPTH: Final = 16
#: A full request has about a hundred; each costs some microseconds and some hundred bytes.
MAX_ELEMENTS: Final = 5_000
#: SOAP toolkits put three or four on an element.
MAX_ATTRIBUTES: Final = 16
#: Some toolkits declare `xsi` anew on every element.
MAX_DECLARATIONS: Final = 1_000
#: Characters of the name of an element or attribute; our longest has under thirty.
MAX_NAME: Final = 128
#: Characters of a namespace's name; the longest in use, of WS-Security, has under a hundred. Expat
#: copies it for each prefixed attribute: unbounded, one megabyte costs it half a minute.
MAX_NAMESPACE: Final = 256
#: Bytes from one `<` to the next, so of any tag and of any text. A tag is bounded before expat
#: sees it, because of the copies above; the longest value we read is a URL of 2 KiB.
MAX_RUN: Final = 16 * 1024

_SPACE: Final = " \t\r\n"
#: No name holds it, so what stands behind the last one is the local name.
_SEPARATOR: Final = " "
#: What may come before the root: a declaration and comments. Possessive, so that it stays linear.
_PROLOG: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?+"
    rb"(?:<\?xml[ \t\r\n][^?<>]*+\?>)?+"
    rb"(?:[ \t\r\n]++|<!--(?:[^-]++|-[^-])*+-->)*+"
)


@dataclass(slots=True)
class Element:
    """One element. `attributes` are by (namespace, name); names without a namespace have ''."""

    namespace: str
    name: str
    attributes: Mapping[tuple[str, str], str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def is_mixed(self) -> bool:
        """Whether there is text between its children, more than white space."""
        return bool(self.children) and not self.is_blank

    @property
    def is_blank(self) -> bool:
        """Whether its text is white space only."""
        return not self.text.strip(_SPACE)


def elements(body: bytes, most: int) -> Element:
    """Parse at most `most` bytes of XML 1.0 in UTF-8 and return the root.

    Text is joined over comments and CDATA sections; comments are dropped. Raises `MalformedBody`
    for what is not XML of this kind, and `InvalidRequest` for too much of it. No error repeats
    anything of the body.
    """
    if len(body) > most:
        raise _too_much(f"is larger than {most} bytes")
    try:
        body.decode()
    except UnicodeDecodeError:
        raise _malformed("is not UTF-8") from None
    if b"\0" in body:  # expat takes `<\0` for UTF-16, whatever it was told
        raise _malformed("holds a NUL")
    # What a DTD declares, expat expands; so it is not even shown one that handlers would refuse.
    if body.startswith((b"<!", b"<?"), before_root(body)):
        raise _malformed("starts with a DTD, a processing instruction, or a broken comment")
    if _runs_on(body):
        raise _too_much(f"has a tag or a text longer than {MAX_RUN} bytes")
    tree = _Tree()
    parser = expat.ParserCreate("utf-8", _SEPARATOR)
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.XmlDeclHandler = tree.declared
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.ProcessingInstructionHandler = _no_instruction
    parser.StartNamespaceDeclHandler = tree.bound
    parser.StartElementHandler = tree.started
    parser.CharacterDataHandler = tree.wrote
    parser.EndElementHandler = tree.ended
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:  # its words are fixed, and never repeat the body
        what = expat.ErrorString(error.code)
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise _malformed(f"is not XML: {what} at {place}") from None
    assert tree.root is not None, "expat takes no document without an element"
    return tree.root


def before_root(body: bytes) -> int:
    """Return how many bytes of declaration, comments and white space come before the root."""
    prolog = _PROLOG.match(body)
    return prolog.end() if prolog else 0


class _Tree:
    """Builds the elements that expat reports, and stops it at the first one too many."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._texts: list[list[str]] = []  # joined at the end: a text may come in many pieces
        self._elements = 0
        self._declarations = 0

    def declared(self, version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise _malformed("is not XML 1.0")
        if encoding is not None and encoding.lower() != "utf-8":
            raise _malformed("declares another encoding than UTF-8")

    def bound(self, _prefix: str | None, namespace: str | None) -> None:
        self._declarations += 1
        if self._declarations > MAX_DECLARATIONS:
            raise _too_much(f"has more than {MAX_DECLARATIONS} namespace declarations")
        if namespace is not None and len(namespace) > MAX_NAMESPACE:
            raise _too_much(f"has a namespace longer than {MAX_NAMESPACE} characters")

    def started(self, name: str, attributes: Sequence[str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise _too_much(f"has more than {MAX_ELEMENTS} elements")
        if len(self._open) == MAX_DEPTH:
            raise _too_much(f"is nested deeper than {MAX_DEPTH} levels")
        if len(attributes) > 2 * MAX_ATTRIBUTES:
            raise _too_much(f"has an element with more than {MAX_ATTRIBUTES} attributes")
        names = map(_split, attributes[::2])
        element = Element(*_split(name), dict(zip(names, attributes[1::2], strict=True)))
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def wrote(self, text: str) -> None:
        self._texts[-1].append(text)

    def ended(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(_SEPARATOR)
    if len(local) > MAX_NAME:
        raise _too_much(f"has a name longer than {MAX_NAME} characters")
    return namespace, local


def _runs_on(body: bytes) -> bool:
    """Whether some `<` is too far from the one before; two steps go on by `MAX_RUN` at least."""
    at = 0
    while len(body) - at > MAX_RUN:
        at = body.rfind(b"<", at + 1, at + MAX_RUN + 1)
        if at < 0:
            return True
    return False


def _no_doctype(*_doctype: object) -> NoReturn:
    """The second wall, should expat find a DTD where `before_root` does not."""
    raise _malformed("has a DTD")


def _no_instruction(*_instruction: object) -> NoReturn:
    raise _malformed("has a processing instruction")


def _malformed(what: str) -> MalformedBody:
    fix = "send XML 1.0 in UTF-8, without a DTD and without processing instructions"
    return MalformedBody(f"the body {what}", fix=fix)


def _too_much(what: str) -> InvalidRequest:
    return InvalidRequest([FieldError(BODY, what, "send a smaller body")])
