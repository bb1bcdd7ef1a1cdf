"""A disk that is really full: what cannot be recorded is neither accepted nor sent.

Needs a file system of its own, so it runs only as root; `SqlError("53100")` stands for it elsewhere.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ops.dev.services import Services
from tests.faults.door import a_door
from tests.faults.shop import Shop
from tests.store.conftest import Books

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a tiny disk"),
]

DISK = "256k"
#: What fills it; its rows are as large as a page may hold.
JUNK = "CREATE TABLE junk (filler text STORAGE PLAIN) TABLESPACE tiny"


@pytest.fixture
def disk(tmp_path: Path, servers: Services) -> Iterator[Path]:
    """Mount a tiny disk for the server."""
    assert servers.postgres is not None
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "paylink-tiny", str(folder)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("this root may not mount")
    try:
        # The server's own user works there, and reaches it by the path of its own folder.
        owner = (servers.postgres.home / "data").stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        for parent in folder.parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(books: Books, disk: Path, *names: str) -> Iterator[None]:
    """Keep these tables, which are empty, on the tiny disk, and fill it until the block ends."""
    with psycopg.connect(books.url, autocommit=True) as db:
        db.execute(f"CREATE TABLESPACE tiny LOCATION '{disk}'")
        places = [_running(db, name) for name in names]
        try:
            for place in places:
                # What earlier tests deleted has left room in its pages.
                db.execute(f"VACUUM FULL {place}".encode())
                db.execute(f"ALTER TABLE {place} SET TABLESPACE tiny".encode())
            db.execute(JUNK)
            with pytest.raises(psycopg.errors.DiskFull):
                _fill(db)
            yield
        finally:
            db.execute("DROP TABLE IF EXISTS junk")
            for place in places:
                db.execute(f"ALTER TABLE {place} SET TABLESPACE pg_default".encode())
            db.execute("DROP TABLESPACE tiny")


def _running(db: psycopg.Connection[tuple[object, ...]], name: str) -> str:
    """Return where a table's new rows lie: of a history, in a partition."""
    found = db.execute("SELECT to_regclass('partitions.' || %s || '_first')::text", [name])
    (first,) = found.fetchone() or (None,)
    return str(first or name)


def _fill(db: psycopg.Connection[tuple[object, ...]]) -> None:
    for _ in range(1_000):
        db.execute("INSERT INTO junk VALUES (repeat('x', 8000))")


def test_the_door_accepts_nothing_that_it_cannot_record(
    books: Books, disk: Path, servers: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_door(books, books.url, servers.redis_url, monkeypatch) as door:
        with full(books, disk, "idempotency_keys"):
            refused = door.checkout("full-disk")
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) >= 1
        _, body = door.stubbornly("full-disk")
        door.accepted_once("full-disk", body)


def test_without_room_for_an_attempt_nothing_is_sent(books: Books, disk: Path) -> None:
    shop = Shop(books, books.url)
    payment_id = shop.a_payment()
    with full(books, disk, "payment_attempts"):
        shop.work(payment_id)
        assert len(shop.crashes) == 1
        assert shop.till.asked[payment_id] == []
    shop.finish(payment_id)
    shop.paid_once(payment_id)
    shop.close()


def test_an_answer_without_room_leaves_the_attempt_sending(books: Books, disk: Path) -> None:
    shop = Shop(books, books.url)
    payment_id = shop.a_payment()
    with full(books, disk, "attempt_facts"):
        shop.work(payment_id)
        assert len(shop.till.asked[payment_id]) == 1
        assert [one["state"] for one in shop.attempts(payment_id)] == ["sending"]
    shop.finish(payment_id)
    shop.paid_once(payment_id)
    shop.close()
