"""XML in: a request in XML is the same request as in JSON, or it is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import DomainError, InvalidRequest, RawCardDataRefused
from domain.payment import Mode
from ingress.fields import open_body
from ingress.soap import Envelope
from ingress.strict_json import MAX_DIGITS, MAX_ERRORS
from ingress.xml_in import ANY, Shape, open_xml, parse_xml

XSI = b"xmlns:i='http://www.w3.org/2001/XMLSchema-instance'"
DEPOSIT = Shape(
    roots=frozenset({"deposit"}),
    integers=frozenset({"amount", "payment_method.card.exp_month"}),
    objects=frozenset({"metadata"}),
)


def _errors(body: bytes, shape: Shape = ANY) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        parse_xml(body, shape)
    return [error.field for error in refused.value.errors]


def test_elements_are_fields_and_their_children_are_objects() -> None:
    document, envelope = parse_xml(
        b"""<?xml version="1.0" encoding="UTF-8"?>
        <deposit xmlns="urn:paylink:v1">
          <amount>10000</amount>
          <currency>USD</currency>
          <payment_method>
            <card><exp_month>7</exp_month><last4>4242</last4></card>
          </payment_method>
          <metadata><colour>red</colour><entry key="shoe size">44</entry></metadata>
        </deposit>""",
        DEPOSIT,
    )

    assert envelope is Envelope.PLAIN
    assert document == {
        "amount": 10000,
        "currency": "USD",
        "payment_method": {"card": {"exp_month": 7, "last4": "4242"}},
        "metadata": {"colour": "red", "shoe size": "44"},
    }


@pytest.mark.parametrize("text", ["0", "7", "-7", "10000", "9" * MAX_DIGITS])
def test_a_plain_integer_is_one_where_the_shape_says_so(text: str) -> None:
    body = f"<deposit><amount>{text}</amount></deposit>".encode()

    assert parse_xml(body, DEPOSIT)[0] == {"amount": int(text)}
    assert parse_xml(body)[0] == {"amount": text}


@pytest.mark.parametrize(
    "text",
    ["", " 7", "7\n", "+7", "-0", "007", "1e3", "100.00", "1_000", "1,000", "٣", "0x10", "9" * 21],
)
def test_what_is_no_plain_integer_stays_text(text: str) -> None:
    body = f"<deposit><amount>{text}</amount></deposit>".encode()

    assert parse_xml(body, DEPOSIT)[0] == {"amount": text}


def test_an_integer_is_meant_by_its_whole_path() -> None:
    document, _ = parse_xml(b"<deposit><metadata><amount>7</amount></metadata></deposit>", DEPOSIT)

    assert document == {"metadata": {"amount": "7"}}


def test_a_decimal_amount_gets_the_advice_that_json_gives() -> None:
    from ingress.orders import parse_checkout

    with pytest.raises(InvalidRequest) as in_json:
        parse_checkout(b'{"amount": "100.00"}', Mode.TEST, b"k" * 32)
    fields, _ = open_xml(b"<deposit><amount>100.00</amount></deposit>", DEPOSIT)

    assert fields.take("amount") == "100.00"
    assert "send 10000" in in_json.value.errors[0].reason


def test_a_list_is_a_list_also_of_one() -> None:
    shape = Shape(lists=frozenset({"items", "box.tags"}), integers=frozenset({"items.size"}))

    document, _ = parse_xml(
        b"<a><items><size>1</size></items><b/><items><size>x</size></items>"
        b"<box><tags>t</tags></box></a>",
        shape,
    )

    assert document == {
        "items": [{"size": 1}, {"size": "x"}],
        "b": "",
        "box": {"tags": ["t"]},
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"<a><b/><c/><b/></a>", ["b"]),
        (b"<a><b><c/><c/></b></a>", ["b.c"]),
        (b"<a><b/><entry key='b'/></a>", ["b"]),
        (b"<a><entry/><entry/></a>", ["entry"]),
        (b"<a xmlns:p='u' xmlns='u'><p:b/><b/></a>", ["b"]),
        (b"<a><b/><b xmlns=''/></a>", ["b"]),
    ],
)
def test_a_field_that_comes_twice_is_refused_by_name(body: bytes, fields: list[str]) -> None:
    assert _errors(body) == fields


def test_an_object_may_be_empty_where_the_shape_says_so() -> None:
    body = b"<deposit><metadata> </metadata><note> </note></deposit>"

    assert parse_xml(body, DEPOSIT)[0] == {"metadata": {}, "note": " "}
    assert parse_xml(b"<deposit><metadata>x</metadata></deposit>", DEPOSIT)[0] == {"metadata": "x"}
    assert parse_xml(b"<deposit/>", DEPOSIT)[0] == {}
    assert parse_xml(b"<deposit> </deposit>", DEPOSIT)[0] == {}


def test_nil_is_null() -> None:
    document, _ = parse_xml(b"<a %s><b i:nil='true'/><c i:nil='0'>x</c></a>" % XSI)

    assert document == {"b": None, "c": "x"}


def test_what_toolkits_say_besides_is_passed_over() -> None:
    body = b"<a %s i:schemaLocation='http://127.0.0.1:9/a'><b i:type='int'>1</b></a>" % XSI

    assert parse_xml(body)[0] == {"b": "1"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"<a>text</a>", ["body"]),
        (b"<a b='1'/>", ["body"]),
        (b"<a key='b'/>", ["body"]),
        (b"<a><b c='1'/></a>", ["b"]),
        (b"<a><b key='1'/></a>", ["b"]),
        (b"<a><entry key='b' c='1'/></a>", ["b"]),
        (b"<a><b id='1'/><c href='#1'/></a>", ["b", "c"]),
        (b"<a>x<b/></a>", ["body"]),
        (b"<a><b>x<c/></b></a>", ["b"]),
        (b"<a><b xmlns='v'>1</b></a>", ["b"]),
        (b"<a xmlns='u'><b xmlns='v'>1</b></a>", ["b"]),
        (b"<a %s><b i:nil='true'>1</b></a>" % XSI, ["b"]),
        (b"<a %s><b i:nil='true'><c/></b></a>" % XSI, ["b"]),
        (b"<a %s><b i:nil='yes'/></a>" % XSI, ["b"]),
        (b"<a %s i:nil='true'/>" % XSI, ["body"]),
        (b"<s:a xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'/>", ["body"]),
    ],
)
def test_what_json_could_not_say_is_refused_by_name(body: bytes, fields: list[str]) -> None:
    assert _errors(body) == fields


def test_another_document_is_refused() -> None:
    assert _errors(b"<withdrawal><amount>1</amount></withdrawal>", DEPOSIT) == ["body"]


def test_all_errors_come_at_once_but_not_too_many() -> None:
    many = b"<a>" + b"".join(b"<b%d c=''/>" % n for n in range(100)) + b"</a>"

    assert len(_errors(many)) == MAX_ERRORS


CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize(
    ("inside", "field"),
    [
        (f"<note>{CARD}</note>", "note"),
        (f"<note><![CDATA[{CARD}]]></note>", "note"),
        ("<note>4111 1111<!-- --> 1111 1111</note>", "note"),
        ("<note>&#52;111 1111 1111 1111</note>", "note"),
        ("<c4111111111111111/>", "body"),
        (f"<metadata><entry key='{CARD}'>x</entry></metadata>", "metadata"),
        ("<card><cvv>123</cvv></card>", "card.cvv"),
        ("<amount>4111111111111111</amount>", "amount"),
    ],
)
def test_card_data_is_refused_as_in_json(inside: str, field: str) -> None:
    with pytest.raises(RawCardDataRefused) as refused:
        open_xml(f"<deposit>{inside}</deposit>".encode(), DEPOSIT)

    assert refused.value.field == field
    assert "1111" not in refused.value.detail


@pytest.mark.parametrize(
    "inside",
    [
        "<c4111111111111111/><c4111111111111111/>",
        "<c4111111111111111 a='1'/>",
        "<b><entry key='4111111111111111'>x<c/></entry></b>",
        "<b a4111111111111111='1'/>",
        "<b a='4111111111111111'/>",
        "<b>4111111111111111<c/></b>",
        "<b xmlns='urn:4111111111111111'/>",
    ],
)
def test_no_error_repeats_a_card_number(inside: str) -> None:
    with pytest.raises(DomainError) as refused:
        open_xml(f"<deposit>{inside}</deposit>".encode(), DEPOSIT)

    assert "1111" not in refused.value.detail


def test_a_provider_may_name_what_looks_like_a_card() -> None:
    document, _ = parse_xml(b"<callback><reference>4111111111111111</reference></callback>")

    assert document == {"reference": "4111111111111111"}


@pytest.mark.parametrize("text", ["a\nb", "a&#13;b", "a\u0085b", "a&#x7f;b", "a\tb"])
def test_control_characters_are_refused_as_in_json(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        open_xml(f"<a><b><c>{text}</c></b></a>".encode(), ANY)

    assert [error.field for error in refused.value.errors] == ["b.c"]


def test_the_fields_read_alike_from_both() -> None:
    in_json = open_body(b'{"amount": 7, "metadata": {"a": "b"}, "note": null}')
    in_xml, _ = open_xml(
        b"<deposit %s><amount>7</amount><metadata><entry key='a'>b</entry></metadata>"
        b"<note i:nil='1'/></deposit>" % XSI,
        DEPOSIT,
    )

    def read(fields: Any) -> tuple[object, ...]:
        found = (
            fields.integer("amount", 1, 9),
            fields.strings("metadata", 5, 5, 5),
            "note" in fields,
        )
        fields.take("note")
        fields.close()
        fields.raise_errors()
        return found

    assert read(in_xml) == read(in_json) == (7, {"a": "b"}, False)
