"""Changing: one transaction of an operator's change; what the books refuse is said kindly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from ops.cli.refusals import Refusal
from ops.cli.where import Books, open_books
from ops.store.changes import ChangeRefused


@contextmanager
def changing() -> Iterator[tuple[Books, Connection]]:
    """Open the books and a transaction; leaving it normally commits. Raises Refusal."""
    with open_books() as books, books.engine.begin() as db:
        try:
            yield books, db
        except ChangeRefused as refused:
            raise Refusal(refused.field, refused.reason, refused.fix) from None
