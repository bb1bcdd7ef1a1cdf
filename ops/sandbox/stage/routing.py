"""Paths to endpoints; a path may have several names in it."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar
from urllib.parse import unquote

Endpoint = TypeVar("Endpoint")


class NoPathError(Exception):
    """No template is like this path."""


class NoMethodError(Exception):
    """The path is known, and this method is not; the text names those that are."""


class Router(Generic[Endpoint]):
    """A table from path template ("/orders/{order}/items/{item}") to {method: endpoint}."""

    def __init__(self, table: Mapping[str, Mapping[str, Endpoint]]) -> None:
        self._exact = {path: methods for path, methods in table.items() if "{" not in path}
        self._named = [
            (template.split("/"), methods) for template, methods in table.items() if "{" in template
        ]

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
        """Return the endpoint and the names found in the path. HEAD is answered like GET.

        NoPathError, NoMethodError.
        """
        wanted = "GET" if method == "HEAD" else method
        allowed: set[str] = set()
        for methods, names in self._like(path):
            if wanted in methods:
                return methods[wanted], names
            allowed.update(methods)
        if not allowed:
            raise NoPathError(path)
        raise NoMethodError(", ".join(sorted(allowed)))

    def _like(self, path: str) -> Iterator[tuple[Mapping[str, Endpoint], Mapping[str, str]]]:
        if path in self._exact:
            yield self._exact[path], {}
        parts = path.split("/")
        for template, methods in self._named:
            if (names := _names(template, parts)) is not None:
                yield methods, names


def _names(template: list[str], parts: list[str]) -> Mapping[str, str] | None:
    if len(template) != len(parts):
        return None
    names: dict[str, str] = {}
    for wanted, part in zip(template, parts, strict=True):
        if wanted.startswith("{"):
            if not part:
                return None
            names[wanted[1:-1]] = unquote(part)
        elif wanted != part:
            return None
    return names
