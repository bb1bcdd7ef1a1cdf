"""Other merchants of the running system, written into its books; and what every refusal must be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import uuid_utils.compat
from urllib3 import BaseHTTPResponse

from domain.payment import Mode
from ingress.operations import METHODS
from ops import apikeys
from ops.seed import SCOPES
from tests.e2e.hostile_wire import Heard
from tests.e2e.system import System

#: No test of these means to meet the limit by accident.
PLENTY = 1_000_000


@dataclass(frozen=True, slots=True)
class Tenant:
    """A merchant with one key in one mode."""

    merchant_id: UUID
    key_id: str
    key: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What `System.call` is to send instead of the demo merchant's key."""
        return {"Authorization": f"Bearer {self.key}"}

    def call(
        self,
        system: System,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> BaseHTTPResponse:
        """Send a request as this merchant."""
        sent = self.headers | dict(headers or {})
        return system.call(method, path, body, headers=sent, key=key)

    def checkout(self, system: System, *, key: str, **more: object) -> str:
        """Post a checkout that must be accepted; returns the payment's id."""
        body = {"amount": 900, "currency": "USD"} | more
        answer = self.call(system, "POST", "/v1/checkout", body, key=key)
        assert answer.status == 202, answer.data
        return str(answer.json()["id"])


def a_tenant(
    system: System, mode: Mode = Mode.TEST, *, rate: int = PLENTY, scopes: Sequence[str] = SCOPES
) -> Tenant:
    """Write a new merchant with one key."""
    merchant_id = uuid_utils.compat.uuid7()
    system.sql(
        "INSERT INTO merchants (id, name, rate_limit_per_minute) VALUES (%s, %s, %s) RETURNING id",
        [merchant_id, "Somebody else", rate],
    )
    return another_key(system, merchant_id, mode, scopes=scopes)


def another_key(
    system: System,
    merchant_id: UUID,
    mode: Mode,
    *,
    scopes: Sequence[str] = SCOPES,
    kept_secret: str | None = None,
) -> Tenant:
    """Write a key of a merchant; `kept_secret` is stored in place of the key's own secret."""
    key_id, text = apikeys.new_key(mode)
    parsed = apikeys.parse(text)
    assert parsed is not None
    pepper = system.stack.settings.secrets.pepper
    system.sql(
        "INSERT INTO api_keys (id, merchant_id, mode, secret_mac, scopes)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [
            key_id,
            merchant_id,
            mode.value,
            apikeys.mac(pepper, key_id, kept_secret or parsed.secret),
            list(scopes),
        ],
    )
    return Tenant(merchant_id, key_id, text)


def books_of(system: System, tenant: Tenant) -> dict[str, list[Any]]:
    """Return everything the books hold of a merchant, to be compared with a later look."""
    found = {}
    with psycopg.connect(system.stack.settings.database_url) as db:
        for table in ("payments", "payment_attempts", "idempotency_keys", "audit_logs"):
            rows = db.execute(
                f"SELECT t::text FROM {table} t WHERE merchant_id = %s ORDER BY 1",
                [tenant.merchant_id],
            )
            found[table] = rows.fetchall()
    return found


def refused(answer: BaseHTTPResponse | Heard, status: int, code: str) -> dict[str, Any]:
    """Assert that an answer is this problem, complete and with its headers; return its body."""
    raw = answer.data if isinstance(answer, BaseHTTPResponse) else answer.body
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert answer.status == status, (answer.status, raw)
    assert headers["content-type"] == "application/problem+json"
    problem = dict(json.loads(raw))
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"] == f"urn:paylink:problem:{code}"
    assert problem["detail"]
    assert problem["operation"].split()[0] in METHODS | {"OTHER"}
    assert problem["request_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    return problem


def without_request_id(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Return a problem as it is for everybody."""
    return {name: value for name, value in problem.items() if name != "request_id"}
