"""Merchant settings: read strictly, changed whole or not at all, told without what is personal."""

from __future__ import annotations

from typing import Any

import pytest

from domain.merchant import Scope
from domain.payment import Mode
from domain.people import Asker
from ops import apikeys
from ops.seed import DEMO_MERCHANT
from ops.store.merchants import Merchants
from ops.vault import Vault
from tests.ops.cli.conftest import PEPPER
from tests.ops.cli.stage import KEY, Stage

pytestmark = pytest.mark.services

DEMO = f"mer_{DEMO_MERCHANT.hex}"


def merchant(stage: Stage) -> dict[str, Any]:
    (row,) = stage.sql("SELECT * FROM merchants WHERE id = :id", id=DEMO_MERCHANT)
    return row


def test_every_setting_is_changed_shown_and_cleared(stage: Stage) -> None:
    stage.run(
        *("merchant", "set", DEMO, "name=Corner shop", "email=owner@mail.example"),
        *("rate_limit_per_minute=250", "ip_allowlist=203.0.113.0/24, 2001:db8::1"),
        *("settlement_currency=EUR", "default_country=DE", "fallback_enabled=false"),
        *("return_url_hosts=Shop.Example.com,pay.example.com", "metadata.tier=gold"),
    )

    row = merchant(stage)
    assert (row["name"], row["rate_limit_per_minute"]) == ("Corner shop", 250)
    assert row["ip_allowlist"] == ["203.0.113.0/24", "2001:db8::1/128"]
    assert (row["settlement_currency"], row["default_country"]) == ("EUR", "DE")
    assert row["fallback_enabled"] is False
    assert row["return_url_hosts"] == ["shop.example.com", "pay.example.com"]
    assert row["metadata"] == {"tier": "gold"}
    assert row["updated_at"] > row["created_at"]
    assert b"owner" not in bytes(row["email"])
    kept = Merchants(stage.engine, Vault({"k1": KEY}), PEPPER.encode())
    assert kept.find(DEMO_MERCHANT).email == "owner@mail.example"
    shown = stage.run("merchant", "show", DEMO).out
    for text in ("Corner shop", "shop.example.com,pay.example.com", "tier=gold", "false", "DE"):
        assert text in shown

    stage.run(
        *("merchant", "set", DEMO, "email=", "settlement_currency=", "default_country="),
        *("return_url_hosts=", "ip_allowlist=", "metadata.tier="),
    )
    row = merchant(stage)
    assert [row[name] for name in ("email", "settlement_currency", "default_country")] == [None] * 3
    assert (row["return_url_hosts"], row["ip_allowlist"], row["metadata"]) == ([], [], {})


def test_the_audit_tells_what_changed_and_nothing_personal(stage: Stage) -> None:
    args = ["name=Ms Owner", "email=owner@mail.example", "metadata.note=hers", "default_country=DE"]
    stage.run("merchant", "set", DEMO, *args)
    stage.run("merchant", "set", DEMO, *args)  # nothing changes any more

    assert stage.audit() == [("operator", "merchant.updated", DEMO)]
    (entry,) = stage.sql("SELECT before, after, merchant_id FROM audit_logs")
    assert entry["merchant_id"] == DEMO_MERCHANT
    assert entry["before"] == {"default_country": None}
    assert entry["after"] == {"default_country": "DE", "changed": ["name", "email", "metadata"]}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("colour=red", "known: name, email"),
        ("name", "an empty value clears"),
        ("name=", "printable"),
        ("email=nobody", "name@example.com"),
        ("is_active=yes", "true or false"),
        ("rate_limit_per_minute=0", "1 to 10000"),
        ("rate_limit_per_minute=10001", "--unbounded"),
        ("rate_limit_per_minute=99999999999999999999", "1 to 10000"),
        ("rate_limit_per_minute=١", "1 to 10000"),
        ("ip_allowlist=10.1.0.1/16", "10.1.0.0/16"),
        ("settlement_currency=euro", "EUR"),
        ("default_country=ZZ", "DE"),
        ("return_url_hosts=https://shop.example.com/x", "no scheme"),
        ("return_url_hosts=" + ",".join(f"h{n}.example" for n in range(51)), "at most 50"),
        ("metadata.=x", "a name of 1 to 40"),
        ("metadata.a=" + "x" * 501, "at most 500"),
        ("metadata.a=4242 4242 4242 4242", "card data"),
    ],
)
def test_a_wrong_setting_changes_nothing(stage: Stage, typed: str, said: str) -> None:
    before = merchant(stage)

    ran = stage.run("merchant", "set", DEMO, "fallback_enabled=false", typed, code=2)

    assert said in ran.err
    assert "4242" not in ran.err
    assert merchant(stage) == before
    assert stage.audit() == []


