"""Gateway changes: law 3 holds, secrets stay sealed and untold, holds and probes are written down."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from domain.attempt import State
from domain.health import Health
from domain.payment import Mode
from ops.providers import PROVIDERS
from ops.store.changes import ChangeRefused
from ops.store.gateway_changes import OPEN, add_gateway, find_account, remove_gateway, set_gateway
from ops.store.gateway_health import MAX_ERROR, force, note_probe
from ops.store.gateways import Account, Seen, read_accounts, read_seen
from tests.store.books import a_charge, a_payment
from tests.store.conftest import Books

pytestmark = pytest.mark.services

NEW = Account(
    id="three",
    provider="sandbox",
    mode=Mode.TEST,
    base_url="http://127.0.0.1:3",
    credentials={"secret_key": "sk_secret"},
    webhook_secrets=["wh_secret"],
    scheme=PROVIDERS["sandbox"].scheme,
    routes=(),
    settings={"pace": 3},
    ip_allowlist=["203.0.113.0/24"],
    name="Third",
    type="wallet",
    data_format="xml",
    priority=5,
    max_in_flight=4,
)


def audit(books: Books) -> list[dict[str, object]]:
    return books.sql("SELECT action, before, after FROM audit_logs ORDER BY id")


def account(books: Books, id_: str = "one") -> Account:
    with books.engine.connect() as db:
        return find_account(db, books.vault, id_)


def seen(books: Books, id_: str = "one") -> Seen:
    with books.engine.connect() as db:
        return next(one for one in read_seen(db) if one.row.id == id_)


def change(books: Books, **changes: Any) -> Account:
    with books.engine.begin() as db:
        return set_gateway(db, books.vault, "one", changes, "ann")


def remove(books: Books, id_: str = "one") -> None:
    with books.engine.begin() as db:
        remove_gateway(db, id_, "ann")


def test_an_added_gateway_is_read_back_and_its_secrets_are_told_to_nobody(books: Books) -> None:
    with books.engine.begin() as db:
        add_gateway(db, books.vault, NEW, "ann")

    found = account(books, "three")
    assert replace(found, routes=()) == NEW
    assert seen(books, "three").row.routes == ()
    assert "secret" not in str(audit(books))
    assert "secret" not in str(books.sql("SELECT payload FROM outbox_events"))
    assert "sk_secret" not in str(books.sql("SELECT credentials FROM gateways"))


def test_an_id_is_taken_once(books: Books) -> None:
    with pytest.raises(ChangeRefused, match="already"), books.engine.begin() as db:
        add_gateway(db, books.vault, replace(NEW, id="one"), "ann")


def test_a_change_raises_the_version_and_tells_what_it_was(books: Books) -> None:
    before = account(books)

    after = change(books, name="First", max_in_flight=2, credentials={"secret_key": "sk_secret"})

    assert account(books) == replace(after, routes=account(books).routes)
    assert after.version == before.version + 1
    assert after.credentials == {"secret_key": "sk_secret"}
    assert after.webhook_secrets == before.webhook_secrets
    (entry,) = audit(books)
    assert entry["before"] == {"name": "", "max_in_flight": 32}
    assert entry["after"] == {"name": "First", "max_in_flight": 2, "credentials": "changed"}
    with books.engine.connect() as db:
        assert [one.version for one in read_accounts(db, books.vault)] == [after.version, 1]


@pytest.mark.parametrize("state", OPEN)
def test_law_3_open_attempts_keep_their_gateway_and_its_address(books: Books, state: State) -> None:
    a_charge(books, a_payment(books), state=state)

    with pytest.raises(ChangeRefused, match="open"):
        remove(books)
    with pytest.raises(ChangeRefused, match="resolved where they were sent"):
        change(books, base_url="http://127.0.0.1:2")
    assert change(books, active=False).active is False


def test_a_gateway_with_a_history_is_kept_for_its_refunds(books: Books) -> None:
    a_charge(books, a_payment(books), state=State.DECLINED)

    with pytest.raises(ChangeRefused) as refused:
        remove(books)

    assert "--inactive" in refused.value.fix
    assert len(seen(books).row.routes) == 1, "nothing of it is gone"
    assert audit(books) == []


def test_a_gateway_that_was_never_used_goes_with_its_routes_and_its_health(books: Books) -> None:
    with books.engine.begin() as db:
        note_probe(db, "one", False, "refused")
    remove(books)

    for table in ("gateways WHERE id", "gateway_routes WHERE gateway_id"):
        assert books.sql(f"SELECT 1 FROM {table} = 'one'") == []
    assert audit(books)[-1]["action"] == "gateway.removed"
    with pytest.raises(ChangeRefused, match="there is no gateway"):
        remove(books)


def test_an_attempt_written_while_it_is_removed_wins_or_finds_no_gateway(books: Books) -> None:
    payment, result = a_payment(books), list[str]()

    def charge() -> None:
        try:
            a_charge(books, payment, state=State.SENDING)
            result.append("written")
        except DBAPIError as error:
            result.append(type(error.orig).__name__)

    thread = threading.Thread(target=charge)
    with books.engine.begin() as db:
        remove_gateway(db, "one", "ann")
        thread.start()
        thread.join(0.2)  # it waits for this transaction, or it would refer to what is going
        assert thread.is_alive()
    thread.join(10)

    assert result == ["ForeignKeyViolation"]


def test_a_hold_is_seen_until_it_is_given_back(books: Books) -> None:
    with books.engine.begin() as db:
        assert force(db, "one", "down", timedelta(hours=1), "maintenance", "ann", "req-9")
        assert not force(db, "three", "down", timedelta(hours=1), "maintenance", "ann")

    hold = seen(books).hold
    assert hold is not None
    assert (hold.forced, hold.reason, hold.by) == ("down", "maintenance", "ann")
    assert seen(books).row.forced == "down"
    assert books.sql("SELECT request_id FROM audit_logs") == [{"request_id": "req-9"}]
    for _ in range(2):  # the second time nothing is held, and nothing is told
        with books.engine.begin() as db:
            assert force(db, "one", None, timedelta(), "over", "ann")
    assert (seen(books).hold, seen(books).row.forced) == (None, None)
    assert [entry["action"] for entry in audit(books)] == ["gateway.held_down", "gateway.released"]


def test_an_expired_hold_counts_no_more(books: Books) -> None:
    with books.engine.begin() as db:
        force(db, "one", "down", timedelta(hours=1), "maintenance", "ann")
    books.sql("UPDATE gateway_health SET forced_until = clock_timestamp()")

    assert (seen(books).hold, seen(books).row.forced) == (None, None)


def probe(books: Books, *results: bool, error: str | None = None) -> list[bool]:
    """Note each result in a transaction of its own; returns which changed the state."""
    changes = []
    for ok in results:
        with books.engine.begin() as db:
            changes.append(note_probe(db, "one", ok, error))
    return changes


def test_probes_change_the_state_and_only_changes_are_told(books: Books) -> None:
    assert (seen(books).health, seen(books).last_probe_at) == (Health.UP, None)

    assert probe(books, True, False, False, False, False) == [False, True, False, True, False]
    assert seen(books).health is Health.DOWN
    assert probe(books, True, True) == [True, False]

    assert seen(books).health is Health.UP
    told = [(entry["before"], entry["after"]) for entry in audit(books)]
    assert told == [
        ({"state": "up"}, {"state": "degraded", "error": "no answer"}),
        ({"state": "degraded"}, {"state": "down", "error": "no answer"}),
        ({"state": "down"}, {"state": "up", "error": None}),
    ]


def test_a_probes_error_is_kept_short_until_a_good_one(books: Books) -> None:
    probe(books, False, error="x" * 1_000)
    assert seen(books).last_error == "x" * MAX_ERROR

    probe(books, True)
    assert seen(books).last_error is None
    assert seen(books).last_probe_at is not None


def test_a_probe_leaves_a_persons_word_alone(books: Books) -> None:
    with books.engine.begin() as db:
        force(db, "one", "up", timedelta(hours=1), "we know better", "ann")

    probe(books, False)

    assert seen(books).row.forced == "up"


def test_a_probe_of_a_gateway_that_is_gone_says_nothing(books: Books) -> None:
    with books.engine.begin() as db:
        assert note_probe(db, "three", False) is False
    assert books.sql("SELECT 1 FROM gateway_health") == []


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("gateways SET type = 'cash'", "gateways_type"),
        ("gateways SET data_format = 'csv'", "gateways_data_format"),
        ("gateways SET priority = -1", "gateways_priority"),
        ("gateway_health SET state = 'ill'", "gateway_health_state"),
        ("gateway_health SET failed_probes = -1", "gateway_health_failed_probes"),
        ("gateway_health SET forced = 'up'", "gateway_health_hold_is_whole"),
        (
            "gateway_health SET forced = 'sideways', forced_until = now(), reason = '',"
            " changed_by = ''",
            "gateway_health_forced",
        ),
    ],
)
def test_the_tables_refuse_what_the_code_would(books: Books, change: str, law: str) -> None:
    probe(books, True)
    with pytest.raises(DBAPIError, match=law):
        books.sql(f"UPDATE {change}")
