"""The running door against its own document: every operation fuzzed, every example sent as it is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import jsonschema_rs
import pytest

from domain.merchant import Scope
from tests.e2e.fuzzing import Found, fuzz
from tests.e2e.fuzzing_toy import THING, a_toy
from tests.e2e.hostile_tenants import a_tenant
from tests.e2e.system import Json, System, eventually

pytestmark = pytest.mark.e2e

SEED: Final = int(os.environ.get("FUZZ_SEED", "20260331"))
#: Random requests of each operation, valid and not; besides thousands that cover every schema's
#: edges. All of it takes about a minute; FUZZ_EXAMPLES=1000 searches for an evening.
EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "20"))
EVERY_SCOPE: Final = [scope.value for scope in Scope]
METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
#: Of some 60 operations; the others need a signature, a link, or money in a certain state.
REACHED: Final = 36
#: What is the same under another name, to the letter (see the test), is fuzzed under one of them. Its
#: other names get every example all the same.
OTHER_NAMES: Final = {
    **dict.fromkeys(("createDepositOlder", "createDepositOldest"), "createDeposit"),
    **dict.fromkeys(
        ("createWithdrawalOlder", "createWithdrawalOldest", "createPayout"), "createWithdrawal"
    ),
    **dict.fromkeys(
        ("receiveWebhookOlder", "receiveWebhookUnversioned", "receiveProvidersWebhook"),
        "receiveProviderWebhook",
    ),
    "receiveCallbackOlder": "receiveCallback",
    "listPayouts": "listWithdrawals",
    "getPayout": "getWithdrawal",
    "getTransaction": "getPayment",
    "refundPayment": "createRefund",
    "listProviders": "listGateways",
    "holdProviderUp": "holdGatewayUp",
    "holdProviderDown": "holdGatewayDown",
    "releaseProvider": "releaseGateway",
}
#: Replaces the key that asks, so each request needs a key of its own.
ROTATION: Final = "rotateApiKey"


@pytest.fixture(scope="module")
def document(running: System) -> Json:
    """Read the document from the door."""
    return dict(running.call("GET", "/openapi.json").json())


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    """Yield path, method and operation."""
    for path, item in document["paths"].items():
        for method in sorted(METHODS & item.keys()):
            yield path, method.upper(), item[method]


def under_one_name(document: Json) -> Json:
    """Return the document without the other names of what is in it anyway."""
    paths: Json = {path: dict(item) for path, item in document["paths"].items()}
    for path, method, operation in operations(document):
        if operation["operationId"] in OTHER_NAMES:
            del paths[path][method.lower()]
    left = {path: item for path, item in paths.items() if METHODS & item.keys()}
    return document | {"paths": left}


def test_what_is_not_fuzzed_is_the_same_under_another_name(document: Json) -> None:
    named = {op["operationId"]: (method, op) for _, method, op in operations(document)}
    told = ("parameters", "requestBody", "responses", "security")

    for other, one in OTHER_NAMES.items():
        assert one not in OTHER_NAMES
        (methods, operation), (method, same) = named[other], named[one]
        assert methods == method, other
        assert all(operation.get(part) == same.get(part) for part in told), other


def test_fuzzing_finds_no_server_error_and_no_undocumented_answer(
    system: System, document: Json
) -> None:
    print(f"FUZZ_SEED={SEED}")
    document = under_one_name(document)
    tenant = a_tenant(system, scopes=EVERY_SCOPE)
    public = {op["operationId"] for _, _, op in operations(document) if op.get("security") == []}

    def authorization(operation_id: str) -> str:
        asks = a_tenant(system, scopes=EVERY_SCOPE) if operation_id == ROTATION else tenant
        return asks.headers["Authorization"]

    try:
        found = fuzz(
            document, system.stack.url, seed=SEED, examples=EXAMPLES, authorization=authorization
        )
    finally:
        let_go(system)

    assert not found.errors, "\n".join(found.errors)
    assert not found.failures, f"FUZZ_SEED={SEED}\n" + told(found)
    labels = {f"{method} {path}": op["operationId"] for path, method, op in operations(document)}
    assert {label for label, _ in found.answers} == labels.keys()
    refused = {label for label, id_ in labels.items() if 401 in found.statuses(label)}
    assert {labels[label] for label in refused} <= public, "the key must have been right"
    reached = [label for label in labels if any(s < 400 for s in found.statuses(label))]
    assert len(reached) >= REACHED, sorted(labels.keys() - set(reached))
    at_rest(system, tenant.merchant_id)


def let_go(system: System) -> None:
    """Release every gateway that was held down, or up."""
    tenant = a_tenant(system, scopes=EVERY_SCOPE)
    for gateway in system.gateways:
        assert tenant.call(system, "POST", f"/v1/gateways/{gateway}/release").status == 200


def told(found: Found) -> str:
    """Return every failure, each with a command that shows it again."""
    return "\n\n".join(f"{' | '.join(what)}\n{how}" for what, how in found.failures.items())


def at_rest(system: System, merchant_id: object) -> None:
    """Wait until nothing of the merchant is under way: what fuzzing was accepted ends as well."""

    def look() -> bool:
        return not system.sql(
            "SELECT id FROM payments WHERE merchant_id = %s AND next_run_at < now() + '3 s'"
            " UNION ALL SELECT id FROM payment_attempts WHERE merchant_id = %s"
            " AND state IN ('sending', 'unknown', 'pending') AND next_run_at IS NOT NULL",
            [merchant_id, merchant_id],
        )

    eventually(look, 90, lambda: str(system.open_rows()))


def test_every_example_of_the_document_fits_its_schema(document: Json) -> None:
    checked = 0
    for path, method, operation in operations(document):
        said = [answer.get("content", {}) for answer in operation["responses"].values()]
        asked = operation.get("requestBody", {}).get("content", {})
        parts = [
            part for content in (asked, *said) for media, part in content.items() if "json" in media
        ]
        for part in parts:
            schema = part["schema"] | {"components": document["components"]}
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            for example in examples_of(part):
                errors = [str(error) for error in validator.iter_errors(example)]
                assert not errors, (method, path, errors)
                checked += 1
        for parameter in operation.get("parameters", ()):
            for example in parameter["schema"].get("examples", ()):
                assert jsonschema_rs.is_valid(parameter["schema"], example), (path, example)
    assert checked > 300


def examples_of(part: Mapping[str, Any]) -> list[Any]:
    """Return the examples of one media type."""
    named = [one["value"] for one in part.get("examples", {}).values()]
    return named + ([part["example"]] if "example" in part else [])


@pytest.fixture
def released(system: System) -> Iterator[None]:
    """The document's examples name a gateway of ours, and hold it down."""
    yield
    let_go(system)


