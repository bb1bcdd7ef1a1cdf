"""A hostile merchant: the same key again, amounts that are none, other people's payments."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import redis

from domain.payment import Mode
from tests.e2e.hostile_tenants import (
    Tenant,
    a_tenant,
    another_key,
    books_of,
    refused,
    without_request_id,
)
from tests.e2e.system import Json, System

pytestmark = pytest.mark.e2e

CHECKOUT: Json = {"amount": 900, "currency": "USD"}
LIVE: Json = CHECKOUT | {"payment_method": {"type": "card", "token": "tok_live"}}


def _payments(system: System, tenant: Tenant) -> int:
    found = system.sql(
        "SELECT count(*) AS n FROM payments WHERE merchant_id = %s", [tenant.merchant_id]
    )
    return int(found[0]["n"])


def _settled(system: System, tenant: Tenant, id_: str, *statuses: str) -> Json:
    wait = f"/v1/payments/{id_}?wait=10"
    for _ in range(3):
        payment: Json = tenant.call(system, "GET", wait).json()
        if payment["status"] in (statuses or ("captured",)):
            return payment
    raise AssertionError(payment)


def test_one_key_under_every_alias_at_once_is_one_payment_and_one_charge(system: System) -> None:
    tenant = a_tenant(system)
    paths = ["/v1/checkout", "/v1/payments", "/api/v1/checkout", "/api/v1/payments"] * 25
    with ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(lambda path: tenant.call(system, "POST", path, CHECKOUT, key="one"), paths)
        )

    assert {answer.status for answer in answers} == {202}
    assert len({answer.data for answer in answers}) == 1
    id_ = answers[0].json()["id"]
    _settled(system, tenant, id_)
    assert _payments(system, tenant) == 1
    references = [
        row["id"].hex
        for row in system.sql("SELECT id FROM payment_attempts WHERE payment_id = %s", [id_[4:]])
    ]
    charged = [n for (_, reference), n in system.charges().items() if reference in references]
    assert charged == [1]


def test_another_body_under_a_used_key_is_refused_and_leaves_no_trace(system: System) -> None:
    tenant = a_tenant(system)
    first = tenant.call(system, "POST", "/v1/checkout", CHECKOUT, key="k")
    _settled(system, tenant, first.json()["id"])
    before = books_of(system, tenant)

    for other in (
        {"amount": 901},
        {"currency": "EUR"},
        {"order_id": "o"},
        {"metadata": {"a": "b"}},
    ):
        answer = tenant.call(system, "POST", "/v1/checkout", CHECKOUT | other, key="k")
        refused(answer, 422, "idempotency_key_reused")

    assert books_of(system, tenant) == before
    respelled = b' {"currency" : "USD",\n"amount":900, "order_id": null}'
    again = tenant.call(system, "POST", "/v1/checkout", respelled, key="k")
    assert (again.status, again.data) == (202, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_key_means_something_else_for_every_merchant_and_mode(system: System) -> None:
    one, two = a_tenant(system), a_tenant(system)
    live = another_key(system, one.merchant_id, Mode.LIVE)
    bodies = {one.key_id: CHECKOUT, two.key_id: CHECKOUT | {"amount": 77}, live.key_id: LIVE}

    first = {
        tenant.key_id: tenant.call(
            system, "POST", "/v1/checkout", bodies[tenant.key_id], key="everybody's"
        )
        for tenant in (one, two, live)
    }

    assert [answer.status for answer in first.values()] == [202] * 3
    assert len({answer.json()["id"] for answer in first.values()}) == 3
    for tenant in (one, two, live):
        again = tenant.call(
            system, "POST", "/v1/checkout", bodies[tenant.key_id], key="everybody's"
        )
        assert again.data == first[tenant.key_id].data
    its_own = f"/v1/payments/{first[live.key_id].json()['id']}/cancel"
    cancelled = live.call(system, "POST", its_own, key="its-own")
    assert cancelled.json()["status"] == "cancelled"


def test_a_key_that_has_run_out_still_charges_nobody_twice(system: System) -> None:
    tenant = a_tenant(system)
    body = CHECKOUT | {"order_id": f"order-{uuid4().hex[:12]}"}
    first = tenant.call(system, "POST", "/v1/checkout", body, key="old")
    _settled(system, tenant, first.json()["id"])
    _forget_replays(system, tenant)
    system.sql(
        "UPDATE idempotency_keys SET expires_at = clock_timestamp() - interval '1 day'"
        " WHERE merchant_id = %s RETURNING key",
        [tenant.merchant_id],
    )

    late = tenant.call(system, "POST", "/v1/checkout", body, key="old")

    assert (late.status, late.data) == (202, first.data), "kept until it is deleted"
    _forget_replays(system, tenant)
    system.sql(
        "DELETE FROM idempotency_keys WHERE merchant_id = %s RETURNING key", [tenant.merchant_id]
    )
    refused(
        tenant.call(system, "POST", "/v1/checkout", body, key="old"), 409, "order_already_active"
    )
    assert _payments(system, tenant) == 1


def _forget_replays(system: System, tenant: Tenant) -> None:
    client = redis.Redis.from_url(system.stack.settings.redis_url)
    for name in client.scan_iter(f"paylink:idem:{tenant.merchant_id.hex}:*"):
        client.delete(name)
    client.close()


def test_a_live_payment_needs_a_key_and_a_token(system: System) -> None:
    live = a_tenant(system, Mode.LIVE)

    refused(live.call(system, "POST", "/v1/checkout", LIVE), 400, "idempotency_key_required")
    refused(live.call(system, "POST", "/v1/checkout", CHECKOUT, key="k"), 422, "validation_failed")
    assert _payments(system, live) == 0


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        *(("0", "USD"), ("-1", "USD"), ("-0", "USD"), ("1000000000000000000", "USD")),
        *(("1e18", "USD"), ("1E2", "USD"), ("100.0", "USD"), ("100.00", "USD"), ("0.1", "USD")),
        *(('"100"', "USD"), ('"100.00"', "USD"), ('"١٠٠"', "USD"), ('" 100"', "USD")),
        *(("true", "USD"), ("null", "USD"), ("[100]", "USD"), ('{"minor":100}', "USD")),
        *(("10050", "IDR"), ("1.5", "IDR"), ("100.50", "JPY"), ('"100.5"', "JPY")),
        *(("1.2345", "KWD"), ('"1.234"', "KWD"), ("9" * 5000, "USD"), ("NaN", "USD")),
        *(("Infinity", "USD"), ("1e400", "USD"), ("-1e400", "USD")),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_amount_is_refused_by_name(system: System, amount: str, currency: str) -> None:
    body = f'{{"amount": {amount}, "currency": "{currency}"}}'.encode()

    problem = refused(system.call("POST", "/v1/checkout", body), 422, "validation_failed")

    assert [error["field"] for error in problem["errors"]] == ["amount"]
    assert problem["errors"][0]["fix"]


@pytest.mark.parametrize("currency", ["usd", "US", "XXX", "BTC", "U$D", "USDT", ""])
def test_what_is_no_currency_is_refused_by_name(system: System, currency: str) -> None:
    answer = system.call("POST", "/v1/checkout", {"amount": 100, "currency": currency})

    problem = refused(answer, 422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["currency"]


@pytest.mark.parametrize(("mode", "other"), [(Mode.LIVE, Mode.TEST), (Mode.TEST, Mode.LIVE)])
def test_another_merchants_payment_does_not_exist(system: System, mode: Mode, other: Mode) -> None:
    owner, thief = a_tenant(system, mode), a_tenant(system, mode)
    of_other_mode = another_key(system, owner.merchant_id, other)
    id_ = owner.checkout(system, key="k", **LIVE)
    if mode is Mode.TEST:  # one that has attempts; no gateway takes the live one
        _settled(system, owner, id_)
        assert owner.call(system, "GET", f"/v1/payments/{id_}/attempts").json()["data"]
    etag = {"If-None-Match": owner.call(system, "GET", f"/v1/payments/{id_}").headers["ETag"]}
    before = _facts(system, id_)

    for stranger in (thief, of_other_mode):
        for method, path in _ways_to(id_):
            theirs = stranger.call(system, method, path, headers=etag, key="k")
            unknown = path.replace(id_, f"pay_{uuid4().hex}")
            nobodys = stranger.call(system, method, unknown, key="k")
            problems = [refused(answer, 404, "not_found") for answer in (theirs, nobodys)]
            assert without_request_id(problems[0]) == without_request_id(problems[1])

    assert _facts(system, id_) == before
    if mode is Mode.LIVE:
        cancelled = owner.call(system, "POST", f"/v1/payments/{id_}/cancel", key="c").json()
        assert cancelled["status"] == "cancelled", "by its owner it can be cancelled"


def _ways_to(id_: str) -> list[tuple[str, str]]:
    reads = [f"/v1/payments/{id_}", f"/v1/tx/{id_}", f"/api/v1/payments/{id_}"]
    reads += [f"/v1/payments/{id_}/status", f"/v1/payments/{id_}/attempts"]
    return [*(("GET", path) for path in reads), ("POST", f"/v1/payments/{id_}/cancel")]


def _facts(system: System, id_: str) -> list[Json]:
    """Return what nobody but the owner can have changed; the sweep may touch the rest."""
    return system.sql(
        "SELECT p.status, p.cancel_requested_at, p.amount_captured, (SELECT count(*) FROM"
        " audit_logs WHERE entity_id = %s AND actor = 'merchant') AS told"
        " FROM payments p WHERE p.id = %s",
        [id_, id_[4:]],
    )


def test_a_list_shows_ones_own_payments_whoever_made_the_cursor(system: System) -> None:
    owner, thief = a_tenant(system), a_tenant(system)
    theirs = {thief.checkout(system, key=f"t{n}") for n in range(2)}
    ours = [owner.checkout(system, key=f"o{n}", order_id=f"mine-{n}") for n in range(3)]
    theirs |= {thief.checkout(system, key="t2")}
    page = owner.call(system, "GET", "/v1/payments?limit=1").json()
    assert [payment["id"] for payment in page["data"]] == ours[-1:]

    for query in (
        *("?limit=100", f"?limit=100&cursor={page['next_cursor']}"),
        *("?limit=100&status=captured", "?limit=100&order_id=mine-1"),
    ):
        found = thief.call(system, "GET", f"/v1/payments{query}").json()["data"]
        assert {payment["id"] for payment in found} <= theirs, query
    for tenant, ids in ((owner, ours), (thief, theirs)):
        for id_ in ids:
            _settled(system, tenant, id_)


@pytest.mark.parametrize(
    "id_",
    [
        *("pay_", "pay_0", "pay_" + "0" * 32, "pay_" + "g" * 32, "PAY_" + "0" * 32),
        *("att_" + "0" * 32, "pay_" + "0" * 31 + "%00", "pay_%2e%2e", "..%2f..", "%ff%fe"),
        *("pay_' OR 1=1 --".replace(" ", "%20"), "pay_" + "A" * 32, "1", "null"),
    ],
)
def test_a_guessed_id_names_nothing(system: System, id_: str) -> None:
    refused(system.call("GET", f"/v1/payments/{id_}"), 404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        *("cursor=x", "cursor=" + "A" * 30, "limit=0", "limit=101", "limit=-1", "limit=1e9"),
        *("limit=1&limit=2", "status=nonsense", "order_id=%27%20OR%201=1", "order_id=%00"),
        *("page=2", "merchant_id=1", "cursor=%ff", "limit=" + "9" * 4000),
    ],
    ids=lambda query: query[:24],
)
def test_a_list_is_asked_for_in_known_words_only(system: System, query: str) -> None:
    refused(system.call("GET", f"/v1/payments?{query}"), 422, "validation_failed")


def test_a_key_may_do_what_its_scopes_say_and_no_more(system: System) -> None:
    owner = a_tenant(system)
    id_ = owner.checkout(system, key="k")
    _settled(system, owner, id_)
    reader = another_key(system, owner.merchant_id, Mode.TEST, scopes=("payments:read",))
    writer = another_key(system, owner.merchant_id, Mode.TEST, scopes=("payments:write",))
    nobody = another_key(system, owner.merchant_id, Mode.TEST, scopes=())

    assert reader.call(system, "GET", f"/v1/payments/{id_}").status == 200
    for tenant in (reader, nobody):
        for path in ("/v1/checkout", "/v1/payments", f"/v1/payments/{id_}/cancel"):
            refused(tenant.call(system, "POST", path, CHECKOUT, key="k2"), 403, "forbidden")
    for tenant in (writer, nobody):
        for path in ("/v1/payments", *(way for method, way in _ways_to(id_) if method == "GET")):
            refused(tenant.call(system, "GET", path), 403, "forbidden")
    assert _payments(system, owner) == 1
