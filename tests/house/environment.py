"""The environment as .env.example describes it."""

from __future__ import annotations

import re

from tests.house.source import texts

_LINE = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>[^#]*)(?:#(?P<about>.*))?")


def example() -> dict[str, tuple[str, str]]:
    """Return each setting of .env.example with its value and its comment."""
    found: dict[str, tuple[str, str]] = {}
    for line in texts()[".env.example"].splitlines():
        if line and not line.startswith("#"):
            match = _LINE.fullmatch(line)
            assert match, line
            assert match["name"] not in found, f"{match['name']} is there twice"
            found[match["name"]] = match["value"].strip(), (match["about"] or "").strip()
    return found
