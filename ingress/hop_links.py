"""Hop links: the unguessable address under which a payer finds the way on from a payment."""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

ID_BYTES: Final = 16
#: 128 bits: nobody guesses one, however long they try.
PROOF_BYTES: Final = 16
#: What the two make in base64url without padding.
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class HopLinks:
    """Makes and reads the tokens: a payment's id and an HMAC-SHA256 of it, so none is stored."""

    public_url: str
    key: bytes = field(repr=False)

    def url(self, payment_id: UUID) -> str:
        """Return the address for a payment's payer: the same every time."""
        return f"{self.public_url}/v1/checkout/{self.token(payment_id)}/go"

    def token(self, payment_id: UUID) -> str:
        """Return the payment's token: 43 characters."""
        sealed = payment_id.bytes + self._proof(payment_id)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def payment_id(self, token: str) -> UUID | None:
        """Return the payment whose token this is; None: we did not make it."""
        if TOKEN.fullmatch(token) is None:
            return None
        named = UUID(bytes=base64.urlsafe_b64decode(token + "=")[:ID_BYTES])
        # The whole text is compared: of several spellings of the same bytes only ours counts.
        return named if hmac.compare_digest(self.token(named), token) else None

    def _proof(self, payment_id: UUID) -> bytes:
        return hmac.digest(self.key, b"checkout:" + payment_id.bytes, "sha256")[:PROOF_BYTES]
