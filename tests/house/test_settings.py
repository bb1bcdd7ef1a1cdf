"""Settings: what is read, what .env.example says of it, and that the two agree to the default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields

import pytest

from ops.settings import BadSettings, Settings
from tests.house.environment import example

#: Enough to start, with the stores by their parts, so that all of these are read.
BY_PARTS = {"DB_HOST": "db.example", "REDIS_HOST": "redis.example"}
#: What has no default, because no default could be right.
REQUIRED = frozenset(
    {"DATABASE_URL", "DB_HOST", "DB_PASSWORD", "REDIS_URL", "REDIS_HOST", "REDIS_PASSWORD"}
    | {"ENCRYPTION_KEY", "API_KEY_PEPPER", "AUDIT_KEY"}
)
#: Each belongs to the other.
PAIRS = {"TLS_CERT_FILE": "TLS_KEY_FILE", "TLS_KEY_FILE": "TLS_CERT_FILE"}


class _Recording(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, given: dict[str, str]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)


def _read() -> set[str]:
    """Return every name that the settings look up, in whichever way they are given."""
    nothing, parts = _Recording({}), _Recording(BY_PARTS)
    with suppress(BadSettings):  # it names what is missing once it has looked for everything
        Settings.from_env(nothing)
    Settings.from_env(parts)
    asked = nothing.asked | parts.asked
    return {name for name in asked if not name.endswith("_FILE") or name in PAIRS}


def test_every_setting_that_is_read_is_in_the_example() -> None:
    aliases = {word for _, about in example().values() for word in re.findall(r"[A-Z_]+", about)}

    assert not _read() - example().keys() - aliases


def test_the_example_names_nothing_that_nobody_reads() -> None:
    assert not example().keys() - _read()


def test_the_defaults_in_the_example_are_the_true_ones() -> None:
    plain = Settings.from_env(BY_PARTS)
    written = {name: value for name, (value, _) in example().items() if value}

    for name, value in written.items():
        assert Settings.from_env(BY_PARTS | {name: value}) == plain, name
    assert Settings.from_env(BY_PARTS | written) == plain


def test_what_the_example_leaves_empty_has_no_default() -> None:
    plain = Settings.from_env(BY_PARTS)
    empty = {name for name, (value, _) in example().items() if not value}

    assert empty >= REQUIRED
    for name in empty - REQUIRED:
        given = {PAIRS.get(name, name): "x", name: "x"}
        changed = list(_changes(plain, Settings.from_env(BY_PARTS | given)))
        assert changed, name
        assert all(getattr(plain, field) in ("", ()) for field in changed), (name, changed)


def _changes(before: Settings, after: Settings) -> Iterator[str]:
    for field in fields(Settings):
        if getattr(before, field.name) != getattr(after, field.name):
            yield field.name


@pytest.mark.parametrize("name", sorted({"ENCRYPTION_KEY", "API_KEY_PEPPER", "AUDIT_KEY"}))
def test_production_names_every_missing_secret_at_once(name: str) -> None:
    with pytest.raises(BadSettings) as refused:
        Settings.from_env({"APP_ENV": "production"})

    assert any(problem.startswith(f"{name} is missing") for problem in refused.value.problems)
    assert len(refused.value.problems) >= 5, "the database, Redis and three secrets"


def test_secrets_are_not_printed() -> None:
    secret = "c0ffee" * 12
    given = {"ENCRYPTION_KEY": secret[:64], "API_KEY_PEPPER": secret, "AUDIT_KEY": secret}
    urls = {"DATABASE_URL": f"postgresql://u:{secret}@h/d", "REDIS_URL": f"redis://:{secret}@h/0"}

    assert "c0ffee" not in repr(Settings.from_env(given | urls))
