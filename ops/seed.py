"""Seed: a demo merchant with a test key and two sandbox gateways; seeding twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.payment import Mode
from domain.routing import Route
from ops import apikeys
from ops.providers import PROVIDERS
from ops.store import tables
from ops.store.gateways import Account, write_account
from ops.vault import Vault

DEMO_MERCHANT = UUID("01890000-0000-7000-8000-00000000de30")
#: High enough for every example and load test on one machine; real merchants start at 100.
DEMO_RATE_PER_MINUTE = 1_000_000
SCOPES = (
    *("payments:read", "payments:write", "payouts:write"),
    *("refunds:write", "reviews:write"),
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One running sandbox simulator, as a gateway is to reach it."""

    id: str
    base_url: str
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    routes: Sequence[Route] = (Route(),)


def seed(
    engine: Engine,
    vault: Vault,
    pepper: bytes,
    demo_key: str,
    sandboxes: Sequence[Sandbox],
    others: Iterable[Account] = (),
) -> None:
    """Write the demo merchant, its key and the gateways: those of the sandbox, and of `others`.
    What exists is brought up to date."""
    key = apikeys.parse(demo_key)
    if key is None or key.mode is not Mode.TEST:
        raise ValueError("the demo key is not a test key of this system")
    merchant = {
        "id": DEMO_MERCHANT,
        "name": "Demo merchant",
        "rate_limit_per_minute": DEMO_RATE_PER_MINUTE,
    }
    api_key = {
        "id": key.id,
        "merchant_id": DEMO_MERCHANT,
        "mode": Mode.TEST.value,
        "secret_mac": apikeys.mac(pepper, key.id, key.secret),
        "scopes": list(SCOPES),
    }
    with engine.begin() as db:
        db.execute(upsert(tables.merchants).values(merchant).on_conflict_do_nothing())
        key_row = upsert(tables.api_keys).values(api_key)
        # A demo key of an earlier version may do what this version's examples do.
        scopes = {"scopes": key_row.excluded.scopes}
        db.execute(key_row.on_conflict_do_update(index_elements=["id"], set_=scopes))
        for sandbox in sandboxes:
            write_account(
                db,
                vault,
                Account(
                    id=sandbox.id,
                    provider="sandbox",
                    mode=Mode.TEST,
                    base_url=sandbox.base_url,
                    credentials={"secret_key": sandbox.secret_key},
                    webhook_secrets=[sandbox.webhook_secret],
                    scheme=PROVIDERS["sandbox"].scheme,
                    routes=sandbox.routes,
                ),
            )
        for account in others:
            write_account(db, vault, account)
