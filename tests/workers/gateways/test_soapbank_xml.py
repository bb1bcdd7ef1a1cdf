"""The strict reader of a SOAP bank's messages, and what a callback is believed."""

from __future__ import annotations

import pytest

from domain.webhook import Hint
from tests.workers.gateways.soapbank_spoken import OFFLINE, envelope
from workers.gateways.soapbank.strict_xml import MAX_BYTES, MAX_DEPTH, MAX_TEXT, root_of

FIELDS = (
    "<EventId>sbe_1</EventId><BankId>sbc_1</BankId><Reference>ref-1</Reference>"
    "<Status>SETTLED</Status><Amount>12.50</Amount><Currency>EUR</Currency>"
)


def notify(fields: str = FIELDS, namespace: str = "urn:soapbank:v1") -> bytes:
    return envelope(f'<Notify xmlns="{namespace}">{fields}</Notify>')


def test_a_tree_is_read_with_its_namespaces_and_texts() -> None:
    root = root_of(
        b"<?xml version='1.0' encoding='utf-8'?><!-- a --><a:x xmlns:a='urn:a' b='1'>"
        b" <y>1 &lt; <![CDATA[2 & ]]>&#51;</y>\n<z/></a:x>"
    )

    assert root is not None
    assert root.is_named("urn:a", "x")
    assert [(child.namespace, child.name, child.text) for child in root.children] == [
        ("", "y", "1 < 2 & 3"),
        ("", "z", ""),
    ]


HOSTILE = {
    "nothing": b"",
    "no XML": b"<a><b></a>",
    "two roots": b"<a/><b/>",
    "a document type": b"<!DOCTYPE a><a/>",
    "an entity": b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
    "a file": b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>',
    "an unknown entity": b"<a>&e;</a>",
    "an instruction": b"<?php x?><a/>",
    "an instruction within": b"<a><?x y?></a>",
    "another version": b'<?xml version="1.1"?><a/>',
    "another encoding": b'<?xml version="1.0" encoding="latin-1"?><a/>',
    "UTF-16": "<a/>".encode("utf-16"),
    "no UTF-8": b"<a>\xff</a>",
    "a NUL": b"<a>\0</a>",
    "text beside elements": b"<a>x<b/></a>",
    "text after elements": b"<a><b/>x</a>",
    "an unbound prefix": b"<p:a/>",
    "too deep": b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    "too long a text": b"<a>" + b"x" * (MAX_TEXT + 1) + b"</a>",
    "too long a name": b"<" + b"a" * 65 + b"/>",
    "too many elements": b"<a>" + b"<b/>" * 1_000 + b"</a>",
    "too many attributes": b"<a " + b" ".join(b"a%d='1'" % n for n in range(9)) + b"/>",
    "too many namespaces": b"<a>" + b"<b xmlns='urn:x'/>" * 65 + b"</a>",
    "too long a namespace": b"<a xmlns='" + b"x" * 257 + b"'/>",
    "too large": b"<a>" + b"<b>xxxxxxxx</b>" * (MAX_BYTES // 14) + b"</a>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_message_is_refused_and_never_raises(body: bytes) -> None:
    assert root_of(body) is None


def test_the_bounds_themselves_are_allowed() -> None:
    assert root_of(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)
    assert root_of(b"<a>" + b"x" * MAX_TEXT + b"</a>")
    assert root_of(b"<" + b"a" * 64 + b"/>")
    assert root_of(b"<a>" + b"<b/>" * 999 + b"</a>")
    assert root_of(b"<a xmlns='" + b"x" * 256 + b"'/>")


def test_a_callback_names_its_object() -> None:
    assert OFFLINE.read_notice(notify()) == Hint("ref-1", "sbc_1", "SETTLED")


def test_a_callback_about_something_that_we_did_not_ask_for_names_it_all_the_same() -> None:
    theirs = FIELDS.replace("ref-1", "")
    nameless = FIELDS.replace("<Reference>ref-1</Reference>", "")

    expected = Hint(None, "sbc_1", "SETTLED")
    assert OFFLINE.read_notice(notify(theirs)) == expected
    assert OFFLINE.read_notice(notify(nameless)) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        notify(""),
        notify(namespace="urn:soapbank:v2"),
        notify(FIELDS.replace("sbc_1", "")),
        notify(FIELDS.replace("sbe_1", "")),
        notify(FIELDS.replace("SETTLED", "settled")),
        notify(FIELDS + "<BankId>sbc_2</BankId>"),
        notify(FIELDS.replace("sbc_1", "<Id>sbc_1</Id>")),
        notify(FIELDS.replace("<BankId>", '<BankId xmlns="urn:x">')),
        notify() + b"x",
        notify().replace(b"Envelope", b"Parcel"),
        notify().replace(b"</s:Body>", b"<More/></s:Body>"),
        notify().replace(b"<s:Body>", b"<s:Body/><s:Body>"),
        b"<!DOCTYPE x>" + notify().partition(b"?>")[2],
    ],
    ids=range(15),
)
def test_a_callback_that_cannot_be_read_is_nothing(body: bytes) -> None:
    assert OFFLINE.read_notice(body) is None


def test_a_header_for_those_on_the_way_is_passed_over() -> None:
    headed = notify().replace(b"<s:Body>", b"<s:Header><x/></s:Header><s:Body>")
    twice = headed.replace(b"<s:Body>", b"<s:Header/><s:Body>")

    assert OFFLINE.read_notice(headed) == Hint("ref-1", "sbc_1", "SETTLED")
    assert OFFLINE.read_notice(twice) is None
