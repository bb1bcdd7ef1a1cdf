"""The callback: kept in one form, and read back as a hint or not at all."""

from __future__ import annotations

import json

import pytest

from domain.callback import Callback, callback_hint
from domain.webhook import Hint


def test_what_is_kept_is_read_back_as_the_hint_it_was() -> None:
    body = Callback("att_0198c0de80017b6f8f1c2d3e4f506172", "B-1", "paid", "all is well").body()

    assert callback_hint(body) == Hint("0198c0de80017b6f8f1c2d3e4f506172", "B-1", "callback.paid")


@pytest.mark.parametrize(
    ("callback", "hint"),
    [
        (Callback(transaction_id="t"), Hint("t", None, "callback.unspecified")),
        (Callback(reference_id="r"), Hint(None, "r", "callback.unspecified")),
    ],
)
def test_one_of_the_two_names_is_enough(callback: Callback, hint: Hint) -> None:
    assert callback_hint(callback.body()) == hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'"callback"',
        b'{"type":"payment.captured","reference":"x","id":"y"}',
        b'{"type":"callback"}',
        b'{"type":"callback","reference":null,"id":null}',
        b'{"type":"callback","reference":7,"id":"y"}',
        b'{"type":"callback","reference":"x","id":{}}',
        b"[" * 200_000,
    ],
)
def test_any_other_body_is_no_callback(body: bytes) -> None:
    assert callback_hint(body) is None


def test_the_same_callback_has_the_same_bytes_whatever_it_says() -> None:
    said = Callback("t", "r", "s", 'a "quoted" \N{SNOWMAN}\n', "now")

    assert said.body() == said.body()
    assert json.loads(said.body())["message"] == said.message
