"""Development secrets: made once, kept private, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.dev.errors import FolderUnusable
from ops.dev.secrets import SECRETS_FILE, development_secrets


def test_secrets_are_made_once_and_differ(tmp_path: Path) -> None:
    first = development_secrets(tmp_path / "data", ["VAULT_KEY", "SESSION_KEY"])
    assert list(first) == ["VAULT_KEY", "SESSION_KEY"]
    assert len(bytes.fromhex(first["VAULT_KEY"])) == 32
    assert first["VAULT_KEY"] != first["SESSION_KEY"]
    assert development_secrets(tmp_path / "data", ["SESSION_KEY", "VAULT_KEY"]) == first


def test_a_new_name_leaves_the_others_alone(tmp_path: Path) -> None:
    old = development_secrets(tmp_path, ["OLD"])
    development_secrets(tmp_path, ["NEW"])
    assert development_secrets(tmp_path, ["OLD"]) == old


def test_the_caller_may_shape_a_secret(tmp_path: Path) -> None:
    made = development_secrets(tmp_path, ["API_KEY"], make=lambda name: f"test_{name}=1")
    assert made == {"API_KEY": "test_API_KEY=1"}
    assert development_secrets(tmp_path, ["API_KEY"]) == made


def test_the_file_is_private_even_after_a_careless_edit(tmp_path: Path) -> None:
    file = tmp_path / SECRETS_FILE
    development_secrets(tmp_path, ["ONE"])
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    development_secrets(tmp_path, ["ONE"])
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_damaged_line_is_pointed_at_but_not_quoted(tmp_path: Path) -> None:
    (tmp_path / SECRETS_FILE).write_text("GOOD=1\nhunter2\n")
    with pytest.raises(FolderUnusable, match="line 2") as refused:
        development_secrets(tmp_path, ["GOOD"])
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"), [("lower", "x"), ("A B", "x"), ("A", ""), ("A", "x\ny")]
)
def test_what_the_file_cannot_hold_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError):
        development_secrets(tmp_path, [name], make=lambda _: value)
    assert not (tmp_path / SECRETS_FILE).exists()
