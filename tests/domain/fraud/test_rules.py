"""Every rule at its edge: the last value that passes, the first one that fires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from domain.fraud.features import NO_HISTORY, Velocity
from domain.fraud.rules import RULES, fired
from tests.domain.fraud.payments import NOON, a_payment

HIGH = 1_000_001  # the first cent above 10,000.00
NIGHT = datetime(2026, 3, 31, 5, 59, 59, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


def names(velocity: Velocity = NO_HISTORY, **changes: Any) -> set[str]:
    return {rule.name for rule, _ in fired(a_payment(**changes), velocity)}


def test_an_ordinary_payment_fires_nothing() -> None:
    assert names() == set()


@pytest.mark.parametrize(
    ("rule", "passes", "fires"),
    [
        ("high_amount", {"amount_minor": HIGH - 1}, {"amount_minor": HIGH}),
        ("invalid_card_number", {"card_number_valid": None}, {"card_number_valid": False}),
        ("expired_card", {"card_exp": (3, 2026)}, {"card_exp": (2, 2026)}),
        ("expired_card", {"created_at": APRIL - timedelta(seconds=1)}, {"created_at": APRIL}),
        ("expired_card", {"card_exp": None}, {"card_exp": (12, 2025)}),
        # The first of April in Tokyo is still March in UTC.
        (
            "expired_card",
            {"created_at": datetime(2026, 4, 1, 8, 59, tzinfo=timezone(timedelta(hours=9)))},
            {"created_at": datetime(2026, 4, 1, 9, 0, tzinfo=timezone(timedelta(hours=9)))},
        ),
        ("country_mismatch", {"ip_country": "de"}, {"ip_country": "FR"}),
        ("country_mismatch", {"ip_country": None}, {"card_country": "FR"}),
        ("country_mismatch", {"card_country": None}, {"ip_country": "AT"}),
        (
            "disposable_email",
            {"email_domain": "notyopmail.com"},
            {"email_domain": "yopmail.com"},
        ),
        ("disposable_email", {"email_domain": None}, {"email_domain": "a.Mailinator.com."}),
        (
            "new_customer_high_amount",
            {"customer_is_new": True, "amount_minor": HIGH - 1},
            {"customer_is_new": True, "amount_minor": HIGH},
        ),
        (
            "new_customer_high_amount",
            {"customer_is_new": False, "amount_minor": HIGH},
            {"customer_is_new": True, "amount_minor": HIGH},
        ),
        (
            "night_high_amount",
            {"created_at": NIGHT + timedelta(seconds=1), "amount_minor": HIGH},
            {"created_at": NIGHT, "amount_minor": HIGH},
        ),
        (
            "night_high_amount",
            {"created_at": NIGHT, "amount_minor": HIGH - 1},
            {"created_at": NIGHT, "amount_minor": HIGH},
        ),
    ],
)
def test_a_rule_about_the_payment_fires_exactly_at_its_edge(
    rule: str, passes: dict[str, Any], fires: dict[str, Any]
) -> None:
    assert rule not in names(**passes)
    assert rule in names(**fires)


@pytest.mark.parametrize(
    ("rule", "passes", "fires"),
    [
        ("velocity_card_1h", Velocity(card_1h=4), Velocity(card_1h=5)),
        ("velocity_card_1d", Velocity(card_1d=14), Velocity(card_1d=15)),
        ("velocity_ip_1h", Velocity(ip_1h=9, ip_cards_1h=3), Velocity(ip_1h=10)),
        ("velocity_ip_1h", Velocity(ip_1h=9, ip_cards_1h=3), Velocity(ip_cards_1h=4)),
        ("card_testing", Velocity(declines_10m=2), Velocity(declines_10m=3)),
        # The payment is 4,200: four times 1,050, and 1.5 times 2,800.
        (
            "amount_over_habit",
            Velocity(card_count_30d=5, card_mean_minor_30d=1_051),
            Velocity(card_count_30d=5, card_mean_minor_30d=1_050),
        ),
        (
            "amount_over_habit",
            Velocity(card_count_30d=4, card_mean_minor_30d=1),
            Velocity(card_count_30d=5, card_mean_minor_30d=1),
        ),
        (
            "amount_over_habit",
            Velocity(card_count_30d=5, card_mean_minor_30d=0),
            Velocity(card_count_30d=5, card_mean_minor_30d=1),
        ),
        (
            "amount_over_max",
            Velocity(card_max_minor_30d=2_800),
            Velocity(card_max_minor_30d=2_799),
        ),
        ("amount_over_max", Velocity(card_max_minor_30d=0), Velocity(card_max_minor_30d=1)),
    ],
)
def test_a_rule_about_history_fires_exactly_at_its_edge(
    rule: str, passes: Velocity, fires: Velocity
) -> None:
    assert rule not in names(passes)
    assert rule in names(fires)


def test_the_table_is_the_published_rule_set_in_its_order() -> None:
    assert [(rule.name, str(rule.weight)) for rule in RULES] == [
        ("high_amount", "0.30"),
        ("invalid_card_number", "0.50"),
        ("expired_card", "0.40"),
        ("amount_over_habit", "0.35"),
        ("amount_over_max", "0.15"),
        ("velocity_card_1h", "0.25"),
        ("velocity_card_1d", "0.15"),
        ("velocity_ip_1h", "0.30"),
        ("card_testing", "0.60"),
        ("country_mismatch", "0.15"),
        ("disposable_email", "0.10"),
        ("new_customer_high_amount", "0.10"),
        ("night_high_amount", "0.10"),
    ]


@pytest.mark.parametrize("method", ["wallet", "paypal", "bank_transfer"])
def test_a_payment_without_a_card_meets_no_card_rule(method: str) -> None:
    everything = {
        "amount_minor": HIGH,
        "method_type": method,
        "card_exp": (1, 2020),
        "card_number_valid": False,
        "ip_country": "FR",
        "email_domain": "yopmail.com",
        "customer_is_new": True,
        "created_at": NOON - timedelta(hours=12),
    }
    busy = Velocity(9, 99, 99, 9, 9, 99, 1, 1)

    assert names(busy, **everything) == {
        "high_amount",
        "velocity_ip_1h",
        "card_testing",
        "disposable_email",
        "new_customer_high_amount",
        "night_high_amount",
    }
    assert names(busy, **everything | {"method_type": "card"}) == {rule.name for rule in RULES}


def test_what_a_rule_saw_carries_its_evidence_and_no_address() -> None:
    inputs = a_payment(amount_minor=HIGH, email_domain="user17.yopmail.com", ip_country="FR")

    seen = {rule.name: value for rule, value in fired(inputs, NO_HISTORY)}

    assert seen == {
        "high_amount": "1000001 minor USD",
        "country_mismatch": "card DE, IP FR",
        "disposable_email": "yopmail.com",
    }


def test_every_weight_is_an_exact_share_of_one() -> None:
    assert all(Decimal(0) < rule.weight < Decimal(1) for rule in RULES)
