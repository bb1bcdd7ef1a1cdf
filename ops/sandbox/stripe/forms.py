"""Stripe's parameters: forms with brackets, and strict rules for every name and value."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from ops.sandbox.stripe.errors import Invalid, invalid

#: Reads one value (a text, a list or a dict) under its name, or raises `Invalid`.
Rule: TypeAlias = Callable[[str, Any], Any]

FIELD_LIMIT = 1000
DEPTH = 5


def parsed(text: str) -> dict[str, Any]:
    """Return a form as a tree: `a[b]=1&c[0]=2` is {"a": {"b": "1"}, "c": ["2"]}."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELD_LIMIT)
    except ValueError as error:
        raise invalid("Invalid request: the parameters cannot be decoded.") from error
    tree: dict[str, Any] = {}
    for name, value in pairs:
        head, *inner = name.replace("]", "").split("[")
        if len(inner) > DEPTH:
            raise invalid(f"Invalid parameter: {name[:80]}", name[:80])
        _put(tree, [head, *inner], value, name)
    return {name: _listed(value) for name, value in tree.items()}


def _put(tree: dict[str, Any], path: list[str], value: str, name: str) -> None:
    *way, last = path
    for step in way:
        inner = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid parameter: {name[:80]}", name[:80])
        tree = inner
    tree[last or str(len(tree))] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    if inner and all(name.isdigit() and name.isascii() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def checked(given: Mapping[str, Any], rules: Mapping[str, Rule], *needed: str) -> dict[str, Any]:
    """Return the values that the rules read. Unknown names and missing ones are refused."""
    if unknown := [name for name in given if name not in rules and name != "expand"]:
        raise unknown_parameter(unknown[0])
    for name in needed:
        if name not in given:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    if "expand" in given and not isinstance(given["expand"], list):
        raise invalid("Invalid array", "expand")
    return {name: rules[name](name, value) for name, value in given.items() if name != "expand"}


def unknown_parameter(name: str) -> Invalid:
    """Return the refusal of a name that the endpoint does not know."""
    return invalid(f"Received unknown parameter: {name[:80]}", name[:80], "parameter_unknown")


def integer(name: str, value: Any) -> int:
    """Read a whole number."""
    if not isinstance(value, str) or not value.removeprefix("-").isdigit() or not value.isascii():
        raise invalid(f"Invalid integer: {str(value)[:40]}", name, "parameter_invalid_integer")
    return int(value)


def boolean(name: str, value: Any) -> bool:
    """Read true or false."""
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {str(value)[:40]}", name)
    return bool(value == "true")


def text(limit: int) -> Rule:
    """Return the rule of a text of 1 to `limit` characters."""

    def rule(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise invalid("Invalid string", name)
        if not value:
            message = f"You passed an empty string for '{name}'."
            raise invalid(message, name, "parameter_invalid_empty")
        if len(value) > limit:
            raise invalid(f"Invalid string: must be at most {limit} characters", name)
        return value

    return rule


def word(*possible: str) -> Rule:
    """Return the rule of one of several words."""

    def rule(name: str, value: Any) -> str:
        if value not in possible:
            raise invalid(f"Invalid {name}: must be one of {', '.join(possible)}", name)
        return str(value)

    return rule


def url(name: str, value: Any) -> str:
    """Read an address that the payer can be sent to."""
    if not isinstance(value, str) or "://" not in value or not value.partition("://")[2]:
        raise invalid("Not a valid URL", name, "url_invalid")
    return text(5000)(name, value)  # type: ignore[no-any-return]


def words(name: str, value: Any) -> list[str]:
    """Read a list of words."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise invalid("Invalid array", name)
    return value


def fields(rules: Mapping[str, Rule]) -> Rule:
    """Return the rule of a group of parameters."""

    def rule(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        if unknown := [inner for inner in value if inner not in rules]:
            raise unknown_parameter(f"{name}[{unknown[0]}]")
        return {inner: rules[inner](f"{name}[{inner}]", one) for inner, one in value.items()}

    return rule


def metadata(name: str, value: Any) -> dict[str, str]:
    """Read up to 50 names of 40 characters with values of 500; an empty value is no entry."""
    if value == "":
        return {}
    given = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise invalid("Invalid object", name)
    entries = {str(key): one for key, one in given.items()}
    if len(entries) > 50:
        raise invalid("Metadata can have up to 50 keys", name)
    for key, one in entries.items():
        if len(key) > 40:
            raise invalid("Metadata keys can have up to 40 characters", name)
        if len(one) > 500:
            raise invalid("Metadata values can have up to 500 characters", f"{name}[{key}]")
    return {key: one for key, one in entries.items() if one}
