"""The signature header: exactly one fresh time, at least one well-formed signature, or nothing."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook import MAX_PARTS, SCHEMES, Scheme, Signed, dedupe_key, signed

SCHEME = Scheme(header="Sandbox-Signature")
NOW_S = 1_775_000_000
BODY = b'{"id":"evt_1"}'
A, B, C = "ab" * 32, "cd" * 32, "0f" * 32


def read(header: str, *, now_s: int = NOW_S, scheme: Scheme = SCHEME) -> Signed | None:
    return signed(scheme, {"sandbox-signature": header}, BODY, now_s)


def test_what_is_signed_is_the_time_and_the_raw_body() -> None:
    found = read(f"t={NOW_S},v1={A}")

    assert found == Signed(f"{NOW_S}.".encode() + BODY, (bytes.fromhex(A),))


@pytest.mark.parametrize("skew_s", [-300, -1, 0, 1, 300])
def test_a_time_within_tolerance_counts_on_both_sides(skew_s: int) -> None:
    assert read(f"t={NOW_S + skew_s},v1={A}") is not None


@pytest.mark.parametrize("skew_s", [-301, -86_400, 301, 86_400])
def test_a_time_too_long_ago_or_ahead_is_refused(skew_s: int) -> None:
    assert read(f"t={NOW_S + skew_s},v1={A}") is None


def test_several_signatures_are_all_candidates_because_secrets_rotate() -> None:
    found = read(f"t={NOW_S},v1={A},v1={B},v0={C},v1={C}")

    assert found is not None
    assert found.signatures == tuple(map(bytes.fromhex, (A, B, C)))


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        "=",
        f"v1={A}",
        f"t={NOW_S}",
        f"t={NOW_S},v0={A}",
        f"t={NOW_S},v1=",
        f"t={NOW_S},v1={A[:-1]}",
        f"t={NOW_S},v1={A}0",
        f"t={NOW_S},v1={A.upper()}",
        f"t={NOW_S},v1={A[:-1]}g",
        f"t={NOW_S},v1={A[:-1]} ",
        f"t={NOW_S},t={NOW_S},v1={A}",
        f"t={NOW_S},t={NOW_S - 1},v1={A}",
        f"t=,v1={A}",
        f"t=-{NOW_S},v1={A}",
        f"t=+{NOW_S},v1={A}",
        f"t={NOW_S}.0,v1={A}",
        f"t=0x{NOW_S:x},v1={A}",
        f"t= {NOW_S},v1={A}",
        f"t={'0' * 5}{NOW_S},v1={A}",
        f"T={NOW_S},v1={A}",
        "t=" + "".join(chr(0x660 + int(digit)) for digit in str(NOW_S)) + f",v1={A}",
        f"t={NOW_S},v1=" + "\uff10" * 64,
        f"t={NOW_S};v1={A}",
        A,
    ],
)
def test_a_malformed_header_is_no_signature(header: str) -> None:
    assert read(header) is None


def test_an_absent_header_is_no_signature() -> None:
    assert signed(SCHEME, {}, BODY, NOW_S) is None


def test_blanks_around_the_parts_are_allowed() -> None:
    assert read(f" t={NOW_S} , v1={A} ") is not None


def test_a_header_of_a_million_parts_is_read_no_further_than_its_bound() -> None:
    junk = ",".join([f"t={NOW_S}", *["x=1"] * (MAX_PARTS - 2)])

    assert read(f"{junk},v1={A}" + ",x=1" * 1_000_000) is not None
    assert read(f"{junk},x=1,v1={A}") is None
    many = read(f"t={NOW_S}" + f",v1={A}" * 100_000)
    assert many is not None
    assert len(many.signatures) < MAX_PARTS


def test_a_time_of_a_million_digits_is_refused_unread() -> None:
    assert read("t=" + "9" * 1_000_000 + f",v1={A}") is None


@given(header=st.text(max_size=200), body=st.binary(max_size=50))
def test_no_header_is_a_crash(header: str, body: bytes) -> None:
    found = signed(SCHEME, {"sandbox-signature": header}, body, NOW_S)

    assert found is None or all(len(signature) == 32 for signature in found.signatures)


def test_a_provider_may_name_its_parts_and_its_tolerance() -> None:
    scheme = Scheme("Sandbox-Signature", time_part="ts", signature_part="s", tolerance_s=10)

    assert read(f"ts={NOW_S - 10},s={A}", scheme=scheme) is not None
    assert read(f"ts={NOW_S - 11},s={A}", scheme=scheme) is None
    assert read(f"t={NOW_S},v1={A}", scheme=scheme) is None


def test_the_sandbox_declares_its_scheme() -> None:
    assert SCHEMES["sandbox"].header == "sandbox-signature"


def test_an_events_own_id_makes_it_one_event() -> None:
    assert dedupe_key(SCHEME, {"id": "evt_1"}, b"a") == dedupe_key(SCHEME, {"id": "evt_1"}, b"b")
    assert dedupe_key(Scheme("h", dedupe="event"), {"event": "e9", "id": "no"}, b"") == "e9"


@pytest.mark.parametrize(
    "document",
    [None, [], "evt_1", {}, {"id": 7}, {"id": None}, {"id": ""}, {"id": "x" * 201}, {"id": "a\nb"}],
)
def test_without_an_id_the_bytes_are_the_event(document: object) -> None:
    assert dedupe_key(SCHEME, document, BODY) == "sha256:" + hashlib.sha256(BODY).hexdigest()


def test_the_longest_id_is_still_an_id() -> None:
    assert dedupe_key(SCHEME, {"id": "x" * 200}, BODY) == "x" * 200
