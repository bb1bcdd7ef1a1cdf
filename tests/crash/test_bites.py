"""The crash matrix bites: a planted bug turns the cells red that are there to find it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from tests.crash.bugs import BUGS
from tests.crash.cells import CELLS
from tests.crash.play import TAKES, play, prepare
from tests.crash.stage import Slot

pytestmark = [pytest.mark.services, pytest.mark.crash]

#: A row that nobody will ever settle is not waited for any longer.
SETTLE_S = 8.0
#: How often a bug may hide.
PLAYS = 3


@pytest.mark.parametrize(
    ("bug", "cell_id", "found"),
    [
        ("bytes_before_intent", "charge-B10_read-after-kill", "unwritten"),
        ("nothing_told", "charge-B4_answer-after-kill", "unaudited"),
        # The first copy arrives late, and the provider cannot tell that it has charged already.
        ("fresh_keys", "charge-B8_sent-after-hang", "doubled"),
        # The next gateway is asked although the first one may have charged, and has.
        ("silence_is_no", "charge-B9_provider-after-raise", "doubled"),
    ],
    ids=["bytes_before_intent", "nothing_told", "fresh_keys", "silence_is_no"],
)
def test_a_planted_bug_turns_its_cell_red(
    crash_slots: Sequence[Slot], bug: str, cell_id: str, found: str
) -> None:
    (cell,) = [one for one in CELLS if one.id == cell_id]
    slot, first = crash_slots[-1], TAKES + list(BUGS).index(bug)

    # Which of two copies comes first is the machine's choice, and one order of them proves nothing.
    for take in range(first, first + PLAYS * len(BUGS), len(BUGS)):
        came = play(cell, slot, prepare(slot, [cell], take)[cell], bug, SETTLE_S)
        if any(re.search(rf"^{found} \(", words, re.MULTILINE) for words in came.wrong):
            return
    pytest.fail(came.report())
