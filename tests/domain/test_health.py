"""Health: one probe in vain is no outage, three are."""

from __future__ import annotations

import pytest

from domain.health import Health, judged


@pytest.mark.parametrize(
    ("failed", "health"),
    [
        (0, Health.UP),
        (1, Health.DEGRADED),
        (2, Health.DEGRADED),
        (3, Health.DOWN),
        (4, Health.DOWN),
    ],
)
def test_the_third_failed_probe_in_a_row_says_down(failed: int, health: Health) -> None:
    assert judged(failed) is health
