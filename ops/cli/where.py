"""Where the commands work: the environment's system, or the `paylink up` that runs here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from ops.dev.folder import RUNNING_FILE
from ops.dev.secrets import development_secrets
from ops.settings import BadSettings, Settings
from ops.store.engine import open_engine

DATA_SETTING: Final = "PAYLINK_DATA"
DATA_FOLDER: Final = ".paylink"
#: Any of these in the environment means that somebody has said where the database is.
_NAMES_A_DATABASE: Final = ("DATABASE_URL", "DATABASE_URL_FILE", "DB_HOST", "DB_HOST_FILE")
#: A command does one thing at a time; the second connection is for what it reads meanwhile.
_CONNECTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Running:
    """A living `paylink up`, as its folder describes it."""

    folder: Path
    url: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    #: The simulators' addresses by gateway.
    sandboxes: Mapping[str, str] = field(default_factory=dict)
    #: The folder's secrets by name.
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """The database that a command works on."""

    engine: Engine
    settings: Settings


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of `paylink up`: PAYLINK_DATA, else `.paylink` in the current directory."""
    return Path(environ.get(DATA_SETTING) or DATA_FOLDER)


def environment_here(environ: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """Return the environment, completed by the running `paylink up` if it names no database.

    Raises BadSettings when there is neither.
    """
    if any(environ.get(name, "").strip() for name in _NAMES_A_DATABASE):
        return environ
    running = find_running(environ)
    if running is None:
        raise BadSettings(
            [
                "DATABASE_URL is missing: set it and REDIS_URL, or start `paylink up` (make run); "
                f"there is none in {data_folder(environ)} ({DATA_SETTING} names another folder)"
            ]
        )
    # As `paylink up` does it: the environment beats the folder's secrets, and the servers are its.
    given = {name: value for name, value in environ.items() if value.strip()}
    servers = {"DATABASE_URL": running.database_url, "REDIS_URL": running.redis_url}
    return {**running.secrets, **given, **servers}


def settings_here(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the system that the commands work on. Raises BadSettings."""
    settings = Settings.from_env(environment_here(environ))
    if not settings.database_url:
        raise BadSettings(["USE_MOCK_DB is on, so there is no database to work on: unset it"])
    if not _is_address(settings.database_url):
        # Not quoted: it may hold a password.
        right = "write it as postgresql://user:password@host:5432/database"
        raise BadSettings([f"DATABASE_URL is not the address of a PostgreSQL database: {right}"])
    return settings


def find_running(environ: Mapping[str, str] = os.environ) -> Running | None:
    """Return the `paylink up` of the data folder; None: none runs there.

    Raises BadSettings for a file that cannot be read, DevError for the folder's secrets.
    """
    folder = data_folder(environ)
    path = folder / RUNNING_FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if not _lives(int(said["pid"])):
            return None
        found = Running(
            folder,
            str(said["url"]),
            str(said["database_url"]),
            str(said["redis_url"]),
            {str(name): str(url) for name, url in said["sandboxes"].items()},
            _secrets(folder),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadSettings(
            [f"{path} cannot be read ({error.strerror}): become its owner, or set DATABASE_URL"]
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadSettings(
            [f"{path} is not what `paylink up` writes: start it again, or set DATABASE_URL"]
        ) from None
    return found


@contextmanager
def open_books(environ: Mapping[str, str] = os.environ) -> Iterator[Books]:
    """Open the database for one command."""
    settings = settings_here(environ)
    engine = open_engine(settings.database_url, "cli", _CONNECTIONS)
    try:
        yield Books(engine, settings)
    finally:
        engine.dispose()


def _is_address(url: str) -> bool:
    try:
        return make_url(url).drivername == "postgresql"
    except (ArgumentError, ValueError):  # the port is not a number
        return False


def _secrets(folder: Path) -> dict[str, str]:
    from ops.dev.up import SECRET_NAMES

    def missing(name: str) -> str:
        # Making one up here would encrypt and sign with a key that nobody else has.
        raise BadSettings([f"{name} is not in {folder}/secrets.env: start `paylink up` again"])

    return development_secrets(folder, SECRET_NAMES, missing)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and alive
        return True
    return True
