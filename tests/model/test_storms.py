"""Twenty thousand histories, in this file and the next: no law is broken in any of them."""

from __future__ import annotations

import pytest

from tests.model.hunt import hunt

#: Histories per case: enough to be worth a case, few enough to see where it stands.
CHUNK = 500


@pytest.mark.model
@pytest.mark.parametrize("first", range(0, 10_000, CHUNK))
def test_no_law_is_broken(first: int) -> None:
    assert hunt(range(first, first + CHUNK)) == CHUNK
