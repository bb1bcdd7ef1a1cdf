"""Dedupe keys: under which name copies of a webhook are one event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from domain.webhook import Scheme

#: A longer name is replaced by its digest: it has to fit an index.
MAX_KEY: Final = 200
#: A larger number counts nothing, and its digits would cost their square.
MAX_NUMBER: Final = 2**63
#: Elements of a list that are looked at; a payment has some dozen refunds at most.
MAX_LISTED: Final = 100

Part: TypeAlias = str | list["Part"] | None


def dedupe_key(
    scheme: Scheme, document: object, body: bytes, headers: Mapping[str, str] | None = None
) -> str:
    """Return what makes this event one event: its id, or its parts, else the digest of its bytes.

    `document` is the body as read; `headers` are found by lower-case names.
    """
    headers = headers or {}
    if scheme.dedupe_header:
        named = _visible(headers.get(scheme.dedupe_header.lower()))
        if named is not None:
            return named
    parts = [_part(spec, document, headers) for spec in scheme.dedupe]
    if len(parts) == 1 and isinstance(parts[0], str) and (only := _visible(parts[0])):
        return only
    if len(parts) == 1 or not any(parts):
        return "sha256:" + hashlib.sha256(body).hexdigest()
    named = json.dumps(parts, separators=(",", ":"))
    return named if len(named) <= MAX_KEY else _digest(named.encode())


def unverified_key(headers: Mapping[str, str], body: bytes) -> str:
    """Return the name of an event that nobody has checked yet: only exact copies share it.

    So a forgery can never stand in the place of the genuine event, whose own name it may bear.
    """
    shown = json.dumps(sorted(headers.items())).encode()
    return "unverified:" + hashlib.sha256(shown + b"\n" + body).hexdigest()


def _part(spec: str, document: object, headers: Mapping[str, str]) -> Part:
    for one in spec.split("|"):
        if one.startswith("@"):
            found: Part = _visible(headers.get(one[1:].lower()))
        else:
            found = _found(document, one.split("."))
        if found is not None:
            return found
    return None


def _found(value: object, path: list[str]) -> Part:
    for index, name in enumerate(path):
        if name == "*":
            if not isinstance(value, list):
                return None
            return [_found(one, path[index + 1 :]) for one in value[:MAX_LISTED]]
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_NUMBER:
        return str(value)
    return value if isinstance(value, str) and value else None


def _visible(text: str | None) -> str | None:
    """Return a text that is fit to be a name as it is."""
    if text is None or not (0 < len(text) <= MAX_KEY and text.isprintable()):
        return None
    return text


def _digest(text: bytes) -> str:
    return "sha256:" + hashlib.sha256(text).hexdigest()
