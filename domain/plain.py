"""Plain: values of ours as JSON has them. `dataclasses.asdict` copies, and takes ten times as long."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Final
from uuid import UUID

#: What is JSON already, most of all of what there is.
_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None)})


def plain(value: object) -> Any:
    """Return an object for what has fields, 32 digits for a UUID, and anything else as it is."""
    names = _names(type(value))
    if not names:
        return value.hex if isinstance(value, UUID) else value
    found: dict[str, Any] = {}
    for name in names:
        part = getattr(value, name)
        found[name] = part if type(part) in _AS_THEY_ARE else plain(part)
    return found


def _names(type_: type) -> tuple[str, ...]:
    """Return the names of a type's fields; empty: it has none."""
    names = _KNOWN.get(type_)
    if names is None:
        names = tuple(one.name for one in fields(type_)) if is_dataclass(type_) else ()
        _KNOWN[type_] = names
    return names


#: There are a few types of ours, and they do not change.
_KNOWN: Final[dict[type, tuple[str, ...]]] = {}
