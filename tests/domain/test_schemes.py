"""Card schemes: whose cards are counted, under which name, and when one may not be tried again."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attempt import BLOCKING, TRIES, State
from domain.evidence import explained
from domain.means import Card, Method
from domain.outcome import Declined, Hardness
from domain.payment import Mode
from domain.schemes import (
    BARRED,
    BRANDS,
    DAY,
    FORBIDDING,
    LIMITS,
    MONTH,
    SCHEME_LIMIT,
    Scheme,
    Tries,
    refusal,
    watched,
)
from tests.builders import MERCHANT, an_attempt

COUNTS = st.integers(min_value=0, max_value=60)
TRIED = st.builds(lambda day, more: Tries(day, day + more), COUNTS, COUNTS)


def a_card(brand: str | None = "visa", fingerprint: str | None = "fp") -> Method:
    return Method("card", "tok", Card(fingerprint=fingerprint, brand=brand))


@pytest.mark.parametrize(
    ("brand", "scheme"),
    [
        ("visa", Scheme.VISA),
        ("VISA Electron", Scheme.VISA),
        ("MasterCard", Scheme.MASTERCARD),
        ("master-card", Scheme.MASTERCARD),
        ("mc", Scheme.MASTERCARD),
        ("amex", None),
        ("visage", None),
        ("", None),
        (None, None),
    ],
)
def test_a_brand_is_known_however_it_is_spelt(brand: str | None, scheme: Scheme | None) -> None:
    watch = watched(MERCHANT, Mode.TEST, a_card(brand))

    assert (watch.scheme if watch else None) is scheme


def test_what_cannot_be_recognised_is_not_counted() -> None:
    assert watched(MERCHANT, Mode.TEST, a_card(fingerprint=None)) is None
    assert watched(MERCHANT, Mode.TEST, Method("paypal", "tok")) is None


def test_a_card_is_counted_by_merchant_and_mode_and_its_name_tells_nothing() -> None:
    names = {
        watch.card
        for merchant in (MERCHANT, UUID(int=9))
        for mode in Mode
        for fingerprint in ("fp", "fp2")
        if (watch := watched(merchant, mode, a_card(fingerprint=fingerprint)))
    }

    assert len(names) == 8
    assert {len(name) for name in names} == {32}
    assert not any(b"fp" in name for name in names)


@pytest.mark.parametrize(
    ("scheme", "tries", "stops"),
    [
        (Scheme.VISA, Tries(19, 19), False),
        (Scheme.VISA, Tries(20, 20), True),
        (Scheme.VISA, Tries(0, 20), True),
        (Scheme.MASTERCARD, Tries(9, 34), False),
        (Scheme.MASTERCARD, Tries(10, 10), True),
        (Scheme.MASTERCARD, Tries(0, 35), True),
        (Scheme.VISA, Tries(1, 1, forbidden=True), True),
        (Scheme.MASTERCARD, Tries(0, 0, forbidden=True), True),
    ],
)
def test_the_limits_are_those_that_the_schemes_publish(
    scheme: Scheme, tries: Tries, stops: bool
) -> None:
    found = refusal(scheme, tries)

    assert (found is not None) is stops
    if found is not None:
        assert found.code == SCHEME_LIMIT
        assert scheme in found.reason


@given(st.sampled_from(Scheme), TRIED, COUNTS, COUNTS)
def test_another_try_never_makes_a_refusal_go_away(
    scheme: Scheme, tries: Tries, today: int, before: int
) -> None:
    more = Tries(tries.in_day + today, tries.in_month + today + before)

    if refusal(scheme, tries) is not None:
        assert refusal(scheme, more) is not None
    assert refusal(scheme, Tries(more.in_day, more.in_month, forbidden=True)) is not None


@given(st.sampled_from(Scheme), st.lists(st.integers(min_value=0, max_value=40), max_size=80))
def test_no_run_of_declines_gets_past_a_limit(scheme: Scheme, pauses_h: list[int]) -> None:
    """Whatever the pauses between them: in no window are more tries let through than are allowed."""
    let_through: list[int] = []
    now_h = 0
    for pause_h in pauses_h:
        now_h += pause_h
        day = sum(at > now_h - 24 for at in let_through)
        month = sum(at > now_h - 720 for at in let_through)
        if refusal(scheme, Tries(day, month)) is None:
            let_through.append(now_h)

    for limit in LIMITS[scheme]:
        hours = limit.window.total_seconds() / 3_600
        for end in let_through:
            assert sum(end - hours < at <= end for at in let_through) <= limit.tries


def test_every_scheme_has_limits_in_windows_that_are_counted() -> None:
    assert set(LIMITS) == set(FORBIDDING) == set(BRANDS.values()) == set(Scheme)
    assert {limit.window for limits in LIMITS.values() for limit in limits} == {DAY, MONTH}


def test_a_try_that_may_still_be_declined_counts_as_one() -> None:
    assert TRIES - {State.DECLINED} < BLOCKING


@pytest.mark.parametrize(("barred", "cause"), [(True, BARRED), (False, "soft")])
def test_an_issuers_last_word_is_kept_with_the_attempt(barred: bool, cause: str) -> None:
    said = Declined("do_not_honor", Hardness.SOFT, barred=barred)

    assert explained(an_attempt(), said).cause == cause
