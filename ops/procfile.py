"""Procfile: the programs of the system by name, one line each, the same everywhere."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Return each program's command as words. `python` means the interpreter that reads this.

    Raises ValueError naming a line that is not `name: command`.
    """
    programs: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, colon, command = text.partition(":")
        words = shlex.split(command)
        if not colon or not words or not name.strip():
            raise ValueError(f"{path}, line {number}: write it as `name: command`")
        programs[name.strip()] = [sys.executable if words[0] == "python" else words[0], *words[1:]]
    return programs
