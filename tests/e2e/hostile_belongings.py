"""Belongings: one of everything that a merchant can own, made through the door in either mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from domain.ids import Kind
from domain.payment import Mode
from domain.routing import Route
from ops.providers import PROVIDERS
from ops.store import tables
from ops.store.engine import open_engine
from ops.store.gateways import Account, write_account
from ops.vault import Vault
from tests.e2e.hostile_tenants import Tenant
from tests.e2e.system import Json, System, eventually

#: What belongs to nobody, or is changed by the house while everybody sleeps.
_NOT_THEIRS = frozenset({"api_keys", "gateway_routes", "merchants"})
#: A webhook that comes late would change rows while somebody compares them.
_SILENT = {"metadata": {"sandbox": "webhooks_off"}}
#: Screening leaves it to a person: no 3-D Secure can be asked of a wallet.
_REVIEWED = {"amount": 1_500_000, "payment_method": {"type": "wallet", "wallet_id": "w"}}


@dataclass(frozen=True, slots=True)
class Belongings:
    """Public ids: those of each kind, and the merchant's own names of some things."""

    ids: Mapping[Kind, tuple[str, ...]]
    deposit: str
    order_id: str
    external_id: str


def a_live_gateway(system: System, tenant: Tenant) -> str:
    """Write a live gateway that this merchant alone is routed to; a simulator is behind it."""
    settings, name = system.stack.settings, "sandbox-a"
    id_ = f"live-{tenant.key_id}"
    account = Account(
        id=id_,
        provider="sandbox",
        mode=Mode.LIVE,
        base_url=f"http://127.0.0.1:{system.stack.sandboxes[name][0]}",
        credentials={"secret_key": system.stack.environ["SANDBOX_A_SECRET_KEY"]},
        webhook_secrets=[f"whsec_{uuid4().hex}"],
        scheme=PROVIDERS["sandbox"].scheme,
        routes=(Route(merchant_id=tenant.merchant_id),),
    )
    engine = open_engine(settings.database_url, "test", 1)
    try:
        with engine.begin() as db:
            write_account(db, Vault(settings.secrets.keyring), account)
    finally:
        engine.dispose()
    return id_


def belongings(system: System, owner: Tenant, gateway: str | None) -> Belongings:
    """Make one of everything; the payments are such that each operation would find one to do.

    `gateway` is where saved tokens are good; None: everywhere, as in test mode.
    """
    # Whoever deletes a saved method has its token forgotten: nobody else's must be the same.
    card = {"type": "card", "token": f"tok_{owner.key_id}"}
    external, order = f"customer-{owner.key_id}", f"order-{owner.key_id}"
    customer = _made(system, owner, "customers", {"external_id": external, "name": "Pat Example"})
    vault = {} if gateway is None else {"gateway_id": gateway}
    saved = [
        _made(system, owner, "payment-methods", {"customer_id": customer} | card | vault)
        for _ in range(2)
    ]
    named = {"order_id": order, "customer_id": customer}
    paid = _paid(system, owner, "captured", payment_method=card, **named)
    held = _paid(system, owner, "authorized", payment_method=card, capture_method="manual")
    waiting = _paid(system, owner, "pending", payment_method=card, confirm=False)
    reviewed = _paid(system, owner, "in_review", **_REVIEWED)
    money: Json = {"amount": 900, "currency": "USD", "user_id": "42"} | _SILENT
    deposit = _made(system, owner, "deposits", money | {"payment_method": card})
    sent = money | {"destination": {"type": "bank_account", "token": "tok_bank"}}
    payout = _made(system, owner, "payouts", sent | {"reference": order})
    refund = _made(system, owner, f"payments/{paid}/refunds", {"amount": 1, "reason": "to see"})
    _quiet(system, owner)
    listed = owner.call(system, "GET", "/v1/transactions").json()["data"]
    assert listed
    return Belongings(
        {
            Kind.PAYMENT: (paid, held, waiting, reviewed),
            Kind.TRANSACTION: (listed[0]["id"], listed[-1]["id"]),
            Kind.REFUND: (refund,),
            Kind.PAYOUT: (payout,),
            Kind.CUSTOMER: (customer,),
            Kind.PAYMENT_METHOD: (*saved,),
        },
        deposit,
        order,
        external,
    )


def rows_of(system: System, tenant: Tenant) -> dict[str, list[str]]:
    """Return every row of a merchant, in whichever table, to be compared with a later look."""
    found = {}
    for name, whose in _owned():
        rows = system.sql(
            f"SELECT to_jsonb(t)::text AS row FROM {name} t WHERE {whose} ORDER BY 1",
            [tenant.merchant_id],
        )
        found[name] = [row["row"] for row in rows]
    return found


def _owned() -> Iterator[tuple[str, str]]:
    """Yield every table with what is a merchant's in it; the merchant is the only parameter."""
    for name, table in tables.metadata.tables.items():
        if name in _NOT_THEIRS:
            continue
        if "merchant_id" in table.c:
            yield name, "merchant_id = %s"
        elif "payment_id" in table.c:
            yield name, "payment_id IN (SELECT id FROM payments WHERE merchant_id = %s)"
        elif "attempt_id" in table.c:
            yield name, "attempt_id IN (SELECT id FROM payment_attempts WHERE merchant_id = %s)"


def _made(system: System, owner: Tenant, noun: str, body: Json) -> str:
    answer = owner.call(system, "POST", f"/v1/{noun}", body, key=uuid4().hex)
    assert answer.status in (201, 202), (noun, answer.data)
    return str(answer.json()["id"])


def _paid(system: System, owner: Tenant, status: str, **more: object) -> str:
    id_ = owner.checkout(system, key=uuid4().hex, **_SILENT, **more)

    def seen() -> Json:
        return dict(owner.call(system, "GET", f"/v1/payments/{id_}?wait=5").json())

    eventually(lambda: seen()["status"] == status, 30, lambda: str(seen()))
    return id_


def _quiet(system: System, owner: Tenant) -> None:
    """Wait until the house has nothing to do for this merchant for as long as a test may take."""
    looks = []
    for name, whose in _owned():
        columns = tables.metadata.tables[name].c
        at_work = "published_at IS NULL" if "published_at" in columns else None
        if "next_run_at" in columns:
            at_work = "next_run_at < now() + interval '5 minutes'"
        if at_work is not None:
            looks.append(f"SELECT '{name}' AS what FROM {name} WHERE {whose} AND {at_work}")
    # In one statement, which sees one moment: work moves from table to table.
    query, values = " UNION ALL ".join(looks), [owner.merchant_id] * len(looks)
    eventually(lambda: not system.sql(query, values), 30, lambda: str(system.sql(query, values)))
