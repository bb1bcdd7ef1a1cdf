"""What reached the API port: the proof that a second POST did, or did not, happen."""

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

#: The latest requests kept; a test looks at its own within seconds.
KEPT = 20_000


@dataclass(slots=True)
class Sighting:
    """One API request. `status` is the HTTP status sent; "open" until then, or "dropped"."""

    at: str
    method: str
    path: str
    key: str | None
    reference: str | None = None
    payment: str | None = None
    status: int | Literal["open", "dropped"] = "open"
    replayed: bool = False


class Sightings:
    """A bounded ring of requests, oldest first."""

    def __init__(self) -> None:
        self._ring: deque[Sighting] = deque(maxlen=KEPT)

    def add(self, sighting: Sighting) -> None:
        """Remember a request that has just come in."""
        self._ring.append(sighting)

    def to_json(self, reference: str | None) -> Iterable[dict[str, Any]]:
        """Return the requests about one reference, or all."""
        return [
            asdict(one) for one in self._ring if reference is None or one.reference == reference
        ]
