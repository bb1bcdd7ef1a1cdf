"""What /proc tells about other processes; nothing where there is no /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LISTEN = "0A"  # the state column of /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Owner:
    """The process behind a listening port, as far as we may see it."""

    pid: int
    name: str


def living() -> Iterator[int]:
    """Every process id visible here."""
    try:
        entries = os.listdir(PROC)
    except FileNotFoundError:
        return
    yield from (int(entry) for entry in entries if entry.isdigit())


def working_in(folder: Path, programs: Container[str]) -> tuple[int, ...]:
    """The processes of these names whose current directory is this folder.

    Servers keep theirs for life. The name matters: a developer's shell may stand there too.
    """
    wanted = str(folder.resolve())
    return tuple(pid for pid in living() if cwd(pid) == wanted and _name(pid) in programs)


def cwd(pid: int) -> str:
    """The current directory of a process; empty when it is gone or not ours to see."""
    return _link(PROC / str(pid) / "cwd")


def parent(pid: int) -> int:
    """The parent of a process; 0 when it is gone."""
    # The name in parentheses may hold spaces and parentheses itself: count from its end.
    _, _, rest = _content(pid, "stat").rpartition(b") ")
    return int(rest.split()[1]) if rest else 0


def marked(entry: str) -> tuple[int, ...]:
    """The processes, ourselves apart, that were started with `NAME=value` in their environment."""
    wanted = entry.encode()
    return tuple(
        pid
        for pid in living()
        if pid != os.getpid() and wanted in _content(pid, "environ").split(b"\0")
    )


def send(pid: int, number: signal.Signals) -> None:
    """Signal one process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def leads_session(pid: int) -> bool:
    """Whether the process leads its session: so do those that we start, not their children."""
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def listening_on(port: int) -> Owner | None:
    """Who listens on this TCP port, or None when nobody does or it is not ours to see."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for pid in living():
        if any(_link(entry) in sockets for entry in _open_files(pid)):
            return Owner(pid, _name(pid))
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                yield columns[9]


def _open_files(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "fd").iterdir())
    except OSError:  # ended meanwhile, or another user's
        return []


def _name(pid: int) -> str:
    return _content(pid, "comm").decode(errors="replace").strip()


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:  # ended meanwhile, or another user's
        return ""


def _content(pid: int, name: str) -> bytes:
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:  # ended meanwhile, or another user's
        return b""
