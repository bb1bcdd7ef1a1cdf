"""A sealed value opens in its place, with its key, unchanged, and in no other way."""

from __future__ import annotations

import pickle
from typing import TypedDict

import pytest

from ops.vault import SealBroken, Vault, fingerprint

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = b"4 wheels and a tail"


class Place(TypedDict):
    table: str
    column: str
    row: str


PLACE: Place = {"table": "payments", "column": "details", "row": "0198"}


def test_what_is_sealed_opens_in_its_place() -> None:
    vault = Vault({"k1": NEW})

    sealed = vault.seal(SECRET, **PLACE)

    assert vault.open(sealed, **PLACE) == SECRET
    assert SECRET not in sealed


def test_the_layout_is_version_key_id_nonce_ciphertext_and_tag() -> None:
    sealed = Vault({"k1": NEW}).seal(SECRET, **PLACE)

    assert sealed[:4] == b"\x01\x02k1"
    assert len(sealed) == 4 + 12 + len(SECRET) + 16


def test_a_value_sealed_by_an_earlier_release_still_opens() -> None:
    # Made with AESGCM alone: nonce 00..0b, and as associated data the version, then key id,
    # table, column and row, each after its length in four bytes.
    sealed = bytes.fromhex(
        "01026b31000102030405060708090a0bbc9cbce297a8edac36061ea7bb03e05447365827b30f83fb54aa587f"
        "e12f29ff6389e1"
    )

    assert Vault({"k1": NEW}).open(sealed, **PLACE) == SECRET


def test_an_empty_value_can_be_sealed() -> None:
    vault = Vault({"k1": NEW})

    assert vault.open(vault.seal(b"", **PLACE), **PLACE) == b""


def test_equal_plaintexts_are_sealed_differently() -> None:
    vault = Vault({"k1": NEW})

    assert len({vault.seal(SECRET, **PLACE) for _ in range(100)}) == 100


@pytest.mark.parametrize("ring", [{"k1": NEW}, {"k1": NEW, "k2": OLD}], ids=["one key", "two keys"])
def test_no_byte_can_be_changed(ring: dict[str, bytes]) -> None:
    vault = Vault(ring)
    sealed = vault.seal(SECRET, **PLACE)

    for index in range(len(sealed)):
        for mask in (0x01, 0x03, 0x80, 0xFF):  # 0x03 turns "k1" into "k2"
            changed = bytearray(sealed)
            changed[index] ^= mask
            with pytest.raises(SealBroken):
                vault.open(bytes(changed), **PLACE)


def test_no_byte_can_be_cut_off_or_added() -> None:
    vault = Vault({"k1": NEW})
    sealed = vault.seal(SECRET, **PLACE)

    for wrong in [sealed[:end] for end in range(len(sealed))] + [
        sealed + b"\x00",
        b"\x00" + sealed,
    ]:
        with pytest.raises(SealBroken):
            vault.open(wrong, **PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"table": "payments", "column": "details", "row": "0199"},
        {"table": "payments", "column": "action_url", "row": "0198"},
        {"table": "gateways", "column": "details", "row": "0198"},
        {"table": "paymentsd", "column": "etails", "row": "0198"},
        {"table": "payments", "column": "detail", "row": "s0198"},
    ],
    ids=["row", "column", "table", "table borrows from column", "row borrows from column"],
)
def test_a_value_does_not_open_in_another_place(elsewhere: Place) -> None:
    vault = Vault({"k1": NEW})
    here, there = vault.seal(SECRET, **PLACE), vault.seal(b"other", **elsewhere)

    with pytest.raises(SealBroken):
        vault.open(there, **PLACE)
    with pytest.raises(SealBroken):
        vault.open(here, **elsewhere)


def test_after_a_rotation_old_values_open_and_new_ones_use_the_first_key() -> None:
    before = Vault({"old": OLD})
    after = Vault({"new": NEW, "old": OLD})
    without_old = Vault({"new": NEW})

    kept, fresh = before.seal(SECRET, **PLACE), after.seal(SECRET, **PLACE)

    assert after.open(kept, **PLACE) == SECRET
    assert without_old.open(fresh, **PLACE) == SECRET
    with pytest.raises(SealBroken):
        without_old.open(kept, **PLACE)


def test_the_same_key_under_another_id_does_not_open() -> None:
    sealed = Vault({"k1": NEW}).seal(SECRET, **PLACE)

    with pytest.raises(SealBroken):
        Vault({"k2": NEW}).open(sealed.replace(b"k1", b"k2", 1), **PLACE)


def test_every_failure_says_the_same_and_nothing_else() -> None:
    vault = Vault({"k1": NEW, "k2": OLD})
    sealed = vault.seal(SECRET, **PLACE)
    causes = (b"", b"\x02", sealed.replace(b"k1", b"k9"), sealed[:-1], sealed[:-1] + b"\x00")

    texts = set()
    for wrong in causes:
        with pytest.raises(SealBroken) as caught:
            vault.open(wrong, **PLACE)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        texts.add(str(caught.value))

    (text,) = texts
    assert not any(word in text for word in ("k1", "k9", "payments", "0198", "wheels"))


@pytest.mark.parametrize(
    "ring",
    [{}, {"k": b"short"}, {"": NEW}, {"k" * 256: NEW}],
    ids=["empty", "short", "no id", "id"],
)
def test_a_bad_keyring_is_refused_without_showing_keys(ring: dict[str, bytes]) -> None:
    with pytest.raises(ValueError) as caught:
        Vault(ring)

    assert "short" not in str(caught.value)
    assert "nnn" not in str(caught.value)


def test_keys_are_never_shown_or_pickled() -> None:
    vault = Vault({"k1": NEW})

    assert "nnn" not in f"{vault!r} {vault} {vault._ciphers!r}"
    with pytest.raises(TypeError):
        pickle.dumps(vault)


def test_a_fingerprint_depends_on_key_label_and_text() -> None:
    one = fingerprint(NEW, "card", "tok_1")

    assert one == fingerprint(NEW, "card", "tok_1")
    assert len(one) == 64
    others = {
        fingerprint(OLD, "card", "tok_1"),
        fingerprint(NEW, "email", "tok_1"),
        fingerprint(NEW, "card", "tok_2"),
        fingerprint(NEW, "cardt", "ok_1"),
    }
    assert len(others | {one}) == 5
