"""The merchant over HTTP: its settings, and a key replaced without an outage."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.merchant import MAX_KEYS, MAX_OVERLAP_S
from domain.payment import Mode
from ops import apikeys
from ops.seed import DEMO_MERCHANT, DEMO_RATE_PER_MINUTE, SCOPES
from tests.dev.waiting import wait_until
from tests.ingress.people.conftest import Shop

pytestmark = pytest.mark.services

ROTATE = "/v1/merchant/api-keys"
BOTH = ("keys:write", "payments:read")


def test_a_merchant_sees_itself_and_what_its_key_may_do(shop: Shop) -> None:
    answer = shop.call("GET", "/v1/merchant")

    assert answer.status_code == 200
    said = answer.json()
    assert said["id"] == f"mer_{DEMO_MERCHANT.hex}"
    assert (said["name"], said["mode"]) == ("Demo merchant", "test")
    assert said["rate_limit_per_minute"] == DEMO_RATE_PER_MINUTE
    assert said["api_key"]["scopes"] == sorted(SCOPES)
    assert said["api_key"]["id"] in shop.demo
    assert shop.demo not in answer.text
    live = shop.call("GET", "/v1/merchant", key=shop.key(mode=Mode.LIVE)).json()
    assert live["mode"] == "live"
    stranger = shop.call("GET", "/v1/merchant", key=shop.stranger()).json()
    assert stranger["id"] != said["id"]


def test_a_rotated_key_works_beside_the_old_one_which_ends_later(shop: Shop) -> None:
    old = shop.key(scopes=BOTH)

    answer = shop.call("POST", ROTATE, {"overlap_s": 3600}, key=old)

    assert answer.status_code == 201
    made = answer.json()
    new = apikeys.parse(made["key"])
    assert new is not None
    assert (made["id"], made["mode"], made["scopes"]) == (new.id, "test", list(BOTH))
    assert made["expires_at"] is None
    assert answer.headers["Cache-Control"] == "no-store"
    for key in (old, made["key"]):
        assert shop.call("GET", "/v1/customers", key=key).status_code == 200
    ends = datetime.fromisoformat(made["replaces"]["expires_at"])
    (row,) = shop.sql("SELECT clock_timestamp() AS now")
    assert timedelta(minutes=59) < ends - row["now"] <= timedelta(hours=1)
    (entry,) = shop.sql("SELECT * FROM audit_logs")
    assert (entry["actor"], entry["action"], entry["entity_id"]) == (
        *("merchant", "api_key.rotated", new.id),
    )
    assert new.secret not in str(shop.sql("SELECT * FROM audit_logs"))
    assert new.secret not in str(shop.sql("SELECT * FROM outbox_events"))


def test_without_an_overlap_the_old_key_ends_at_once(shop: Shop) -> None:
    old = shop.key(scopes=BOTH)

    made = shop.call("POST", ROTATE, {"overlap_s": 0}, key=old).json()

    # The door remembers keys for a second.
    wait_until(lambda: shop.call("GET", "/v1/customers", key=old).status_code == 401, 5.0)
    assert shop.call("GET", "/v1/customers", key=made["key"]).status_code == 200
    assert shop.call("POST", ROTATE, key=old).status_code == 401


def test_an_empty_body_asks_for_the_defaults(shop: Shop) -> None:
    made = shop.call("POST", ROTATE, key=shop.key(scopes=BOTH)).json()

    ends = datetime.fromisoformat(made["replaces"]["expires_at"])
    (row,) = shop.sql("SELECT clock_timestamp() AS now")
    assert timedelta(hours=23) < ends - row["now"] <= timedelta(days=1)


def test_a_new_key_may_do_less_and_never_more(shop: Shop) -> None:
    old = shop.key(scopes=BOTH)

    less = shop.call("POST", ROTATE, {"scopes": ["payments:read"]}, key=old)
    more = shop.call("POST", ROTATE, {"scopes": ["payments:read", "ops"]}, key=old)

    assert less.json()["scopes"] == ["payments:read"]
    assert shop.call("POST", ROTATE, key=less.json()["key"]).status_code == 403
    assert (more.status_code, more.json()["code"]) == (403, "forbidden")
    assert "ops" in more.json()["detail"]


def test_a_key_of_the_old_ones_last_hours_lasts_no_longer(shop: Shop) -> None:
    old = shop.key(scopes=BOTH)
    first = shop.call("POST", ROTATE, {"overlap_s": 60}, key=old).json()

    second = shop.call("POST", ROTATE, {"overlap_s": MAX_OVERLAP_S}, key=old).json()

    assert second["expires_at"] == first["replaces"]["expires_at"]
    assert second["replaces"]["expires_at"] == first["replaces"]["expires_at"]


def test_rotating_needs_its_scope(shop: Shop) -> None:
    answer = shop.call("POST", ROTATE)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert len(shop.sql("SELECT 1 FROM api_keys")) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"overlap_s": -1}, "overlap_s"),
        ({"overlap_s": MAX_OVERLAP_S + 1}, "overlap_s"),
        ({"overlap_s": 1.5}, "overlap_s"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "payments:read"}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": [["payments:read"]]}, "scopes"),
        ({"mode": "live"}, "mode"),
    ],
)
def test_a_wrong_wish_is_refused_by_name(shop: Shop, body: object, field: str) -> None:
    answer = shop.call("POST", ROTATE, body, key=shop.key(scopes=BOTH))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_too_many_keys_are_refused(shop: Shop) -> None:
    keys = [shop.key(scopes=BOTH) for _ in range(MAX_KEYS - 2)]  # and the demo's

    answers = [shop.call("POST", ROTATE, key=keys[0]) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json()["code"] == "limit_reached"
    live = shop.key(mode=Mode.LIVE, scopes=BOTH)
    assert shop.call("POST", ROTATE, key=live).status_code == 201
