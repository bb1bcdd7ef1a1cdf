"""Health: what regular probes make of a gateway, beside what its real calls tell the breaker."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

#: One probe in vain may be the network's fault. At a probe every 15 s, three are 45 s of silence.
DOWN_AFTER: Final = 3


class Health(StrEnum):
    """How a gateway answered its last probes."""

    UP = "up"
    #: The last probe failed, and perhaps the one before.
    DEGRADED = "degraded"
    DOWN = "down"


def judged(failed_in_a_row: int) -> Health:
    """Return the health after so many failed probes without a good one; a good one makes it 0."""
    if failed_in_a_row <= 0:
        return Health.UP
    return Health.DOWN if failed_in_a_row >= DOWN_AFTER else Health.DEGRADED
