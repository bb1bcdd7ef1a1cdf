"""One list of windows: its fields, its name, and what a model sees."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from domain.fraud.features import (
    FEATURE_SET_ID,
    NO_HISTORY,
    PAYMENT_FEATURES,
    WINDOWS,
    Velocity,
    feature_set_id,
    vector,
)
from tests.domain.fraud.payments import a_payment


def test_history_has_one_field_for_every_window_in_the_same_order() -> None:
    assert [field.name for field in fields(Velocity)] == [window.name for window in WINDOWS]
    assert Velocity() == NO_HISTORY


def test_any_change_of_a_window_or_feature_is_another_feature_set() -> None:
    names = tuple(PAYMENT_FEATURES)
    changes: list[dict[str, Any]] = [
        {"name": "other"},
        {"entities": ("ip", "card")},
        {"aggregate": "max"},
        {"grain_s": 1},
        {"buckets": 1},
        {"default": 1},
    ]
    ids = [
        feature_set_id((replace(WINDOWS[0], **change), *WINDOWS[1:]), names) for change in changes
    ]
    ids += [feature_set_id(WINDOWS, names[1:]), feature_set_id(WINDOWS[::-1], names)]

    assert feature_set_id(WINDOWS, names) == FEATURE_SET_ID
    assert len({FEATURE_SET_ID, *ids}) == len(ids) + 1


def test_a_model_sees_whole_numbers_of_the_payment_and_its_history() -> None:
    tokyo = timezone(timedelta(hours=9))
    inputs = a_payment(
        ip_country="FR", customer_is_new=True, created_at=datetime(2026, 4, 1, 8, tzinfo=tokyo)
    )

    seen = vector(inputs, Velocity(card_1h=2, card_max_minor_30d=77))

    assert dict(seen) == {
        "amount_minor": 4_200,
        "amount_reference_cents": 4_200,
        "hour_utc": 23,
        "weekday_utc": 1,
        "is_card": 1,
        "countries_differ": 1,
        "customer_is_new": 1,
        "card_1h": 2,
        "card_1d": 0,
        "ip_1h": 0,
        "ip_cards_1h": 0,
        "declines_10m": 0,
        "card_count_30d": 0,
        "card_mean_minor_30d": 0,
        "card_max_minor_30d": 77,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - the point of the test
        {"amount_minor": -1},
        {"exponent": 5},
        {"card_exp": (13, 2027)},
        {"card_exp": (0, 2027)},
        {"card_exp": (1, 27)},
    ],
)
def test_what_no_payment_can_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        a_payment(**wrong)
