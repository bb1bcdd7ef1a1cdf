"""Finding server binaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ops.dev.binaries import Binary, find_postgres, find_redis
from ops.dev.errors import BinaryMissing


def a_program(path: Path, says: str, exit_code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


@pytest.mark.services
def test_the_wheels_come_first() -> None:
    postgres, redis = find_postgres(), find_redis()
    assert (postgres.kind, redis.kind) == ("wheel", "wheel")
    assert postgres.major >= 18
    assert (postgres.folder / "initdb").exists()


def test_system_programs_are_found_on_the_path(tmp_path: Path) -> None:
    redis = a_program(tmp_path / "redis-server", "Redis server v=7.0.15 sha=00000000:0 bits=64")
    postgres = a_program(tmp_path / "postgres", "postgres (PostgreSQL) 15.14 (Debian 15.14-0)")
    a_program(tmp_path / "initdb", "")
    environ = {
        "PATH": str(tmp_path),
        "EMBEDDED_REDIS": "system",
        "EMBEDDED_POSTGRES": "system",
    }
    assert find_redis(environ) == Binary("system", redis, "7.0.15")
    assert find_postgres(environ) == Binary("system", postgres, "15.14")
    assert find_postgres(environ).major == 15


def test_valkey_on_the_path_will_do(tmp_path: Path) -> None:
    valkey = a_program(tmp_path / "valkey-server", "Valkey server v=9.1.2 sha=00000000:1")
    environ = {"PATH": str(tmp_path), "EMBEDDED_REDIS": "system"}
    assert find_redis(environ) == Binary("system", valkey, "9.1.2")


def test_a_linked_postgres_is_followed_to_its_companions(tmp_path: Path) -> None:
    real = a_program(tmp_path / "real" / "postgres", "postgres (PostgreSQL) 17.2")
    a_program(tmp_path / "real" / "initdb", "")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "postgres").symlink_to(real)
    environ = {"PATH": str(tmp_path / "bin"), "EMBEDDED_POSTGRES": "system"}
    assert find_postgres(environ).path == real


def test_nothing_found_names_the_fix(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "EMBEDDED_REDIS": "system"}
    with pytest.raises(
        BinaryMissing, match=r"EMBEDDED_REDIS=system.*set REDIS_URL.*`embedded` extra"
    ):
        find_redis(environ)


def test_a_program_that_does_not_run_here_is_listed_with_its_reason(tmp_path: Path) -> None:
    broken = a_program(tmp_path / "redis-server", "wrong machine", exit_code=126)
    mute = a_program(tmp_path / "valkey-server", "hello")
    with pytest.raises(BinaryMissing) as missing:
        find_redis({"PATH": str(tmp_path), "EMBEDDED_REDIS": "system"})
    assert f"{broken}: " in str(missing.value)
    assert f"{mute}: its version is unreadable: 'hello" in str(missing.value)


@pytest.mark.parametrize("find", [find_postgres, find_redis])
def test_an_unknown_switch_is_refused_with_the_known_ones(
    find: Callable[[Mapping[str, str]], Binary],
) -> None:
    environ = {"EMBEDDED_POSTGRES": "docker", "EMBEDDED_REDIS": "docker"}
    with pytest.raises(BinaryMissing, match=r"docker is unknown: use one of wheel, .*system"):
        find(environ)
