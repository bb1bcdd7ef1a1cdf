"""Merchant settings: `name=value` as typed, read strictly, and told without what is personal."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from domain.iso_countries import COUNTRIES
from domain.merchant import HOST, MAX_HOSTS, MAX_NAME, MAX_NETWORKS, MAX_RATE_PER_MINUTE, Merchant
from domain.money import CURRENCIES
from domain.people import EMAIL
from ops.cli.refusals import Misuse
from ops.telemetry.cards import hide_cards

#: As wide as the column: for load tests, whose one merchant stands for many.
MOST_PER_MINUTE: Final = 2_147_483_647
#: As a checkout's metadata.
MAX_METADATA: Final = 50
MAX_METADATA_NAME: Final = 40
MAX_METADATA_VALUE: Final = 500

#: May be a person's: the audit tells that it changed, not to what.
PERSONAL: Final = frozenset({"name", "email", "metadata"})

_METADATA: Final = "metadata."


def changed(merchant: Merchant, typed: Sequence[str], *, unbounded: bool = False) -> Merchant:
    """Return the merchant with every `name=value` applied. Raises Misuse naming the first wrong one."""
    before = merchant
    for one in typed:
        name, equals, value = one.partition("=")
        if not equals:
            fix = "write name=value, such as default_country=DE; an empty value clears"
            raise Misuse(name, "it has no value", fix)
        if name.startswith(_METADATA):
            metadata = _metadata(merchant.metadata, name.removeprefix(_METADATA), value.strip())
            merchant = replace(merchant, metadata=metadata)
        elif name in READERS:
            merchant = replace(merchant, **{name: READERS[name](name, value.strip())})
        else:
            known = ", ".join((*READERS, "metadata.NAME"))
            raise Misuse(name, "there is no such setting", f"known: {known}")
    if merchant.rate_limit_per_minute != before.rate_limit_per_minute:
        about = "rate_limit_per_minute"
        bounded_rate(about, merchant.rate_limit_per_minute, unbounded=unbounded)
    return merchant


def told_change(before: Merchant, after: Merchant) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the audit tells of a change, before and after; of personal settings the names."""
    names = [name for name in SETTINGS if getattr(before, name) != getattr(after, name)]
    plain = [name for name in names if name not in PERSONAL]
    said = [{name: _plain(getattr(one, name)) for name in plain} for one in (before, after)]
    personal = [name for name in names if name in PERSONAL]
    return said[0], said[1] | ({"changed": personal} if personal else {})


def bounded_rate(about: str, rate: int, *, unbounded: bool) -> None:
    """Refuse a rate beyond what a merchant of a shared service may have, unless it is meant."""
    if rate > MAX_RATE_PER_MINUTE and not unbounded:
        fix = f"give 1 to {MAX_RATE_PER_MINUTE}, or add --unbounded if it is a load test's merchant"
        raise Misuse(about, f"{rate} requests a minute are too many", fix)


def merchant_name(about: str, value: str) -> str:
    """Read a name. Raises Misuse."""
    if not value.strip() or len(value) > MAX_NAME or not value.isprintable():
        fix = f"give 1 to {MAX_NAME} printable characters"
        raise Misuse(about, "it is empty, too long or not printable", fix)
    return value.strip()


def network(about: str, typed: str) -> str:
    """Read an address or a network, and return it in CIDR notation. Raises Misuse."""
    try:
        return str(ipaddress.ip_network(typed.strip()))
    except ValueError as error:
        fix = _wider(typed) or "write an address or a network, such as 203.0.113.0/24"
        raise Misuse(about, str(error), fix) from None


def _wider(typed: str) -> str:
    """Return what somebody who wrote 10.1.2.3/8 may have meant."""
    try:
        return f"write {ipaddress.ip_network(typed.strip(), strict=False)} for the whole network"
    except ValueError:
        return ""


def _email(about: str, value: str) -> str | None:
    if value and EMAIL.fullmatch(value) is None:
        raise Misuse(about, "it is not an address", "write name@example.com")
    return value or None


def _yes_or_no(about: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise Misuse(about, f"{value} is neither true nor false", "write true or false")
    return value == "true"


def _rate(about: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value[:11]) <= MOST_PER_MINUTE:
        fix = f"write a number from 1 to {MAX_RATE_PER_MINUTE}"
        raise Misuse(about, f"{value} is not a number of requests", fix)
    return int(value)


def _networks(about: str, value: str) -> tuple[str, ...]:
    return tuple(network(about, one) for one in _listed(about, value, MAX_NETWORKS))


def _hosts(about: str, value: str) -> tuple[str, ...]:
    hosts = _listed(about, value.lower(), MAX_HOSTS)
    for host in hosts:
        if HOST.fullmatch(host) is None:
            fix = "write shop.example.com: no scheme, no port, no path"
            raise Misuse(about, f"{host} is not a host", fix)
    return hosts


def _listed(about: str, value: str, most: int) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(one.strip() for one in value.split(",") if one.strip()))
    if len(found) > most:
        raise Misuse(about, f"{len(found)} are too many", f"give at most {most}")
    return found


def _currency(about: str, value: str) -> str | None:
    if value and value not in CURRENCIES:
        raise Misuse(about, f"{value} is not a currency we know", "write a code such as EUR")
    return value or None


def _country(about: str, value: str) -> str | None:
    if value and value not in COUNTRIES:
        raise Misuse(about, f"{value} is not a country", "write a code such as DE")
    return value or None


def _metadata(before: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    about = _METADATA + name
    if not 0 < len(name) <= MAX_METADATA_NAME or not name.isprintable():
        fix = f"give a name of 1 to {MAX_METADATA_NAME} printable characters"
        raise Misuse(_METADATA + "NAME", "its name is empty or too long", fix)
    if len(value) > MAX_METADATA_VALUE or not value.isprintable():
        fix = f"give at most {MAX_METADATA_VALUE} printable characters"
        raise Misuse(about, "it is too long or not printable", fix)
    if hide_cards(value) != value:
        raise Misuse(about, "it looks like a card number", "keep card data out of metadata")
    after = {**before, name: value} if value else {k: v for k, v in before.items() if k != name}
    if len(after) > MAX_METADATA:
        raise Misuse(about, "there are too many names", f"keep at most {MAX_METADATA}")
    return after


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


#: How each setting is read.
READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "name": merchant_name,
    "email": _email,
    "is_active": _yes_or_no,
    "rate_limit_per_minute": _rate,
    "ip_allowlist": _networks,
    "settlement_currency": _currency,
    "default_country": _country,
    "fallback_enabled": _yes_or_no,
    "return_url_hosts": _hosts,
}
SETTINGS: Final = (*READERS, "metadata")
