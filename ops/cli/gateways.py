"""Gateways: how they are, and a person's word about one: held up, held down, given back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final, Literal

import redis
import typer
from rich.text import Text
from sqlalchemy import Connection

from domain.breaker import Policy, State
from domain.ids import Kind, public
from domain.money import CURRENCIES, Money
from domain.routing import ANY, GatewayRow, Route
from ops import breakers
from ops.cli.deeds import operator
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import moment, note, screen, state, table
from ops.cli.where import open_books
from ops.store.gateway_changes import find_account, open_attempts
from ops.store.gateway_health import force
from ops.store.gateways import Hold, Seen, read_gateways, read_seen
from ops.vault import Vault

#: A hold is for an incident; what is to last longer is configured.
LONGEST_HOLD: Final = timedelta(days=30)
MAX_REASON: Final = 200
#: Redis is only asked for what is shown: an operator does not wait for it.
REDIS_S: Final = 2.0

_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

For = Annotated[
    str, typer.Option("--for", metavar="TIME", help="How long: 30s, 10m, 2h or 1d; then it ends.")
]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the audit and for colleagues.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The gateway, as `gateways list` names it.")]


def list_() -> None:
    """List the gateways: where each may be used, a person's hold, its breaker, calls under way.

    The breaker is that of new charges: closed lets them through, open refuses them for a while,
    half_open lets a few through to see. It lives in Redis; without Redis it is not known here.
    """
    with open_books() as books:
        with books.engine.connect() as db:
            found = read_seen(db)
        if not found:
            note("there is no gateway yet: `paylink seed` writes the sandbox gateways")
            return
        rows = [seen.row for seen in found]
        health = _health(books.settings.redis_url, rows, books.settings.breaker)
    lines = [
        (
            seen.row.id,
            seen.row.provider,
            seen.row.mode,
            "\n".join(map(_route, seen.row.routes)) or "none: it gets no payment",
            "yes" if seen.row.active else "no",
            _held_words(seen.hold),
            _probed(seen),
            *health.get(seen.row.id, (Text("?"), Text("?"))),
        )
        for seen in found
    ]
    columns = ("gateway", "provider", "mode", "routes", "active", "held", "probes")
    screen().print(table((*columns, "breaker", "in flight"), lines))


def show(gateway: Id) -> None:
    """Show one gateway: how it is configured, where it is used, what is open there."""
    with open_books() as books:
        with books.engine.connect() as db:
            _held(db, gateway)
            seen = next(one for one in read_seen(db) if one.row.id == gateway)
            account = find_account(db, Vault(books.settings.secrets.keyring), gateway)
            waiting = open_attempts(db, gateway)
        health = _health(books.settings.redis_url, [seen.row], books.settings.breaker)
    breaker, under_way = health.get(gateway, (Text("?"), Text("?")))
    lines: list[tuple[str, object]] = [
        ("gateway", gateway),
        ("name", seen.name),
        ("provider", f"{seen.row.provider} ({seen.type}, {seen.data_format})"),
        ("mode", seen.row.mode),
        ("active", "yes" if seen.row.active else "no"),
        ("address", account.base_url),
        ("credentials", ", ".join(sorted(account.credentials)) + " (never shown)"),
        ("webhook secrets", f"{len(account.webhook_secrets)} (never shown)"),
        ("webhooks from", "\n".join(account.ip_allowlist) or "any address"),
        ("settings", "\n".join(f"{name}={value}" for name, value in account.settings.items())),
        ("version", account.version),
        ("priority", seen.priority),
        ("routes", "\n".join(map(_route, seen.row.routes)) or "none: it gets no payment"),
        ("held", _held_words(seen.hold)),
        ("probes", _probed(seen)),
        ("breaker", breaker),
        ("in flight", under_way),
        ("open attempts", waiting),
    ]
    screen().print(table(("what", "how it is"), lines))


def up(gateway: Id, reason: Why, lasting: For = "10m") -> None:
    """Hold a gateway up: charges go there although its breaker is open."""
    _hold(gateway, "up", lasting, reason)


def down(gateway: Id, reason: Why, lasting: For = "10m") -> None:
    """Hold a gateway down: no new charge goes there. What is under way there is still resolved."""
    _hold(gateway, "down", lasting, reason)


def release(gateway: Id, reason: Why = "released") -> None:
    """End a hold: from now on the breaker decides alone."""
    why = _reason(reason)
    with open_books() as books, books.engine.begin() as db:
        held = _held(db, gateway)
        if held is not None:
            force(db, gateway, None, timedelta(), why, operator())
    screen().print(f"{gateway} is {'released' if held else 'not held by anybody'}")


def _hold(gateway: str, forced: Literal["up", "down"], lasting: str, reason: str) -> None:
    span, why = _duration(lasting), _reason(reason)
    with open_books() as books, books.engine.begin() as db:
        _held(db, gateway)
        force(db, gateway, forced, span, why, operator())
    screen().print(
        f"{gateway} is held {forced} for {lasting}; `paylink gateways release {gateway}`"
    )


def _held(db: Connection, gateway: str) -> str | None:
    """Return how a gateway is held now. Raises Refusal for one that does not exist."""
    known = {row.id: row.forced for row in read_gateways(db)}
    if gateway not in known:
        fix = f"choose one of: {', '.join(known)}" if known else "configure one: `paylink seed`"
        raise Refusal("ID", f"there is no gateway {gateway}", fix)
    return known[gateway]


def _duration(typed: str) -> timedelta:
    match = _DURATION.fullmatch(typed.strip().lower())
    span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < span <= LONGEST_HOLD:
        fix = f"write a number and s, m, h or d, up to {LONGEST_HOLD.days}d: 10m"
        raise Misuse("--for", f"{typed} is not a time to hold a gateway", fix)
    return span


def _reason(typed: str) -> str:
    if not typed.strip() or len(typed) > MAX_REASON or not typed.isprintable():
        fix = f"say in 1 to {MAX_REASON} characters what a colleague should know"
        raise Misuse("--reason", "it is empty, too long or not printable", fix)
    return typed.strip()


def _route(route: Route) -> str:
    """Return a route in words; lower priorities go first."""
    parts = [route.country, route.currency, route.method, route.operation, *_bounds(route)]
    if route.merchant_id is not None:
        parts.append(f"of {public(Kind.MERCHANT, route.merchant_id)}")
    named = [part for part in parts if part != ANY]
    return f"{' '.join(named) or 'everything'} (priority {route.priority})"


def _bounds(route: Route) -> list[str]:
    """Return the bounds of a route's amounts in major units, if it has any."""
    bounds = (("from", route.min_minor), ("to", route.max_minor))
    return [
        f"{word} {Money(minor, CURRENCIES[route.currency])}"
        for word, minor in bounds
        if minor is not None
    ]


