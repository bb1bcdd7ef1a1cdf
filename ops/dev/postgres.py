"""An embedded PostgreSQL: made once, durable, on the loopback, behind a password."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from ops.dev import folder as folders
from ops.dev import proc
from ops.dev.account import Account, account
from ops.dev.binaries import Binary, find_postgres
from ops.dev.errors import FolderUnusable, ServerFailed
from ops.dev.ports import LOOPBACK
from ops.dev.server import EmbeddedServer

DATABASE = "paylink"
ROLE = "paylink"
#: initdb writes about 40 MB and syncs it: seconds, or a minute on a crowded disk.
INITDB_LIMIT_S = 180.0
CONNECT_LIMIT_S = 2
#: The first version whose own C.UTF-8 sorts the same on every machine.
BUILTIN_LOCALE_SINCE = 17

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # Every program of the house with its pool, and the tests beside them.
    "max_connections": "200",
    # Modest: it shares a developer's machine; the operating system caches the rest.
    "shared_buffers": "64MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
#: For tests: a committed row survives a killed server, but not a power cut. synchronous_commit
#: stays on: without it a commit is answered before it has left the server's own memory.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL in `<folder>/postgres`, the role `paylink` owning the database `paylink`."""

    name = "postgres"
    last_signal = signal.SIGINT  # fast stop; on SIGTERM it would wait for every client to leave
    programs = frozenset({"postgres"})

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        say: Callable[[str], None] = lambda _: None,
        environ: Mapping[str, str] = os.environ,
        run_as: Account | None = None,
    ) -> None:
        """`run_as` is for tests: whom to run as instead of what this machine allows."""
        super().__init__(folder, say)
        self._durable = durable
        self._environ = environ
        self._run_as = run_as
        self._binary: Binary | None = None
        self._data_folder = self.home / "data"

    @property
    def url(self) -> str:
        """`postgresql://paylink:<password>@127.0.0.1:<port>/paylink`."""
        return self._url(DATABASE)

    @property
    def binary(self) -> Binary:
        """The PostgreSQL found on this machine. Raises BinaryMissing."""
        self._binary = self._binary or find_postgres(self._environ)
        return self._binary

    @property
    def _account(self) -> Account:
        self._run_as = self._run_as or account()
        return self._run_as

    @property
    def _user(self) -> int | None:
        return self._account.switch_to

    def _data(self) -> Path:
        return self._data_folder

    def _url(self, database: str) -> str:
        return f"postgresql://{ROLE}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def _prepare(self) -> None:
        self._password = folders.kept_password(self.home / "password")
        self._account.give(self.home)
        if self._data_folder.exists():
            self._check_version()
            self._drop_stale_pid()
        else:
            self._make_data()

    def _argv(self) -> Sequence[str]:
        settings = {**SETTINGS, **({} if self._durable else NOT_DURABLE), "port": str(self._port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = str(self.binary.path)
        return [*self._account.prefix, program, "-D", str(self._data_folder), *options]

    def _make_data(self) -> None:
        """Run initdb beside the final place and move it there: half a database never counts."""
        self._say(f"making a new PostgreSQL {self.binary.version} database in {self.home}")
        half = self.home / "data.new"
        if half.exists():
            shutil.rmtree(half)
        locale = ["--locale=C"]
        if self.binary.major >= BUILTIN_LOCALE_SINCE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        process = self._spawn(
            [
                *self._account.prefix,
                str(self.binary.folder / "initdb"),
                *("-D", str(half), "-U", ROLE, "-E", "UTF8", *locale),
                *("-A", "scram-sha-256", "--pwfile", str(self.home / "password")),
                *(() if self._durable else ("--no-sync",)),
            ]
        )
        try:
            code = process.wait(INITDB_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise self._failed(f"initdb did not end in {INITDB_LIMIT_S:.0f} s") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if code != 0:
            raise self._failed(f"initdb ended with exit code {code}")
        half.rename(self._data_folder)

    def _check_version(self) -> None:
        made_by = (self._data_folder / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != str(self.binary.major):
            raise FolderUnusable(
                f"{self._data_folder} was made by PostgreSQL {made_by}, and {self.binary.path} is "
                f"{self.binary.version}: install {made_by}, or delete {self.home} to start anew"
            )

    def _drop_stale_pid(self) -> None:
        """Delete a postmaster.pid whose number belongs to a stranger by now.

        A dead number PostgreSQL handles itself, but it takes any living process for a server.
        Ours are ended already; where we may not see its directory, PostgreSQL judges.
        """
        file = self._data_folder / "postmaster.pid"
        try:
            pid = int(file.read_text(encoding="ascii").split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        if proc.cwd(pid) not in ("", str(self._data_folder.resolve())):
            self._say(f"pid {pid} in {file} is another program's: the file is stale, deleted")
            file.unlink()

    def _complaint(self) -> str | None:
        try:
            with psycopg.connect(
                self._url("postgres"), connect_timeout=CONNECT_LIMIT_S, autocommit=True
            ) as connection:
                made = connection.execute(
                    "SELECT FROM pg_database WHERE datname = %s", (DATABASE,)
                ).rowcount
                if not made:
                    connection.execute(
                        sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE))
                    )
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServerFailed(
                    f"{self.home / 'password'} is not the password this database was made with: "
                    f"put it back, or delete {self.home} to start anew"
                ) from error
            return str(error).strip()
        return None
