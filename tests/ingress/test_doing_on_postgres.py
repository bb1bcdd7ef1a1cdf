"""The whole door on PostgreSQL and Redis: what is asked of payments, with flows instead of workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat
from httpx2 import Response
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from domain.commands import Command
from domain.ids import Kind, parse
from domain.outcome import RequiresAction
from domain.payment import Mode
from domain.policy import Policy
from domain.ports import Runtime
from domain.review import Case, CaseKind
from ingress.main import app
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.seed import SCOPES, Sandbox, seed
from ops.settings import Settings
from ops.store import tables
from ops.store.engine import open_engine
from ops.store.merchants import key_values
from ops.store.postgres import PostgresStore
from ops.vault import Vault
from tests.builders import OWNER
from tests.emptied import empty
from tests.scripted import Board, Scripted, Windows, held, paid
from tests.stage import run

REASON = {"reason": "returned"}
CARD = {"type": "card", "token": "tok_1"}


@dataclass
class Counter:
    """The door, the books behind it, and one gateway that answers by script."""

    engine: Engine
    store: PostgresStore
    pepper: bytes
    door: TestClient

    def ask(self, path: str, body: object = None, key: str | None = None) -> Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.door.post(path, json=body, headers=headers)

    def checkout(self, gateway: Scripted, **body: Any) -> str:
        """Have a payment accepted and worked on; returns its path."""
        said = {"amount": 1_000, "payment_method": CARD} | body
        made = self.ask("/v1/checkout", said)
        assert made.status_code == 202, made.text
        self.work(made.json()["id"], gateway)
        path: str = made.json()["links"]["self"]
        return path

    def work(self, id_: str, gateway: Scripted) -> None:
        """Do what is due for the payment and its refunds, as workers would."""
        payment_id = parse(Kind.PAYMENT, id_)
        for _ in range(10):
            with self.store.begin() as work:
                payment = work.payment(payment_id)
                refunds = work.refunds(payment_id)
                now = work.now
            due = [(payment.next_command, payment.id, payment.due)]
            due += [(Command.REFUND, one.id, one.due) for one in refunds]
            ready = [
                (command, one)
                for command, one, when in due
                if when.next_run_at is not None and when.next_run_at <= now
            ]
            if not ready:
                return
            for command, one in ready:
                run(command, one, self._runtime(gateway))
        raise AssertionError("there is no end to it")

    def _runtime(self, gateway: Scripted) -> Runtime:
        return Runtime(
            store=self.store,
            gateways=Board({gateway.row.id: gateway}),
            velocity=Windows(None),
            policy=Policy(),
            owner=OWNER,
            new_id=uuid_utils.compat.uuid7,
            monotonic=time.monotonic,
            draw=lambda: 0.5,
            wake=lambda command, id_, request_id: None,
            draining=lambda: False,
        )

    def key(self, merchant_id: UUID, mode: Mode) -> dict[str, str]:
        """Give a merchant, a new one too, a key."""
        secret = apikeys.new_key(mode)[1]
        with self.engine.begin() as db:
            known = tables.merchants.insert().values(id=merchant_id, name="Other")
            if not db.execute(
                text("SELECT 1 FROM merchants WHERE id = :id"), {"id": merchant_id}
            ).first():
                db.execute(known)
            values = key_values(self.pepper, secret, merchant_id, SCOPES, None)
            db.execute(tables.api_keys.insert().values(values))
        return {"Authorization": f"Bearer {secret}", "Idempotency-Key": secret[-20:]}


@pytest.fixture(scope="module")
def database(servers: Services) -> Iterator[tuple[str, Engine]]:
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_doing")
    url = servers.database_url.rpartition("/")[0] + "/paylink_doing"
    migrate(url)
    engine = open_engine(url, "tests", 4)
    yield url, engine
    engine.dispose()


@pytest.fixture
def counter(
    database: tuple[str, Engine], servers: Services, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Counter]:
    url, engine = database
    environ = {"DATABASE_URL": url, "REDIS_URL": servers.redis_url, "LOG_LEVEL": "ERROR"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PUBLIC_URL", "https://pay.example.com")
    secrets = Settings.from_env(environ).secrets
    vault = Vault(secrets.keyring)
    key = apikeys.new_key(Mode.TEST)[1]
    sandboxes = [Sandbox("one", "http://127.0.0.1:1", "sk", "whsec")]
    seed(engine, vault, secrets.pepper, key, sandboxes)
    with engine.begin() as db:  # as an earlier version made it
        db.execute(text("UPDATE api_keys SET scopes = ARRAY['payments:read']"))
    seed(engine, vault, secrets.pepper, key, sandboxes)
    headers = {"Authorization": f"Bearer {key}"}
    with TestClient(app(), headers=headers, follow_redirects=False) as door:
        store = PostgresStore(engine, vault, uuid_utils.compat.uuid7)
        yield Counter(engine, store, secrets.pepper, door)
    empty(engine)


def test_a_hold_is_captured_in_part_and_refunded_in_parts_by_a_crowd(counter: Counter) -> None:
    gateway = Scripted("one", held, captures=[paid], refunds=[paid])
    path = counter.checkout(gateway, capture_method="manual")
    assert counter.door.get(path).json()["status"] == "authorized"
    assert counter.ask(f"{path}/capture", {"amount": 900}).status_code == 202
    counter.work(path.rpartition("/")[2], gateway)
    assert counter.door.get(path).json()["amount_captured"] == 900

    with ThreadPoolExecutor(8) as crowd:
        answers = list(
            crowd.map(
                lambda n: counter.ask(f"{path}/refunds", REASON | {"amount": 100}, f"k-{n}"),
                range(20),
            )
        )

    assert [answer.status_code for answer in answers].count(202) == 9
    refused = [answer.json() for answer in answers if answer.status_code != 202]
    assert {one["code"] for one in refused} <= {
        *("amount_exceeds_refundable", "operation_in_flight", "illegal_state"),
    }
    shown = counter.door.get(path).json()
    assert (shown["amount_refund_pending"], shown["amount_refundable"]) == (900, 0)
    counter.work(shown["id"], gateway)
    assert counter.door.get(path).json()["status"] == "refunded"


def test_one_key_is_one_refund_however_many_ask(counter: Counter) -> None:
    path = counter.checkout(Scripted("one", paid))
    with ThreadPoolExecutor(8) as crowd:
        answers = list(
            crowd.map(
                lambda n: counter.ask(
                    f"{path}/{'refunds' if n % 2 else 'refund'}", REASON | {"amount": 100}, "k"
                ),
                range(16),
            )
        )

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert counter.door.get(path).json()["amount_refund_pending"] == 100
    listed = counter.door.get(f"{path}/refunds").json()["data"]
    assert [one["id"] for one in listed] == [answers[0].json()["id"]]


def test_neither_another_merchant_nor_the_other_mode_finds_a_payment(counter: Counter) -> None:
    gateway = Scripted("one", paid)
    path = counter.checkout(gateway)
    demo = UUID(counter.door.get("/v1/merchant").json()["id"].removeprefix("mer_"))
    for headers in (
        counter.key(uuid_utils.compat.uuid7(), Mode.TEST),
        counter.key(demo, Mode.LIVE),
    ):
        for verb in ("cancel", "capture", "refunds", "reverse", "authorize"):
            body = REASON if verb in ("refunds", "reverse") else {}
            answer = counter.door.post(f"{path}/{verb}", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), verb
    assert counter.door.get(path).json()["amount_refundable"] == 1_000


def test_a_review_is_listed_and_decided_by_its_merchant_alone(counter: Counter) -> None:
    made = counter.ask("/v1/checkout", {"amount": 1_000, "confirm": False}).json()
    id_ = parse(Kind.PAYMENT, made["id"])
    with counter.store.begin() as work:
        cases = [
            Case(uuid_utils.compat.uuid7(), id_, kind, "look at it", work.now)
            for kind in (CaseKind.FRAUD, CaseKind.CONTRADICTION)
        ]
        assert all(work.open_case(case) for case in cases)
    other = counter.key(uuid_utils.compat.uuid7(), Mode.TEST)

    first = counter.door.get("/v1/reviews?limit=1").json()
    second = counter.door.get(f"/v1/reviews?limit=1&cursor={first['next_cursor']}").json()

    assert [one["kind"] for one in first["data"] + second["data"]] == ["contradiction", "fraud"]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert counter.door.get("/v1/reviews", headers=other).json()["data"] == []
    assert counter.door.get("/v1/reviews?decision=approved").json()["data"] == []


def test_the_link_of_a_checkout_leads_to_the_provider_and_then_back(counter: Counter) -> None:
    page = "https://bank.example.com/pay/1"
    asks = Scripted("one", RequiresAction("ch_1", page))
    made = counter.ask(
        "/v1/checkout",
        {"amount": 1_000, "payment_method": CARD, "return_url": "https://shop.example.com/"},
    ).json()
    link = made["checkout_url"].removeprefix("https://pay.example.com")
    counter.work(made["id"], asks)

    onward = counter.door.get(link, headers={"Authorization": ""})
    shown = counter.door.get(made["links"]["self"]).json()

    assert (onward.status_code, onward.headers["Location"]) == (303, page)
    assert shown["checkout_url"] == made["checkout_url"]
    assert (shown["status"], shown["allowed_operations"]) == ("requires_action", ["cancel"])
    assert counter.door.get("/v1/checkout/" + "A" * 43 + "/go").status_code == 404


def test_a_saved_method_pays_and_its_answer_outlives_it(counter: Counter) -> None:
    customer = counter.ask("/v1/customers", {"email": "payer@example.com"}).json()["id"]
    card = {"brand": "visa", "last4": "4242"}
    saved = counter.ask(
        "/v1/payment-methods", {"customer_id": customer, "card": card} | CARD
    ).json()["id"]
    body = {"amount": 1_000, "payment_method": {"id": saved}}

    first = counter.ask("/v1/checkout", body, "k")
    shown = counter.door.get(first.json()["links"]["self"]).json()
    assert counter.door.delete(f"/v1/payment-methods/{saved}").status_code == 204
    again = counter.ask("/v1/checkout", body, "k")
    fresh = counter.ask("/v1/checkout", body, "l")

    assert shown["payment_method"] == {"id": saved, "type": "card"} | card
    assert shown["customer_id"] == customer
    assert (again.status_code, again.content) == (202, first.content)
    assert [one["field"] for one in fresh.json()["errors"]] == ["payment_method.id"]
