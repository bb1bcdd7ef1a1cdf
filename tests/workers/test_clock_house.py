"""The clock keeps the house: months are made before they are needed, old keys are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from ops.dev.services import Services
from ops.store.partitions import HISTORY, partitions
from ops.telemetry.metrics import REGISTRY
from tests.store.conftest import Books
from tests.store.growing import a_database
from workers.clock import Clock, schedule

pytestmark = pytest.mark.services


@pytest.fixture
def books(servers: Services) -> Iterator[Books]:
    with a_database(servers, "paylink_house") as made:
        yield made


def a_clock(books: Books) -> Clock:
    nobody = cast("Any", None)  # these ticks wake nobody and read no breaker
    return Clock(books.engine, nobody, nobody, nobody, nobody)


def months(books: Books) -> set[str]:
    with books.engine.connect() as db:
        return {one.name for one in partitions(db)}


def value(name: str) -> float:
    found = REGISTRY.get_sample_value(name)
    assert found is not None
    return found


def test_months_that_are_missing_are_made_and_it_says_how_far_they_reach(books: Books) -> None:
    whole = months(books)
    for source in HISTORY:
        last = max(name for name in whole if name.startswith(source) and name[-1].isdigit())
        books.sql(f"DROP TABLE partitions.{last}")

    a_clock(books).partition()

    assert months(books) == whole
    assert value("paylink_partition_days_ahead") > 180


def test_keys_whose_time_is_over_are_forgotten_and_counted(books: Books) -> None:
    books.sql(
        "INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, status, body,"
        " resource_id, expires_at) SELECT gen_random_uuid(), 'test', n::text, '', 202, '',"
        " gen_random_uuid(), now() + n * interval '1 day' FROM generate_series(-3, 2) n"
    )
    before = value("paylink_keys_forgotten_total")

    a_clock(books).forget()

    assert value("paylink_keys_forgotten_total") - before == 4
    assert books.sql("SELECT count(*) AS n FROM idempotency_keys") == [{"n": 2}]


def test_both_are_on_the_schedule(books: Books) -> None:
    assert {"partition", "forget"} <= {job.id for job in schedule(a_clock(books)).get_jobs()}
