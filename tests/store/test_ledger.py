"""The audit chain holds, and whoever tampers with it is found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from ops.store.ledger import Verdict, seal, verify
from tests.store.conftest import Books

pytestmark = pytest.mark.services
KEY = b"a" * 32


def entries(books: Books, count: int) -> None:
    for n in range(count):
        books.sql(
            "INSERT INTO audit_logs (actor, actor_id, action, entity, entity_id, before, after,"
            " request_id) VALUES ('worker', 'w', :a, 'payment', 'pay', '{\"b\": 1, \"a\": null}',"
            " '{}', 'r')",
            a=f"deed {n}",
        )


def tamper(books: Books, statement: str) -> Verdict:
    with books.engine.begin() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text(statement))
    return verify(books.engine, KEY)


def test_every_entry_is_sealed_once_and_the_chain_verifies(books: Books) -> None:
    entries(books, 5)
    assert seal(books.engine, KEY) == 5
    assert seal(books.engine, KEY) == 0
    entries(books, 3)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: seal(books.engine, KEY), range(8))) == 3

    verdict = verify(books.engine, KEY)
    assert (verdict.entries, verdict.checkpoints, verdict.broken) == (8, 2, None)


@pytest.mark.parametrize(
    ("statement", "seq", "what"),
    [
        ("UPDATE audit_logs SET action = 'x' WHERE id = 3", 3, "changed"),
        ("UPDATE audit_logs SET after = '{\"a\": 1}' WHERE id = 2", 2, "changed"),
        ("DELETE FROM audit_logs WHERE id = 4", 4, "missing"),
        ("DELETE FROM audit_chain WHERE seq = 2", 2, "missing"),
        ("DELETE FROM audit_chain WHERE seq > 4", 5, "cut short"),
        ("DELETE FROM audit_checkpoints", 6, "no checkpoint"),
        ("UPDATE audit_chain SET hash = '\\x00' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit_chain SET prev_hash = '\\x00' WHERE seq = 3", 3, "does not follow"),
    ],
)
def test_tampering_is_found_at_its_place(books: Books, statement: str, seq: int, what: str) -> None:
    entries(books, 6)
    seal(books.engine, KEY)

    verdict = tamper(books, statement)

    assert verdict.broken is not None
    assert verdict.broken.seq == seq
    assert what in verdict.broken.what


def test_a_chain_rewritten_without_the_key_does_not_match_its_checkpoint(books: Books) -> None:
    entries(books, 3)
    seal(books.engine, b"another key" * 3)

    verdict = verify(books.engine, KEY)
    assert verdict.broken is not None
    assert "checkpoint" in verdict.broken.what


def test_entries_unsealed_for_long_are_reported_and_sealed_by_the_full_pass(books: Books) -> None:
    entries(books, 2)
    with books.engine.begin() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text("UPDATE audit_logs SET created_at = now() - interval '2 hours'"))

    assert seal(books.engine, KEY) == 0
    assert verify(books.engine, KEY).overdue == 2
    assert seal(books.engine, KEY, everything=True) == 2
    assert verify(books.engine, KEY).overdue == 0