def _held_words(hold: Hold | None) -> str:
    if hold is None:
        return ""
    return f"{hold.forced} until {moment(hold.until)}\nby {hold.by}: {hold.reason}"


def _probed(seen: Seen) -> Text:
    if seen.last_probe_at is None:
        return Text("never", style="dim")
    shown = state(seen.health)
    return shown.append(f" at {moment(seen.last_probe_at)} {seen.last_error or ''}".rstrip())


def _health(url: str, rows: list[GatewayRow], policy: Policy) -> dict[str, tuple[Text, Text]]:
    """Return breaker and calls under way by gateway; empty, and said, when Redis does not answer."""
    try:
        client = redis.Redis.from_url(url, socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S)
    except ValueError:
        fix = "write it as redis://:password@host:6379/0"
        raise Misuse("REDIS_URL", "it is not the address of a Redis server", fix) from None
    ids = [row.id for row in rows]
    try:
        views = breakers.read(client, ids, policy=policy)
        under_way = _under_way(client, ids)
    except redis.RedisError:
        note("REDIS_URL: Redis does not answer, so breakers and calls under way are not known here")
        return {}
    finally:
        client.close()
    limits = {row.id: row.max_in_flight for row in rows}
    return {
        id_: (_breaker(view), Text(f"{under_way[id_]} of {limits[id_]}"))
        for id_, view in views.items()
    }


def _breaker(view: breakers.BreakerView) -> Text:
    shown = state(view.state)
    if view.state is State.CLOSED and view.calls:
        shown.append(f", {view.failures} of {view.calls} calls failed")
    return shown


def _under_way(client: redis.Redis, ids: list[str]) -> dict[str, int]:
    """Count the calls under way that have not expired, by Redis's own clock."""
    seconds, micros = client.time()
    now_ms = seconds * 1_000 + micros // 1_000
    pipeline = client.pipeline(transaction=False)
    for id_ in ids:
        pipeline.zcount(breakers.calls_key(id_), f"({now_ms}", "+inf")
    return dict(zip(ids, pipeline.execute(), strict=True))