@pytest.mark.usefixtures("released")
def test_every_example_of_a_request_gets_an_answer_of_the_document(
    system: System, document: Json
) -> None:
    sent, accepted = 0, 0
    for path, method, operation in operations(document):
        for media, part in operation.get("requestBody", {}).get("content", {}).items():
            for example in examples_of(part):
                tenant = a_tenant(system, scopes=EVERY_SCOPE)
                body = example if isinstance(example, str) else json.dumps(example)
                answer = tenant.call(
                    system,
                    method,
                    filled(path, operation),
                    body.encode(),
                    headers={"Content-Type": media},
                )
                where = (method, path, media, answer.status, answer.data)
                documented = operation["responses"].get(str(answer.status))
                assert documented is not None, where
                assert answer.status < 500, where
                spoken = answer.headers["Content-Type"].partition(";")[0]
                assert spoken in documented["content"], where
                if operation["tags"] == ["Transfers"]:
                    assert answer.status == 202, where
                sent += 1
                accepted += answer.status < 400
    assert sent > 50
    assert accepted > 25


def filled(path: str, operation: Mapping[str, Any]) -> str:
    """Return the path with its parameters' examples in it."""
    examples = {
        parameter["name"]: parameter["schema"]["examples"][0]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path"
    }
    return re.sub(r"{(\w+)}", lambda match: quote(examples[match[1]]), path)


@pytest.mark.parametrize(
    ("fault", "found_by"),
    [
        ("is sound", set()),
        ("crashes", {"not_a_server_error", "status_code_conformance"}),
        ("is a teapot", {"status_code_conformance"}),
        ("speaks HTML", {"content_type_conformance"}),
        ("forgets a field", {"response_schema_conformance"}),
        ("ages in words", {"response_headers_conformance"}),
        ("takes anything", {"negative_data_rejection"}),
    ],
)
def test_fuzzing_finds_what_is_wrong_with_a_toy(fault: str, found_by: set[str]) -> None:
    with a_toy(fault) as url:
        found = fuzz(THING, url, seed=SEED, examples=10)

    assert not found.errors
    assert {check for _, check, _ in found.failures} == found_by, told(found)
