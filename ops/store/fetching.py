"""Fetching: rows as dictionaries over the door's pool, one short statement per connection."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row

from ops.store.accept import Pool


async def one_of(pool: Pool, query: str, values: Any) -> dict[str, Any] | None:
    """Return the first row; None: there is none."""
    async with pool.connection() as db, db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()


async def all_of(pool: Pool, query: str, values: Any) -> list[dict[str, Any]]:
    """Return every row of a list, which is planned for its values each time: a plan made once for
    all values would not know which index serves them best."""
    async with pool.connection() as db, db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values, prepare=False)
        return await cursor.fetchall()
