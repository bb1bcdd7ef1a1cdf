"""Gateway setup: an account at a provider is added, changed or removed; secrets never by argv."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from domain.payment import Mode
from ops.cli.changing import changing
from ops.cli.deeds import operator
from ops.cli.refusals import Misuse
from ops.cli.routes import MOST_PRIORITY
from ops.cli.secret_sources import OPTION, GatewaySecrets, read_secrets
from ops.cli.show import note, screen
from ops.providers import PROVIDERS
from ops.store.gateway_changes import (
    add_gateway,
    find_account,
    remove_gateway,
    set_gateway,
)
from ops.store.gateways import Account
from ops.store.tables.gateways import FORMATS, TYPES
from ops.vault import Vault

MAX_NAME: Final = 100
MAX_URL: Final = 2_000
MAX_SETTINGS: Final = 50
#: Far beyond what one machine's threads can have under way.
MOST_IN_FLIGHT: Final = 10_000
#: Where plain HTTP may carry a live account's key: it does not leave the machine.
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

#: The same form as `provider_preference` has at the door.
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SETTING: Final = re.compile(r"([a-z][a-z0-9_]{0,63})=(.{0,2000})", re.DOTALL)

#: Where providers call it differently, so that nobody has to guess.
_SECRETS: Final = ", ".join(f"at {name} the {one.secret}" for name, one in PROVIDERS.items())

Id = Annotated[str, typer.Argument(metavar="ID", help="The gateway: stripe-eu, sandbox-a.")]
Url = Annotated[str, typer.Option(metavar="URL", help="Where the provider answers.")]
Secrets = Annotated[
    str,
    typer.Option(
        metavar="SOURCE",
        help="Where credentials and webhook_secrets lie as JSON: a file, - for stdin, or env:NAME. "
        f"Webhook secrets are {_SECRETS}.",
    ),
]
Name = Annotated[str | None, typer.Option(metavar="TEXT", help="As people call it.")]
Type = Annotated[str | None, typer.Option("--type", help=f"One of {', '.join(TYPES)}.")]
Format = Annotated[str | None, typer.Option(help=f"What it speaks: {' or '.join(FORMATS)}.")]
Priority = Annotated[
    int | None,
    typer.Option(min=0, max=MOST_PRIORITY, help="Of routes without one; lower goes first."),
]
InFlight = Annotated[
    int | None, typer.Option(min=1, max=MOST_IN_FLIGHT, help="Calls under way at the same time.")
]
Networks = Annotated[
    list[str] | None,
    typer.Option(metavar="CIDR", help="Webhooks come from here alone; may be repeated; '*': any."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="For the adapter; may be repeated; NAME= removes."),
]


def add(
    id_: Id,
    provider: Annotated[str, typer.Option(help=f"One of {', '.join(PROVIDERS)}.")],
    mode: Annotated[Mode, typer.Option(help="test moves no money, live does.")],
    base_url: Url,
    secrets: Secrets,
    name: Name = None,
    type_: Type = None,
    data_format: Format = None,
    priority: Priority = None,
    max_in_flight: InFlight = None,
    ip_allow: Networks = None,
    setting: Setting = None,
    inactive: Annotated[bool, typer.Option("--inactive", help="Not in use yet.")] = False,
) -> None:
    """Add a gateway. It gets no payment before a route leads to it: `paylink routes add`."""
    if _ID.fullmatch(id_) is None:
        fix = "write 1 to 64 lower-case letters, digits, - and _: stripe-eu"
        raise Misuse("ID", f"{id_} is not a gateway's id", fix)
    _one_of("--provider", provider, PROVIDERS)
    opened = read_secrets(secrets)
    if opened.credentials is None or opened.webhook_secrets is None:
        fix = 'give both "credentials" and "webhook_secrets" ([]: it sends no webhooks)'
        raise Misuse(OPTION, "one of the two is missing", fix)
    optional = _changes(name, type_, data_format, priority, max_in_flight, ip_allow)
    account = Account(
        id=id_,
        provider=provider,
        mode=mode,
        base_url=_address(base_url, mode),
        credentials=opened.credentials,
        webhook_secrets=opened.webhook_secrets,
        scheme=PROVIDERS[provider].scheme,
        routes=(),
        settings=_settings({}, setting),
        active=not inactive,
        **optional,
    )
    with changing() as (books, db):
        add_gateway(db, Vault(books.settings.secrets.keyring), account, operator())
    screen().print(f"{id_} is configured ({provider}, {mode})")
    note(f"webhooks: /v1/webhooks/{provider}/{id_}, proven by its {PROVIDERS[provider].secret}")
    note(f"next: paylink routes add {id_}")


def set_(
    id_: Id,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="Its address.")] = None,
    secrets: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="New secrets of the same account, as for add."),
    ] = None,
    name: Name = None,
    type_: Type = None,
    data_format: Format = None,
    priority: Priority = None,
    max_in_flight: InFlight = None,
    ip_allow: Networks = None,
    setting: Setting = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether it gets new payments.")
    ] = None,
) -> None:
    """Change a gateway; workers and door know it a second later.

    Provider and mode never change, and secrets are those of the same account: another account is
    another gateway, because open attempts are resolved where they were made.
    """
    changes = _changes(name, type_, data_format, priority, max_in_flight, ip_allow)
    changes |= _opened(read_secrets(secrets) if secrets is not None else None)
    if active is not None:
        changes["active"] = active
    if not changes and base_url is None and not setting:
        raise Misuse("gateways set", "it says nothing to change", "see `gateways set --help`")
    with changing() as (books, db):
        vault = Vault(books.settings.secrets.keyring)
        before = find_account(db, vault, id_)
        if base_url is not None:
            changes["base_url"] = _address(base_url, before.mode)
        if setting:
            changes["settings"] = _settings(before.settings, setting)
        after = set_gateway(db, vault, id_, changes, operator())
    told = ", ".join(sorted(changes))
    screen().print(f"{id_} is at version {after.version}: {told}")


def remove(id_: Id) -> None:
    """Remove a gateway that was never used. One with a history is switched off instead."""
    with changing() as (_, db):
        remove_gateway(db, id_, operator())
    screen().print(f"{id_} is gone, with its routes")


def _changes(
    name: str | None,
    type_: str | None,
    data_format: str | None,
    priority: int | None,
    max_in_flight: int | None,
    networks: list[str] | None,
) -> dict[str, Any]:
    """Return by field of `Account` what was typed."""
    if name is not None and (not name.strip() or len(name) > MAX_NAME or not name.isprintable()):
        fix = f"give 1 to {MAX_NAME} printable characters"
        raise Misuse("--name", "it is empty, too long or not printable", fix)
    if type_ is not None:
        _one_of("--type", type_, TYPES)
    if data_format is not None:
        _one_of("--data-format", data_format, FORMATS)
    given = {
        "name": name and name.strip(),
        "type": type_,
        "data_format": data_format,
        "priority": priority,
        "max_in_flight": max_in_flight,
        "ip_allowlist": None
        if networks is None
        else [_network(one) for one in networks if one != "*"],
    }
    return {field: value for field, value in given.items() if value is not None}


def _opened(secrets: GatewaySecrets | None) -> dict[str, Any]:
    if secrets is None:
        return {}
    given = {"credentials": secrets.credentials, "webhook_secrets": secrets.webhook_secrets}
    return {field: value for field, value in given.items() if value is not None}


def _one_of(option: str, typed: str, known: Collection[str]) -> None:
    if typed not in known:
        raise Misuse(option, f"{typed} is not known", f"choose {' or '.join(known)}")


def _address(typed: str, mode: Mode) -> str:
    """Read an address that a key may be sent to."""
    fix = "write it as https://api.provider.example, without user, query or fragment"
    try:
        url = urlsplit(typed)
        whole = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        whole = False
    if not whole or len(typed) > MAX_URL or url.username is not None or url.query or url.fragment:
        raise Misuse("--base-url", "it is not a plain address", fix)
    if mode is Mode.LIVE and url.scheme != "https" and url.hostname not in LOOPBACK:
        raise Misuse("--base-url", "a live account is reached by https only", fix)
    return typed


def _network(typed: str) -> str:
    try:
        return str(ipaddress.ip_network(typed.strip()))
    except ValueError as error:
        fix = "write an address or a network, such as 203.0.113.0/24"
        raise Misuse("--ip-allow", str(error), fix) from None


def _settings(before: Mapping[str, object], typed: list[str] | None) -> dict[str, object]:
    """Return the settings with what was typed; a number, true and false are what they look like."""
    found = dict(before)
    for one in typed or ():
        match = _SETTING.fullmatch(one)
        if match is None:
            raise Misuse("--setting", "it is not NAME=VALUE", "write lower_case_name=value")
        name, value = match.groups()
        if not value:
            found.pop(name, None)
            continue
        found[name] = _scalar(value)
    if len(found) > MAX_SETTINGS:
        raise Misuse("--setting", f"there would be more than {MAX_SETTINGS}", "remove some")
    return found


def _scalar(typed: str) -> object:
    try:
        value = json.loads(typed)
    except ValueError:
        return typed
    return value if isinstance(value, int) else typed
