"""Redaction: secrets leave no trace in a log line, by the name of the field and by their form.

This is the second line of defence. The first is to log ids and codes only, never bodies.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from ops.telemetry.cards import LONGEST, MASK, SHORTEST, hide_cards, is_card_number

HIDDEN: Final = "[redacted]"

#: Characters kept of one value: more makes lines that log collectors split or drop.
MAX_TEXT: Final = 2_048
#: A traceback needs more; its end is kept, because the error stands there.
MAX_TRACE: Final = 8_192
#: Characters that are searched at all, so that one huge text does not hold up its program.
MAX_SCAN: Final = 32_768
#: A secret that the end of the search cuts in two is not recognised: this much is dropped there.
SCAN_MARGIN: Final = 256
MAX_ITEMS: Final = 50
MAX_DEPTH: Final = 4
MAX_NAME: Final = 64

#: A field is secret when one of the words of its name is: `clientSecret`, `x-callback-token`.
SECRET_WORDS: Final = frozenset(
    {
        *("authorization", "auth", "apikey", "cookie", "cookies", "credential", "credentials"),
        *("passphrase", "passwd", "password", "pin", "pwd", "secret", "secrets"),
        *("keyring", "pepper", "signature", "signatures", "token", "tokens"),
        *("card", "cards", "csc", "cvc", "cvc2", "cvv", "cvv2", "pan"),
    }
)
#: Of `key` only these kinds: an idempotency key or a dedupe key may be shown.
SECRET_KEYS: Final = frozenset(
    {"api", "audit", "encryption", "master", "private", "server", "signing"}
)

_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

#: Read from left to right; the first branch that fits hides its text except the named part.
_SECRET: Final = re.compile(
    r"""
      (?P<url> \b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@"']{0,64}: ) [^\s"']{1,256}@
    | (?P<named> (?<![\w-]) [\w-]{0,40}?
          (?i:password|passwd|passphrase|secret|token|api[_-]?key|authorization|signature|cvv|cvc)
          [\w-]{0,20} \\{0,4}["']? \s{0,4} [:=] \s{0,4} )
      (?: (?i:bearer|basic) \s+ )?
      (?: \\{0,4}"(?:[^"\\]|\\(?!\\{0,3}"))* | \\{0,4}'(?:[^'\\]|\\(?!\\{0,3}'))* | [^\s"',;&)\]}]+ )
    | \b(?i:bearer) \s+ [\w.~+/=-]{6,}
    | \b(?i:basic) \s+ (?=[\w+/]{0,200}[0-9A-Z=]) [A-Za-z0-9+/]{6,}={0,2}
    | (?<![A-Za-z0-9]) (?: pl_(?:test|live|operator)_ | [sr]k_ | whsec_ | xnd_ | (?:SB-)?Mid-server- )
      [\w+/=-]{4,}
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*
    | -----BEGIN[ ][A-Z ]{0,20}PRIVATE[ ]KEY-----[^-]*
    | (?P<mail> (?<![\w.+-]) [\w.+-]{1,64} @ (?:[\w-]{1,63}\.)+ [A-Za-z]{2,24} )
    """,
    re.VERBOSE,
)

#: Without one of these no branch above can fit; most values of most lines end here.
_SUSPECT: Final = re.compile(
    r"[:=@]|(?i:bearer|basic)\s|l_(?:test|live|operator)_|[sr]k_|whsec_|xnd_|Mid-|eyJ|BEGIN"
)
#: Our own ids hold nothing, and nor do the times of this century; request ids have the same form.
_PLAIN: Final = re.compile(
    r"(?:[a-z]{3}_)?[0-9a-f]{32} | 20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(?:\.\d{1,6})?Z",
    re.ASCII | re.VERBOSE,
)


def redact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a line as JSON values, bounded and without secrets."""
    return {name: _value(name, value, 0) for name, value in fields.items()}


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return a text without secrets, of at most `limit` characters and a count of the rest."""
    hidden = _hide(text)
    if len(hidden) <= limit and len(text) <= MAX_SCAN:
        return hidden
    return f"{hidden[:limit]}... ({len(text)} characters)"


def clean_trace(text: str) -> str:
    """Return a traceback without secrets; the end is kept of one that is too long."""
    hidden = _hide(text[-MAX_SCAN:])
    if len(hidden) <= MAX_TRACE and len(text) <= MAX_SCAN:
        return hidden
    return f"({len(text)} characters) ...{hidden[-MAX_TRACE:]}"


@lru_cache(maxsize=1_024)
def is_secret(name: str) -> bool:
    """Whether a field of this name is hidden whatever it holds."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not SECRET_WORDS.isdisjoint(words):
        return True
    return "key" in words and not SECRET_KEYS.isdisjoint(words)


def _value(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_secret(name):
        return HIDDEN
    match value:
        case str():
            return clean(value)
        case int():
            return _number(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case bytes() | bytearray() | memoryview():
            return f"[{len(value)} bytes]"  # whatever they are, nobody reads them here
        case datetime() | date():
            return value.isoformat()
        case Mapping() | list() | tuple() | set() | frozenset() if depth >= MAX_DEPTH:
            return f"[{len(value)} items]"
        case Mapping():
            return {
                clean(str(key), MAX_NAME): _value(str(key), item, depth + 1)
                for key, item in islice(value.items(), MAX_ITEMS)
            }
        case list() | tuple() | set() | frozenset():
            return [_value(name, item, depth + 1) for item in islice(value, MAX_ITEMS)]
        case _:
            return clean(str(value))


def _number(value: int) -> int | str:
    if not 10 ** (SHORTEST - 1) <= value < 10**LONGEST:
        return value if abs(value) < 10**LONGEST else clean(hex(value))
    return MASK if is_card_number(str(value)) else value


def _hide(text: str) -> str:
    """Hide secrets in what may be searched; a text longer than that loses its end."""
    if _PLAIN.fullmatch(text):
        return text
    hidden = text[:MAX_SCAN]
    if _SUSPECT.search(hidden):
        hidden = _SECRET.sub(_hidden, hidden)
    hidden = hide_cards(hidden)
    return hidden if len(text) <= MAX_SCAN else hidden[:-SCAN_MARGIN]


def _hidden(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "url":
            return f"{match['url']}{HIDDEN}@"
        case "named":
            return f"{match['named']}{HIDDEN}"
        case "mail":
            return "[email]"
        case _:
            return HIDDEN
