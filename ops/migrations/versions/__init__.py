"""One file per version."""

from __future__ import annotations

from pathlib import Path


def names() -> list[str]:
    """Return the versions, oldest first."""
    return sorted(path.name[:4] for path in Path(__file__).parent.glob("[0-9]*.py"))
