"""The callback: a gateway's word in our own shape. Like any webhook it is a hint, and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from domain.ids import Kind
from domain.webhook import Hint

#: Tells a stored callback from what providers send in their own shapes.
TYPE: Final = "callback"
_OURS: Final = f"{Kind.ATTEMPT.value}_"


@dataclass(frozen=True, slots=True)
class Callback:
    """What a gateway says happened; at least one of the two names is there."""

    #: Our name of the attempt, which the gateway was given with the request.
    transaction_id: str | None = None
    #: The gateway's own name of it.
    reference_id: str | None = None
    status: str | None = None
    message: str | None = None
    timestamp: str | None = None

    def body(self) -> bytes:
        """Return the one form in which it is stored: the same for JSON and XML."""
        said = {
            "type": TYPE,
            "reference": self.transaction_id,
            "id": self.reference_id,
            "status": self.status,
            "message": self.message,
            "timestamp": self.timestamp,
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def callback_hint(body: bytes) -> Hint | None:
    """Return which object a stored callback speaks of; None: the body is no such callback."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("type") != TYPE:
        return None
    reference, id_ = said.get("reference"), said.get("id")
    if not all(name is None or isinstance(name, str) for name in (reference, id_)):
        return None
    if reference is None and id_ is None:
        return None
    ours = reference and reference.removeprefix(_OURS)
    return Hint(ours, id_, f"{TYPE}.{said.get('status') or 'unspecified'}")
