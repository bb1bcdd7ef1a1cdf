"""What happens at the bounds: a full sandbox refuses politely and forgets nothing it promised."""

import asyncio
import json
from pathlib import Path

import pytest

from ops.sandbox import account, sightings, webhooks
from ops.sandbox.account import Account
from ops.sandbox.entries import GivenUp
from ops.sandbox.replies import Answer
from ops.sandbox.server import Front
from ops.sandbox.settings import Settings
from ops.sandbox.sightings import Sightings
from ops.sandbox.wire import Request
from tests.sandbox.running import an_order


def settings(folder: Path, webhook_url: str | None = None) -> Settings:
    return Settings(
        name="a",
        host="127.0.0.1",
        port=0,
        admin_port=0,
        ledger=folder / "ledger.jsonl",
        secret_key="sk",
        webhook_url=webhook_url,
        webhook_secret="wh",
        durable=False,
    )


async def create(front: Front, key: str, order: dict[str, object]) -> Answer:
    headers = {
        "authorization": "Bearer sk",
        "content-type": "application/json",
        "idempotency-key": key,
    }
    body = json.dumps(order).encode()
    request = Request("POST", "/v1/payments", "", headers, body, asyncio.Event(), True)
    answer = await front(request)
    assert isinstance(answer, Answer)
    return answer


def test_a_full_sandbox_refuses_new_payments_and_still_replays_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "PAYMENT_LIMIT", 1)

    async def run() -> tuple[Answer, Answer, Answer]:
        mine = Account(settings(tmp_path))
        front, order = Front(mine, Sightings()), an_order()
        first = await create(front, "1", order)
        refused, again = await create(front, "2", order), await create(front, "1", order)
        await mine.close()
        return first, refused, again

    first, refused, again = asyncio.run(run())

    assert (first.status, refused.status) == (201, 503)
    assert (again.status, again.body) == (201, first.body)


def test_the_requests_seen_are_the_latest_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sightings, "KEPT", 2)

    async def run() -> list[object]:
        mine, seen = Account(settings(tmp_path)), Sightings()
        for key in "123":
            await create(Front(mine, seen), key, an_order())
        await mine.close()
        return [one["key"] for one in seen.to_json(None)]

    assert asyncio.run(run()) == ["2", "3"]


def test_too_many_waiting_webhooks_are_given_up_in_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "WAITING_LIMIT", 1)

    async def run() -> list[GivenUp]:
        mine = Account(settings(tmp_path, "http://127.0.0.1:1/"))  # not started: nothing leaves
        for key in "12":
            await create(Front(mine, Sightings()), key, an_order())
        await mine.ledger.flushed()
        entries = [mine.ledger.read(seq) for seq in range(1, mine.ledger.last_seq + 1)]
        await mine.close()
        return [entry for entry in entries if isinstance(entry, GivenUp)]

    [given_up] = asyncio.run(run())
    assert given_up.tries == 0
