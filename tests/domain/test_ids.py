"""Public ids: one spelling each, and whatever is not one names nothing."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFound
from domain.ids import Kind, parse, public

DIGITS = "0198c0de0000700080000000000000ab"


@given(kind=st.sampled_from(Kind), id_=st.uuids())
def test_what_leaves_comes_back_the_same(kind: Kind, id_: UUID) -> None:
    text = public(kind, id_)

    assert text == f"{kind.value}_{id_.hex}"
    assert parse(kind, text) == id_


@given(asked=st.sampled_from(Kind), kind=st.sampled_from(Kind), id_=st.uuids())
def test_an_id_of_another_kind_names_nothing(asked: Kind, kind: Kind, id_: UUID) -> None:
    if asked is kind:
        return
    with pytest.raises(NotFound):
        parse(asked, public(kind, id_))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay_",
        DIGITS,
        f"pay-{DIGITS}",
        f"PAY_{DIGITS}",
        f"pay_{DIGITS.upper()}",
        f"pay_{DIGITS}0",
        f"pay_{DIGITS[:-1]}",
        f" pay_{DIGITS}",
        f"pay_{DIGITS[:-1]} ",
        f"pay_{{{DIGITS[2:]}}}",
        f"pay_{DIGITS[:8]}-{DIGITS[9:]}",
        "pay_" + "1_" * 16,
        "pay_" + "\u0663" * 32,
        "pay_" + "g" * 32,
        "pay_" + "\x00" * 32,
        f"pay_urn:uuid:{DIGITS[9:]}",
    ],
)
def test_another_spelling_is_not_an_id(text: str) -> None:
    with pytest.raises(NotFound, match="no such payment"):
        parse(Kind.PAYMENT, text)


@given(text=st.text(max_size=60))
def test_no_text_is_a_crash(text: str) -> None:
    try:
        id_ = parse(Kind.PAYMENT, text)
    except NotFound:
        return
    assert public(Kind.PAYMENT, id_) == text


def test_prefixes_are_different() -> None:
    assert len({kind.value for kind in Kind}) == len(Kind)
