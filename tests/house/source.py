"""The project's own files, read once, for whoever judges them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parents[2]
#: The rooms of the house, from the ground up.
ROOMS = ("domain", "native", "ops", "ingress", "workers")
#: Everything that this project's people write.
WRITTEN = (*ROOMS, "tests")

#: Written by others or by a program: not judged for length or words.
FOREIGN = ("ingress/static/swagger-ui/", "requirements.lock", "LICENSE")
#: What tools leave behind; beside these, every directory with a dot but the build's own.
_LEAVINGS = frozenset({"__pycache__", "build", "dist", "htmlcov", ".env", ".coverage"})
_DOTTED = frozenset({".ci", ".github"})
_SOURCES = frozenset(
    {"", ".c", ".cpp", ".css", ".example", ".h", ".html", ".ini", ".js", ".json", ".md", ".proto"}
    | {".py", ".pyi", ".sh", ".sql", ".toml", ".txt", ".xml", ".yaml", ".yml"}
)


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file of ours."""

    #: From the project's root, with forward slashes.
    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its name as an import would say it."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def texts() -> Mapping[str, str]:
    """Return every text file of ours by its path, without what is foreign."""
    found = {}
    for path in _files(ROOT):
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in _SOURCES and not name.startswith(FOREIGN):
            found[name] = path.read_text(encoding="utf-8")
    return MappingProxyType(found)


def modules(*rooms: str) -> tuple[Module, ...]:
    """Return the parsed modules of these rooms, or of all of them and the tests."""
    inside = tuple(f"{room}/" for room in rooms or WRITTEN)
    return tuple(module for module in _parsed() if module.path.startswith(inside))


@cache
def _parsed() -> tuple[Module, ...]:
    inside = tuple(f"{room}/" for room in WRITTEN)
    return tuple(
        Module(path, text, ast.parse(text, path))
        for path, text in sorted(texts().items())
        if path.endswith(".py") and path.startswith(inside)
    )


@cache
def mentions(module: Module) -> tuple[tuple[str, int], ...]:
    """Return every dotted name that a module says, as its imports resolve it, with the line.

    `from datetime import datetime; datetime.now()` says `datetime.datetime.now`.
    """
    return tuple(_mentions(module))


def _mentions(module: Module) -> Iterator[tuple[str, int]]:
    known: dict[str, str] = {}
    for node in ast.walk(module.tree):
        match node:
            case ast.Import():
                for name in node.names:
                    first = name.name.partition(".")[0]
                    known[name.asname or first] = name.name if name.asname else first
            case ast.ImportFrom(module=str() as source, level=0):
                for name in node.names:
                    known[name.asname or name.name] = f"{source}.{name.name}"
            case _:
                continue
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute) and (said := _dotted(node)):
            first, dot, rest = said.partition(".")
            yield known.get(first, first) + dot + rest, node.lineno


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Yield what a module imports, `from a import b` as `a.b`, with the line."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import():
                yield from ((name.name, node.lineno) for name in node.names)
            case ast.ImportFrom(module=str() as source, level=0):
                yield from ((f"{source}.{name.name}", node.lineno) for name in node.names)
            case _:
                continue


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            before = _dotted(node.value)
            return before and f"{before}.{node.attr}"
        case _:
            return ""


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _LEAVINGS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            if not path.name.startswith(".") or path.name in _DOTTED:
                yield from _files(path)
        elif path.is_file():
            yield path
