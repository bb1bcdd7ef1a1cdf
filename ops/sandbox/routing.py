"""Paths to endpoints; a path has at most one id in it."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from ops.sandbox.replies import ApiError, not_found

Endpoint = TypeVar("Endpoint")

ID = "{id}"


class Router(Generic[Endpoint]):
    """A table from path template ("/v1/payments/{id}") to {method: endpoint}."""

    def __init__(self, table: Mapping[str, Mapping[str, Endpoint]]) -> None:
        self._paths = {tuple(template.split("/")): methods for template, methods in table.items()}

    def find(self, method: str, path: str) -> tuple[Endpoint, str]:
        """Return the endpoint and the id found in the path ("" where there is none).

        ApiError 404 for an unknown path, 405 for a known one. HEAD is answered like GET.
        """
        methods, found = self._methods(tuple(path.split("/")))
        endpoint = methods.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            allowed = ", ".join(sorted(methods))
            raise ApiError(
                405,
                "invalid_request",
                "method_not_allowed",
                f"Use {allowed} here.",
                headers={"Allow": allowed},
            )
        return endpoint, found

    def _methods(self, parts: tuple[str, ...]) -> tuple[Mapping[str, Endpoint], str]:
        exact = self._paths.get(parts)
        if exact is not None:
            return exact, ""
        if len(parts) > max(map(len, self._paths)):
            raise not_found("path")
        for index, part in enumerate(parts):
            methods = self._paths.get((*parts[:index], ID, *parts[index + 1 :]))
            if methods is not None and part:
                return methods, part
        raise not_found("path")