def test_a_rate_beyond_the_bound_must_be_meant(stage: Stage) -> None:
    assert (
        "--unbounded" in stage.run("merchant", "create", "x", "--rate-limit", "10001", code=2).err
    )
    stage.run("merchant", "create", "x", "--rate-limit", "10001", "--unbounded")
    stage.run("merchant", "set", DEMO, "rate_limit_per_minute=20000", "--unbounded")
    stage.run(
        "merchant", "set", DEMO, "name=x"
    )  # what is beyond it already does not stand in the way

    assert merchant(stage)["rate_limit_per_minute"] == 20_000


def test_a_removed_merchant_is_gone_with_its_keys(stage: Stage) -> None:
    stage.run("merchant", "set", DEMO, "email=owner@mail.example")
    stage.run("keys", "create", DEMO, "--mode", "live")

    assert "2 keys are revoked" in stage.run("merchant", "remove", DEMO).out

    row = merchant(stage)
    assert row["deleted_at"] is not None
    assert (row["is_active"], row["email"]) == (False, None)
    assert stage.sql("SELECT 1 FROM api_keys WHERE revoked_at IS NULL") == []
    assert stage.audit()[-1] == ("operator", "merchant.removed", DEMO)
    assert DEMO not in stage.run("merchant", "list").out
    for args in (("remove", DEMO), ("show", DEMO), ("set", DEMO, "is_active=true")):
        assert "merchant list" in stage.run("merchant", *args, code=1).err
    assert "inactive" in stage.run("keys", "create", DEMO, "--mode", "test", code=1).err


def test_a_key_is_given_the_scopes_that_are_named(stage: Stage) -> None:
    args = ["--scope", "keys:write", "--scope", "payments:read"]
    text = stage.run("keys", "create", DEMO, "--mode", "test", *args).out.strip()

    key = apikeys.parse(text)
    assert key is not None
    (row,) = stage.sql("SELECT scopes FROM api_keys WHERE id = :id", id=key.id)
    assert row["scopes"] == ["keys:write", "payments:read"]
    assert "keys:write payments:read" in stage.run("keys", "list").out
    assert "--scope" in stage.run(
        "keys", "create", DEMO, "--mode", "test", "--scope", "all", code=2
    ).err  # fmt: skip


def test_a_key_that_was_rotated_cannot_make_a_lasting_one(stage: Stage) -> None:
    kept = Merchants(stage.engine, Vault({"k1": KEY}), PEPPER.encode())
    args = ["--scope", "keys:write", "--expires-days", "5"]
    text = stage.run("keys", "create", DEMO, "--mode", "test", *args).out.strip()
    key = apikeys.parse(text)
    assert key is not None
    asker = Asker(DEMO_MERCHANT, Mode.TEST, key.id)

    first = kept.rotate(asker, None, 3600)
    second = kept.rotate(asker, [Scope.KEYS], 86_400)

    assert second.expires_at == first.replaced_until == second.replaced_until
    assert first.expires_at is not None
    assert first.expires_at > first.replaced_until
