"""Both servers for a while."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import redis

from ops.dev import proc
from ops.dev.errors import BinaryMissing
from ops.dev.redis import EmbeddedRedis
from ops.dev.services import services

GIVEN = {"DATABASE_URL": "postgresql://db.example/paylink", "REDIS_URL": "redis://cache.example/0"}


def test_given_servers_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    with services(tmp_path / "data", durable=True, environ=GIVEN) as both:
        assert both.database_url == GIVEN["DATABASE_URL"]
        assert both.redis_url == GIVEN["REDIS_URL"]
        assert both.embedded == ()
    assert not (tmp_path / "data").exists()


@pytest.mark.services
def test_embedded_servers_answer_in_the_block_and_are_gone_after_it(tmp_path: Path) -> None:
    said: list[str] = []
    with services(tmp_path, durable=False, say=said.append) as both:
        assert psycopg.connect(both.database_url).execute("SELECT 1").fetchone() == (1,)
        assert redis.Redis.from_url(both.redis_url).ping()
        assert [server.name for server in both.embedded] == ["postgres", "redis"]
        password = both.database_url.split(":")[2].split("@")[0]
        assert password not in repr(both)
    assert [one.process and one.process.returncode for one in both.embedded] == [0, 0]
    assert len(said) == 1
    assert "making a new PostgreSQL" in said[0]


@pytest.mark.services
def test_one_of_both_may_be_given(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": GIVEN["DATABASE_URL"]}
    with services(tmp_path, durable=False, environ=environ) as both:
        assert both.postgres is None
        assert redis.Redis.from_url(both.redis_url).ping()


@pytest.mark.services
def test_when_one_cannot_start_the_other_is_stopped(tmp_path: Path) -> None:
    with (
        pytest.raises(BinaryMissing, match="EMBEDDED_POSTGRES"),
        services(tmp_path, durable=False, environ={"EMBEDDED_POSTGRES": "none"}),
    ):
        raise AssertionError("the block must not run")
    assert (tmp_path / "logs" / "redis.log").exists()
    assert proc.working_in(tmp_path / "redis", EmbeddedRedis.programs) == ()
