"""The embedded PostgreSQL: real servers, real kills."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.dev import proc
from ops.dev.account import account
from ops.dev.errors import AlreadyRunning, FolderUnusable, ServerFailed
from ops.dev.ports import LOOPBACK, free_port, is_free
from ops.dev.postgres import EmbeddedPostgres

pytestmark = pytest.mark.services


class Said(list[str]):
    """What a server told, one line each."""

    @property
    def text(self) -> str:
        return "\n".join(self)


@pytest.fixture(scope="module")
def said() -> Said:
    return Said()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, said: Said) -> Iterator[EmbeddedPostgres]:
    """One server for the module, in a folder where an earlier initdb was killed half way."""
    folder = tmp_path_factory.mktemp("data with 'quotes' and spaces")
    half = folder / "postgres" / "data.new"
    half.mkdir(parents=True)
    half.parent.chmod(0o700)
    (half / "PG_VERSION").write_text("")
    server = EmbeddedPostgres(folder, durable=False, say=said.append)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres(made: EmbeddedPostgres, said: Said) -> EmbeddedPostgres:
    """The server of the module, running, whatever the test before did to it."""
    made.start()
    said.clear()
    return made


def ask(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        return connection.execute(question.encode()).fetchall()


def settings(url: str, *names: str) -> list[str]:
    return [str(ask(url, f"SHOW {name}")[0][0]) for name in names]


def leave(url: str, mark: str) -> None:
    """Commit a row that must be there later."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (mark text)")
        connection.execute("INSERT INTO kept VALUES (%s)", (mark,))


def kept(url: str) -> set[str]:
    return {str(row[0]) for row in ask(url, "SELECT mark FROM kept")}


def test_the_database_is_what_the_programs_expect(postgres: EmbeddedPostgres) -> None:
    ((role, database, encoding, collation),) = ask(
        postgres.url,
        "SELECT current_user, current_database(), pg_encoding_to_char(encoding), datlocale "
        "FROM pg_database WHERE datname = current_database()",
    )
    assert (role, database, encoding) == ("paylink", "paylink", "UTF8")
    assert collation == "C.UTF-8"
    assert settings(
        postgres.url, "max_connections", "lock_timeout", "listen_addresses", "timezone"
    ) == ["200", "0", LOOPBACK, "UTC"]
    assert postgres.url.startswith("postgresql://paylink:")
    assert postgres.url.endswith("/paylink")


def test_nobody_comes_in_without_the_password(postgres: EmbeddedPostgres) -> None:
    password = (postgres.home / "password").read_text().strip()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(postgres.url.replace(password, "guess"), "SELECT 1")
    assert password not in postgres.log.read_text()


def test_the_files_are_private(postgres: EmbeddedPostgres) -> None:
    modes = {
        name: (postgres.home / name).stat().st_mode & 0o777 for name in (".", "data", "password")
    }
    assert modes == {".": 0o700, "data": 0o700, "password": 0o600}
    assert postgres.log.stat().st_mode & 0o777 == 0o600


def test_data_and_address_survive_a_restart(postgres: EmbeddedPostgres, said: Said) -> None:
    url = postgres.url
    leave(url, "restart")
    assert postgres.restart() == url
    assert EmbeddedPostgres(postgres.folder).home == postgres.home
    assert "restart" in kept(url)
    assert said == []


def test_a_commit_survives_a_killed_server(postgres: EmbeddedPostgres, said: Said) -> None:
    url = postgres.url
    leave(url, "kill")
    postgres.kill()
    assert proc.working_in(postgres.home / "data", {"postgres"}) == ()
    with pytest.raises(psycopg.OperationalError):
        ask(url, "SELECT 1")

    assert postgres.start() == url
    assert "kill" in kept(url)
    assert said == []


def test_stopping_does_not_wait_for_clients(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url):
        began = time.monotonic()
        postgres.stop()
    assert time.monotonic() - began < 15
    postgres.stop()


def test_another_port_is_taken_and_said_when_ours_is_lost(
    postgres: EmbeddedPostgres, said: Said
) -> None:
    old = int((postgres.home / "port").read_text())
    postgres.stop()
    with socket.create_server((LOOPBACK, old)):
        url = postgres.start()
    assert f":{old}/" not in url
    assert f"port {old} of postgres is taken (pid {os.getpid()}" in said.text
    assert ask(url, "SELECT 1") == [(1,)]


def test_a_pid_file_that_names_a_stranger_is_stale(postgres: EmbeddedPostgres, said: Said) -> None:
    postgres.kill()
    file = postgres.home / "data" / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    postgres.start()

    assert f"pid {os.getpid()} in {file} is another program's" in said.text
    assert "kept" not in said.text


def test_a_server_that_an_earlier_run_left_is_stopped_first(
    postgres: EmbeddedPostgres, said: Said
) -> None:
    leave(postgres.url, "leftover")
    postgres.stop()
    data, port = postgres.home / "data", free_port()
    subprocess.run(
        [
            *account().prefix,
            postgres.binary.folder / "pg_ctl",
            *("-D", data, "-w", "-t", "60", "-l", postgres.folder / "leftover.log"),
            *("-o", f"-c listen_addresses={LOOPBACK} -c port={port} -c unix_socket_directories=''"),
            "start",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert not is_free(port)

    postgres.start()

    assert "stopping postgres of an earlier run" in said.text
    assert "killing" not in said.text
    assert is_free(port)
    assert "leftover" in kept(postgres.url)


def test_a_shell_in_the_data_folder_is_no_server(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    with subprocess.Popen(["sleep", "60"], cwd=postgres.home / "data") as shell:
        postgres.start()
        assert shell.poll() is None
        shell.kill()


def test_a_folder_has_one_server_at_a_time(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(AlreadyRunning, match=f"postgres already runs on .*pid {os.getpid()}"):
        EmbeddedPostgres(postgres.folder).start()
    assert ask(postgres.url, "SELECT 1") == [(1,)]


def test_a_failing_start_shows_the_end_of_the_log(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    extra = postgres.home / "data" / "postgresql.auto.conf"
    before = extra.read_text()
    extra.write_text(f"{before}work_mem = 'plenty'\n")
    try:
        with pytest.raises(ServerFailed, match=r"(?s)ended with exit code 1.*work_mem"):
            postgres.start()
    finally:
        extra.write_text(before)
    assert ask(postgres.start(), "SELECT 1") == [(1,)]


def test_a_lost_password_is_explained(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    file = postgres.home / "password"
    password = file.read_text()
    file.unlink()
    try:
        with pytest.raises(ServerFailed, match=r"password is not the password.*put it back"):
            postgres.start()
    finally:
        file.write_text(password)
    assert postgres.process is not None
    assert postgres.process.poll() is not None


def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(FolderUnusable, match=r"was made by PostgreSQL 9\.6, and .*delete"):
        EmbeddedPostgres(tmp_path).start()


def test_durable_is_the_default_and_loses_nothing(postgres: EmbeddedPostgres) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes")
    assert settings(postgres.url, *names) == ["off", "on", "off"]
    postgres.stop()
    server = EmbeddedPostgres(postgres.folder)
    try:
        assert settings(server.start(), *names) == ["on", "on", "on"]
    finally:
        server.stop()
