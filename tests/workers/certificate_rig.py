"""A gateway whose provider is a raw server, and the hands that prove its webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.due import Due
from domain.payment import Mode
from domain.ports import Budget
from domain.webhook import UNVERIFIED, Notice, Proven
from ops.providers import PROVIDERS
from ops.store.gateways import Account, read_accounts, write_account
from tests.signers import PATH, WEBHOOK_ID, Root, paypal_headers, pem
from tests.store.conftest import Books
from tests.workers.raw_server import http
from workers.certificates import Certificates

ROOT = Root()
BODY = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}'
SERVED = http("200 OK", pem(ROOT.issue()))


@dataclass
class Rig:
    """One gateway whose provider is a raw server, and the hands that prove its webhooks."""

    books: Books
    account: Account
    now: float = 0.0
    prove: Certificates = field(init=False)

    def __post_init__(self) -> None:
        self.prove = Certificates(self.books.engine, self.accounts, lambda: self.now)
        with self.books.engine.begin() as db:
            write_account(db, self.books.vault, self.account)

    def accounts(self) -> list[Account]:
        with self.books.engine.connect() as db:
            return read_accounts(db, self.books.vault)

    def url(self, name: str = "CERT-1") -> str:
        return f"{self.account.base_url}{PATH}{name}"

    def proves(self, url: str | None = None, body: bytes = BODY, **signed: Any) -> Proven:
        headers = paypal_headers(BODY, url or self.url(), **signed)
        notice = a_notice(headers, body, self.account.id)
        return self.prove(notice, Budget(self.now + 5, self.now + 5))

    def stored(self) -> list[dict[str, object]]:
        return self.books.sql("SELECT gateway_id, url FROM webhook_certificates")


def a_notice(headers: dict[str, str], body: bytes = BODY, gateway: str = "pp") -> Notice:
    now = datetime.now(UTC)
    return Notice(
        *(UUID(int=7), gateway, "unverified:x", body, now, now, Due(now), UNVERIFIED),
        headers=headers,
    )


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(
        id="pp",
        provider="paypal",
        mode=Mode.TEST,
        base_url="http://127.0.0.1:1",
        credentials={},
        webhook_secrets=["another webhook", WEBHOOK_ID],
        scheme=PROVIDERS["paypal"].scheme,
        settings={"ca_file": ROOT.written_to(tmp_path)},
    )
