"""What the tests of the door share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ops.log_lines import Lines, capturing


@pytest.fixture(autouse=True)
def lines() -> Iterator[Lines]:
    """What the door logs during a test."""
    with capturing("ingress") as captured:
        yield captured
