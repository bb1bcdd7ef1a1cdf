"""Tenancy: what is another's, or of the other mode, is nowhere to be told from what never was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

import pytest

from domain.ids import Kind
from domain.payment import Mode
from ops.seed import SCOPES
from tests.e2e.hostile_belongings import Belongings, a_live_gateway, belongings, rows_of
from tests.e2e.hostile_tenants import Tenant, a_tenant, another_key, refused
from tests.e2e.hostile_ways import METHODS, Way, asked, body_of, nobodys, shown, ways
from tests.e2e.system import Json, System, a_system

pytestmark = pytest.mark.e2e

PAIRS = 40
#: Noise strikes once; what takes longer every time is told by it.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Estate:
    """An owner with one of everything, and those who want it."""

    owner: Tenant
    thief: Tenant
    #: The owner's own key for the other mode.
    other_mode: Tenant
    things: Belongings

    @property
    def strangers(self) -> tuple[Tenant, Tenant]:
        return self.thief, self.other_mode


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of its own: the live gateway in it is behind a simulator that has another name."""
    with a_system(tmp_path_factory.mktemp("tenancy"), INGRESS_PROCESSES="2") as running:
        yield running


@pytest.fixture(scope="module")
def contract(system: System) -> Json:
    """What the door says of itself."""
    return dict(system.call("GET", "/openapi.json").json())


def an_estate(system: System, mode: Mode) -> Estate:
    other = Mode.LIVE if mode is Mode.TEST else Mode.TEST
    owner = a_tenant(system, mode, scopes=(*SCOPES, "ops"))
    gateway = a_live_gateway(system, owner) if mode is Mode.LIVE else None
    return Estate(
        owner,
        a_tenant(system, mode, scopes=(*SCOPES, "ops")),
        another_key(system, owner.merchant_id, other, scopes=(*SCOPES, "ops")),
        belongings(system, owner, gateway),
    )


@pytest.fixture(scope="module", params=list(Mode))
def estate(system: System, request: pytest.FixtureRequest) -> Estate:
    """Nobody of those who use it changes anything, or a test fails."""
    return an_estate(system, request.param)


@pytest.mark.parametrize("mode", list(Mode))
def test_another_merchants_id_is_nobodys_id_in_every_route(
    system: System, contract: Json, mode: Mode
) -> None:
    estate = an_estate(system, mode)
    everything = list(ways(contract, estate.things))
    before = rows_of(system, estate.owner)

    for way, id_ in everything:
        for stranger in estate.strangers:
            for prefix in ("", "/api"):
                theirs = asked(system, stranger, way, prefix)
                never = asked(system, stranger, way.unknown(id_), prefix)
                refused(theirs, 404, "not_found")
                assert shown(theirs) == shown(never), (way, theirs.data, never.data)

    _untouched(before, rows_of(system, estate.owner))
    assert all(not rows for rows in rows_of(system, estate.thief).values())
    print(
        f"{mode}: {len(everything)} ways over {len({way.template for way, _ in everything})} paths"
    )
    # Every one of them leads somewhere; with a customer their saved methods go.
    named = [way for way, _ in everything]
    named.sort(key=lambda way: (METHODS.index(way.method), way.kind is Kind.CUSTOMER))
    found = {
        (way.method, way.template)
        for way in named
        if asked(system, estate.owner, way).status != 404
    }
    assert {(way.method, way.template) for way in named} == found
    assert rows_of(system, estate.owner) != before


def _untouched(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> None:
    """Assert that the same rows are there as before; name those that are not."""
    for table, rows in before.items():
        changed = set(rows) ^ set(after[table])
        assert not changed, (table, sorted(changed))


def test_another_merchants_name_in_a_query_finds_nothing(
    system: System, contract: Json, estate: Estate
) -> None:
    things, made_up = estate.things, uuid4().hex
    names = {
        "payment_id": (things.ids[Kind.PAYMENT][0], nobodys(Kind.PAYMENT)),
        "customer_id": (things.ids[Kind.CUSTOMER][0], nobodys(Kind.CUSTOMER)),
        "order_id": (things.order_id, made_up),
        "external_id": (things.external_id, made_up),
        "reference": (things.order_id, made_up),
    }
    searched = 0
    for path, item in contract["paths"].items():
        for parameter in item.get("get", {}).get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] != "query" or not (name in names or name.endswith("_id")):
                continue
            assert name in names, f"{path}?{name}=: whose name is this?"
            theirs, never = names[name]
            searched += 1
            for stranger in estate.strangers:
                answers = [
                    stranger.call(system, "GET", f"{path}?{name}={value}")
                    for value in (theirs, never)
                ]
                assert shown(answers[0]) == shown(answers[1]), (path, name, answers[0].data)
            own = estate.owner.call(system, "GET", f"{path}?{name}={theirs}")
            assert own.json()["data"], f"{path}?{name}= finds nothing for its owner either"
    assert searched >= 8


