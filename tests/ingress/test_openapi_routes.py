"""The contract against the door: every route that there is, and examples that it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount, Route

from ingress.contract.webhooks import EVENT, EVENT_XML
from ingress.main import app
from ingress.openapi import document
from ingress.paths import PREFIXES
from tests.ingress.webhook_rig import Doorstep, bank_headers, doorstep, stamped

DOCUMENT = document()
METHODS = {"get", "post", "put", "patch", "delete"}
JSON, XML = "application/json", "text/xml"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item[method]


def routes(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Return every path of the real door with its methods; the page's files are no operations."""
    monkeypatch.setenv("USE_MOCK_DB", "true")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    found: set[tuple[str, str]] = set()
    for prefix, route in flat("", app().routes):
        if prefix + route.path != "/docs/assets":
            assert isinstance(route, Route), route
            methods = (route.methods or set()) - {"HEAD"}
            found |= {(prefix + route.path, method.lower()) for method in methods}
    return found


def flat(prefix: str, found: Sequence[BaseRoute]) -> Iterator[tuple[str, Route | Mount]]:
    for route in found:
        assert isinstance(route, Route | Mount)
        if isinstance(route, Mount) and route.path in PREFIXES:
            yield from flat(prefix + route.path, route.routes)
        else:
            yield prefix, route


def test_every_route_of_the_door_is_there_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = set()
    for path, method, _ in operations():
        servers = DOCUMENT["paths"][path].get("servers", DOCUMENT["servers"])
        listed |= {(server["url"].rstrip("/") + path, method) for server in servers}

    assert listed == routes(monkeypatch)
    assert ("/api/providers/{provider}/webhook", "post") in listed
    assert ("/api/v1/webhooks/{provider}/{gateway}", "post") in listed


def test_every_request_body_and_every_good_answer_has_an_example() -> None:
    for path, method, operation in operations():
        parts = [*operation.get("requestBody", {}).get("content", {}).items()]
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                parts += answer.get("content", {}).items()
        for media, part in parts:
            assert "example" in part or part.get("examples"), (path, method, media)


@pytest.fixture
def step() -> Iterator[Doorstep]:
    with doorstep() as opened:
        yield opened


WEBHOOKS = [
    path
    for path, _, operation in operations()
    if operation["tags"] == ["Webhooks"] and "/callback/" not in path
]


@pytest.mark.parametrize("path", WEBHOOKS)
@pytest.mark.parametrize(
    ("provider", "media"), [("stripe", JSON), ("soapbank", XML)], ids=["json", "xml"]
)
def test_the_example_of_a_webhook_is_taken_with_its_proof_alone(
    step: Doorstep, path: str, provider: str, media: str
) -> None:
    operation = DOCUMENT["paths"][path]["post"]
    example = operation["requestBody"]["content"][media]["example"]
    assert example == (EVENT if media == JSON else EVENT_XML)
    body = (example if isinstance(example, str) else json.dumps(example)).encode()
    signed = bank_headers(body) if media == XML else {"Stripe-Signature": stamped(body)}
    url = path.format(provider=provider, gateway=f"{provider}-one")

    taken = step.client.post(url, content=body, headers=signed | {"Content-Type": media})
    nowhere = path.format(provider="nobody", gateway="none")
    for address, status in ((url, 401), (nowhere, 404)):
        refused = step.client.post(address, content=body, headers={"Content-Type": media})
        assert refused.status_code == status
        spoken = refused.headers["Content-Type"].partition(";")[0]
        assert spoken in operation["responses"][str(status)]["content"]

    assert taken.status_code == 200, taken.text
    assert taken.headers["Content-Type"].partition(";")[0] == media
    said = operation["responses"]["200"]["content"][media]["example"]
    assert (taken.json() if media == JSON else taken.text) == said
    (notice,) = step.notices()
    assert notice.body == body


def test_there_are_five_addresses_of_webhooks() -> None:
    assert len(WEBHOOKS) == 5
