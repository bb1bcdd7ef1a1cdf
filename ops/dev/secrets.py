"""Secrets of one development folder: generated once, kept in `secrets.env`, never shown."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from ops.dev import folder as folders
from ops.dev.errors import FolderUnusable

SECRETS_FILE = "secrets.env"
SECRET_BYTES = 32
NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def a_secret(_name: str) -> str:
    """32 random bytes as 64 hexadecimal digits, whatever the name."""
    return secrets.token_hex(SECRET_BYTES)


def development_secrets(
    folder: Path, names: Iterable[str], make: Callable[[str], str] = a_secret
) -> dict[str, str]:
    """The named secrets of this folder by name; missing ones are made with `make(name)` and kept.

    Values are single lines. Secrets in the file under other names are kept there untouched.
    Raises FolderUnusable, also when a line of the file is not `NAME=value`.
    """
    path = folders.prepare(folder) / SECRETS_FILE
    kept = _read(path)
    asked = tuple(names)
    if missing := [name for name in asked if name not in kept]:
        kept.update((name, _checked(name, make(name))) for name in missing)
        folders.write_private(path, "".join(f"{name}={value}\n" for name, value in kept.items()))
    return {name: kept[name] for name in asked}


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    path.chmod(0o600)  # someone may have edited it with a careless umask
    kept: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, equals, value = line.partition("=")
        if not (equals and NAME.fullmatch(name)):
            # The line itself is not quoted: it may be a secret.
            raise FolderUnusable(f"{path} line {number} is not NAME=value: repair or delete it")
        kept[name] = value
    return kept


def _checked(name: str, value: str) -> str:
    if not NAME.fullmatch(name) or "\n" in value or not value:
        raise ValueError(f"{name!r} is no NAME, or its secret is not one line of text")
    return value
