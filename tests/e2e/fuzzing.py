"""Fuzzing by schema: sends what a document allows and forbids, and collects what came back wrong."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from schemathesis import AuthContext, Case, HookContext, engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.engine.recorder import ScenarioRecorder

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
)
#: How a request that breaks its schema may be refused. Not by 409: then it has been understood, and
#: only happened to meet something. 401 is what a webhook without a signature gets.
REFUSED: Final = ("400", "401", "404", "405", "406", "413", "414", "415", "422", "431")
#: What is unique among requests. Repeated, it would be refused for that alone, whatever else is
#: wrong with the request.
UNIQUE: Final = ("order_id", "reference", "external_id")
_UNIQUE: Final = re.compile(r"[a-zA-Z0-9_-]{1,50}")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
#: Longer than any answer should take, shorter than a person's patience.
TIMEOUT_S: Final = 30


@dataclass(slots=True)
class Found:
    """What a run met: how often each operation gave each status, and what was wrong."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: One example of each: what it is, and how to see it again.
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    #: What kept the run itself from going on.
    errors: list[str] = field(default_factory=list)

    def statuses(self, operation: str) -> frozenset[int]:
        """Return the statuses that an operation answered."""
        return frozenset(status for label, status in self.answers if label == operation)


def fuzz(
    document: Mapping[str, Any],
    url: str,
    *,
    seed: int,
    examples: int,
    authorization: Callable[[str], str] = lambda _: "",
) -> Found:
    """Send each operation its examples, the edges of its schema, and `examples` random requests.

    `authorization` returns the header for an operation, named by its id. Redirects are not followed.
    """
    config = SchemathesisConfig.from_dict(_config(url, seed, examples))
    schema = schemathesis.openapi.from_dict(dict(document), config=config)
    chance = random.Random(seed)

    @schema.auth(refresh_interval=None)
    class _Key:
        def get(self, case: Case[Any], _: AuthContext) -> str:
            return authorization(case.operation.definition.raw["operationId"])

        def set(self, case: Case[Any], data: str, _: AuthContext) -> None:
            case.headers["Authorization"] = data

    @schema.hook
    def map_case(_: HookContext, case: Case[Any]) -> Case[Any]:
        """Change a case that was made up; examples stay as they stand, and wait as they ask."""
        _refresh(case, f"{chance.getrandbits(128):032x}")
        return case

    found = Found()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(found, event.recorder, event.phase.value)
        elif isinstance(event, events.NonFatalError):
            found.errors.append(f"{event.label}: {event.info.format()}")
        elif isinstance(event, events.FatalError):
            found.errors.append(repr(event.exception))
    return found


def _config(url: str, seed: int, examples: int) -> dict[str, Any]:
    checks: dict[str, Any] = {name: {"enabled": True} for name in CHECKS}
    checks["negative_data_rejection"] = {"enabled": True, "expected-statuses": list(REFUSED)}
    return {
        "seed": seed,
        "base-url": url,
        "max-redirects": 0,
        "request-timeout": TIMEOUT_S,
        "continue-on-failure": True,
        "generation": {
            "max-examples": examples,
            "no-shrink": True,
            "deterministic": True,
            "database": "none",
            # The key is ours; strange ones are tried where authentication is tested.
            "with-security-parameters": False,
        },
        "checks": {"enabled": False, **checks},
        "phases": {"stateful": {"enabled": False}},
    }


def _refresh(case: Case[Any], fresh: str) -> None:
    """Make unique what must be and was well-formed, and waits short: there are thousands of them."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and _KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = fresh
    if isinstance(case.body, dict):
        for name in UNIQUE:
            value = case.body.get(name)
            if isinstance(value, str) and _UNIQUE.fullmatch(value):
                case.body[name] = fresh
        key = case.body.get("idempotency_key")
        if isinstance(key, str) and _KEY.fullmatch(key):
            case.body["idempotency_key"] = fresh
    if "Prefer" in case.headers and str(case.headers["Prefer"]).startswith("wait="):
        case.headers["Prefer"] = "wait=0"
    wait = case.query.get("wait")
    if isinstance(wait, int | float) and not isinstance(wait, bool) and wait > 0:
        case.query["wait"] = min(wait, 0.1)


def _note(found: Found, recorder: ScenarioRecorder, phase: str) -> None:
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            found.answers[recorder.label, interaction.response.status_code] += 1
    for case_id, nodes in recorder.checks.items():
        media = recorder.cases[case_id].value.media_type or ""
        for node in nodes:
            # In XML everything is text, so what breaks a type there need not break anything.
            if node.failure_info is None or (
                node.name == "negative_data_rejection" and media.endswith("xml")
            ):
                continue
            failure = node.failure_info.failure
            shown = f"[{phase}] {failure.message}\n{node.failure_info.code_sample}"
            found.failures.setdefault((recorder.label, node.name, failure.title), shown)
