"""The query of a list: read one by one, and wrong parameters named all at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from starlette.datastructures import QueryParams

from domain.errors import InvalidRequest
from domain.payment import Status
from ingress.lists_in import LONGEST_REPORT, USUAL_REPORT, parse_payments, parse_report
from ingress.queries import Query
from ops.store.wanted import PaymentsWanted, Span

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def span(text: str) -> Span:
    query = Query(QueryParams(text), "rows")
    found = query.span()
    query.close()
    return found


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026-03-31T12:00:00Z", NOON),
        ("2026-03-31T14:00:00+02:00", NOON),
        ("2026-03-31T11:59:59.999999Z", NOON - timedelta(microseconds=1)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_every_zone(text: str, since: datetime) -> None:
    assert span(f"from={quote(text)}") == Span(since)


def test_a_day_as_an_end_is_part_of_the_span() -> None:
    assert span("to=2026-03-31") == Span(None, datetime(2026, 4, 1, tzinfo=UTC))
    assert span("from=2026-03-31&to=2026-03-31").holds(NOON)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "now",
            "2026-3-1",
            "2026-02-30",
            "2026-13-01",
            "20260331",
            "1999-01-01",
            "9999-12-31",
        ),
        *("2026-03-31T12:00:00", "2026-03-31 12:00:00Z", "2026-03-31T25:00:00Z"),
        *("2026-03-31T12:00:00 02:00", "2026-03-31T12:00:00+99:00", "2026-W14-2", "1774958400"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        span(f"from={quote(text)}")

    assert [error.field for error in refused.value.errors] == ["from"]


def test_without_wishes_nothing_is_wished_for() -> None:
    listed = parse_payments(QueryParams(""))

    assert (listed.wanted, listed.total, listed.enough) == (PaymentsWanted(), False, 21)


def test_the_order_of_parameters_makes_no_other_list() -> None:
    one = parse_payments(QueryParams("status=failed&currency=EUR&limit=5"))
    other = parse_payments(QueryParams("currency=EUR&status=failed&include_total=true"))

    assert one.scope == other.scope
    assert one.wanted == other.wanted
    assert one.wanted.statuses == (Status.FAILED,)
    assert parse_payments(QueryParams("currency=USD&status=failed")).scope != one.scope


def test_metadata_is_read_by_its_names() -> None:
    pairs = {
        "tier": "gold",
        "a]b[c": "é = &",
        "x" * 40: "y" * 500,
        "metadata[tier]": "x",
        "name": "n",
    }
    text = "&".join(f"metadata%5B{quote(name)}%5D={quote(pairs[name])}" for name in pairs)

    assert parse_payments(QueryParams(text)).wanted.metadata == pairs
    assert parse_payments(QueryParams("metadata[tier]=gold")).wanted.metadata == {"tier": "gold"}
    scopes = {parse_payments(QueryParams(f"metadata[tier]={value}")).scope for value in "abc"}
    assert len(scopes) == 3


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("metadata=gold", "metadata"),
        ("metadata[]=gold", "metadata[]"),
        ("metadata[tier=gold", "metadata[tier"),
        ("metadata.tier=gold", "metadata.tier"),
        (f"metadata[{'x' * 41}]=gold", f"metadata[{'x' * 31}..."),
        ("metadata[a%00]=gold", "metadata[a?]"),
        ("metadata[a%C2%85]=gold", "metadata[a?]"),
        ("metadata[a]=%00", "metadata[a]"),
        ("metadata[a]=b%0Ac", "metadata[a]"),
        ("metadata[a]=", "metadata[a]"),
        (f"metadata[a]={'x' * 501}", "metadata[a]"),
        ("metadata[a]=1&metadata[a]=2", "metadata[a]"),
        ("&".join(f"metadata[{name}]=1" for name in "abcdef"), "metadata"),
    ],
)
def test_metadata_that_cannot_be_looked_for_is_refused_by_name(text: str, wrong: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_payments(QueryParams(text))

    assert [error.field for error in refused.value.errors] == [wrong]


def test_a_report_covers_the_last_days_unless_it_is_told_which() -> None:
    assert parse_report(QueryParams(""), NOON).wanted.created == Span(NOON - USUAL_REPORT, NOON)
    year = NOON - LONGEST_REPORT
    longest = f"from={year:%Y-%m-%dT%H:%M:%SZ}"
    assert parse_report(QueryParams(longest), NOON).since == year
    with pytest.raises(InvalidRequest, match="too long before to"):
        parse_report(QueryParams(longest), NOON + timedelta(seconds=1))


def test_no_more_errors_are_told_than_are_read() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_payments(QueryParams("&".join(f"x{n}=1" for n in range(100))))

    assert len(refused.value.errors) == 20
