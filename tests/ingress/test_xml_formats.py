"""Formats: the Content-Type says what a body is, and Accept may ask for the other in the answer."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from domain.errors import UnsupportedMedia
from ingress.formats import Format, Syntax, wants
from ingress.sizes import HEADER_BYTES

JSON, XML = Syntax.JSON, Syntax.XML


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("Application/JSON;Charset=UTF-8", JSON),
        ("application/vnd.api+json", JSON),
        ("", JSON),
        ("application/xml", XML),
        ("text/xml", XML),
        ('text/xml; charset="utf-8"', XML),
        ("TEXT/XML ; charset=UTF8", XML),
        ("application/soap+xml; charset=utf-8; action=x", XML),
    ],
)
def test_the_content_type_says_what_the_body_is(content_type: str, body: Syntax) -> None:
    assert wants({"content-type": content_type}) == Format(body, body)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/html",
        "text/json",
        "application/x-www-form",
        "multipart/form-data; boundary=x",
        "application/xmlx",
        "xml",
        "text/csv, application/json",
        "application/json; charset=latin1",
        "text/xml; charset=utf-16",
        "text/xml; charset=",
    ],
)
def test_another_body_is_unsupported(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        wants({"content-type": content_type})

    assert refused.value.fix is not None
    assert "application/json" in refused.value.fix


@pytest.mark.parametrize(
    ("accept", "to_json", "to_xml"),
    [
        ("", JSON, XML),
        ("*/*", JSON, XML),
        ("application/*", JSON, XML),
        ("text/html", JSON, XML),
        ("application/json", JSON, JSON),
        ("application/problem+json", JSON, JSON),
        ("application/xml", XML, XML),
        ("text/xml", XML, XML),
        ("APPLICATION/XML ; q=0.1", XML, XML),
        ("application/xml, application/json", JSON, XML),
        ("application/json;q=0.5, application/xml;q=0.6", XML, XML),
        ("application/json;q=1.000, text/xml;q=0.999", JSON, JSON),
        ("application/xml, */*;q=0.1", XML, XML),
        ("application/json, */*;q=0.1", JSON, JSON),
        ("application/xml;q=0.1, */*", JSON, JSON),
        ("application/json;q=0, */*", XML, XML),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON, XML),
        ("application/xml;q=high", XML, XML),
    ],
)
def test_accept_may_ask_for_the_other(accept: str, to_json: Syntax, to_xml: Syntax) -> None:
    asked = {"accept": accept}

    assert wants({**asked, "content-type": "application/json"}).answer is to_json
    assert wants({**asked, "content-type": "text/xml"}).answer is to_xml


def test_real_headers_are_read_in_any_case() -> None:
    headers = Headers({"Content-Type": "text/xml", "Accept": "application/json"})

    assert wants(headers) == Format(XML, JSON)


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_the_headers_say_the_answer_is_a_format_or_a_refusal(
    content_type: str, accept: str
) -> None:
    try:
        found = wants({"content-type": content_type, "accept": accept})
    except UnsupportedMedia:
        return
    assert isinstance(found.answer, Syntax)


@pytest.mark.parametrize("part", [";", "; ", ";q=", ",", ";charset", "; charset  "])
def test_the_longest_headers_cost_no_time(part: str) -> None:
    text = "application/json" + part * (HEADER_BYTES // len(part))
    began = time.perf_counter()

    wants({"content-type": text.replace(",", ";"), "accept": text})

    assert time.perf_counter() - began < 0.5
