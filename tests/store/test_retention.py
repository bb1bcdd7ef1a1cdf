"""Retention: a key is forgotten after its time and not before, by the index on that time."""

from __future__ import annotations

import psycopg
import pytest

from ops.store.retention import FORGET, forget_keys
from tests.store.conftest import Books

pytestmark = pytest.mark.services

WRITE = """
INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, status, body, resource_id,
                              expires_at)
SELECT gen_random_uuid(), 'test', 'k' || n, '', 202, '', gen_random_uuid(),
       now() + n * interval '1 minute' FROM generate_series(CAST(:first AS int), :last) n
"""
LEFT = (
    "SELECT count(*) FILTER (WHERE expires_at < now()) AS old, count(*) AS n FROM idempotency_keys"
)


def test_only_keys_whose_time_is_over_are_forgotten(books: Books) -> None:
    books.sql(WRITE, first=-25, last=10)

    assert forget_keys(books.engine, batch=10) == 26

    assert books.sql(LEFT) == [{"old": 0, "n": 10}]
    assert forget_keys(books.engine) == 0


def test_one_call_is_bounded_and_takes_the_oldest_first(books: Books) -> None:
    books.sql(WRITE, first=-50, last=0)

    assert forget_keys(books.engine, batch=5, batches=3) == 15

    (kept,) = books.sql("SELECT min(substr(key, 2)::int) AS oldest FROM idempotency_keys")
    assert kept["oldest"] == -35


def test_a_key_in_use_is_left_for_the_next_time(books: Books) -> None:
    books.sql(WRITE, first=-3, last=-1)
    with psycopg.connect(books.url) as reader:
        reader.execute("SELECT 1 FROM idempotency_keys WHERE key = 'k-2' FOR UPDATE")
        assert forget_keys(books.engine) == 2
    assert forget_keys(books.engine) == 1


def test_the_index_finds_them(books: Books) -> None:
    books.sql(WRITE, first=-50, last=5_000)
    books.sql("ANALYZE idempotency_keys")
    plan = books.sql(f"EXPLAIN {FORGET}", batch=1_000)
    assert "idempotency_keys_expiry" in str(plan)
