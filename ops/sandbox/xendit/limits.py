"""The rate limit: so many requests a minute to one endpoint, in a window that slides."""

import re
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 60.0
#: Ids in a path: they do not make another endpoint of it.
_ID = re.compile(r"/(?:pr|py|pt|rfd|disb)-[^/]+")


class RateLimit:
    """Counts what was let in; what was refused does not count."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the limit; zero lets everything in."""
        self._per_minute = per_minute
        self._clock = clock
        self._seen: dict[tuple[str, str], deque[float]] = {}

    def refuses_for_s(self, method: str, path: str) -> float | None:
        """Count a request; how long the limit still holds (s) where it is refused, else None."""
        if not self._per_minute:
            return None
        now = self._clock()
        seen = self._seen.setdefault((method, _ID.sub("/{id}", path)), deque())
        while seen and seen[0] <= now - WINDOW_S:
            seen.popleft()
        if len(seen) >= self._per_minute:
            return seen[0] + WINDOW_S - now
        seen.append(now)
        return None
