"""The contract: complete, consistent with the code, and shown without anybody else's help."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from domain.attempt import Attempt, Operation, State
from domain.due import Due
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.payment import Mode, Payment, Status
from domain.refund import Refund, RefundKind, RefundStatus
from domain.requests import Sight
from domain.review import Case, CaseKind
from ingress import openapi, views, wishes
from ingress.armour import SecurityHeaders
from ingress.contract.codes import CODES
from ingress.hop_links import HopLinks
from ingress.openapi import STATIC, document
from ingress.orders import parse_checkout
from ingress.paths import needs_key
from ingress.refund_out import refund_json
from ingress.reviews import case_json
from ingress.wishes import Wish

DOCUMENT = document()
METHODS = {"get", "post", "put", "patch", "delete"}
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
ID = UUID("0198c0de-7f3a-7c51-9a3d-5f0e4b2a6d18")
MONEY = Money(10_000, CURRENCIES["USD"])
PAYMENT = Payment(
    ID, ID, Mode.TEST, MONEY, Status.PENDING, Method("card"), NOW, NOW, Due(NOW), order_id="o"
)
LINKS = HopLinks("https://pay.example.com", b"key")
SIGHT = Sight(NOW, timedelta(days=90))
ATTEMPT = Attempt(
    *(ID, ID, ID, Mode.TEST, Operation.CHARGE, 1, "sandbox-a", 1, MONEY, State.SENDING, b""),
    *(NOW, NOW, NOW, NOW, Due(NOW)),
)

REFUND = Refund(
    *(ID, ID, ID, ID, Mode.TEST, MONEY, RefundKind.REFUND, RefundStatus.PENDING, "returned"),
    *("key:1", "sandbox-a", NOW, Due(NOW)),
)
CASE = Case(ID, ID, CaseKind.FRAUD, "risky", NOW)


def walk(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from walk(item)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def resolve(reference: str) -> Any:
    value: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


def schema_of(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = DOCUMENT["components"]["schemas"][name]
    return schema


def test_it_is_an_openapi_3_1_document() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/", "/api"]


@pytest.mark.parametrize(
    "operation",
    [
        "POST /v1/checkout",
        "POST /v1/payments",
        "GET /v1/payments",
        "GET /v1/payments/{id}",
        "GET /v1/payments/{id}/status",
        "GET /v1/payments/{id}/attempts",
        "POST /v1/payments/{id}/authorize",
        "POST /v1/payments/{id}/capture",
        "POST /v1/payments/{id}/cancel",
        "POST /v1/payments/{id}/refunds",
        "POST /v1/payments/{id}/refund",
        "POST /v1/payments/{id}/reverse",
        "POST /v1/transactions/{id}/process",
        "GET /v1/reviews",
        "POST /v1/reviews/{payment_id}/approve",
        "POST /v1/reviews/{payment_id}/reject",
        "GET /v1/checkout/{token}/go",
        "GET /v1/tx/{id}",
        "POST /v1/webhooks/{provider}",
        "POST /v1/webhooks/{provider}/{gateway}",
        "POST /api/webhooks/{provider}",
        "POST /api/providers/{provider}/webhook",
        "GET /health",
        "GET /health/live",
        "GET /health/ready",
        "GET /metrics",
        "GET /openapi.json",
        "GET /docs",
    ],
)
def test_every_operation_is_there(operation: str) -> None:
    method, path = operation.split()

    assert method.lower() in DOCUMENT["paths"][path]


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    references = {
        value["$ref"] for value in walk(DOCUMENT) if isinstance(value, dict) if "$ref" in value
    }
    for reference in references:
        assert resolve(reference)
    used = {reference.rpartition("/")[2] for reference in references}
    for kind in ("schemas", "headers"):
        assert set(DOCUMENT["components"][kind]) <= used


def test_operations_have_names_of_their_own_and_all_their_path_parameters() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, _, operation in operations():
        declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), path


def test_an_operation_needs_a_key_exactly_where_the_guard_asks_for_one() -> None:
    for path, _, operation in operations():
        public = operation.get("security") == []
        assert public == (not needs_key({"path": path})), path
        assert public or {"401", "403", "429"} <= set(operation["responses"]), path


def test_every_error_code_is_in_some_operation() -> None:
    shown = {
        code
        for _, _, operation in operations()
        for answer in operation["responses"].values()
        for code in answer.get("content", {})
        .get("application/problem+json", {})
        .get("examples", {})
    }
    # Not tied to one operation: any path, any method, other programs, and nobody at all.
    elsewhere = {"bad_request", "method_not_allowed", "client_closed_request"}
    not_yet = {"currency_mismatch"}

    assert shown == set(CODES) - elsewhere - not_yet


def test_examples_of_requests_are_accepted_by_the_door() -> None:
    content = DOCUMENT["paths"]["/v1/checkout"]["post"]["requestBody"]["content"]
    examples = content["application/json"]["examples"]

    assert len(examples) >= 3
    for example in examples.values():
        parse_checkout(json.dumps(example["value"]).encode(), Mode.TEST, b"key")


@pytest.mark.parametrize(
    ("path", "parse"),
    [
        ("authorize", wishes.parse_plain),
        ("capture", wishes.parse_capture),
        ("cancel", wishes.parse_plain),
        ("refunds", wishes.parse_refund),
        ("reverse", wishes.parse_reversal),
    ],
)
def test_examples_of_operations_are_accepted_by_the_door(
    path: str, parse: Callable[[bytes], Wish]
) -> None:
    body = DOCUMENT["paths"][f"/v1/payments/{{id}}/{path}"]["post"]["requestBody"]
    content = body["content"]["application/json"]

    for example in content["examples"].values():
        parse(json.dumps(example["value"]).encode())
    if not body["required"]:
        parse(b"")
    named = dict.fromkeys(resolve(content["schema"]["$ref"])["properties"])
    parse(json.dumps(named | {"reason": "x"} if "reason" in named else named).encode())


def test_the_checkout_schema_names_the_fields_that_the_door_knows() -> None:
    properties = schema_of("Checkout")["properties"]
    body = json.dumps(dict.fromkeys(properties) | {"amount": 1}).encode()

    parse_checkout(body, Mode.TEST, b"key")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("AcceptedPayment", json.loads(views.accepted(PAYMENT, LINKS.url))),
        ("Payment", views.payment_json(PAYMENT, LINKS.url, SIGHT)),
        ("Refund", refund_json(REFUND)),
        ("Review", case_json(CASE)),
        ("PaymentStatus", views.status_json(PAYMENT)),
        ("Attempt", views.attempt_json(ATTEMPT)),
    ],
)
def test_a_schema_has_exactly_the_fields_that_are_sent(name: str, shown: dict[str, Any]) -> None:
    schema = schema_of(name)

    assert set(schema["properties"]) == set(shown) == set(schema["required"])


def test_examples_of_answers_have_every_field_of_their_schema() -> None:
    checked = 0
    for _, _, operation in operations():
        for answer in operation["responses"].values():
            for media in answer.get("content", {}).values():
                schema = media["schema"]
                given = [media["example"]] if "example" in media else []
                given += [one["value"] for one in media.get("examples", {}).values()]
                for example in given:
                    _fits(example, resolve(schema["$ref"]) if "$ref" in schema else schema)
                    checked += 1
    assert checked > 50


def _fits(value: Any, schema: dict[str, Any]) -> None:
    """Check what matters here: fields, constants and lists of objects."""
    schema = resolve(schema["$ref"]) if "$ref" in schema else schema
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"])
        for name, item in value.items():
            _fits(item, schema["properties"][name])
    if isinstance(value, list) and "items" in schema:
        for item in value:
            _fits(item, schema["items"])
    assert value in schema.get("enum", [value])
    assert value == schema.get("const", value)
    if isinstance(value, str) and "pattern" in schema:
        assert re.search(schema["pattern"], value)


@pytest.fixture
def client() -> TestClient:
    return TestClient(SecurityHeaders(Starlette(routes=openapi.routes())))


def test_the_document_is_served_and_not_sent_twice(client: TestClient) -> None:
    answer = client.get("/openapi.json")

    assert answer.json() == DOCUMENT
    again = client.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_asks_nobody_else_and_runs_no_inline_script(client: TestClient) -> None:
    page = client.get("/docs")

    assert page.headers["content-type"].startswith("text/html")
    (policy,) = page.headers.get_list("content-security-policy")
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page.text)
    for file in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        answer = client.get(file)
        assert answer.status_code == 200, file
        assert answer.headers["cache-control"] != "no-store"


def test_the_viewer_comes_with_its_licence() -> None:
    files = {file.name for file in (STATIC / "swagger-ui").iterdir()}

    assert {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} <= files


@pytest.mark.parametrize("path", ["/docs/assets/../openapi.py", "/docs/assets/%2e%2e/openapi.py"])
def test_only_assets_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
