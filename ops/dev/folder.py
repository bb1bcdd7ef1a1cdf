"""The data folder: ours alone, and written so that a crash never leaves half a file."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from ops.dev.errors import FolderUnusable

PRIVATE_FOLDER = 0o700
#: Where a running system is, as JSON with the passwords of its stores: its owner's alone. Written by
#: `paylink up` when its servers are up, removed when it ends.
RUNNING_FILE = "running.json"
PASSWORD_BYTES = 24


def prepare(folder: Path) -> Path:
    """Make the folder (mode 0700 when new), prove that we can write in it, return it absolute.

    Raises FolderUnusable, which names the folder and the fix.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise FolderUnusable(
            f"cannot write in {folder} ({error.strerror}): "
            "make it writable for this user, or choose another data folder"
        ) from error


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def kept_password(path: Path) -> str:
    """The password in this file, generated on first use; letters and digits only."""
    try:
        password = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        password = ""
    if not password:
        password = secrets.token_hex(PASSWORD_BYTES)
        write_private(path, f"{password}\n")
    path.chmod(0o600)
    return password
