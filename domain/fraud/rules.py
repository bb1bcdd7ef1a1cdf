"""Rule set v1: weighted conditions over one payment and its history, in one table.

Left out, because they need labels that arrive weeks later: `merchant_fraud_rate` and
`card_recent_fraud`, and the exemption of buyers with three old, settled, undisputed payments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from domain.fraud.features import Inputs, Velocity
from domain.fraud.reference import limit_minor

#: Changes with any weight, condition or limit here, the domain list and the reference units.
RULESET_VERSION = "v1"

#: Reference units.
HIGH_AMOUNT = Decimal("10000.00")

#: Fewer payments than this are no habit.
HABIT_PAYMENTS = 5

#: Hours before this are night. The payer's own hour is not known, so it is UTC, and weighs little.
NIGHT_ENDS_UTC = 6

_DISPOSABLE = """
10minutemail.com discard.email dispostable.com emailondeck.com fakeinbox.com getnada.com
guerrillamail.com maildrop.cc mailinator.com mailnesia.com mintemail.com moakt.com mohmal.com
sharklasers.com temp-mail.org throwawaymail.com trashmail.com yopmail.com
"""

#: Public throw-away mailboxes; their subdomains count too. Short on purpose: the block list is the
#: place for what a merchant meets.
DISPOSABLE_DOMAINS = frozenset(_DISPOSABLE.split())


@dataclass(frozen=True, slots=True)
class Rule:
    """One weighted condition. `fires` returns what it saw, or None when it does not fire."""

    name: str
    weight: Decimal
    cards_only: bool
    fires: Callable[[Inputs, Velocity], str | None]
    text: str


def _is_high(payment: Inputs) -> bool:
    limit = limit_minor(HIGH_AMOUNT, payment.currency, payment.exponent)
    return payment.amount_minor > limit


def _high_amount(payment: Inputs, _: Velocity) -> str | None:
    return _amount(payment) if _is_high(payment) else None


def _invalid_card_number(payment: Inputs, _: Velocity) -> str | None:
    return "invalid" if payment.card_number_valid is False else None


def _expired_card(payment: Inputs, _: Velocity) -> str | None:
    if payment.card_exp is None:
        return None
    month, year = payment.card_exp
    today = payment.at_utc
    return f"{year}-{month:02}" if (year, month) < (today.year, today.month) else None


def _amount_over_habit(payment: Inputs, past: Velocity) -> str | None:
    # A mean of 0 (zero-amount verifications) is no habit: four times nothing is nothing.
    if past.card_count_30d < HABIT_PAYMENTS or past.card_mean_minor_30d <= 0:
        return None
    if payment.amount_minor < 4 * past.card_mean_minor_30d:
        return None
    return f"{_amount(payment)}, mean {past.card_mean_minor_30d}"


def _amount_over_max(payment: Inputs, past: Velocity) -> str | None:
    # 1.5 times, in integers.
    if past.card_max_minor_30d <= 0 or 2 * payment.amount_minor <= 3 * past.card_max_minor_30d:
        return None
    return f"{_amount(payment)}, largest {past.card_max_minor_30d}"


def _velocity_card_1h(_: Inputs, past: Velocity) -> str | None:
    return str(past.card_1h) if past.card_1h >= 5 else None


def _velocity_card_1d(_: Inputs, past: Velocity) -> str | None:
    return str(past.card_1d) if past.card_1d >= 15 else None


def _velocity_ip_1h(_: Inputs, past: Velocity) -> str | None:
    if past.ip_1h < 10 and past.ip_cards_1h < 4:
        return None
    return f"{past.ip_1h} payments, {past.ip_cards_1h} cards"


def _card_testing(_: Inputs, past: Velocity) -> str | None:
    return f"{past.declines_10m} cards" if past.declines_10m >= 3 else None


def _country_mismatch(payment: Inputs, _: Velocity) -> str | None:
    if not payment.countries_differ:
        return None
    return f"card {payment.card_country}, IP {payment.ip_country}"


def _disposable_email(payment: Inputs, _: Velocity) -> str | None:
    labels = (payment.email_domain or "").lower().rstrip(".").split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels)))
    return next((domain for domain in domains if domain in DISPOSABLE_DOMAINS), None)


def _new_customer_high_amount(payment: Inputs, _: Velocity) -> str | None:
    return _amount(payment) if payment.customer_is_new and _is_high(payment) else None


def _night_high_amount(payment: Inputs, _: Velocity) -> str | None:
    hour = payment.at_utc.hour
    return f"{hour:02} h UTC" if hour < NIGHT_ENDS_UTC and _is_high(payment) else None


def _amount(payment: Inputs) -> str:
    return f"{payment.amount_minor} minor {payment.currency}"


# fmt: off
#: name, weight, cards only, condition, text; in the order in which factors are reported.
RULES = (
    Rule("high_amount", Decimal("0.30"), False, _high_amount,
         "amount above 10,000.00 reference units"),
    Rule("invalid_card_number", Decimal("0.50"), True, _invalid_card_number,
         "card number fails its length or check digit"),
    Rule("expired_card", Decimal("0.40"), True, _expired_card,
         "card expired before the day of the payment"),
    Rule("amount_over_habit", Decimal("0.35"), True, _amount_over_habit,
         "amount at least 4 times the card's 30-day mean"),
    Rule("amount_over_max", Decimal("0.15"), True, _amount_over_max,
         "amount above 1.5 times the card's largest in 30 days"),
    Rule("velocity_card_1h", Decimal("0.25"), True, _velocity_card_1h,
         "5 or more payments with this card in an hour"),
    Rule("velocity_card_1d", Decimal("0.15"), True, _velocity_card_1d,
         "15 or more payments with this card in a day"),
    Rule("velocity_ip_1h", Decimal("0.30"), False, _velocity_ip_1h,
         "10 or more payments, or 4 or more cards, from this IP in an hour"),
    Rule("card_testing", Decimal("0.60"), False, _card_testing,
         "3 or more cards declined for this IP or customer in 10 minutes"),
    Rule("country_mismatch", Decimal("0.15"), True, _country_mismatch,
         "card and IP are from different countries"),
    Rule("disposable_email", Decimal("0.10"), False, _disposable_email,
         "throw-away e-mail domain"),
    Rule("new_customer_high_amount", Decimal("0.10"), False, _new_customer_high_amount,
         "first payment of this customer, and a high amount"),
    Rule("night_high_amount", Decimal("0.10"), False, _night_high_amount,
         "high amount between 00:00 and 06:00 UTC"),
)
# fmt: on


def fired(inputs: Inputs, velocity: Velocity) -> tuple[tuple[Rule, str], ...]:
    """Return the rules that fire, in the table's order, each with what it saw."""
    asked = (rule for rule in RULES if inputs.method_type == "card" or not rule.cards_only)
    seen = ((rule, rule.fires(inputs, velocity)) for rule in asked)
    return tuple((rule, value) for rule, value in seen if value is not None)
