"""Which system a command works on: the environment's, else the `paylink up` that runs here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ops.cli.where import environment_here, find_running, settings_here
from ops.dev.secrets import development_secrets
from ops.dev.up import SECRET_NAMES
from ops.settings import BadSettings, Settings

HERE = {"DATABASE_URL": "postgresql://here/db", "REDIS_URL": "redis://here/0"}
SAID = {
    "url": "http://127.0.0.1:8080",
    "database_url": "postgresql://running/db",
    "redis_url": "redis://running/0",
    "sandboxes": {"sandbox-a": "http://127.0.0.1:9101"},
}


def a_folder(folder: Path, **said: Any) -> dict[str, str]:
    """Make the folder of a running `paylink up`; returns the environment that names it."""
    development_secrets(folder, SECRET_NAMES)
    (folder / "running.json").write_text(json.dumps(SAID | {"pid": os.getpid()} | said))
    return {"PAYLINK_DATA": str(folder)}


def secret(folder: Path, name: str) -> str:
    return development_secrets(folder, [name])[name]


def test_the_running_system_completes_an_environment_that_names_no_database(
    tmp_path: Path,
) -> None:
    environ = a_folder(tmp_path)

    settings = settings_here(environ)

    assert settings.database_url == "postgresql://running/db"
    assert settings.redis_url == "redis://running/0"
    assert settings.secrets.audit.decode() == secret(tmp_path, "AUDIT_KEY")
    running = find_running(environ)
    assert running is not None
    assert running.url == "http://127.0.0.1:8080"
    assert running.sandboxes == {"sandbox-a": "http://127.0.0.1:9101"}
    for hidden in ("postgresql", secret(tmp_path, "DEMO_API_KEY")):
        assert hidden not in repr(running)


def test_without_a_word_the_folder_is_paylink_in_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_folder(tmp_path / ".paylink")
    monkeypatch.chdir(tmp_path)

    assert settings_here({}).database_url == "postgresql://running/db"


def test_the_environments_secrets_beat_the_folders_as_in_paylink_up(tmp_path: Path) -> None:
    environ = a_folder(tmp_path) | {"AUDIT_KEY": "x" * 40, "API_KEY_PEPPER": ""}

    secrets = settings_here(environ).secrets

    assert secrets.audit == b"x" * 40
    assert secrets.pepper.decode() == secret(tmp_path, "API_KEY_PEPPER")


@pytest.mark.parametrize(
    "named", [HERE, {"DB_HOST": "here", "REDIS_URL": "redis://here/0"}], ids=["url", "host"]
)
def test_an_environment_that_names_a_database_is_used_as_it_is(
    tmp_path: Path, named: dict[str, str]
) -> None:
    environ = a_folder(tmp_path) | named

    assert environment_here(environ) is environ
    assert "here" in settings_here(environ).database_url
    assert settings_here(environ) == Settings.from_env(environ)


@pytest.mark.parametrize("left", [False, True], ids=["never started", "killed"])
def test_without_either_the_error_names_both_ways(tmp_path: Path, left: bool) -> None:
    if left:
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        a_folder(tmp_path, pid=ended.pid)

    with pytest.raises(BadSettings, match=r"DATABASE_URL is missing.*paylink up") as refused:
        settings_here({"PAYLINK_DATA": str(tmp_path)})
    assert str(tmp_path) in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x"}', "null"])
def test_an_unreadable_description_is_named(tmp_path: Path, content: str) -> None:
    environ = a_folder(tmp_path)
    (tmp_path / "running.json").write_text(content)

    with pytest.raises(BadSettings, match=r"running\.json is not what `paylink up` writes"):
        settings_here(environ)


def test_a_missing_secret_is_named_and_never_made_up(tmp_path: Path) -> None:
    environ = a_folder(tmp_path)
    kept = (tmp_path / "secrets.env").read_text().splitlines()
    rest = "\n".join(line for line in kept if not line.startswith("AUDIT_KEY="))
    (tmp_path / "secrets.env").write_text(rest + "\n")

    with pytest.raises(BadSettings, match="AUDIT_KEY is not in"):
        settings_here(environ)
    assert (tmp_path / "secrets.env").read_text() == rest + "\n"


def test_a_system_without_a_database_is_refused() -> None:
    with pytest.raises(BadSettings, match="USE_MOCK_DB"):
        settings_here({"USE_MOCK_DB": "true", "DB_HOST": "", "DATABASE_URL_FILE": "/dev/null"})
