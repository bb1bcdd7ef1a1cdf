"""Merchants and their keys: created, listed, revoked, and every change in the audit."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest

from domain.payment import Mode
from ops import apikeys
from ops.cli.deeds import operator
from ops.seed import DEMO_MERCHANT
from tests.ops.cli.conftest import PEPPER
from tests.ops.cli.stage import Stage

pytestmark = pytest.mark.services

DEMO = f"mer_{DEMO_MERCHANT.hex}"


def test_a_merchant_is_created_with_its_limits_and_told(stage: Stage) -> None:
    ran = stage.run(
        *("merchant", "create", "Corner [b]shop", "--rate-limit", "250"),
        *("--ip-allow", "203.0.113.0/24", "--ip-allow", "2001:db8::1"),
    )

    id_ = ran.out.strip()
    assert re.fullmatch(r"mer_[0-9a-f]{32}", id_)
    (row,) = stage.sql("SELECT * FROM merchants WHERE id = :id", id=UUID(id_[4:]))
    assert (row["name"], row["rate_limit_per_minute"]) == ("Corner [b]shop", 250)
    assert row["ip_allowlist"] == ["203.0.113.0/24", "2001:db8::1/128"]
    assert stage.audit() == [("operator", "merchant.created", id_)]
    (entry,) = stage.sql("SELECT actor_id, after FROM audit_logs")
    assert entry["actor_id"] == operator()
    assert "Corner" not in str(entry["after"])
    listed = stage.run("merchant", "list").out
    assert id_ in listed
    assert "Corner [b]shop" in listed
    assert "250" in listed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["x", "--ip-allow", "10.1.0.1/16"], "write 10.1.0.0/16 for the whole network"),
        (["x", "--ip-allow", "home"], "such as 203.0.113.0/24"),
        (["x", "--rate-limit", "0"], "--rate-limit"),
        ([" "], "NAME"),
        (["x" * 201], "NAME"),
        (["a\nb"], "NAME"),
    ],
)
def test_a_wrong_merchant_is_refused_with_the_fix(stage: Stage, args: list[str], said: str) -> None:
    ran = stage.run("merchant", "create", *args, code=2)

    assert said in ran.err
    assert len(stage.sql("SELECT id FROM merchants")) == 1
    assert stage.audit() == []


def test_a_key_is_printed_once_and_kept_as_a_mac_only(stage: Stage) -> None:
    ran = stage.run("keys", "create", DEMO, "--mode", "live", "--expires-days", "30")

    key = apikeys.parse(ran.out.strip())
    assert key is not None
    assert key.mode is Mode.LIVE
    assert key.secret not in ran.err
    (row,) = stage.sql("SELECT * FROM api_keys WHERE id = :id", id=key.id)
    assert bytes(row["secret_mac"]) == apikeys.mac(PEPPER.encode(), key.id, key.secret)
    assert row["merchant_id"] == DEMO_MERCHANT
    assert row["expires_at"] - row["created_at"] < timedelta(days=30, seconds=5)
    assert row["expires_at"] - row["created_at"] > timedelta(days=29, hours=23)
    assert stage.audit() == [("operator", "api_key.created", key.id)]
    assert key.secret not in str(stage.sql("SELECT * FROM audit_logs"))
    assert key.secret not in str(stage.sql("SELECT * FROM outbox_events"))
    listed = stage.run("keys", "list", "--merchant", DEMO).out
    assert key.id in listed
    assert key.secret not in listed


def test_a_key_for_nobody_is_refused(stage: Stage) -> None:
    stage.sql("UPDATE merchants SET is_active = false")

    assert "inactive" in stage.run("keys", "create", DEMO, "--mode", "test", code=1).err
    nobody = f"mer_{UUID(int=5).hex}"
    assert "merchant list" in stage.run("keys", "create", nobody, "--mode", "test", code=1).err
    assert "mer_" in stage.run("keys", "create", "shop", "--mode", "test", code=2).err
    assert "--mode" in stage.run("keys", "create", DEMO, code=2).err
    assert "--mode" in stage.run("keys", "create", DEMO, "--mode", "real", code=2).err
    assert stage.audit() == []


@pytest.mark.parametrize("typed", ["id", "prefixed", "whole"])
def test_a_key_is_revoked_by_its_id_or_by_itself(stage: Stage, typed: str) -> None:
    text = stage.run("keys", "create", DEMO, "--mode", "test").out.strip()
    key = apikeys.parse(text)
    assert key is not None
    named = {"id": key.id, "prefixed": f"pl_test_{key.id}", "whole": text}[typed]

    assert "is revoked" in stage.run("keys", "revoke", named).out
    again = stage.run("keys", "revoke", named).out

    assert "had been revoked" in again
    (row,) = stage.sql("SELECT revoked_at FROM api_keys WHERE id = :id", id=key.id)
    assert row["revoked_at"] is not None
    assert [entry[1] for entry in stage.audit()] == ["api_key.created", "api_key.revoked"]
    assert re.search(rf"{key.id}.*revoked", stage.run("keys", "list").out)


def test_revoking_what_does_not_exist_says_so_without_repeating_it(stage: Stage) -> None:
    assert "keys list" in stage.run("keys", "revoke", "0" * 16, code=1).err
    ran = stage.run("keys", "revoke", "pl_test_mistyped_secret", code=2)
    assert "mistyped_secret" not in ran.err + ran.out


def test_ids_stay_whole_on_a_narrow_terminal(stage: Stage) -> None:
    text = stage.run("keys", "create", DEMO, "--mode", "test", "--expires-days", "9").out.strip()
    key = apikeys.parse(text)
    assert key is not None
    narrow = {"COLUMNS": "80"}

    keys = stage.run("keys", "list", environ=narrow).out
    assert key.id in keys
    assert DEMO in keys
    assert DEMO in stage.run("merchant", "list", environ=narrow).out
    assert max(map(len, keys.splitlines())) <= 80
