"""Clocks and money: who may look at the wall clock, who may sleep, and that money is never a float."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import ROOMS, Module, imports, mentions, modules

#: A wall clock jumps. What decides about leases, windows and rows asks the database or takes the
#: time as an argument.
WALL = frozenset(
    {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "datetime.date.today"}
    | {f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")}
)
WITHOUT_A_WALL = (
    "domain/",
    "ops/store/",
    "ops/queue/",
    "ops/leader.py",
    "ops/presence.py",
    "workers/",
)
EXCUSED = {
    "workers/circuit.py": "an operator's word ends by the wall clock; used while Redis is away",
    "workers/gateways/soapbank/line.py": "what it signs carries the time, on which two sides agree",
}
#: Random values are arguments of the domain too: `new_id`, `draw`.
CHANCE = frozenset({"uuid.uuid1", "uuid.uuid4", "uuid.uuid7"})

#: Whoever sleeps holds a thread and hears no SIGTERM. The simulators hang on purpose.
SLEEPERS = {
    "ops/cli/demo.py": "a person watches it and may press Ctrl-C at any time",
    "ops/dev/server.py": "between two looks at a condition, with an end",
    "tests/dev/waiting.py": "between two looks at a condition, with an end",
}

MONEY = frozenset({"amount", "minor", "money", "fee", "price", "balance"})


def test_leases_and_windows_never_ask_the_wall_clock() -> None:
    found = {
        f"{module.path}:{line} {name}": module.path
        for module in modules(*ROOMS)
        if module.path.startswith(WITHOUT_A_WALL)
        for name, line in mentions(module)
        if name in WALL
    }

    assert not sorted(place for place, path in found.items() if path not in EXCUSED)
    assert set(found.values()) == EXCUSED.keys(), "an excuse that nobody needs"


def test_the_domain_draws_nothing_by_chance() -> None:
    said = [
        f"{module.path}:{line} {name}"
        for module in modules("domain")
        for name, line in [*mentions(module), *imports(module)]
        if name in CHANCE
    ]

    assert not said


def test_nobody_sleeps_but_the_simulators() -> None:
    sleeping = {
        f"{module.path}:{line}": module.path
        for module in modules()
        if not module.path.startswith("ops/sandbox/")
        for line in _sleeps(module)
    }

    assert not sorted(place for place, path in sleeping.items() if path not in SLEEPERS)
    assert set(sleeping.values()) == SLEEPERS.keys(), "an excuse that nobody needs"


def _sleeps(module: Module) -> Iterator[int]:
    """Yield where a module sleeps; `sleep(0)` only lets others go first."""
    yields = {
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and [arg.value for arg in node.args if isinstance(arg, ast.Constant)] == [0]
    }
    for name, line in mentions(module):
        if name == "time.sleep" and line not in yields:
            yield line


def test_money_is_never_a_float() -> None:
    converted = [
        f"{module.path}:{node.lineno} float()"
        for module in modules("domain")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "float"
    ]
    declared = [
        f"{module.path}:{line} {name}"
        for module in modules(*ROOMS)
        for name, annotation, line in _annotated(module.tree)
        if not MONEY.isdisjoint(name.lower().split("_")) and "float" in annotation
    ]

    assert not converted + declared


def test_a_float_for_money_would_be_noticed() -> None:
    tree = ast.parse("def pay(amount_minor: float | None, after_s: float): ...\nfee: float = 1")

    assert {name for name, said, _ in _annotated(tree) if "float" in said} == {
        *("amount_minor", "after_s", "fee")
    }


def _annotated(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Yield every annotated name: arguments, fields, variables."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                yield name, ast.unparse(annotation), node.lineno
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                yield name, ast.unparse(annotation), node.lineno
            case _:
                continue
