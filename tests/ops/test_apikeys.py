"""API keys: made, read, recognised when mistyped, and never shown."""

from __future__ import annotations

import re
import string

import pytest

from domain.payment import Mode
from ops import apikeys

PEPPER = b"a pepper of thirty-two characters"


@pytest.mark.parametrize("mode", list(Mode))
def test_a_new_key_reads_back_as_what_it_is(mode: Mode) -> None:
    id_, text = apikeys.new_key(mode)

    key = apikeys.parse(text)

    assert key is not None
    assert (key.id, key.mode) == (id_, mode)
    assert re.fullmatch(rf"pl_{mode}_[0-9a-f]{{16}}_[0-9A-Za-z]{{49}}", text)


def test_no_two_keys_are_alike() -> None:
    keys = [apikeys.new_key(Mode.TEST) for _ in range(200)]

    assert len({id_ for id_, _ in keys}) == len({text[25:] for _, text in keys}) == 200


def test_any_single_wrong_character_is_noticed() -> None:
    _, text = apikeys.new_key(Mode.LIVE)
    for place, right in enumerate(text):
        for wrong in "aZ9_":
            if wrong != right:
                mistyped = text[:place] + wrong + text[place + 1 :]
                assert apikeys.parse(mistyped) is None, mistyped


@pytest.mark.parametrize(
    "text",
    ["", "pl_test_", "sk_test_abc", "pl_prod_0123456789abcdef_" + "a" * 49, "x" * 100_000],
    ids=["empty", "prefix", "foreign", "mode", "endless"],
)
def test_what_is_not_a_key_is_none(text: str) -> None:
    assert apikeys.parse(text) is None


def test_a_line_break_after_a_key_is_not_overlooked() -> None:
    _, text = apikeys.new_key(Mode.TEST)

    assert apikeys.parse(text + "\n") is None
    assert apikeys.parse(text[:-1] + "\n") is None


def test_a_key_of_another_script_is_not_a_key() -> None:
    _, text = apikeys.new_key(Mode.TEST)
    place = next(i for i in range(25, len(text)) if text[i] in string.digits)

    assert apikeys.parse(text[:place] + "\N{ARABIC-INDIC DIGIT FOUR}" + text[place + 1 :]) is None


def test_the_mac_depends_on_pepper_id_and_secret() -> None:
    macs = {
        apikeys.mac(PEPPER, "id", "secret"),
        apikeys.mac(PEPPER[::-1], "id", "secret"),
        apikeys.mac(PEPPER, "di", "secret"),
        apikeys.mac(PEPPER, "id", "terces"),
    }

    assert len(macs) == 4
    assert {len(mac) for mac in macs} == {32}
    assert apikeys.mac(PEPPER, "id", "secret") in macs


def test_a_key_does_not_print_its_secret() -> None:
    _, text = apikeys.new_key(Mode.TEST)
    key = apikeys.parse(text)

    assert key is not None
    assert key.secret not in repr(key)
    assert key.secret not in str(key)
