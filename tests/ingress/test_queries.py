"""Queries: waiting, pages and cursors."""

from __future__ import annotations

import random
import string
from uuid import UUID, uuid4

import pytest
from starlette.datastructures import QueryParams

from domain.errors import InvalidRequest
from ingress.schemas import Page, cursor, parse_page, parse_wait, read_page

ID = UUID("0198c0de-7f3a-7c51-9a3d-5f0e4b2a6d18")


@pytest.mark.parametrize(
    ("prefer", "query", "seconds"),
    [
        (None, None, 0),
        (None, "0", 0),
        (None, "10", 10),
        (None, "2.5", 2.5),
        ("wait=5", None, 5),
        ("respond-async, wait=7", None, 7),
        ('Wait="3"; x=y', None, 3),
        ("wait=600", None, 10),
        ("wait=-1", None, 0),
        ("wait=soon", None, 0),
        ("handling=lenient", None, 0),
        ("wait=5", "1", 1),
    ],
)
def test_a_wish_to_wait_is_read(prefer: str | None, query: str | None, seconds: float) -> None:
    assert parse_wait(prefer, query) == seconds


@pytest.mark.parametrize("query", ["", "-1", "11", "1e1", "nan", "inf", " 1", "1 ", "9" * 5_000])
def test_a_demand_to_wait_must_be_right(query: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_wait(None, query)

    assert refused.value.errors[0].field == "wait"


def test_a_page_has_a_default_and_begins_behind_its_cursor() -> None:
    assert parse_page(QueryParams("")) == Page(20, None)
    assert parse_page(QueryParams(f"limit=100&cursor={cursor(ID)}")) == Page(100, ID)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=captured", "status"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("page=2", "page"),
        ("merchant_id=x", "merchant_id"),
        ("%0d%0a=1", "??"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_page(QueryParams(query))

    assert [error.field for error in refused.value.errors] == [field]


def test_a_cursor_leads_back_to_its_place() -> None:
    places = [uuid4() for _ in range(200)]

    assert [parse_page(QueryParams({"cursor": cursor(p)})).before for p in places] == places


def test_a_changed_cursor_is_refused() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    right = cursor(ID)
    for place in range(len(right)):
        wrong = draw.choice([c for c in string.ascii_letters + "0189-_=" if c != right[place]])
        with pytest.raises(InvalidRequest):
            parse_page(QueryParams({"cursor": right[:place] + wrong + right[place + 1 :]}))


def test_a_cursor_leads_nowhere_in_another_list() -> None:
    refused: list[str] = []
    query = QueryParams({"cursor": cursor(ID, "payments?status=failed")})

    def refuse(name: str, reason: str, fix: str) -> None:
        refused.append(name)

    assert read_page(query, "payments?status=failed", refuse) == Page(20, ID)
    for other in ("", "payments?", "payments?status=captured", "refunds?status=failed"):
        assert read_page(query, other, refuse).before is None
    assert refused == ["cursor"] * 4
