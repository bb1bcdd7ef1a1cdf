"""Running: bring the system up, its database to the newest version, and example rows into it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ops.cli.refusals import Misuse
from ops.cli.show import note, screen
from ops.cli.where import (
    DATA_FOLDER,
    DATA_SETTING,
    Running,
    environment_here,
    find_running,
    open_books,
    settings_here,
)
from ops.settings import BadSettings
from ops.vault import Vault


def up(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            envvar=DATA_SETTING,
            metavar="FOLDER",
            help="Where data, logs and secrets lie.",
        ),
    ] = Path(DATA_FOLDER),
) -> None:
    """Start everything on this machine, say how to use it, and keep it up until Ctrl-C.

    Brings its own PostgreSQL, Redis and simulated providers: no Docker, no root, no
    accounts. DATABASE_URL and REDIS_URL, if they are set, are used instead of own servers. Stopping
    keeps the data.
    """
    from ops.dev.up import up as run

    raise typer.Exit(run(data, os.environ, say))


def say(text: str) -> None:
    """Print a line of the system's life with its time; what has several lines, as it is."""
    if "\n" in text:
        # The banner holds a command to be copied: no wrapping, no colours, nothing in front.
        print(text, flush=True)
        return
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    line = Text.assemble((now, "dim"), "  ", text)
    screen().print(line, soft_wrap=True)


def migrate() -> None:
    """Bring the database to the newest version. Running it twice changes nothing.

    Once per deploy, before the programs start; several at the same time wait for each other.
    """
    from ops.migrate import migrate as upgrade

    settings = settings_here()
    with screen(stderr=True).status("migrating ..."):
        reached = upgrade(settings.database_url)
    screen().print(f"the database is at version {reached}")


def seed() -> None:
    """Write the demo merchant, its test key and the two sandbox gateways; twice changes nothing.

    Needs DEMO_API_KEY and, for each sandbox, SANDBOX_A_SECRET_KEY and SANDBOX_A_WEBHOOK_SECRET
    (and _B_): with a running `paylink up` they come from its folder. SANDBOX_A_URL says where the
    simulator answers. Never in production.
    """
    from ops.dev.up import ROUTES, SANDBOX_PORTS
    from ops.seed import Sandbox
    from ops.seed import seed as write

    environ = environment_here()
    names = list(SANDBOX_PORTS)
    keys = [f"{_prefix(name)}{end}" for name in names for end in ("_SECRET_KEY", "_WEBHOOK_SECRET")]
    if missing := [key for key in ("DEMO_API_KEY", *keys) if not environ.get(key)]:
        raise BadSettings(
            [f"{key} is missing: set it as the simulators have it" for key in missing]
        )
    running = find_running() if environ is not os.environ else None
    sandboxes = [
        Sandbox(
            name,
            _address(name, SANDBOX_PORTS[name][0], environ, running),
            environ[f"{_prefix(name)}_SECRET_KEY"],
            environ[f"{_prefix(name)}_WEBHOOK_SECRET"],
            ROUTES[name],
        )
        for name in names
    ]
    with open_books() as books:
        settings = books.settings
        if settings.production:
            raise Misuse(
                "APP_ENV",
                "the demo merchant and simulated gateways do not belong into production",
                "use `paylink merchant create`",
            )
        vault = Vault(settings.secrets.keyring)
        try:
            write(books.engine, vault, settings.secrets.pepper, environ["DEMO_API_KEY"], sandboxes)
        except ValueError:
            fix = "copy the whole key, or unset it to use the folder's"
            raise Misuse("DEMO_API_KEY", "it is not a test key of this system", fix) from None
    note(f"the demo merchant may use {', '.join(names)}")


def _prefix(gateway: str) -> str:
    return gateway.upper().replace("-", "_")


def _address(name: str, port: int, environ: Mapping[str, str], running: Running | None) -> str:
    """Return where a simulator answers: by the environment, the running system, the usual port."""
    if url := environ.get(f"{_prefix(name)}_URL"):
        return url
    if running is not None and name in running.sandboxes:
        return running.sandboxes[name]
    return f"http://127.0.0.1:{environ.get(f'{_prefix(name)}_PORT', port)}"
