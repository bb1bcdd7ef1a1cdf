"""Deployment: the Procfile, the containers, the locked libraries and the gate say the same."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import tomllib
from itertools import chain
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ops.procfile import read_procfile
from tests.house.environment import example
from tests.house.source import ROOT

_PINNED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9, _-]+\])?==(?P<version>[^ ;]+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
#: A service of docker-compose.yml, a line of the service, and a command in its one-line form.
_SERVICE = re.compile(r"  ([a-z]+):")
_COMMAND = re.compile(r"    command: \[(.*)\]")


def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def _asked() -> list[Requirement]:
    """Return everything the project asks for, in any of its extras."""
    project = _project()["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    return [Requirement(text) for text in [*project["dependencies"], *extras]]


def _locked() -> dict[str, list[str]]:
    """Return every locked `name==version` with the lines that belong to it."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if match := _PINNED.match(line):
            lines = found.setdefault(f"{match['name']}=={match['version']}", [])
        elif not line.lstrip().startswith("#"):
            lines.append(line.strip().removesuffix("\\").strip())
    return found


def test_the_procfile_names_programs_that_exist() -> None:
    programs = read_procfile(ROOT / "Procfile")

    assert list(programs) == ["release", "ingress", "worker", "clock"]
    for name, command in programs.items():
        if command[0] == sys.executable:
            assert command[1] == "-m", name
            found = importlib.util.find_spec(command[2])
            assert found, name
            if found.submodule_search_locations:
                assert importlib.util.find_spec(f"{command[2]}.__main__"), name
        else:
            module, _, function = _project()["project"]["scripts"][command[0]].partition(":")
            assert callable(getattr(importlib.import_module(module), function)), name


def test_the_containers_run_the_commands_of_the_procfile() -> None:
    composed: dict[str, list[str]] = {}
    service = ""
    for line in (ROOT / "docker-compose.yml").read_text().splitlines():
        if match := _SERVICE.fullmatch(line):
            service = match[1]
        elif match := _COMMAND.fullmatch(line):
            composed[service] = [word.strip().strip('"') for word in match[1].split(",")]

    for name, command in read_procfile(ROOT / "Procfile").items():
        program = ["python" if command[0] == sys.executable else command[0], *command[1:]]
        assert composed[name] == program
    assert not (ROOT / "docker-compose.yml").read_text().count("\t"), "YAML knows no tabs"


def test_the_containers_are_given_settings_that_are_read() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    shared = text.partition("environment: &environment\n")[2].partition("\n  init:")[0]
    names = re.findall(r"^ +([A-Z_]+):", shared, re.MULTILINE)
    used = re.findall(r"\$\{([A-Z_]+)", text)

    assert {"APP_ENV", "DATABASE_URL", "REDIS_URL"} <= set(names)
    assert not {*names, *used} - example().keys()


def test_every_locked_library_has_its_hashes_and_no_address() -> None:
    locked = _locked()

    assert len(locked) > 40
    for name, lines in locked.items():
        assert any(_HASH.fullmatch(line) for line in lines), name
    text = (ROOT / "requirements.lock").read_text()
    for mark in (
        "://",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--trusted-host",
        " @ ",
    ):
        assert mark not in text, mark


def test_the_lock_holds_what_the_project_asks_for() -> None:
    versions = dict(name.split("==") for name in _locked())

    for requirement in _asked():
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not locked"
        assert requirement.specifier.contains(Version(version), prereleases=True), requirement


def test_the_project_asks_for_ranges_and_leaves_pins_to_the_lock() -> None:
    pins = [
        str(requirement)
        for requirement in _asked()
        if any(part.operator in ("==", "===") for part in requirement.specifier)
    ]

    assert not pins
    for requirement in map(Requirement, _project()["project"]["dependencies"]):
        assert any(part.operator == ">=" for part in requirement.specifier), requirement


def test_the_licence_is_the_one_that_is_declared() -> None:
    project = _project()["project"]

    assert project["license"] == "Apache-2.0"
    for path in [*project["license-files"], "ingress/static/swagger-ui/LICENSE"]:
        head = " ".join((ROOT / path).read_text().split()[:6])
        assert head.startswith("Apache License Version 2.0"), path


def test_the_gate_runs_the_checks_and_the_tests() -> None:
    gate = ROOT / ".ci" / "run"
    lines = gate.read_text().splitlines()

    assert os.access(gate, os.X_OK)
    assert lines[0].startswith("#!")
    assert "set -euo pipefail" in lines
    assert [line for line in lines if line.startswith("make ")] == ["make check", "make test"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"check", "test", "run", "setup"} <= set(targets)


def test_the_check_looks_at_format_lint_types_contracts_and_tests() -> None:
    text = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]

    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest"):
        assert tool in text, tool
