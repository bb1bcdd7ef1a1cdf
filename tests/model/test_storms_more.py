"""The other half of the twenty thousand: a file of its own, so that two workers share them."""

from __future__ import annotations

import pytest

from tests.model.hunt import hunt
from tests.model.test_storms import CHUNK


@pytest.mark.model
@pytest.mark.parametrize("first", range(10_000, 20_000, CHUNK))
def test_no_law_is_broken_here_either(first: int) -> None:
    assert hunt(range(first, first + CHUNK)) == CHUNK
