"""Authentication: who gets in, and that those who do not learn nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from domain.errors import Forbidden
from domain.payment import Mode
from ingress.authentication import Caller
from ingress.keybook import KEEP_S, MAX_ENTRIES, RecentKeys
from ops import apikeys
from tests.ingress.rig import MERCHANT, Book, Door, Key, settings_with

NOW = datetime.now(UTC)


def test_both_headers_are_understood() -> None:
    door = Door()
    key = door.book.add()

    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key} "},
        {"X-Api-Key": key},
        {"X-Api-Key": key, "Authorization": f"Bearer {key}"},
    ):
        answer = door.client().get("/v1/payments", headers=headers)
        assert answer.status_code == 200
        assert answer.json()["merchant_id"] == str(MERCHANT)


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
@pytest.mark.parametrize("path", ["", "/payments", "/payments/x", "/nowhere", "/webhooks"])
def test_no_path_of_the_api_is_open(prefix: str, path: str) -> None:
    answer = Door().client().get(prefix + path)

    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_health_and_webhooks_need_no_key() -> None:
    client = Door().client()

    assert client.get("/health/live").status_code == 200
    assert client.post("/v1/webhooks/stripe", content=b"{}").status_code == 200
    assert client.post("/api/v1/webhooks/stripe", content=b"{}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/webhooks/../payments", "/v1//payments", "//v1/payments", "/V1/payments"]
)
def test_no_spelling_of_a_path_gets_around_the_guard(path: str) -> None:
    door = Door()

    assert door.client().get(path).status_code in {401, 404}


def test_two_different_keys_are_refused() -> None:
    door = Door()
    headers = {"X-Api-Key": door.book.add(), "Authorization": f"Bearer {door.book.add()}"}

    assert door.client().get("/v1/payments", headers=headers).status_code == 401


@pytest.mark.parametrize("value", ["Basic eDp5", "Bearer", "", "Digest x", "Bearer \xff"])
def test_another_kind_of_authorization_is_refused(value: str) -> None:
    headers = [(b"authorization", value.encode("latin-1"))]

    assert Door().client().get("/v1/payments", headers=headers).status_code == 401


def _with_wrong_secret(door: Door) -> str:
    """Return a well-formed key whose id is stored with the secret of another key."""
    key, other = door.book.add(), door.book.add()
    ids = [parsed.id for parsed in map(apikeys.parse, (key, other)) if parsed]
    stored = replace(door.book.keys[ids[0]], secret_mac=door.book.keys[ids[1]].secret_mac)
    door.book.keys[ids[0]] = stored
    return key


def test_an_unknown_key_and_a_wrong_secret_get_the_same_answer() -> None:
    door = Door()
    unknown, wrong_secret = apikeys.new_key(Mode.TEST)[1], _with_wrong_secret(door)

    answers = [
        door.client(wrong).get("/v1/payments", headers={"X-Request-ID": "r"})
        for wrong in (unknown, wrong_secret)
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    assert answers[0].headers == answers[1].headers


def test_an_unknown_key_costs_as_many_comparisons_as_a_wrong_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door()
    wrong_secret = _with_wrong_secret(door)
    made: list[str] = []
    real = apikeys.mac

    def counted(pepper: bytes, id_: str, secret: str) -> bytes:
        made.append(id_)
        return real(pepper, id_, secret)

    monkeypatch.setattr(apikeys, "mac", counted)
    for wrong in (apikeys.new_key(Mode.TEST)[1], wrong_secret):
        door.client(wrong).get("/v1/payments")

    assert len(made) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": NOW},
        {"expires_at": NOW - timedelta(seconds=1)},
        {"mode": Mode.LIVE},
    ],
    ids=["revoked", "expired", "other mode"],
)
def test_a_key_that_has_ended_is_as_good_as_unknown(change: dict[str, Any]) -> None:
    door = Door()
    key = door.book.add(**change)

    answer = door.client(key).get("/v1/payments")

    assert answer.status_code == 401
    assert answer.json()["detail"] == "the API key is not valid"


def test_a_key_works_until_it_expires() -> None:
    door = Door()
    key = door.book.add(expires_at=NOW + timedelta(hours=1))

    assert door.client(key).get("/v1/payments").status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"merchant_active": False}, 403),
        ({"ip_allowlist": ("198.51.100.0/24",)}, 403),
        ({"ip_allowlist": ("198.51.100.0/24", "203.0.113.7")}, 200),
        ({"ip_allowlist": ("203.0.113.0/24",)}, 200),
        ({"ip_allowlist": ("2001:db8::/32",)}, 403),
    ],
)
def test_a_right_key_may_still_be_refused(change: dict[str, Any], status: int) -> None:
    door = Door()
    key = door.book.add(**change)

    assert door.client(key).get("/v1/payments").status_code == status


def test_a_caller_has_only_its_scopes() -> None:
    caller = Caller(MERCHANT, Mode.TEST, "k", frozenset({"payments:read"}), 100)

    caller.require("payments:read")
    with pytest.raises(Forbidden, match="payments:write"):
        caller.require("payments:write")


def test_a_store_that_is_away_lets_nobody_in() -> None:
    door = Door()
    key = door.book.add()
    door.book.error = psycopg.OperationalError("gone")

    answer = door.client(key).get("/v1/payments")

    assert answer.status_code == 503
    door.book.error = None
    assert door.client(key).get("/v1/payments").status_code == 200


def test_refused_requests_of_one_address_are_limited_and_callers_are_not() -> None:
    door = Door(settings=settings_with(ip_rate_per_minute=5))
    key = door.book.add()

    statuses = [door.client().get("/v1/payments").status_code for _ in range(7)]

    assert statuses == [401] * 5 + [429] * 2
    blocked = door.client().get("/v1/payments")
    assert blocked.json()["code"] == "rate_limited"
    assert int(blocked.headers["retry-after"]) >= 1
    assert door.client(key).get("/v1/payments").status_code == 200
    assert door.client(peer="203.0.113.8").get("/v1/payments").status_code == 401


class TestRecentKeys:
    """The cache: fresh enough for a revocation, bounded, and one look-up at a time."""

    def _book(self) -> tuple[Book, RecentKeys, list[float]]:
        book, now = Book(), [100.0]
        return book, RecentKeys(book, lambda: now[0]), now

    def test_a_key_is_looked_up_once_a_second(self) -> None:
        book, recent, now = self._book()
        book.keys["a"] = Key("a", b"")

        async def ask() -> None:
            for _ in range(10):
                assert await recent("a") is book.keys["a"]
                assert await recent("unknown") is None
            now[0] += KEEP_S
            await recent("a")

        asyncio.run(ask())
        assert book.asked == ["a", "unknown", "a"]

    def test_a_revocation_is_seen_within_a_second(self) -> None:
        book, recent, now = self._book()
        book.keys["a"] = Key("a", b"")

        async def ask() -> Any:
            await recent("a")
            book.keys["a"] = Key("a", b"", revoked_at=NOW)
            now[0] += 1.0
            return await recent("a")

        assert asyncio.run(ask()).revoked_at == NOW

    def test_a_slow_look_up_does_not_count_as_fresh_afterwards(self) -> None:
        book, now = Book(), [100.0]

        async def slow(key_id: str, /) -> Key | None:
            now[0] += KEEP_S  # time passes while the store thinks
            return await book(key_id)

        recent = RecentKeys(slow, lambda: now[0])

        async def ask() -> None:
            await recent("a")
            await recent("a")

        asyncio.run(ask())
        assert book.asked == ["a", "a"]

    def test_many_at_once_share_one_look_up(self) -> None:
        book, recent, _ = self._book()

        async def ask() -> None:
            await asyncio.gather(*(recent("a") for _ in range(100)))

        asyncio.run(ask())
        assert book.asked == ["a"]

    def test_a_client_that_leaves_does_not_take_the_others_along(self) -> None:
        going = asyncio.Event()

        async def ask() -> Any:
            async def slow(key_id: str, /) -> Key | None:
                await going.wait()
                return Key(key_id, b"")

            recent = RecentKeys(slow)
            first = asyncio.create_task(recent("a"))
            second = asyncio.create_task(recent("a"))
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.sleep(0)
            going.set()
            return await second

        assert asyncio.run(ask()) == Key("a", b"")

    def test_a_failure_is_not_remembered(self) -> None:
        book, recent, _ = self._book()
        book.error = psycopg.OperationalError("gone")

        async def ask() -> None:
            with pytest.raises(psycopg.OperationalError):
                await recent("a")
            book.error = None
            assert await recent("a") is None

        asyncio.run(ask())
        assert book.asked == ["a", "a"]

    def test_guessing_does_not_fill_the_memory(self) -> None:
        book, recent, _ = self._book()

        async def ask() -> None:
            for number in range(MAX_ENTRIES + 1):
                await recent(f"{number:x}")
            book.asked.clear()
            for remembered_or_not in (f"{MAX_ENTRIES:x}", "0"):
                await recent(remembered_or_not)

        asyncio.run(ask())
        assert book.asked == ["0"], "the oldest had to go"
