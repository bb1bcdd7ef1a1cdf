"""The operator's command: every noun and verb of `paylink`, put together in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import typer

from ops.cli import (
    archive,
    audit,
    demo,
    directory,
    gateway_setup,
    gateways,
    keys,
    merchants,
    operators,
    parked,
    payments,
    reconcile,
    routes,
    running,
    settling,
)
from ops.cli.refusals import kindly

Commands = Mapping[str, Callable[..., None]]

#: What stands alone, in the order in which a newcomer needs it.
VERBS: Final[Commands] = {
    "up": running.up,
    "demo": demo.demo,
    "migrate": running.migrate,
    "seed": running.seed,
    "reconcile": reconcile.reconcile,
    "archive": archive.archive,
}
NOUNS: Final[Mapping[str, tuple[str, Commands]]] = {
    "payments": (
        "Payments: one's whole story, and the newest.",
        {"show": payments.show, "list": payments.list_},
    ),
    "parked": (
        "What waits for a person, why, and how it is settled or set going again.",
        {"list": parked.list_, "retry": parked.retry, "settle": settling.settle_},
    ),
    "operators": (
        "Operators: whose word about parked money counts.",
        {"create": operators.create, "list": operators.list_, "revoke": operators.revoke},
    ),
    "gateways": (
        "Gateways: accounts at providers, how they are, and a person's word about one.",
        {
            "list": gateways.list_,
            "show": gateways.show,
            "add": gateway_setup.add,
            "set": gateway_setup.set_,
            "remove": gateway_setup.remove,
            "up": gateways.up,
            "down": gateways.down,
            "release": gateways.release,
        },
    ),
    "routes": (
        "Routes: where each gateway is used, and in which order.",
        {"list": routes.list_, "add": routes.add, "set": routes.set_, "remove": routes.remove},
    ),
    "countries": (
        "Countries: whose payers are served.",
        {"list": directory.list_countries, "set": directory.set_country_},
    ),
    "currencies": (
        "Currencies: what is accepted, and between which amounts.",
        {"list": directory.list_currencies, "set": directory.set_currency_},
    ),
    "merchant": (
        "Merchants: who may take payments here.",
        {
            "create": merchants.create,
            "list": merchants.list_,
            "show": merchants.show,
            "set": merchants.set_,
            "remove": merchants.remove,
        },
    ),
    "keys": (
        "API keys: given once, listed, revoked.",
        {"create": keys.create, "list": keys.list_, "revoke": keys.revoke},
    ),
    "audit": (
        "The audit chain: verified, and its checkpoints exported.",
        {"verify": audit.verify, "export": audit.export},
    ),
}
_HELP: Final = """Run and operate PayLink.

The commands work on the system that the environment names (DATABASE_URL, REDIS_URL and the secrets),
or else on the `paylink up` whose data lies in .paylink or in $PAYLINK_DATA.

Exit codes: 0 done, 1 it failed or a check does not hold, 2 an argument or a setting is wrong.
"""


def build_app() -> typer.Typer:
    """Return the command line: every verb and every noun with its verbs."""
    app = _group(_HELP)
    for name, command in VERBS.items():
        _add(app, name, command)
    for noun, (help_, commands) in NOUNS.items():
        group = _group(help_)
        for name, command in commands.items():
            _add(group, name, command)
        app.add_typer(group, name=noun)
    return app


def main() -> None:
    """Run the command line of this process."""
    build_app()()


def _group(help_: str) -> typer.Typer:
    options: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(
        help=help_,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        add_completion=False,
        context_settings=options,
        pretty_exceptions_enable=False,
    )


def _add(group: typer.Typer, name: str, command: Callable[..., None]) -> None:
    group.command(name)(kindly(command))
