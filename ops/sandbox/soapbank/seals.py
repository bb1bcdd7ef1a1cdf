"""Signatures: of the merchant on requests, of the bank on answers and callbacks."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

#: How far the merchant's clock may be from the bank's.
TOLERANCE_S = 300


@dataclass(frozen=True)
class Seal:
    """The secret of one account."""

    key_id: str
    secret: str = field(repr=False)

    def headers(self, body: bytes, now_s: float) -> dict[str, str]:
        """Return the headers that prove who wrote a body, and when."""
        at = str(int(now_s))
        return {
            "X-Bank-Key-Id": self.key_id,
            "X-Bank-Timestamp": at,
            "X-Bank-Signature": self._signature(at, body),
        }

    def fits(self, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
        """Whether a request (header names in lower case) is of this account, and of now."""
        at, shown = headers.get("x-bank-timestamp", ""), headers.get("x-bank-signature", "")
        if headers.get("x-bank-key-id") != self.key_id or not (at.isascii() and at.isdecimal()):
            return False
        if len(at) > 12 or abs(now_s - int(at)) > TOLERANCE_S:
            return False
        expected = self._signature(at, body).encode()
        return hmac.compare_digest(expected, shown.encode("utf-8", "surrogateescape"))

    def _signature(self, at: str, body: bytes) -> str:
        return hmac.digest(self.secret.encode(), b"%s.%s" % (at.encode(), body), "sha256").hex()
