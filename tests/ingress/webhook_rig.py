"""The door's webhooks alone, behind its real guards, with one gateway or two of every provider."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
import uuid_utils.compat
from starlette.testclient import TestClient

from domain.commands import Command
from domain.payment import Mode
from domain.routing import GatewayRow
from domain.webhook import Notice
from ingress.app import build_app
from ingress.guards import guards
from ingress.knocks import Door
from ingress.webhooks import Webhooks
from ops.providers import PROVIDERS
from ops.store.gateways import Account
from ops.store.memory.door import MemoryInbox
from ops.store.memory.store import MemoryStore
from tests.ingress.rig import Book, settings_with
from tests.signers import PATH, WEBHOOK_ID, Root, paypal_headers, pem

SERVER_KEY, IRIS_KEY, TOKEN, SECRET = "SB-server-key", "iris-key", "callback-token", "whsec_one"
CERT_URL = f"https://api.sandbox.paypal.com{PATH}CERT-1"
CERTIFICATES = {CERT_URL: pem(Root().issue())}


def account(provider: str, *secrets: str, id_: str | None = None, **changes: Any) -> Account:
    one = Account(
        id=id_ or f"{provider}-one",
        provider=provider,
        mode=Mode.TEST,
        base_url="http://127.0.0.1:1",
        credentials={"key": "never shown"},
        webhook_secrets=secrets,
        scheme=changes.pop("scheme", None) or PROVIDERS[provider].scheme,
    )
    return replace(one, **changes)


EVERY = (
    account("sandbox", SECRET),
    account("stripe", "whsec_rotated", SECRET),
    account("stripe", "whsec_two", id_="stripe-two"),
    account("soapbank", SECRET),
    account("xendit", TOKEN),
    account("midtrans", SERVER_KEY, IRIS_KEY),
    account("midtrans", "SB-other-key", id_="midtrans-two"),
    account("paypal", WEBHOOK_ID, certificates=CERTIFICATES),
    account("paypal", "OTHER-ID", id_="paypal-two", certificates=CERTIFICATES),
    account("xendit", id_="xendit-silent"),
    account("xendit", "", id_="xendit-empty"),
)


@dataclass
class Doorstep:
    """The door, and what it has taken in."""

    client: TestClient
    door: Door
    accounts: list[Account]
    store: MemoryStore
    woken: list[UUID] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)

    def knock(
        self, path: str, body: bytes, headers: dict[str, str] | dict[bytes, bytes]
    ) -> httpx2.Response:
        return self.client.post(f"/v1/webhooks/{path}", content=body, headers=headers)

    def notices(self) -> list[Notice]:
        return [kept.row for kept in self.store.books.notices]

    def senders(self) -> list[str]:
        """Return whose webhooks were taken in, in order."""
        return [one.gateway_id for one in self.notices()]


@contextmanager
def doorstep(*accounts: Account) -> Iterator[Doorstep]:
    """Open a door for these gateways, or for every one."""
    known = list(accounts or EVERY)
    rows = [GatewayRow(one.id, one.provider, one.mode, ()) for one in known]
    store = MemoryStore(clock=lambda: datetime.now(UTC), gateways=rows)
    woken, heard = list[UUID](), list[tuple[str, str]]()

    async def wake_many(wakes: Sequence[tuple[Command, UUID, str]]) -> None:
        woken.extend(id_ for _, id_, _ in wakes)

    def hear(sender: str, result: str) -> None:
        heard.append((sender, result))

    async def read_accounts() -> Sequence[Account]:
        return known

    door = Door(MemoryInbox(store), wake_many, uuid_utils.compat.uuid7, hear, cap=64, depth=100)
    webhooks = Webhooks(door, read_accounts)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        yield
        await door.drain()

    app = build_app(
        versioned=webhooks.routes(),
        public=webhooks.older_routes(),
        guards=guards(settings_with(), Book(), None),
        lifespan=living,
    )
    with TestClient(app) as client:
        yield Doorstep(client, door, known, store, woken, heard)


def stamped(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    """Return `t=...,v1=...` as the sandbox and Stripe write it."""
    now = int(time.time()) if at is None else at
    return f"t={now},v1={_mac(secret, now, body)}"


def bank_headers(body: bytes, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    """Sign as soapbank does."""
    now = int(time.time()) if at is None else at
    return {"X-Bank-Timestamp": str(now), "X-Bank-Signature": _mac(secret, now, body)}


def bank_notice(event: str = "e-1") -> bytes:
    """Return a callback of soapbank."""
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<Notify xmlns="urn:soapbank:v1"><EventId>{event}</EventId><BankId>b-1</BankId>'
        "<Reference>r</Reference><Status>SETTLED</Status></Notify></s:Body></s:Envelope>"
    ).encode()


def notification(key: str = SERVER_KEY, **said: Any) -> bytes:
    """Return a notification of Midtrans."""
    order = {"order_id": "o-1", "status_code": "200", "gross_amount": "10000.00"}
    found = {"transaction_id": "t-1", "transaction_status": "settlement"} | order | said
    signed = "".join(order.values()) + key
    return json.dumps(
        found | {"signature_key": hashlib.sha512(signed.encode()).hexdigest()}
    ).encode()


def every_kind() -> list[tuple[str, bytes, dict[str, str]]]:
    """Return one genuine webhook of each provider: whose it is, the body, the headers."""
    event = b'{"id": "evt_1"}'
    paid = b'{"event": "payment.capture", "data": {"payment_id": "py-1", "status": "SUCCEEDED"}}'
    payout = b'{"reference_no": "p-1", "status": "completed"}'
    iris = hashlib.sha512(payout + IRIS_KEY.encode()).hexdigest()
    return [
        ("sandbox-one", event, {"Sandbox-Signature": stamped(event)}),
        ("stripe-one", event, {"Stripe-Signature": stamped(event)}),
        ("stripe-two", event, {"Stripe-Signature": stamped(event, "whsec_two")}),
        ("soapbank-one", bank_notice(), bank_headers(bank_notice())),
        ("xendit-one", paid, {"X-Callback-Token": TOKEN}),
        ("midtrans-one", notification(), {}),
        ("midtrans-two", notification("SB-other-key"), {}),
        ("midtrans-one", payout, {"Iris-Signature": iris}),
        ("paypal-one", event, paypal_headers(event, CERT_URL)),
        ("paypal-two", event, paypal_headers(event, CERT_URL, webhook_id="OTHER-ID")),
    ]


def _mac(secret: str, now: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
