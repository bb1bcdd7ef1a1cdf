"""What is declared twice agrees: commands and actors, errors and statuses, metrics, tables."""

from __future__ import annotations

import importlib
from collections import Counter
from itertools import pairwise
from typing import cast

from domain.commands import QUEUES, Command
from domain.errors import DomainError
from domain.ports import Runtime
from ingress.problems import CODES, HTTP_STATUS
from ops.queue.broker import stub_broker
from ops.store import tables
from ops.telemetry import metrics
from tests.house.source import ROOMS, imports, mentions, modules, texts
from workers.actors import declare

#: Labels with these in their names would be one time series per payment.
UNBOUNDED = frozenset({"id", "key", "path", "url", "text", "message", "error", "ip", "email"})


def test_every_command_has_an_actor_and_a_queue_of_its_own() -> None:
    broker = stub_broker()
    declare(broker, cast("Runtime", None), seal=lambda _: 0, publish=lambda: 0, probe=lambda: 0)

    queues = {name: actor.queue_name for name, actor in broker.actors.items()}

    assert queues == {command.value: command.queue for command in Command}
    assert not _repeated(QUEUES.values())
    assert set(QUEUES) == set(Command)


def test_no_actor_retries_on_its_own() -> None:
    broker = stub_broker()
    declare(broker, cast("Runtime", None), seal=lambda _: 0, publish=lambda: 0, probe=lambda: 0)

    assert {name: actor.options for name, actor in broker.actors.items() if actor.options} == {}


def test_every_refusal_has_a_status_and_a_code_of_its_own() -> None:
    for module in modules(*ROOMS):
        if module.name.startswith("domain"):
            importlib.import_module(module.name)
    refusals = set(_below(DomainError))

    assert refusals == HTTP_STATUS.keys()
    assert all(400 <= status <= 499 or status == 503 for status in HTTP_STATUS.values())
    assert not _repeated(refusal.code for refusal in refusals)
    assert {refusal.code for refusal in refusals} <= CODES


def test_every_metric_says_what_it_counts_under_labels_that_are_few() -> None:
    families = list(metrics.REGISTRY.collect())

    assert not _repeated(family.name for family in families)
    for family in families:
        assert family.name.startswith("paylink_")
        assert family.documentation.endswith("."), family.name
    declared = [
        collector for collector in vars(metrics).values() if hasattr(collector, "_labelnames")
    ]
    assert len(declared) == len(families) > 20
    for collector in declared:
        words = {word for label in collector._labelnames for word in label.split("_")}
        assert UNBOUNDED.isdisjoint(words), (collector, words)


def test_every_metric_is_fed_by_somebody() -> None:
    declared = [name for name, value in vars(metrics).items() if hasattr(value, "_labelnames")]
    prefix, said = f"{metrics.__name__}.", Counter[str]()
    for module in modules(*ROOMS):
        own = prefix if module.name == metrics.__name__ else ""
        names = (own + name for name, _ in mentions(module))
        said.update(
            name.removeprefix(prefix).partition(".")[0] for name in names if name.startswith(prefix)
        )

    assert not [name for name in declared if said[name] < 2], "once is its declaration"


def test_metrics_are_declared_in_one_place() -> None:
    makers = ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum")
    elsewhere = [
        module.path
        for module in modules(*ROOMS)
        for name, _ in imports(module)
        if name in [f"prometheus_client.{maker}" for maker in makers]
    ]

    assert set(elsewhere) == {"ops/telemetry/metrics.py"}


def test_every_table_says_above_it_why_it_exists() -> None:
    rooms = [text for path, text in texts().items() if path.startswith("ops/store/tables/")]
    lines = [line for text in rooms for line in text.splitlines()]
    silent = [
        line
        for above, line in pairwise(lines)
        if line.endswith(" = Table(") and not above.startswith("# ")
    ]

    assert not silent
    assert sum(line.endswith(" = Table(") for line in lines) == len(tables.metadata.tables)


def _below(kind: type[DomainError]) -> list[type[DomainError]]:
    return [one for below in kind.__subclasses__() for one in (below, *_below(below))]


def _repeated(names: object) -> list[str]:
    return [name for name, times in Counter(cast("list[str]", names)).items() if times > 1]
