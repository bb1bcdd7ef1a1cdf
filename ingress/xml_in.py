"""XML in: a document or a SOAP 1.1 message becomes what the same request is in JSON."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import FieldError, InvalidRequest
from ingress import soap
from ingress.cards import refuse_card_data
from ingress.fields import Fields
from ingress.sizes import MERCHANT_BYTES
from ingress.soap import Envelope
from ingress.strict_json import BODY, MAX_DIGITS, MAX_ERRORS, Object, child, refuse_unclean
from ingress.strict_xml import Element, elements

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
#: The attribute with the name of an `entry`, for names that XML cannot spell.
KEY: Final = ("", "key")
NIL: Final = (XSI, "nil")

#: One spelling for each number: no sign where none is needed, no zero in front, no space.
_INTEGER: Final = re.compile(rf"0|-?[1-9][0-9]{{0,{MAX_DIGITS - 1}}}")
#: They say what the reader knows already: what is in the field, and where it would be described.
#: Nothing is fetched from there.
_SAYS_NOTHING: Final = frozenset(
    {
        (XSI, "type"),
        (XSI, "schemaLocation"),
        (XSI, "noNamespaceSchemaLocation"),
        (soap.NAMESPACE, "encodingStyle"),
    }
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What XML does not say by itself about the fields of a request, by path: `customer.address`."""

    #: The names that the root may have; none: any.
    roots: frozenset[str] = frozenset()
    #: Fields that are integers. What is not written as one stays text.
    integers: frozenset[str] = frozenset()
    #: Fields that may come again and again: always a list, also of one.
    lists: frozenset[str] = frozenset()
    #: Fields that are objects, also without anything in them.
    objects: frozenset[str] = frozenset()


ANY: Final = Shape()


def open_xml(body: bytes, shape: Shape, most: int = MERCHANT_BYTES) -> tuple[Fields, Envelope]:
    """Return the fields of a clean body without card data; the twin of `fields.open_body`.

    Raises what `parse_xml` does, and `RawCardDataRefused`. Card data is looked for first: the other
    errors repeat names.
    """
    document, envelope = parse_xml(body, shape, most)
    refuse_card_data(document)
    refuse_unclean(document)
    return Fields(document, "", []), envelope


def parse_xml(
    body: bytes, shape: Shape = ANY, most: int = MERCHANT_BYTES
) -> tuple[Object, Envelope]:
    """Parse at most `most` bytes into an object of `str | int | None | list | Object`.

    Children are fields, and `<entry key="a">` is the field `a`; `xsi:nil` is null. Raises
    `MalformedBody`, `SoapVersionUnsupported`, `SoapHeaderNotUnderstood`, or `InvalidRequest`; and
    `RawCardDataRefused` instead of an error that would repeat a card number.
    """
    root, envelope = soap.opened(elements(body, most))
    reader = _Reader(shape, root.namespace)
    document = reader.document(root)
    if reader.errors:
        refuse_card_data(document)
        raise InvalidRequest(reader.errors[:MAX_ERRORS])
    return document, envelope


class _Reader:
    """Turns the elements of one namespace into values, and collects what is wrong with them."""

    def __init__(self, shape: Shape, namespace: str) -> None:
        self.errors: list[FieldError] = []
        self._shape = shape
        self._namespaces = ("", namespace)

    def document(self, root: Element) -> Object:
        """Return the whole document."""
        if self._shape.roots and root.name not in self._shape.roots:
            known = ", ".join(sorted(self._shape.roots))
            self._refuse(BODY, "has another root element", f"send {known}")
        self._check_attributes(root, BODY, allowed=())
        if not root.children and not root.is_blank:
            self._refuse(BODY, "is text, not fields", "send <amount>10000</amount> and so on")
        return self._object(root, "")

    def _object(self, element: Element, path: str) -> Object:
        if element.is_mixed:
            self._refuse(path or BODY, "holds text beside its fields", "send the fields alone")
        lists: dict[str, list[Any]] = defaultdict(list)
        pairs: list[tuple[str, Any]] = []
        for one in element.children:
            name = _name(one)
            below = child(path, name)
            value = self._value(one, below)
            if below not in self._shape.lists:
                pairs.append((name, value))
                continue
            if name not in lists:
                pairs.append((name, lists[name]))
            lists[name].append(value)
        read = Object(pairs)
        for name in read.repeated:
            self._refuse(child(path, name), "is there twice", "send each field once")
        return read

    def _value(self, element: Element, path: str) -> Any:
        if element.namespace not in self._namespaces:
            fix = "send all fields in the namespace of the document, or in none"
            self._refuse(path, "is in another namespace", fix)
        self._check_attributes(element, path, (KEY, NIL) if _is_entry(element) else (NIL,))
        nil = element.attributes.get(NIL, "false")
        if nil not in ("true", "1", "false", "0"):
            self._refuse(path, "has an xsi:nil that is no boolean", "send true, or leave it out")
        if nil in ("true", "1"):
            if element.children or element.text:
                self._refuse(path, "is nil and holds something", "send one of the two")
            return None
        empty_object = path in self._shape.objects and element.is_blank
        if element.children or empty_object:
            return self._object(element, path)
        if path in self._shape.integers and _INTEGER.fullmatch(element.text):
            return int(element.text)
        return element.text

    def _check_attributes(
        self, element: Element, path: str, allowed: tuple[tuple[str, str], ...]
    ) -> None:
        """Refuse attributes: what is silently passed over is a bug at the client."""
        if any(
            attribute not in allowed and attribute not in _SAYS_NOTHING
            for attribute in element.attributes
        ):
            self._refuse(path, "has an attribute", "send it as an element, or leave it out")

    def _refuse(self, path: str, reason: str, fix: str) -> None:
        self.errors.append(FieldError(path, reason, fix))


def _is_entry(element: Element) -> bool:
    return element.name == "entry"


def _name(element: Element) -> str:
    return element.attributes.get(KEY, element.name) if _is_entry(element) else element.name
