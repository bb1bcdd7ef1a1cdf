"""A card's tries are counted by an index, at most once each, and by one asker at a time."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import text

from domain.attempt import TRIES, State
from domain.means import Card, Method
from domain.payment import Mode, Status
from domain.schemes import BARRED, DAY, MONTH, Scheme, Tries, Watched, watched
from ops.store.work.attempts import CARD_TRIES
from tests.store.books import a_charge, a_payment
from tests.store.conftest import MERCHANT, Books
from tests.store.reading import nodes

pytestmark = pytest.mark.services

OTHERS = 20_000

_FILL = text("""
INSERT INTO payment_attempts (id, payment_id, merchant_id, mode, operation, number, gateway_id,
       adapter_version, amount, currency, state, proof, request, send_before, deadline_at,
       key_window_ends, created_at, request_id, card)
SELECT gen_random_uuid(), gen_random_uuid(), :merchant, 'test', 'charge', 1, 'one', 1, 1000, 'USD',
       CASE n % 4 WHEN 0 THEN 'declined' ELSE 'captured' END, 'declined', '', now(), now(), now(),
       now() - n * interval '10 minutes', '', sha256(CAST(n % 500 AS text)::bytea)
  FROM generate_series(1, :many) n
""")


def a_watch(brand: str = "visa", fingerprint: str = "fp") -> Watched:
    method = Method("card", "tok", Card(fingerprint=fingerprint, brand=brand))
    watch = watched(MERCHANT, Mode.TEST, method)
    assert watch is not None
    return watch


def tries(books: Books, watch: Watched) -> Tries:
    with books.store.begin() as work:
        return work.card_tries(watch)


def test_a_tries_state_and_age_decide_whether_it_counts(books: Books) -> None:
    watch = a_watch()
    assert tries(books, watch) == Tries()
    for state in State:
        for age in (timedelta(hours=1), timedelta(days=2), timedelta(days=31)):
            payment = a_payment(books, Status.PENDING)
            made = text(f"clock_timestamp() - interval '{age.total_seconds()} s'")
            a_charge(books, payment, state=state, card=watch.card, created_at=made)
    a_charge(books, a_payment(books), state=State.DECLINED, card=a_watch(fingerprint="other").card)

    assert tries(books, watch) == Tries(len(TRIES), 2 * len(TRIES))


@pytest.mark.parametrize(
    ("brand", "said", "forbidden"),
    [
        ("visa", {"code": "stolen_card", "cause": "hard"}, True),
        ("visa", {"code": "51", "cause": "soft"}, False),
        ("mastercard", {"code": "stolen_card", "cause": "hard"}, False),
        ("mastercard", {"code": "do_not_honor", "cause": BARRED}, True),
    ],
)
def test_an_issuers_last_word_is_found_however_old(
    books: Books, brand: str, said: dict[str, str], forbidden: bool
) -> None:
    watch = a_watch(brand)
    told: dict[str, Any] = dict(said)
    long_ago = text("clock_timestamp() - interval '3 years'")
    a_charge(
        books, a_payment(books), state=State.DECLINED, card=watch.card, created_at=long_ago, **told
    )

    assert tries(books, watch) == Tries(0, 0, forbidden)


def test_the_count_reads_the_cards_own_tries_and_nothing_else(books: Books) -> None:
    with books.engine.begin() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))  # no payments to point at
        db.execute(_FILL, {"merchant": MERCHANT, "many": OTHERS})
    books.sql("ANALYZE payment_attempts")
    (one,) = books.sql("SELECT card FROM payment_attempts WHERE state = 'declined' LIMIT 1")

    asked = (DAY, MONTH, ["04"], one["card"])
    with books.engine.connect() as db:
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {CARD_TRIES}"
        (told,) = db.exec_driver_sql(explain, asked).one()[0]

    read = [step for step in nodes(told["Plan"]) if "Scan" in step["Node Type"]]
    assert {step.get("Index Name") for step in read if "Index" in step["Node Type"]} == {
        "payment_attempts_tries"
    }
    assert "Seq Scan" not in {step["Node Type"] for step in read}
    assert max(step["Actual Rows"] for step in read) <= OTHERS // 500


def test_two_that_try_one_card_at_the_same_moment_count_each_other(books: Books) -> None:
    watch, counted = a_watch(), Event()
    seen: list[Tries] = []

    def second() -> None:
        with books.store.begin() as work:
            counted.set()
            seen.append(work.card_tries(watch))

    with books.store.begin() as work:
        assert work.card_tries(watch) == Tries()
        thread = Thread(target=second)
        thread.start()
        assert counted.wait(10)
        _until_it_waits(books)
        a_charge(books, a_payment(books), state=State.SENDING, card=watch.card)
        with books.store.begin() as other:  # another card's turn does not wait for this one's
            assert other.card_tries(a_watch(fingerprint="other")) == Tries()
    thread.join(10)

    assert seen == [Tries(1, 1)]
    assert a_watch(Scheme.MASTERCARD).card == watch.card


def _until_it_waits(books: Books) -> None:
    """Poll until a session waits for an advisory lock."""
    for _ in range(2_000):
        (found,) = books.sql(
            "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        )
        if found["n"]:
            return
    raise AssertionError("nobody waits")
