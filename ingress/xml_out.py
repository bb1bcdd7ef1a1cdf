"""XML out: an answer or a problem, field by field what it is in JSON, plain or in an envelope."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, assert_never

from ingress import soap
from ingress.soap import Envelope
from ingress.xml_in import XSI

NAMESPACE: Final = "urn:paylink:v1"
#: The namespace of problems (RFC 9457, appendix B).
PROBLEM_NAMESPACE: Final = "urn:ietf:rfc:7807"

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
#: Names that every parser takes for one; any other goes into the key of an `entry`.
_NAME: Final = re.compile(r"(?!xml)[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.IGNORECASE)
#: What XML 1.0 cannot hold, even as a reference.
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
#: White space that parsers would change is written as a reference.
_ESCAPES: Final = str.maketrans(
    {
        **{"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"},
        **{"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"},
    }
)


def render(document: Mapping[str, Any], root: str, envelope: Envelope) -> bytes:
    """Return an answer as XML in UTF-8. `document` holds what JSON can hold, but no list in a list.

    Lists are repeated elements, null is `xsi:nil`; characters that XML cannot hold become U+FFFD.
    """
    content = _rooted(document, root, NAMESPACE)
    match envelope:
        case Envelope.PLAIN:
            return _finished(content)
        case Envelope.SOAP:
            return _finished(soap.wrapped(content))
        case _:
            assert_never(envelope)


def render_problem(problem: Mapping[str, Any], envelope: Envelope) -> bytes:
    """Return a problem document (`Problem.body`, decoded) as XML, or as a SOAP fault."""
    content = _rooted(problem, "problem", PROBLEM_NAMESPACE)
    match envelope:
        case Envelope.PLAIN:
            return _finished(content)
        case Envelope.SOAP:
            reason = _escaped(problem["detail"])
            return _finished(soap.fault(problem["status"], problem["code"], reason, content))
        case _:
            assert_never(envelope)


def media_type(envelope: Envelope) -> str:
    """Return the Content-Type of an answer. SOAP 1.1 (6) has text/xml and no other."""
    match envelope:
        case Envelope.PLAIN:
            return "application/xml; charset=utf-8"
        case Envelope.SOAP:
            return "text/xml; charset=utf-8"
        case _:
            assert_never(envelope)


def problem_media_type(envelope: Envelope) -> str:
    """Return the Content-Type of a problem."""
    match envelope:
        case Envelope.PLAIN:
            return "application/problem+xml; charset=utf-8"
        case Envelope.SOAP:
            return media_type(envelope)
        case _:
            assert_never(envelope)


def _finished(content: str) -> bytes:
    return (_DECLARATION + content).encode()


def _rooted(document: Mapping[str, Any], root: str, namespace: str) -> str:
    fields = "".join(_fields(document))
    return f'<{root} xmlns="{namespace}" xmlns:xsi="{XSI}">{fields}</{root}>'


def _fields(document: Mapping[str, Any]) -> Iterator[str]:
    for name, value in document.items():
        for item in value if isinstance(value, list) else (value,):
            yield from _element(name, item)


def _element(name: str, value: Any) -> Iterator[str]:
    tag = name if _NAME.fullmatch(name) else "entry"
    start = tag if tag == name else f'{tag} key="{_escaped(name)}"'
    match value:
        case None:
            yield f'<{start} xsi:nil="true"/>'
        case Mapping():
            yield f"<{start}>"
            yield from _fields(value)
            yield f"</{tag}>"
        case _:
            yield f"<{start}>{_text(value)}</{tag}>"


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():  # a score; no amount is a float
            return repr(value)
        case str():
            return _escaped(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no form in XML")


def _escaped(text: str) -> str:
    return _ILLEGAL.sub(_REPLACEMENT, text).translate(_ESCAPES)
