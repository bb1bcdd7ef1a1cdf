"""Law 15 at the lock: a stranger never waits for the owner's row, and so learns nothing from it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from domain.errors import NotFound
from domain.flows.force import Force, force
from domain.flows.request import Asked, Desk, request
from domain.payment import Mode, Status
from domain.requests import Verb
from tests.store.books import a_payment
from tests.store.conftest import MERCHANT, Books

pytestmark = pytest.mark.services
#: Far longer than an answer takes, far shorter than anybody would hold a row in a test.
PATIENCE_S = 10.0
STRANGERS = [(UUID(int=99), Mode.TEST), (MERCHANT, Mode.LIVE)]


@pytest.mark.parametrize(("merchant", "mode"), STRANGERS, ids=["merchant", "mode"])
@pytest.mark.parametrize("forced", [False, True], ids=["asked", "forced"])
def test_a_stranger_is_answered_while_the_owners_row_is_held(
    books: Books, merchant: UUID, mode: Mode, forced: bool
) -> None:
    id_ = a_payment(books)
    desk = Desk(
        books.store, books.new_id, lambda *_: None, lambda *_: (202, b"{}"), timedelta(days=90)
    )
    asked = Asked(Verb.CANCEL, id_, merchant, mode, "key:k", "k", b"f" * 32, "req")
    by_hand = Force(id_, merchant, mode, Status.CANCELLED, "because", "key:k", "req")

    with psycopg.connect(books.url) as owner, ThreadPoolExecutor(1) as pool:
        owner.execute("SELECT 1 FROM payments WHERE id = %s FOR UPDATE", [id_])
        deed: Callable[[], object] = lambda: request(asked, desk)  # noqa: E731
        if forced:
            deed = lambda: force(by_hand, books.store)  # noqa: E731
        error = pool.submit(deed).exception(timeout=PATIENCE_S)
        owner.rollback()

    assert isinstance(error, NotFound)
