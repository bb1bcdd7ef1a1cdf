"""Whom a server runs as: PostgreSQL refuses root, so root shows it another face."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.dev.errors import FolderUnusable

#: Inside, our root is uid 1000; outside, every file keeps its owner. Needs no user account.
USER_NAMESPACE = ("unshare", "--user", "--map-user=1000")
NAMESPACE_LIMIT_S = 10
NOBODY = 65_534
PASSABLE = 0o711  # others may walk through, not look


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program so that it does not see itself as root."""

    #: Words before the program's own.
    prefix: tuple[str, ...] = ()
    #: The user and group to switch to; None stays who we are.
    switch_to: int | None = None

    def give(self, folder: Path) -> None:
        """Make everything below this folder belong to the account. Raises FolderUnusable."""
        ours = os.geteuid()
        owner = self.switch_to if self.switch_to is not None else ours
        found = folder.stat().st_uid
        if found == owner and self.switch_to is None:
            return
        if ours != 0:
            raise FolderUnusable(
                f"{folder} belongs to user {found} and we are user {ours}: "
                "run as its owner, change its owner, or choose another data folder"
            )
        # All of it, every time: files that we wrote since belong to us.
        for place, _, files in os.walk(folder):
            for path in (place, *(os.path.join(place, name) for name in files)):
                os.chown(path, owner, owner, follow_symlinks=False)
        if self.switch_to is not None:
            _open_the_way(folder)


def account() -> Account:
    """Ourselves if not root; else a user namespace; else nobody, where those are forbidden."""
    if os.geteuid() != 0:
        return Account()
    if _namespaces_work():
        return Account(prefix=USER_NAMESPACE)
    return Account(switch_to=NOBODY)


def _namespaces_work() -> bool:
    try:
        tried = subprocess.run(
            [*USER_NAMESPACE, "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=NAMESPACE_LIMIT_S,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _open_the_way(folder: Path) -> None:
    """Let the account reach the folder: through our data folder, never through anything above."""
    data = folder.parent
    data.chmod(PASSABLE)
    for above in data.parents:
        if not above.stat().st_mode & 0o001:
            raise FolderUnusable(
                f"PostgreSQL does not run as root, user namespaces are forbidden here, and user "
                f"{NOBODY} cannot pass {above} to reach {folder}: run as an ordinary user, "
                "choose another data folder, or set DATABASE_URL"
            )
