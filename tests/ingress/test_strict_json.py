"""Strict JSON: whatever arrives, it is read exactly, or refused for a reason that names a field."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import DomainError, InvalidRequest, MalformedBody
from ingress.strict_json import MAX_DEPTH, Inexact, loads, refuse_unclean, shown

#: Far more than reading takes on a busy machine, far less than a parser that recurses or converts.
QUICK_S = 2.0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 1} {"b": 2}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "line\nbreak"}',
        '{"a": 1}'.encode("utf-16"),
    ],
    ids=[
        *("empty", "cut", "word", "comma", "quotes", "two", "bom", "latin", "surrogate"),
        *("newline", "utf16"),
    ],
)
def test_bytes_that_do_not_parse_are_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        loads(body)


def test_an_error_about_malformed_json_does_not_repeat_it() -> None:
    with pytest.raises(MalformedBody) as refused:
        loads(b'{"secret": "4111111111111111" oops')

    assert "4111" not in refused.value.detail
    assert "secret" not in refused.value.detail


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"[{" * 50_000, b"[" * 100_000 + b"]" * 100_000],
    ids=["lists", "objects", "mixed", "closed"],
)
def test_a_hundred_thousand_brackets_are_refused_at_once(body: bytes) -> None:
    began = time.perf_counter()

    with pytest.raises(InvalidRequest) as refused:
        loads(body)

    assert refused.value.errors[0].field == "body"
    assert time.perf_counter() - began < QUICK_S


def test_the_depth_limit_is_exact() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * (MAX_DEPTH - 1) + b", [], {}]"

    assert loads(deepest)[1:] == [[], {}]
    with pytest.raises(InvalidRequest):
        loads(b"[" + deepest + b"]")


def test_brackets_in_strings_do_not_count() -> None:
    text = '[{"' * 1_000
    body = json.dumps({"a": text, "b": [text] * 3}).encode()

    assert loads(body)["a"] == text


def test_a_quote_that_never_closes_costs_no_time() -> None:
    body = b'{"a": "' + b'\\"[' * 300_000

    began = time.perf_counter()
    with pytest.raises(DomainError):
        loads(body)

    assert time.perf_counter() - began < QUICK_S


@pytest.mark.parametrize("text", ["1.0", "100.00", "1e400", "-1E5", "NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_integers_keep_their_spelling(text: str) -> None:
    assert loads(f'{{"a": {text}}}'.encode())["a"] == Inexact(text)


def test_an_integer_of_5000_digits_is_not_converted() -> None:
    value = loads(b'{"a": ' + b"9" * 5_000 + b"}")["a"]

    assert isinstance(value, Inexact)
    assert len(str(value)) < 100


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"amount": 1, "amount": 100}', "amount"),
        (b'{"a": {"b": 1, "b": 1}}', "a.b"),
        (b'{"a": [{"b": 1, "b": 2}]}', "a[0].b"),
        (b'{"a": "\\u0000"}', "a"),
        (b'{"a": {"b": "x\\r\\nSet-Cookie: y"}}', "a.b"),
        (b'{"a": "\\ud800"}', "a"),
        (b'{"a": ["ok", "\\udfff"]}', "a[1]"),
        (b'{"a": "\\u007f"}', "a"),
        (b'{"a": "\\u0085"}', "a"),
        (b'{"\\u0000": 1}', "?"),
        (b'{"\\ud800": {"x": 1}}', "?"),
    ],
)
def test_what_two_parsers_would_read_differently_is_refused_by_name(
    body: bytes, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        refuse_unclean(loads(body))

    assert [error.field for error in refused.value.errors] == [field]


def test_a_whole_surrogate_pair_is_a_character() -> None:
    document = loads(b'{"a": "\\ud83d\\ude00"}')
    refuse_unclean(document)

    assert document["a"] == "\N{GRINNING FACE}"


def test_what_an_error_shows_is_short_printable_and_encodable() -> None:
    text = shown("\ud800\n\x1b[31m" + "x" * 1_000)

    assert len(text) < 60
    assert text.isprintable()
    assert text.encode()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.uncounted
@settings(max_examples=300, print_blob=True)
@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        refuse_unclean(loads(body))
    except DomainError as refusal:
        text = refusal.detail
    else:
        text = ""
    assert text.encode() is not None, "an error that cannot be sent"


@settings(max_examples=200, print_blob=True)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_what_is_read_is_what_was_written(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value
