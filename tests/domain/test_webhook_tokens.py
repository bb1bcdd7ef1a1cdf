"""Tokens: a gateway that does not sign shows a secret, which is compared in constant time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook import MAX_TOKEN, Scheme, signed
from native.verifier import verify

SCHEME = Scheme("X-Callback-Token", kind="token")
SECRET = "whsec_0123456789"
visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=200)


def believed(token: str, secret: str = SECRET) -> bool:
    claim = signed(SCHEME, {"x-callback-token": token}, b"any body", 0)
    if claim is None:
        return False
    (mac,) = claim.signatures
    return verify(secret.encode(), claim.message, mac)


def test_the_secret_itself_is_believed_whatever_the_time_and_the_body() -> None:
    assert believed(SECRET)


@pytest.mark.parametrize(
    "token",
    ["", " ", SECRET[:-1], SECRET + "0", SECRET.upper(), f" {SECRET}", f"Bearer {SECRET}", "\xe9"],
)
def test_anything_else_is_not(token: str) -> None:
    assert not believed(token)


@given(visible, visible)
def test_a_token_is_believed_exactly_where_it_is_the_secret(token: str, secret: str) -> None:
    assert believed(token, secret) == (token == secret)


@pytest.mark.parametrize("token", ["a\0", "a" * (MAX_TOKEN + 1), "\N{FULLWIDTH DIGIT ONE}", "a\n"])
def test_what_no_header_should_hold_is_not_even_tried(token: str) -> None:
    assert signed(SCHEME, {"x-callback-token": token}, b"", 0) is None


def test_an_absent_header_is_no_token() -> None:
    assert signed(SCHEME, {"authorization": SECRET}, b"", 0) is None


def test_a_scheme_that_was_stored_before_there_were_tokens_is_one_that_signs() -> None:
    stored = {"header": "h", "time_part": "t", "signature_part": "v1", "tolerance_s": 300}

    assert Scheme(**stored).kind == "hmac"  # type: ignore[arg-type]
