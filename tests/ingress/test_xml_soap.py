"""SOAP 1.1: one document in one envelope; what else an envelope says is refused or passed over."""

from __future__ import annotations

import pytest

from domain.errors import (
    DomainError,
    InvalidRequest,
    SoapHeaderNotUnderstood,
    SoapVersionUnsupported,
)
from ingress.soap import Envelope, envelope_of
from ingress.strict_xml import MAX_DEPTH
from ingress.xml_in import parse_xml

NS = "http://schemas.xmlsoap.org/soap/envelope/"
DEPOSIT = "<d:deposit xmlns:d='urn:paylink:v1'><amount>1</amount></d:deposit>"


def _envelope(parts: str, namespace: str = NS) -> bytes:
    return f"<s:Envelope xmlns:s='{namespace}'>{parts}</s:Envelope>".encode()


def _header(attributes: str) -> bytes:
    entry = f"<w:Security xmlns:w='urn:w' {attributes}><w:Password>x</w:Password></w:Security>"
    return _envelope(f"<s:Header>{entry}</s:Header><s:Body>{DEPOSIT}</s:Body>")


@pytest.mark.parametrize(
    "body",
    [
        _envelope(f"<s:Body>{DEPOSIT}</s:Body>"),
        _envelope(f"\n <s:Header/>\n <s:Body>\n{DEPOSIT}\n</s:Body>\n"),
        _envelope(f"<s:Body s:encodingStyle='urn:e' id='b'>{DEPOSIT}</s:Body>"),
        b"<Envelope xmlns='%s'><Body><deposit xmlns=''><amount>1</amount></deposit></Body></Envelope>"
        % NS.encode(),
        _header(""),
        _header("s:mustUnderstand='0'"),
        _header("mustUnderstand='1'"),
        _header("s:actor='urn:somebody'"),
    ],
    ids=["bare", "spaced", "styled", "default", "security", "may", "not soap's", "actor"],
)
def test_the_document_is_taken_out_of_its_envelope(body: bytes) -> None:
    assert parse_xml(body) == ({"amount": "1"}, Envelope.SOAP)


@pytest.mark.parametrize("value", ["1", "true", "yes", "", " 1"])
def test_a_header_that_must_be_understood_is_refused(value: str) -> None:
    with pytest.raises(SoapHeaderNotUnderstood):
        parse_xml(_header(f"s:mustUnderstand='{value}'"))


def test_a_second_header_entry_is_looked_at_too() -> None:
    entries = "<a xmlns='urn:w'/><b xmlns='urn:w' s:mustUnderstand='1'/>"

    with pytest.raises(SoapHeaderNotUnderstood):
        parse_xml(_envelope(f"<s:Header>{entries}</s:Header><s:Body>{DEPOSIT}</s:Body>"))


@pytest.mark.parametrize("namespace", ["http://www.w3.org/2003/05/soap-envelope", "urn:other"])
def test_another_soap_is_refused(namespace: str) -> None:
    with pytest.raises(SoapVersionUnsupported):
        parse_xml(_envelope(f"<s:Body>{DEPOSIT}</s:Body>", namespace))


@pytest.mark.parametrize(
    "parts",
    [
        "",
        "<s:Body/>",
        "<s:Header/>",
        f"<s:Body>{DEPOSIT}{DEPOSIT}</s:Body>",
        f"<s:Body>{DEPOSIT}</s:Body><s:Body>{DEPOSIT}</s:Body>",
        f"<s:Body>{DEPOSIT}</s:Body><s:Header/>",
        f"<s:Header/><s:Header/><s:Body>{DEPOSIT}</s:Body>",
        f"<s:Body>{DEPOSIT}</s:Body><x/>",
        f"<Body>{DEPOSIT}</Body>",
        DEPOSIT,
        f"<s:Body>text{DEPOSIT}</s:Body>",
        f"text<s:Body>{DEPOSIT}</s:Body>",
        "<s:Body>text</s:Body>",
        "<s:Body><s:Fault/></s:Body>",
        f"<s:Body><s:Envelope><s:Body>{DEPOSIT}</s:Body></s:Envelope></s:Body>",
    ],
)
def test_an_envelope_of_another_shape_is_refused(parts: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_xml(_envelope(parts))

    assert [error.field for error in refused.value.errors] == ["body"]


def test_a_body_is_wrapped_only_once_whoever_signed_the_other() -> None:
    """Signature wrapping: a second body, hidden in the header, is never read."""
    hidden = f"<x xmlns='urn:w'><s:Body>{DEPOSIT}</s:Body></x>"
    real = "<d:deposit xmlns:d='urn:paylink:v1'><amount>2</amount></d:deposit>"

    document, _ = parse_xml(_envelope(f"<s:Header>{hidden}</s:Header><s:Body>{real}</s:Body>"))

    assert document == {"amount": "2"}


def test_a_header_counts_for_the_bounds() -> None:
    deep = "<x>" * MAX_DEPTH + "</x>" * MAX_DEPTH

    with pytest.raises(InvalidRequest):
        parse_xml(_envelope(f"<s:Header>{deep}</s:Header><s:Body>{DEPOSIT}</s:Body>"))


def test_no_error_repeats_what_the_header_holds() -> None:
    entry = "<c4111111111111111 xmlns='urn:w' s:mustUnderstand='1'>s3cret</c4111111111111111>"

    with pytest.raises(DomainError) as refused:
        parse_xml(_envelope(f"<s:Header>{entry}</s:Header><s:Body>{DEPOSIT}</s:Body>"))

    assert "1111" not in refused.value.detail
    assert "s3cret" not in refused.value.detail


@pytest.mark.parametrize(
    ("body", "envelope"),
    [
        (_envelope(""), Envelope.SOAP),
        (b"<?xml version='1.0'?>\n<!-- x -->\n" + _envelope(""), Envelope.SOAP),
        (_envelope("")[:60] + b"\xff", Envelope.SOAP),
        (b"<Envelope/>", Envelope.SOAP),
        (b"<Envelope", Envelope.PLAIN),
        (b"<EnvelopeSize/>", Envelope.PLAIN),
        (b"<deposit><Envelope/></deposit>", Envelope.PLAIN),
        (b"<!-- <Envelope/> --><deposit/>", Envelope.PLAIN),
        (b'{"a": "<Envelope/>"}', Envelope.PLAIN),
        (b"", Envelope.PLAIN),
    ],
)
def test_an_envelope_is_told_by_its_look_even_if_it_is_broken(
    body: bytes, envelope: Envelope
) -> None:
    assert envelope_of(body) is envelope
