"""XML out: what is written is read back as it was, by us and by another parser."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain import errors
from domain.errors import DomainError, FieldError
from ingress.problems import problem_of
from ingress.soap import Envelope
from ingress.strict_json import child
from ingress.xml_in import Shape, parse_xml
from ingress.xml_out import media_type, problem_media_type, render, render_problem

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
OURS = "{urn:paylink:v1}"
PROBLEM = "{urn:ietf:rfc:7807}"

#: Every character that XML 1.0 can hold.
TEXTS = st.text(
    st.characters(
        codec="utf-8",
        exclude_characters=[
            *(chr(n) for n in range(32) if n not in (9, 10, 13)),
            "\ufffe",
            "\uffff",
        ],
    ),
    max_size=12,
)
ENVELOPES = st.sampled_from(Envelope)
NAMES = st.sampled_from(
    ["a", "entry", "key", "A.b-c_1", "xmlns", "XML", "é", "a b", "1", "", "a:b"]
)


@pytest.mark.uncounted
@settings(max_examples=150, deadline=None, print_blob=True)
@given(
    st.dictionaries(
        TEXTS | NAMES,
        st.recursive(
            TEXTS, lambda inner: st.dictionaries(TEXTS | NAMES, inner, min_size=1, max_size=4)
        ),
    ),
    ENVELOPES,
)
@example({"a": "\t\r\n ]]> <!-- --> &amp; \"'", '"\r\n\t<&': " "}, Envelope.PLAIN)
def test_strings_and_objects_are_read_as_they_were_written(
    document: dict[str, Any], envelope: Envelope
) -> None:
    assert parse_xml(render(document, "deposit", envelope)) == (document, envelope)


def _paths(value: Any, path: str, kind: type) -> set[str]:
    """Return the paths of everything that is of this type."""
    found = {path} if type(value) is kind else set()
    match value:
        case dict():
            below = [_paths(item, child(path, name), kind) for name, item in value.items()]
        case list():
            below = [_paths(item, path, kind) for item in value]
        case _:
            below = []
    return found.union(*below)


SHORT = st.text("abc", min_size=1, max_size=3)
LEAVES = st.none() | st.integers(-(10**18), 10**18) | st.sampled_from(["", "x", " y "])


@pytest.mark.uncounted
@settings(max_examples=150, deadline=None, print_blob=True)
@given(
    st.dictionaries(
        SHORT,
        st.recursive(
            LEAVES,
            lambda inner: (
                st.dictionaries(SHORT, inner, max_size=3)
                | st.lists(inner.filter(lambda item: type(item) is str), min_size=1, max_size=3)
            ),
            max_leaves=12,
        ),
    ),
    ENVELOPES,
)
def test_everything_else_is_read_as_it_was_written_by_its_shape(
    document: dict[str, Any], envelope: Envelope
) -> None:
    shape = Shape(
        integers=frozenset(_paths(document, "", int)),
        lists=frozenset(_paths(document, "", list)),
        objects=frozenset(_paths(document, "", dict)),
    )

    assert parse_xml(render(document, "deposit", envelope), shape) == (document, envelope)


def test_an_answer_has_the_fields_that_json_has() -> None:
    answer = {
        "id": "pay_1",
        "amount": 10000,
        "score": 0.5,
        "live": False,
        "order_id": None,
        "links": {"self": "/v1/deposits/pay_1?a=1&b=2"},
        "attempts": [{"n": 1}, {"n": 2}],
        "none": [],
        "metadata": {"shoe size": "<44>"},
    }

    written = render(answer, "deposit", Envelope.PLAIN).decode()

    assert written == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<deposit xmlns="urn:paylink:v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        "<id>pay_1</id><amount>10000</amount><score>0.5</score><live>false</live>"
        '<order_id xsi:nil="true"/><links><self>/v1/deposits/pay_1?a=1&amp;b=2</self></links>'
        "<attempts><n>1</n></attempts><attempts><n>2</n></attempts>"
        '<metadata><entry key="shoe size">&lt;44&gt;</entry></metadata></deposit>'
    )


@pytest.mark.parametrize("name", ["", "1", "a b", "a:b", "é", "xml", "Xmlns", "a" * 65, "<a>"])
def test_a_name_that_a_parser_might_refuse_is_the_key_of_an_entry(name: str) -> None:
    root = ET.fromstring(render({name: "x"}, "d", Envelope.PLAIN))

    assert [(one.tag, one.get("key")) for one in root] == [(f"{OURS}entry", name)]


@settings(max_examples=200, deadline=None, print_blob=True)
@given(st.text(), st.text())
@example("\x00\x1b\ud800\ufffe\uffff", "\x00\n")
def test_whatever_the_text_is_another_parser_reads_it(name: str, text: str) -> None:
    root = ET.fromstring(render({name: text, "b": {name: text}}, "a", Envelope.PLAIN))

    assert len(root) == len({name, "b"})


def test_what_xml_cannot_hold_is_replaced() -> None:
    document, _ = parse_xml(render({"a": "x\x00y\x1f\uffff\ud800"}, "d", Envelope.PLAIN))

    assert document == {"a": "x\ufffdy\ufffd\ufffd\ufffd"}


@pytest.mark.parametrize("value", [[["a"]], [b"x"], object()])
def test_what_has_no_form_is_a_bug_and_not_guessed(value: object) -> None:
    with pytest.raises(TypeError):
        render({"a": value}, "d", Envelope.PLAIN)


def test_a_soap_answer_is_one_element_in_one_body() -> None:
    root = ET.fromstring(render({"id": "pay_1"}, "depositResponse", Envelope.SOAP))

    assert root.tag == f"{SOAP}Envelope"
    assert [part.tag for part in root] == [f"{SOAP}Body"]
    assert [one.tag for one in root[0]] == [f"{OURS}depositResponse"]
    assert root[0][0].findtext(f"{OURS}id") == "pay_1"


def _problem(error: Exception, envelope: Envelope) -> ET.Element:
    document = msgspec.json.decode(problem_of(error).body("POST /v1/deposits", "r-1"))
    return ET.fromstring(render_problem(document, envelope))


TWO_WRONG = errors.InvalidRequest(
    [FieldError("amount", "1.0 < 2", "send 2"), FieldError("currency", "is missing", "send USD")]
)


def test_a_problem_in_xml_says_what_it_says_in_json() -> None:
    root = _problem(TWO_WRONG, Envelope.PLAIN)

    assert root.tag == f"{PROBLEM}problem"
    told = {one.tag.removeprefix(PROBLEM): one.text for one in root if not len(one)}
    assert told == {
        "type": "urn:paylink:problem:validation_failed",
        "title": "validation failed",
        "status": "422",
        "detail": "amount: 1.0 < 2; currency: is missing",
        "code": "validation_failed",
        "operation": "POST /v1/deposits",
        "request_id": "r-1",
    }
    wrong = root.findall(f"{PROBLEM}errors")
    assert [one.findtext(f"{PROBLEM}field") for one in wrong] == ["amount", "currency"]
    assert wrong[0].findtext(f"{PROBLEM}reason") == "1.0 < 2"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TWO_WRONG, "Client"),
        (errors.KeyReused(), "Client"),
        (errors.Overloaded("full"), "Server"),
        (errors.Unavailable(), "Server"),
        (RuntimeError("secret"), "Server"),
    ],
)
def test_a_fault_says_whose_it_is_and_holds_the_problem(error: Exception, kind: str) -> None:
    root = _problem(error, Envelope.SOAP)
    (fault,) = root.findall(f"{SOAP}Body/{SOAP}Fault")

    assert [part.tag for part in fault] == ["faultcode", "faultstring", "detail"]
    assert fault.findtext("faultcode") == f"soap:{kind}"
    assert fault.findtext("faultstring") == problem_of(error).detail
    (problem,) = fault.findall(f"detail/{PROBLEM}problem")
    assert problem.findtext(f"{PROBLEM}code") == problem_of(error).code
    assert problem.findtext(f"{PROBLEM}request_id") == "r-1"
    assert "secret" not in ET.tostring(root, encoding="unicode")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.SoapHeaderNotUnderstood(), "MustUnderstand"),
        (errors.SoapVersionUnsupported(), "VersionMismatch"),
    ],
)
def test_a_fault_about_the_envelope_has_no_detail(error: DomainError, kind: str) -> None:
    root = _problem(error, Envelope.SOAP)
    (fault,) = root.findall(f"{SOAP}Body/{SOAP}Fault")

    assert [part.tag for part in fault] == ["faultcode", "faultstring"]
    assert fault.findtext("faultcode") == f"soap:{kind}"


def test_the_content_type_is_that_of_the_kind_of_answer() -> None:
    assert media_type(Envelope.PLAIN) == "application/xml; charset=utf-8"
    assert problem_media_type(Envelope.PLAIN) == "application/problem+xml; charset=utf-8"
    assert media_type(Envelope.SOAP) == "text/xml; charset=utf-8"
    assert problem_media_type(Envelope.SOAP) == "text/xml; charset=utf-8"
