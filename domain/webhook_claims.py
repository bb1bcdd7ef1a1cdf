"""Claims: what a webhook shows of its sender, and what is to be checked before it is believed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias, assert_never

from domain.webhook import Scheme

#: A header with more parts than this is not a signature header.
MAX_PARTS: Final = 32
#: A longer text in a header is no token.
MAX_TOKEN: Final = 1_024
#: An RSA key of 8192 bits signs with this many bytes; a longer signature is none.
MAX_SIGNATURE: Final = 1_024
#: The largest body that is read before its sender is proven; notifications have 2 KiB.
MAX_UNPROVEN: Final = 64 * 1024
#: What a token is made to sign. Equal tokens make equal MACs, and those are compared in a time that
#: says nothing about the token.
TOKEN_MESSAGE: Final = b"a token is shown"

#: The only algorithm of a certificate's signature.
ALGORITHM: Final = "SHA256withRSA"
#: The headers of a certificate's claim, after their common beginning.
CERTIFIED: Final = ("-transmission-id", "-transmission-time", "-transmission-sig")
URL, ALGO = "-cert-url", "-auth-algo"

_LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_DIGEST: Final = re.compile(r"[0-9a-f]{128}")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
_NAME: Final = re.compile(r"[\x21-\x7b\x7d\x7e]{1,100}")
_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9.:\[\]-]{1,255})(/(?:[A-Za-z0-9_-]+/)*)[A-Za-z0-9_][A-Za-z0-9._-]*"
)

#: A check of the verifier: is the third (32 raw bytes, or their text in hex) the HMAC-SHA256 of the
#: second under the first?
Triple: TypeAlias = tuple[bytes, bytes, bytes | str]


@dataclass(frozen=True, slots=True)
class Signed:
    """The exact signed bytes and each candidate signature (64 hex digits)."""

    message: bytes = field(repr=False)
    signatures: tuple[str, ...]

    def checks(self, secret: bytes) -> tuple[Triple, ...]:
        """Return what to ask the verifier; one yes is enough."""
        return tuple((secret, self.message, signature) for signature in self.signatures)


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret, shown as it is."""

    token: bytes = field(repr=False)

    def checks(self, secret: bytes) -> tuple[Triple, ...]:
        """Return what to ask the verifier."""
        return ((secret, TOKEN_MESSAGE, _mac(self.token, TOKEN_MESSAGE)),)


@dataclass(frozen=True, slots=True)
class Digested:
    """The SHA-512 in hex of some bytes and the secret after them."""

    message: bytes = field(repr=False)
    digest: bytes

    def checks(self, secret: bytes) -> tuple[Triple, ...]:
        """Return what to ask the verifier: two digests are one where their MACs are."""
        wanted = hashlib.sha512(self.message + secret).hexdigest().encode()
        return ((secret, wanted, _mac(secret, self.digest)),)


@dataclass(frozen=True, slots=True)
class Certified:
    """A signature that the key of the certificate at `url` must have made."""

    url: str
    before: bytes
    after: bytes
    signature: bytes = field(repr=False)

    def message(self, secret: bytes) -> bytes:
        """Return the signed bytes; `secret` is the provider's id of our webhook there."""
        return self.before + secret + self.after


Claim: TypeAlias = Signed | Shown | Digested | Certified


def claimed(scheme: Scheme, headers: Mapping[str, str], body: bytes, now_s: int) -> Claim | None:
    """Read what proves the sender, once for all secrets. `headers` are found by lower-case names.

    None: absent, malformed, too long ago or ahead.
    """
    match scheme.kind:
        case "hmac":
            return _timed(scheme, headers, body, now_s)
        case "token":
            return _shown(headers.get(scheme.header.lower(), ""))
        case "sha512":
            return _digested(scheme, headers, body)
        case "certificate":
            return _certified(scheme, headers, body, now_s)
        case _:
            assert_never(scheme.kind)


