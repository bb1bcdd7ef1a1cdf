"""The signature header: exactly one fresh time, at least one well-formed signature, or nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook import Scheme, scheme_of
from domain.webhook_claims import MAX_PARTS, Signed, claimed
from native.verifier import verify
from ops.providers import PROVIDERS

SCHEME = Scheme(header="Sandbox-Signature")
NOW_S = 1_775_000_000
BODY = b'{"id":"evt_1"}'
A, B, C = "ab" * 32, "cd" * 32, "0f" * 32


def read(header: str, *, now_s: int = NOW_S, scheme: Scheme = SCHEME) -> Signed | None:
    found = claimed(scheme, {"sandbox-signature": header}, BODY, now_s)
    assert found is None or isinstance(found, Signed)
    return found


def test_what_is_signed_is_the_time_and_the_raw_body() -> None:
    found = read(f"t={NOW_S},v1={A}")

    assert found == Signed(f"{NOW_S}.".encode() + BODY, (A,))


@pytest.mark.parametrize("skew_s", [-300, -1, 0, 1, 300])
def test_a_time_within_tolerance_counts_on_both_sides(skew_s: int) -> None:
    assert read(f"t={NOW_S + skew_s},v1={A}") is not None


@pytest.mark.parametrize("skew_s", [-301, -86_400, 301, 86_400])
def test_a_time_too_long_ago_or_ahead_is_refused(skew_s: int) -> None:
    assert read(f"t={NOW_S + skew_s},v1={A}") is None


def test_several_signatures_are_all_candidates_because_secrets_rotate() -> None:
    found = read(f"t={NOW_S},v1={A},v1={B},v0={C},v1={C}")

    assert found is not None
    assert found.signatures == (A, B, C)


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
    assert claimed(SCHEME, {}, BODY, NOW_S) is None


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
    found = claimed(SCHEME, {"sandbox-signature": header}, body, NOW_S)

    assert found is None or isinstance(found, Signed)
    assert found is None or all(len(signature) == 64 for signature in found.signatures)


def test_a_provider_may_name_its_parts_and_its_tolerance() -> None:
    scheme = Scheme("Sandbox-Signature", time_part="ts", signature_part="s", tolerance_s=10)

    assert read(f"ts={NOW_S - 10},s={A}", scheme=scheme) is not None
    assert read(f"ts={NOW_S - 11},s={A}", scheme=scheme) is None
    assert read(f"t={NOW_S},v1={A}", scheme=scheme) is None


def test_the_published_signature_of_stripe_is_believed_and_its_neighbours_are_not() -> None:
    scheme, secret = PROVIDERS["stripe"].scheme, b"whsec_test_secret"
    v1 = "799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f"
    header = f"t=1492774577,v0={B},v1={C},v1={v1}"

    def believed(header: str, body: bytes, now_s: int = 1_492_774_577) -> bool:
        claim = claimed(scheme, {"stripe-signature": header}, body, now_s)
        return isinstance(claim, Signed) and any(verify(*one) for one in claim.checks(secret))

    assert believed(header, BODY)
    assert not believed(header.replace("2f", "2e"), BODY)
    assert not believed(header, b'{"id": "evt_1"}')  # the same JSON, written otherwise
    assert not believed(header, BODY, now_s=1_492_774_577 + 301)
    assert not believed(header, BODY, now_s=1_492_774_577 - 301)
    assert not believed(f"t=1492774577,v0={v1}", BODY)  # a weaker version is not accepted instead
    assert not believed(f"t=1492774578,v1={v1}", BODY)


def test_the_time_and_the_signature_may_stand_in_headers_of_their_own() -> None:
    scheme = PROVIDERS["soapbank"].scheme

    def read_two(**headers: str) -> object:
        named = {f"x-bank-{name}": value for name, value in headers.items()}
        return claimed(scheme, named, BODY, NOW_S)

    signed = Signed(f"{NOW_S}.".encode() + BODY, (A,))
    assert read_two(timestamp=str(NOW_S), signature=A) == signed
    assert read_two(timestamp=str(NOW_S - 300), signature=A) is not None
    for wrong in (
        {"timestamp": str(NOW_S - 301), "signature": A},
        {"timestamp": str(NOW_S + 301), "signature": A},
        {"timestamp": str(NOW_S), "signature": f"v1={A}"},
        {"timestamp": str(NOW_S), "signature": A.upper()},
        {"timestamp": f"t={NOW_S}", "signature": A},
        {"timestamp": "\xb2", "signature": A},
        {"timestamp": str(NOW_S), "signature": "\xe9" * 64},
        {"timestamp": str(NOW_S)},
        {"signature": A},
    ):
        assert read_two(**wrong) is None


def test_a_stored_scheme_is_read_as_it_was_whatever_its_age() -> None:
    old = {"header": "h", "time_part": "t", "signature_part": "v1", "tolerance_s": 300}

    assert scheme_of(old | {"dedupe": "event", "kind": "token"}) == Scheme(
        "h", dedupe=("event",), kind="token"
    )
    assert scheme_of(old).kind == "hmac"  # stored before there were kinds
    for provider in PROVIDERS.values():
        stored = json.loads(json.dumps(asdict(provider.scheme)))
        assert scheme_of(stored) == provider.scheme
        assert hash(scheme_of(stored)) == hash(provider.scheme)
