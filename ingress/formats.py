"""Formats: whether a request is JSON or XML, and which of them its answer should be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from domain.errors import UnsupportedMedia

_FIX: Final = "send application/json, application/xml or text/xml, in UTF-8"
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^\s";]*)', re.IGNORECASE)
_QUALITY: Final = re.compile(r";\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.I)


class Syntax(Enum):
    """How a document is written."""

    JSON = "json"
    XML = "xml"


@dataclass(frozen=True, slots=True)
class Format:
    """How the body of a request is written, and how its answer is to be."""

    body: Syntax
    answer: Syntax


#: What an Accept header may name. XHTML and SVG are XML too, but no answer of ours is one.
_ANSWERS: Final = {
    "application/json": Syntax.JSON,
    "application/problem+json": Syntax.JSON,
    "application/xml": Syntax.XML,
    "application/problem+xml": Syntax.XML,
    "application/soap+xml": Syntax.XML,
    "text/xml": Syntax.XML,
}
#: What `curl -d` says unless it is told otherwise is taken for what it almost always is.
_AS_JSON: Final = frozenset({"", "application/json", "application/x-www-form-urlencoded"})
_ANYTHING: Final = frozenset({"*/*", "application/*"})


def wants(headers: Mapping[str, str]) -> Format:
    """Read Content-Type and Accept; the mapping's names are in lower case, or it ignores case.

    Without a Content-Type it is JSON. An Accept header that names neither, or both alike, leaves
    the answer as the request is: an answer in the wrong syntax beats none. Raises
    `UnsupportedMedia` for a body in anything else.
    """
    body = _syntax(headers.get("content-type", ""))
    return Format(body, _answer(headers.get("accept", ""), body))


def _syntax(content_type: str) -> Syntax:
    charset = _CHARSET.search(content_type)
    if charset is not None and charset[1].lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("the body is not in UTF-8", fix=_FIX)
    media = content_type.partition(";")[0].strip().lower()
    if media in _AS_JSON or media.endswith("+json"):
        return Syntax.JSON
    if media in ("application/xml", "text/xml") or media.endswith("+xml"):
        return Syntax.XML
    raise UnsupportedMedia(fix=_FIX)


def _answer(accept: str, same: Syntax) -> Syntax:
    """Return the syntax with the higher quality; that of the request where they are equal."""
    other = Syntax.XML if same is Syntax.JSON else Syntax.JSON
    named: dict[Syntax, float] = {}
    rest = 0.0
    for one in accept.split(","):
        media = one.partition(";")[0].strip().lower()
        if syntax := _ANSWERS.get(media):
            named[syntax] = max(named.get(syntax, 0.0), _quality(one))
        elif media in _ANYTHING:
            rest = max(rest, _quality(one))
    return other if named.get(other, rest) > named.get(same, rest) else same


def _quality(media_range: str) -> float:
    found = _QUALITY.search(media_range)
    return float(found[1]) if found else 1.0
