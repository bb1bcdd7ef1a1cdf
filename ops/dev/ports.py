"""TCP ports on the loopback: free ones, remembered ones, and who sits on a taken one."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from ops.dev import proc
from ops.dev.errors import PortTaken
from ops.dev.folder import write_private

LOOPBACK = "127.0.0.1"
#: Below this live well-known services of a developer's machine.
LOWEST_PORT = 15_000
HIGHEST_PORT = 65_535
#: Random tries before the kernel is asked instead: only a nearly full range gets there.
TRIES = 100
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are still closing must not look like an owner.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A free loopback port which no outgoing connection can take by chance.

    The kernel's own choice would come from the ephemeral range. There a client that keeps
    reconnecting to a stopped server can connect to itself and hold the port for good.
    """
    ceiling = _ephemeral_start()
    if ceiling > LOWEST_PORT:
        for _ in range(TRIES):
            port = LOWEST_PORT + secrets.randbelow(ceiling - LOWEST_PORT)
            if is_free(port):
                return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def remembered_port(memory: Path, name: str, say: Callable[[str], None]) -> int:
    """The port kept in this file while it is still free, else a new one, which is said."""
    kept = _kept(memory)
    if kept is not None and is_free(kept):
        return kept
    port = free_port()
    if kept is not None:
        say(f"port {kept} of {name} is taken{_by(kept)}: using {port}")
    write_private(memory, f"{port}\n")
    return port


def require_free(port: int, setting: str, host: str = LOOPBACK) -> None:
    """Refuse a taken port, naming who has it and the setting that moves us.

    Raises PortTaken.
    """
    if not is_free(port, host):
        raise PortTaken(f"port {port} is taken{_by(port)}: stop it or set {setting}")


def _by(port: int) -> str:
    owner = proc.listening_on(port)
    return f" (pid {owner.pid}, {owner.name})" if owner else ""


def _kept(memory: Path) -> int | None:
    try:
        port = int(memory.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return port if 0 < port <= HIGHEST_PORT else None


def _ephemeral_start() -> int:
    try:
        return int(EPHEMERAL.read_text(encoding="ascii").split()[0])
    except OSError:  # not Linux: let the kernel choose
        return 0
