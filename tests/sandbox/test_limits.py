"""What happens at the bounds: a full sandbox refuses politely and forgets nothing it promised."""

import asyncio
import json
from pathlib import Path

import pytest

from ops.sandbox import account, keys, sightings, webhooks
from ops.sandbox.account import Account
from ops.sandbox.entries import GivenUp
from ops.sandbox.replies import Answer
from ops.sandbox.server import Front
from ops.sandbox.settings import Settings
from ops.sandbox.sightings import Sightings
from ops.sandbox.wire import Request
from tests.sandbox.running import a_payout, an_order


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
    return await post(front, "/v1/payments", key, order)


async def post(front: Front, path: str, key: str, content: dict[str, object]) -> Answer:
    headers = {
        "authorization": "Bearer sk",
        "content-type": "application/json",
        "idempotency-key": key,
    }
    body = json.dumps(content).encode()
    request = Request("POST", path, "", headers, body, asyncio.Event(), True)
    answer = await front(request)
    assert isinstance(answer, Answer)
    return answer


def test_a_full_sandbox_refuses_new_payments_and_still_serves_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "PAYMENT_LIMIT", 1)

    async def run() -> tuple[Answer, ...]:
        mine = Account(settings(tmp_path))
        front, order = Front(mine, Sightings()), an_order()
        first = await create(front, "1", order)
        refused, again = await create(front, "2", order), await create(front, "1", order)
        payment = json.loads(first.body)["id"]
        back: dict[str, object] = {"reference": "back"}
        refund = await post(front, f"/v1/payments/{payment}/refunds", "3", back)
        await mine.close()
        return first, refused, again, refund

    first, refused, again, refund = asyncio.run(run())

    assert (first.status, refused.status, refund.status) == (201, 503, 201)
    assert (again.status, again.body) == (201, first.body)


def test_refunds_payouts_and_detached_tokens_have_room_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "OTHERS_LIMIT", 1)

    async def run() -> list[int]:
        mine = Account(settings(tmp_path))
        front = Front(mine, Sightings())
        payment = json.loads((await create(front, "1", an_order())).body)["id"]
        refund: dict[str, object] = {"amount": 1, "reference": "b"}
        wanted: list[tuple[str, dict[str, object]]] = [
            (f"/v1/payments/{payment}/refunds", refund),
            ("/v1/payouts", a_payout()),
            ("/v1/payment_methods/tok_2/detach", {}),
        ]
        answers = [
            await post(front, path, f"{number}{path[-20:]}", body)
            for path, body in wanted
            for number in "12"
        ]
        await mine.close()
        return [answer.status for answer in answers]

    assert asyncio.run(run()) == [201, 503, 201, 503, 200, 503]


def test_with_no_room_for_keys_nothing_new_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "KEY_LIMIT", 2)

    async def run() -> list[int]:
        mine = Account(settings(tmp_path))
        front = Front(mine, Sightings())
        statuses = [(await create(front, key, an_order())).status for key in "12"]
        await mine.close()
        return statuses

    assert asyncio.run(run()) == [201, 503]


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
