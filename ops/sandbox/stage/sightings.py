"""What reached the API port: the proof that a second request did, or did not, happen."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

from ops.sandbox.stage.board import Act
from ops.sandbox.wire import Request

#: The latest requests kept; a test looks at its own within seconds.
KEPT = 10_000
#: As much of a request is searched for a reference; what simulators take is far smaller.
TEXT_LIMIT = 16 * 1024
#: Headers that hold secrets are neither kept nor searched.
SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(slots=True)
class Sighting:
    """One API request. `status` is the HTTP status sent; "open" until then, or "dropped"."""

    at: str
    method: str
    path: str
    text: str  #: everything it says: path, query, headers, body
    act: Act | None = None
    reference: str = ""
    object: str = ""
    status: int | Literal["open", "dropped"] = "open"

    def to_json(self) -> dict[str, Any]:
        """Return it as the admin port shows it."""
        return {
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "operation": self.act and self.act.operation,
            "step": self.act and self.act.step,
            "reference": self.reference,
            "object": self.object,
            "status": self.status,
        }


class Sightings:
    """A bounded ring of requests, oldest first."""

    def __init__(self) -> None:
        self._ring: deque[Sighting] = deque(maxlen=KEPT)

    def add(self, sighting: Sighting) -> None:
        """Remember a request that has just come in."""
        self._ring.append(sighting)

    def to_json(self, reference: str | None) -> list[dict[str, Any]]:
        """Return the requests about a reference, or that say it anywhere; None is all."""
        return [
            one.to_json()
            for one in self._ring
            if reference is None or reference == one.reference or reference in one.text
        ]


def text_of(request: Request) -> str:
    """Return all that a request says, but for its secrets."""
    lines = [f"{request.path}?{unquote_plus(request.query)}"]
    lines += [value for name, value in request.headers.items() if name not in SECRET]
    lines.append(request.body[:TEXT_LIMIT].decode("utf-8", "replace"))
    return "\n".join(lines)
