"""Tokens: a gateway that does not sign shows a secret, which is compared in constant time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhook import Scheme
from domain.webhook_claims import MAX_TOKEN, Shown, claimed
from native.verifier import verify

SCHEME = Scheme("X-Callback-Token", kind="token")
SECRET = "whsec_0123456789"
visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=200)


def believed(token: str, secret: str = SECRET) -> bool:
    claim = claimed(SCHEME, {"x-callback-token": token}, b"any body", 0)
    return isinstance(claim, Shown) and all(verify(*one) for one in claim.checks(secret.encode()))


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
    assert claimed(SCHEME, {"x-callback-token": token}, b"", 0) is None


def test_an_absent_header_is_no_token() -> None:
    assert claimed(SCHEME, {"authorization": SECRET}, b"", 0) is None
