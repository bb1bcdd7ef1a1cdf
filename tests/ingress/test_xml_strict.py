"""Strict XML: bombs, tricks and sizes are refused at once, and no error repeats the body."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import DomainError, InvalidRequest, MalformedBody
from ingress.sizes import MERCHANT_BYTES, PROVIDER_BYTES
from ingress.soap import envelope_of
from ingress.strict_xml import (
    MAX_ATTRIBUTES,
    MAX_DECLARATIONS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_NAME,
    MAX_NAMESPACE,
    MAX_RUN,
    elements,
)
from ingress.xml_in import parse_xml

#: The largest body takes some 20 ms; what the bombs would take unbounded is seconds to minutes.
QUICK_S = 1.0
#: Bytes at the peak, for a body of at most 1 MiB.
SMALL = 16 * 1024 * 1024


def _laughs(levels: int) -> bytes:
    entities = b"".join(
        b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, levels)
    )
    return b'<!DOCTYPE a [<!ENTITY l0 "lol">%s]><a>&l%d;</a>' % (entities, levels - 1)


def _filled(start: bytes, part: bytes, end: bytes) -> bytes:
    """Return a body that is as large as a provider's may be."""
    return start + part * ((PROVIDER_BYTES - len(start) - len(end)) // len(part)) + end


@contextmanager
def _cheaply() -> Iterator[None]:
    tracemalloc.start()
    began = time.thread_time()
    try:
        yield
        assert time.thread_time() - began < QUICK_S
        assert tracemalloc.get_traced_memory()[1] < SMALL
    finally:
        tracemalloc.stop()


BOMBS = {
    "billion laughs": _laughs(10),
    "quadratic": b'<!DOCTYPE a [<!ENTITY x "%s">]><a>%s</a>' % (b"x" * 30_000, b"&x;" * 10_000),
    "laughs behind a comment": b"<!-- - -->\n<!---->" + _laughs(10),
    "laughs behind a declaration": b'<?xml version="1.0"?>' + _laughs(10),
    "laughs behind an instruction": b"<?go?>" + _laughs(10),
    "laughs behind white space": b" \n" + _laughs(10),
    "laughs in two bytes": _laughs(10).decode().encode("utf-16-le"),
    "laughs behind a mark": b"\xef\xbb\xbf" + _laughs(10),
    "parameter entities": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><a/>',
    "external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "external DTD": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    "empty DTD": b"<!DOCTYPE a><a/>",
    "undeclared entity": b"<a>&x;</a>",
    "deep": _filled(b"", b"<a>", b""),
    "deep and closed": b"<a>" * 100_000 + b"</a>" * 100_000,
    "many elements": _filled(b"<a>", b"<b/>", b"</a>"),
    "many attributes": _filled(b"<a", b' b=""', b"/>"),
    "one long attribute": _filled(b'<a b="', b"x", b'"/>'),
    "one long text": _filled(b"<a>", b"x", b"</a>"),
    "one long name": _filled(b"<", b"x", b"/>"),
    "a tag that never ends": _filled(b"<a ", b"b ", b""),
    "a comment that never ends": _filled(b"<!--", b"- ", b""),
    "many comments": _filled(b"", b"<!---->", b""),
    "texts between comments": _filled(b"<a>", b"x<!---->", b"</b>"),
    "opening brackets": _filled(b"", b"<", b""),
    "white space": _filled(b"", b" ", b""),
    "long namespace, many names": b'<a xmlns:p="%s">%s</a>'
    % (b"u" * (MAX_RUN - 20), b'<b p:c=""/>' * 90_000),
    "longer namespace, many names": b'<a xmlns:p="%s">%s</a>'
    % (b"u" * 250_000, b'<b p:c=""/>' * 70_000),
    "long namespace in one tag": b'<a xmlns:p="%s"%s/>'
    % (b"u" * (MAX_RUN // 2), b"".join(b' p:a%d=""' % n for n in range(700))),
    "many namespaces": _filled(b"<a>", b'<b xmlns="u"/>', b"</a>"),
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_at_once(body: bytes) -> None:
    with _cheaply(), pytest.raises((MalformedBody, InvalidRequest)):
        elements(body, PROVIDER_BYTES)


def test_the_largest_body_is_read_in_no_time() -> None:
    fields = b"".join(b"<f%d>%s</f%d>" % (n, b"x" * 180, n) for n in range(MAX_ELEMENTS - 1))
    assert len(fields) > PROVIDER_BYTES * 0.9
    body = b"<a>" + fields + b"</a>"

    with _cheaply():
        document, _ = parse_xml(body, most=PROVIDER_BYTES)

    assert len(document) == MAX_ELEMENTS - 1


def test_a_text_in_ten_thousands_of_pieces_is_joined_in_no_time() -> None:
    piece = b"x<!---->"
    body = _filled(b"<a><b>", piece, b"</b></a>")

    with _cheaply():
        document, _ = parse_xml(body, most=PROVIDER_BYTES)

    assert document["b"] == "x" * body.count(piece)


@pytest.mark.parametrize(
    ("just", "too_much"),
    [
        (b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH, b"<a>" * 17 + b"</a>" * 17),
        (
            b"<a>" + b"<b/>" * (MAX_ELEMENTS - 1) + b"</a>",
            b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>",
        ),
        (
            b"<a%s/>" % b"".join(b' b%d=""' % n for n in range(MAX_ATTRIBUTES)),
            b"<a%s/>" % b"".join(b' b%d=""' % n for n in range(MAX_ATTRIBUTES + 1)),
        ),
        (
            b"<a>" + b'<b xmlns="u"/>' * MAX_DECLARATIONS + b"</a>",
            b"<a>" + b'<b xmlns="u"/>' * (MAX_DECLARATIONS + 1) + b"</a>",
        ),
        (b"<%s/>" % (b"n" * MAX_NAME), b"<%s/>" % (b"n" * (MAX_NAME + 1))),
        (b'<a %s=""/>' % (b"n" * MAX_NAME), b'<a %s=""/>' % (b"n" * (MAX_NAME + 1))),
        (
            b'<a xmlns="%s"/>' % (b"u" * MAX_NAMESPACE),
            b'<a xmlns="%s"/>' % (b"u" * (MAX_NAMESPACE + 1)),
        ),
        (b"<a>%s</a>" % (b"x" * (MAX_RUN - 3)), b"<a>%s</a>" % (b"x" * (MAX_RUN - 2))),
        (
            b"<a>%s</a>" % (b"x<b/>" * 10 + b"x" * (MAX_RUN - 4)),
            b"<a>%s</a>" % (b"x<b/>" * 10 + b"x" * (MAX_RUN - 3)),
        ),
    ],
    ids=[
        "depth",
        "elements",
        "attributes",
        "declarations",
        "name",
        "attribute's name",
        "namespace",
        "run",
        "later run",
    ],
)
def test_each_bound_is_exact(just: bytes, too_much: bytes) -> None:
    assert elements(just, MERCHANT_BYTES).name[0] in "an"
    with pytest.raises(InvalidRequest) as refused:
        elements(too_much, MERCHANT_BYTES)

    assert [error.field for error in refused.value.errors] == ["body"]


def test_the_size_is_bounded_by_who_sends_it() -> None:
    body = b"<a>" + b"<b>xxxx</b>" * 100 + b"</a>"

    assert elements(body, len(body)).name == "a"
    with pytest.raises(InvalidRequest):
        elements(body, len(body) - 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<",
        b"<a>",
        b"<a/><a/>",
        b"<a/>text",
        b"text<a/>",
        b"<a></b>",
        b"<a b='1' b='2'/>",
        b"<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        b"<p:a/>",
        b"<a xmlns:xml='u'/>",
        b"<xmlns:a/>",
        b"<a>\x00</a>",
        b"<a>\x01</a>",
        b"<a>&#0;</a>",
        b"<a>&#1;</a>",
        b"<a>&#xd800;</a>",
        b"<a>]]></a>",
        b"<a><!-- -- --></a>",
        b"<a><?go now?></a>",
        b"<a/><?go now?>",
        b"<a/><!DOCTYPE a>",
        b"<a><!DOCTYPE a></a>",
        b"<?xml version='1.1'?><a/>",
        b"<?xml version='1.0' encoding='latin1'?><a/>",
        b"<?xml version='1.0' encoding='utf-16'?><a/>",
        b"<?xml version='1.0' encoding='utf-7'?><a/>",
        b"<?xml-stylesheet href='http://127.0.0.1/'?><a/>",
        b" <?xml version='1.0'?><a/>",
        "<a>é</a>".encode("latin1"),
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xc0\xbc</a>",
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-32"),
        b'{"amount": 1}',
    ],
)
def test_what_is_not_plain_xml_in_utf_8_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        elements(body, MERCHANT_BYTES)


@pytest.mark.parametrize(
    "body",
    [
        b"<a>&lt;&amp;&gt;&apos;&quot;</a>",
        b"<a>&#60;&#x26;&gt;'\"</a>",
        b"<a><![CDATA[<&>'\"]]></a>",
        b"<a>&lt;<!-- x --><![CDATA[&]]>&gt;&apos;<!---->&quot;</a>",
        b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n<!-- a - b --><a>&lt;&amp;>\'"</a>\n',
        b"<?xml version='1.0' encoding='utf-8' standalone='no'?><a>&lt;&amp;>'\"</a><!-- x -->",
    ],
    ids=["entities", "references", "cdata", "pieces", "mark and declaration", "declaration"],
)
def test_plain_xml_is_read_however_it_is_spelled(body: bytes) -> None:
    assert elements(body, MERCHANT_BYTES).text == "<&>'\""


def test_no_error_repeats_the_body() -> None:
    secret = b"4111111111111111"
    for body in (
        b"<a>&x%s;</a>",
        b"<a></x%s>",
        b"<a x%s='1' x%s='1'/>",
        b"<x%s:a/>",
        b"<a><?x%s?>",
    ):
        with pytest.raises(MalformedBody) as refused:
            elements(body.replace(b"%s", secret), MERCHANT_BYTES)
        assert secret.decode() not in refused.value.detail


#: Pieces that random bytes would not hit upon.
PIECES = st.sampled_from(
    [
        *(b"<a>", b"</a>", b"<b/>", b"<entry key='k'>", b"</entry>", b"<!--", b"-->", b"<![CDATA["),
        *(b"]]>", b"&amp;", b"&x;", b"&#10;", b"<?xml version='1.0'?>", b"<?p?>", b"<!DOCTYPE a>"),
        *(b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>", b"</s:Envelope>"),
        *(b"<s:Header>", b"</s:Header>", b"<s:Body>", b"</s:Body>", b" xmlns='u'", b"text", b" "),
        *(
            b"<p:a xmlns:p='u'>",
            b"</p:a>",
            b"\xff",
            b"\x00",
            b"\xef\xbb\xbf",
            b"<",
            b"4111111111111111",
        ),
    ]
)


@pytest.mark.uncounted
@settings(max_examples=400, deadline=None, print_blob=True)
@given(st.binary() | st.lists(PIECES, max_size=20).map(b"".join))
@example(b"<a xmlns=''/>")
@example(b"<a xmlns='a b'><c xmlns='a b'/></a>")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    envelope_of(body)
    try:
        parse_xml(body)
    except DomainError as refusal:
        told = refusal.detail
    else:
        told = ""
    assert told.isprintable(), "an error that cannot be shown"