def test_another_merchants_id_in_a_body_is_nobodys_id(system: System, estate: Estate) -> None:
    things = estate.things
    card: Json = {"type": "card", "token": "tok_visa"}
    money: Json = {"amount": 900, "currency": "USD", "user_id": "42"}
    checkout: Json = {"amount": 900, "currency": "USD", "payment_method": card}
    method, customer = things.ids[Kind.PAYMENT_METHOD][0], things.ids[Kind.CUSTOMER][0]
    bodies: list[tuple[str, str, Json]] = [
        ("/v1/checkout", method, checkout | {"payment_method": {"id": method}}),
        ("/v1/checkout", customer, checkout | {"customer_id": customer}),
        ("/v1/checkout", customer, checkout | {"customer": {"id": customer}}),
        ("/v1/deposits", method, money | {"payment_method": {"id": method}}),
        ("/v1/payment-methods", customer, card | {"customer_id": customer, "gateway_id": "g"}),
    ]
    before = rows_of(system, estate.owner)

    for path, id_, body in bodies:
        kind = Kind.CUSTOMER if id_ == customer else Kind.PAYMENT_METHOD
        for stranger in estate.strangers:
            theirs = Way("POST", path, body, path, kind)
            unknown = Way("POST", path, _with(body, id_, nobodys(kind)), path, kind)
            answers = [asked(system, stranger, way) for way in (theirs, unknown)]
            assert answers[0].status in (404, 422), (path, body, answers[0].data)
            assert shown(answers[0]) == shown(answers[1]), (path, body, answers[0].data)

    _untouched(before, rows_of(system, estate.owner))
    assert all(not rows for rows in rows_of(system, estate.thief).values())


def _with(value: Any, old: str, new: str) -> Any:
    """Return a body in which one id is replaced by another."""
    if isinstance(value, dict):
        return {name: _with(part, old, new) for name, part in value.items()}
    return new if value == old else value


def test_looking_for_anothers_takes_as_long_as_looking_for_nobodys(
    system: System, contract: Json, estate: Estate
) -> None:
    seen = set()
    for way, id_ in ways(contract, estate.things):
        if (way.method, way.template, way.kind) in seen:
            continue
        seen.add((way.method, way.template, way.kind))
        tries = [_took(system, estate.thief, way, id_)]
        while not tries[-1][0] and len(tries) < TRIES:
            tries.append(_took(system, estate.thief, way, id_))
        print(f"{way.method:6} {way.template:34} {tries[-1][1]}")
        assert tries[-1][0], (way, tries)


def _took(system: System, thief: Tenant, way: Way, id_: str) -> tuple[bool, str]:
    """Ask for both in turn; neither median may be twice what three quarters of the others took."""
    theirs, never = list[float](), list[float]()
    for _ in range(PAIRS):
        for asks, took in ((way, theirs), (way.unknown(id_), never)):
            begun = time.perf_counter()
            asked(system, thief, asks)
            took.append((time.perf_counter() - begun) * 1e3)
    medians = median(theirs), median(never)
    quarter = quantiles(theirs, n=4)[2], quantiles(never, n=4)[2]
    alike = medians[0] <= 2 * quarter[1] and medians[1] <= 2 * quarter[0]
    return alike, f"theirs {medians[0]:6.2f} ms, nobody's {medians[1]:6.2f} ms"


@pytest.mark.parametrize("mode", list(Mode))
def test_a_gateway_of_the_other_mode_does_not_exist(
    system: System, contract: Json, mode: Mode
) -> None:
    live = a_live_gateway(system, a_tenant(system, Mode.LIVE))
    theirs = live if mode is Mode.TEST else "sandbox-a"
    operator = a_tenant(system, mode, scopes=(*SCOPES, "ops"))
    health = "SELECT * FROM gateway_health WHERE gateway_id = %s AND forced IS NOT NULL"
    paths = [
        path for path in contract["paths"] if path.startswith(("/v1/gateways/{", "/v1/providers/{"))
    ]
    assert len(paths) >= 6

    for path in paths:
        body = body_of(contract["paths"][path]["post"])
        answers = [
            operator.call(system, "POST", path.replace("{id}", id_), body)
            for id_ in (theirs, f"none-{uuid4().hex[:8]}")
        ]
        refused(answers[0], 404, "not_found")
        assert shown(answers[0]) == shown(answers[1])
    for noun in ("gateways", "providers"):
        listed = operator.call(system, "GET", f"/v1/{noun}").json()["data"]
        assert theirs not in {gateway["id"] for gateway in listed}
    assert system.sql(health, [theirs]) == []
