"""Imports point one way: rooms, cycles, the simulators apart, the adapters apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest
from importlinter.cli import lint_imports

from ops.providers import PROVIDERS
from tests.house.source import ROOMS, ROOT, imports, modules

#: Watches a fresh interpreter while it imports everything: what a test of one module cannot see,
#: because somebody else has imported it before.
_IMPORT_EVERYTHING = """
import importlib, sys
forbidden = {"socket.connect", "subprocess.Popen", "os.fork", "os.exec",
             "os.mkdir", "os.remove", "os.rename"}
def watch(event, args):
    if event in forbidden or event == "open" and set(str(args[1])) & set("wax+"):
        if "__pycache__" not in str(args[0]):
            raise SystemExit(f"{name}: {event} {args!r}")
name = ""
sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOMS, cache_dir=None)


def test_the_import_contracts_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)

    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


def test_no_module_imports_itself_over_others() -> None:
    graph = _graph()
    after = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_domain_reaches_for_nothing_outside_itself() -> None:
    outside = {"asyncio", "http", "logging", "os", "pathlib", "random", "secrets", "select"}
    outside |= {"shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading"}
    outside |= {"time", "urllib", "multiprocessing", "concurrent", "io"}

    found = [
        f"{module.path}:{line} imports {name}"
        for module in modules("domain")
        for name, line in imports(module)
        if name.partition(".")[0] in outside
    ]

    assert not found


def test_the_simulators_know_nothing_of_us_and_we_nothing_of_them() -> None:
    ours = [
        f"{module.path}:{line} imports {name}"
        for module in modules(*ROOMS)
        for name, line in imports(module)
        if name.partition(".")[0] in ROOMS
        and module.path.startswith("ops/sandbox/") != name.startswith("ops.sandbox.")
    ]

    assert not ours


def test_no_adapter_knows_another() -> None:
    edges = [(module.name, name) for module in modules("workers") for name, _ in imports(module)]

    assert not list(_between_providers(edges, PROVIDERS))


def test_two_adapters_that_know_each_other_would_be_noticed() -> None:
    edges = [
        ("workers.gateways.north", "workers.gateways.wire.Wire"),
        ("workers.gateways.north", "workers.gateways.north_answers.read"),
        ("workers.gateways.north", "workers.gateways.south_answers.read"),
        ("workers.gateways.registry", "workers.gateways.north.North"),
    ]

    assert list(_between_providers(edges, ["north", "south"])) == [edges[2]]


def _between_providers(
    edges: Iterable[tuple[str, str]], providers: Iterable[str]
) -> Iterable[tuple[str, str]]:
    """Yield the imports of one provider's files by another's; `stripe_answers` is stripe's."""
    known = frozenset(providers)

    def provider(name: str) -> str | None:
        parts = name.removeprefix("workers.gateways.").split(".")
        owner = parts[0].partition("_")[0]
        return owner if name.startswith("workers.gateways.") and owner in known else None

    for importer, imported in edges:
        ours, theirs = provider(importer), provider(imported)
        if ours and theirs and ours != theirs:
            yield importer, imported


def test_one_module_alone_imports_the_compiled_verifier() -> None:
    importers = {
        module.path
        for module in modules(*ROOMS)
        for name, _ in imports(module)
        if name.startswith("native._verifier")
    }

    assert importers <= {"native/verifier.py"}


def test_importing_does_nothing() -> None:
    entries = {"__main__", "env"}  # they are run, not imported
    names = [
        module.name
        for module in modules(*ROOMS)
        if module.name.rpartition(".")[2] not in entries and ".versions." not in module.name
    ]

    watched = subprocess.run(
        # -B, or importing would keep what it has compiled.
        [sys.executable, "-B", "-c", _IMPORT_EVERYTHING, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert watched.returncode == 0, watched.stderr[-2000:]
