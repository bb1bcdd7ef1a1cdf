"""Root, not root, and folders that refuse: whom the servers run as."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from ops.dev.account import NOBODY, USER_NAMESPACE, Account
from ops.dev.errors import FolderUnusable
from ops.dev.postgres import EmbeddedPostgres
from tests.dev.conftest import RunPython, python_env
from tests.dev.waiting import is_gone, wait_until

pytestmark = pytest.mark.services

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

SERVE = """
import os, sys, psycopg, redis
from pathlib import Path
from ops.dev.errors import DevError
from ops.dev.services import services
try:
    with services(Path(sys.argv[1]), durable=False) as both:
        with psycopg.connect(both.database_url) as connection:
            print("postgres", connection.execute("SELECT 40 + 2").fetchone()[0])
        print("redis", redis.Redis.from_url(both.redis_url).ping(), "as", os.geteuid())
except DevError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
HOLD = """
import sys, signal
from pathlib import Path
from ops.dev.services import services
with services(Path(sys.argv[1]), durable=False) as both:
    print(both.postgres.process.pid, both.redis.process.pid, flush=True)
    signal.pause()
"""
TO_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--bounding-set=-all", "--inh-caps=-all"),
)


def a_launcher(prefix: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """The prefix and our Python, in a place where this account may read it; else a skip.

    An interpreter below a private home is shown in `folder` by a mount that only the new process
    sees.
    """
    shown = folder / "python"
    shown.mkdir()
    mount = f"mount --bind '{sys.base_prefix}' '{shown}'"
    # A shared libpython is looked up where Python was built: point to the visible place.
    show = f"{mount} && export LD_LIBRARY_PATH='{shown / 'lib'}' && exec \"$@\""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for launcher in (
        (*prefix, sys.executable),
        ("unshare", "--mount", "sh", "-c", show, "sh", *prefix, str(shown / "bin" / name)),
    ):
        command = [*launcher, "-c", "import psycopg, redis, ops.dev.services"]
        try:
            tried = subprocess.run(command, env=python_env(), capture_output=True, check=False)
        except FileNotFoundError:
            continue
        if tried.returncode == 0:
            return launcher
    pytest.skip(f"{prefix[0]} leads to no account that may run our Python here")


@as_root
@pytest.mark.parametrize(
    ("prefix", "uid"), [(TO_NOBODY, NOBODY), (USER_NAMESPACE, 1000)], ids=["nobody", "namespace"]
)
def test_an_ordinary_user_gets_both_servers(
    open_folder: Path, run_python: RunPython, prefix: tuple[str, ...], uid: int
) -> None:
    process = run_python(SERVE, str(open_folder / "data"), launcher=a_launcher(prefix, open_folder))
    output, _ = process.communicate(timeout=120)
    assert output == f"postgres 42\nredis True as {uid}\n"
    assert process.returncode == 0


@as_root
def test_root_without_user_namespaces_runs_postgres_as_nobody(open_folder: Path) -> None:
    folder = open_folder / "data"
    as_nobody = EmbeddedPostgres(folder, durable=False, run_as=Account(switch_to=NOBODY))
    url = as_nobody.start()
    try:
        assert as_nobody.process is not None
        assert os.stat(f"/proc/{as_nobody.process.pid}").st_uid == NOBODY
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept ()")
        as_nobody.kill()
        assert as_nobody.start() == url
    finally:
        as_nobody.stop()
    assert (folder / "postgres" / "data").stat().st_uid == NOBODY

    back = EmbeddedPostgres(folder, durable=False)
    try:
        with psycopg.connect(back.start()) as connection:
            connection.execute("SELECT * FROM kept")
    finally:
        back.stop()
    assert (folder / "postgres" / "data").stat().st_uid == 0


@as_root
def test_a_path_that_nobody_can_pass_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    server = EmbeddedPostgres(tmp_path / "data", run_as=Account(switch_to=NOBODY))
    with pytest.raises(FolderUnusable, match=r"cannot pass .*DATABASE_URL"):
        server.start()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@as_root
def test_the_folder_of_another_user_is_refused(open_folder: Path, run_python: RunPython) -> None:
    (open_folder / "data" / "postgres").mkdir(parents=True)
    (open_folder / "data").chmod(0o755)
    process = run_python(
        SERVE, str(open_folder / "data"), launcher=a_launcher(TO_NOBODY, open_folder)
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"FolderUnusable: cannot write in {open_folder / 'data'} (Permission denied)" in output


@as_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a mount namespace")
def test_a_read_only_folder_is_named_with_the_fix(tmp_path: Path, run_python: RunPython) -> None:
    mounted = ("unshare", "--mount", "sh", "-c")
    make_read_only = (
        f"mount --bind '{tmp_path}' '{tmp_path}' && mount -o remount,ro,bind '{tmp_path}'"
    )
    if subprocess.run([*mounted, make_read_only], capture_output=True, check=False).returncode:
        pytest.skip("mounts are forbidden here")
    launcher = (*mounted, f'{make_read_only} && exec "$@"', "sh", sys.executable)
    process = run_python(SERVE, str(tmp_path), launcher=launcher)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"cannot write in {tmp_path} (Read-only file system)" in output
    assert "choose another data folder" in output


def test_the_servers_of_a_killed_run_go_with_it(tmp_path: Path, run_python: RunPython) -> None:
    process = run_python(HOLD, str(tmp_path))
    assert process.stdout is not None
    postgres, redis = map(int, process.stdout.readline().split())

    process.send_signal(signal.SIGKILL)
    process.wait()

    wait_until(lambda: is_gone(postgres) and is_gone(redis))
    server = EmbeddedPostgres(tmp_path, durable=False)
    try:
        psycopg.connect(server.start()).close()
    finally:
        server.stop()
