"""The operator's command: every noun and verb of `paylink`, put together in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import typer

from ops.cli import audit, demo, gateways, keys, merchants, parked, payments, running
from ops.cli.refusals import kindly

Commands = Mapping[str, Callable[..., None]]

#: What stands alone, in the order in which a newcomer needs it.
VERBS: Final[Commands] = {
    "up": running.up,
    "demo": demo.demo,
    "migrate": running.migrate,
    "seed": running.seed,
}
NOUNS: Final[Mapping[str, tuple[str, Commands]]] = {
    "payments": (
        "Payments: one's whole story, and the newest.",
        {"show": payments.show, "list": payments.list_},
    ),
    "parked": (
        "What waits for a person, why, and how to set it going again.",
        {"list": parked.list_, "retry": parked.retry},
    ),
    "gateways": (
        "Gateways: how they are, and a person's word about one.",
        {
            "list": gateways.list_,
            "up": gateways.up,
            "down": gateways.down,
            "release": gateways.release,
        },
    ),
    "merchant": (
        "Merchants: who may take payments here.",
        {"create": merchants.create, "list": merchants.list_},
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