def kept_headers(scheme: Scheme, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a certificate's claim: with them it can be read again."""
    names = [f"{scheme.header.lower()}{end}" for end in (*CERTIFIED, URL, ALGO)]
    return {name: headers[name] for name in names if name in headers}


def may_certify(scheme: Scheme, url: str, base_url: str) -> bool:
    """Whether a certificate may be fetched from here: over TLS and from a host that is listed, or
    from the one that the gateway's own calls go to (a simulator's need no TLS on this machine)."""
    found = _URL.fullmatch(url)
    if found is None or found[3] != scheme.path:
        return False
    secure, host = found[1] == "https", found[2].lower()
    if secure and host in scheme.hosts:
        return True
    own = re.match(r"(https?)://([^/?#@]+)(?:/|$)", base_url)
    if own is None or own[1] != found[1] or own[2].lower() != host:
        return False
    return secure or host.rpartition(":")[0] in _LOOPBACK or host in _LOOPBACK


def _timed(scheme: Scheme, headers: Mapping[str, str], body: bytes, now_s: int) -> Signed | None:
    shown = headers.get(scheme.header.lower(), "")
    if scheme.time_header:
        times, candidates = [headers.get(scheme.time_header.lower(), "")], [shown]
    else:
        parts = list(_parts(shown))
        times = [value for name, value in parts if name == scheme.time_part]
        candidates = [value for name, value in parts if name == scheme.signature_part]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        return None
    if not _is_fresh(scheme, int(times[0]), now_s):
        return None
    signatures = tuple(one for one in candidates if _SIGNATURE.fullmatch(one))
    return Signed(times[0].encode() + b"." + body, signatures) if signatures else None


def _shown(token: str) -> Shown | None:
    if not (token.isascii() and token.isprintable() and 0 < len(token) <= MAX_TOKEN):
        return None
    return Shown(token.encode())


def _digested(scheme: Scheme, headers: Mapping[str, str], body: bytes) -> Digested | None:
    if len(body) > MAX_UNPROVEN:
        return None
    if scheme.header:
        message, digest = body, headers.get(scheme.header.lower(), "")
    else:
        fields = _fields(body)
        found = [fields.get(name) for name in (*scheme.digested, scheme.signature_part)]
        if not all(isinstance(value, str) for value in found):
            return None
        *parts, digest = map(str, found)
        try:
            message = "".join(parts).encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write
            return None
    return Digested(message, digest.encode()) if _DIGEST.fullmatch(digest) else None


def _fields(body: bytes) -> Mapping[str, object]:
    """Read a JSON object; numbers stay the text that they are: it is that which is signed."""
    try:
        found = json.loads(body.decode(), parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _certified(
    scheme: Scheme, headers: Mapping[str, str], body: bytes, now_s: int
) -> Certified | None:
    start = scheme.header.lower()
    id_, time, shown = (headers.get(start + end, "") for end in CERTIFIED)
    url = headers.get(start + URL, "")
    if headers.get(start + ALGO) != ALGORITHM or not _NAME.fullmatch(id_):
        return None
    if not (_URL.fullmatch(url) and _MOMENT.fullmatch(time)):
        return None
    try:
        signed_at = datetime.fromisoformat(time).timestamp()
        signature = base64.b64decode(shown, validate=True)
    except (ValueError, OverflowError, binascii.Error):
        return None
    if not (0 < len(signature) <= MAX_SIGNATURE and _is_fresh(scheme, int(signed_at), now_s)):
        return None
    after = f"|{zlib.crc32(body)}".encode()
    return Certified(url, f"{id_}|{time}|".encode(), after, signature)


def _is_fresh(scheme: Scheme, signed_s: int, now_s: int) -> bool:
    ahead_s = scheme.tolerance_s if scheme.ahead_s is None else scheme.ahead_s
    return now_s - scheme.tolerance_s <= signed_s <= now_s + ahead_s


def _parts(header: str) -> Iterator[tuple[str, str]]:
    for part in header.split(",", MAX_PARTS)[:MAX_PARTS]:
        name, separator, value = part.strip().partition("=")
        if separator:
            yield name, value


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
