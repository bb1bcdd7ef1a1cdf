"""The audit chain: what verify finds, and what an export proves."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ops.cli.deeds import operator
from tests.ops.cli.stage import Stage

pytestmark = pytest.mark.services


def sealed(stage: Stage, entries: int = 5) -> None:
    """Write and seal entries one by one, so that there are checkpoints in between."""
    for number in range(entries):
        stage.run("gateways", "down", "one", "--reason", f"reason {number}")
        stage.seal()


def test_a_chain_that_holds_is_counted(stage: Stage) -> None:
    assert "the chain holds" in stage.run("audit", "verify").out
    sealed(stage, 3)

    out = stage.run("audit", "verify").out

    assert "3 sealed" in out
    assert "checkpoints  3" in out
    assert "the chain holds" in out


def test_a_changed_entry_is_found(stage: Stage) -> None:
    sealed(stage)
    with stage.forging("audit_logs"):
        stage.sql("UPDATE audit_logs SET actor_id = 'somebody else' WHERE id = 3")

    ran = stage.run("audit", "verify", code=1)

    assert "link 3 (audit entry 3): the audit entry was changed" in ran.err
    assert "holds" not in ran.out


def test_a_missing_entry_is_found(stage: Stage) -> None:
    sealed(stage)
    with stage.forging("audit_logs"):
        stage.sql("DELETE FROM audit_logs WHERE id = 2")

    ran = stage.run("audit", "verify", code=1)

    assert "link 2 (audit entry 2): the audit entry is missing" in ran.err


def test_a_missing_link_is_found(stage: Stage) -> None:
    sealed(stage)
    with stage.forging("audit_chain"):
        stage.sql("DELETE FROM audit_chain WHERE seq = 4")

    assert "link 4: this link is missing" in stage.run("audit", "verify", code=1).err


def test_a_truncated_chain_is_found_by_its_checkpoints(stage: Stage) -> None:
    sealed(stage)
    with stage.forging("audit_chain"), stage.forging("audit_logs"):
        stage.sql("DELETE FROM audit_chain WHERE seq > 3")
        stage.sql("DELETE FROM audit_logs WHERE id > 3")

    assert "cut short" in stage.run("audit", "verify", code=1).err


def test_a_chain_rewritten_without_the_key_is_found(stage: Stage) -> None:
    sealed(stage)

    other = {"AUDIT_KEY": "another key of at least 32 characters"}
    ran = stage.run("audit", "verify", code=1, environ=other)

    assert "link 1" in ran.err
    assert "AUDIT_KEY" in ran.err


def test_a_chain_cut_with_its_checkpoints_is_found_by_an_export(
    stage: Stage, tmp_path: Path
) -> None:
    sealed(stage)
    export = tmp_path / "checkpoints.jsonl"
    assert "5 checkpoints" in stage.run("audit", "export", str(export)).err
    stage.run("audit", "verify", "--against", str(export))
    with (
        stage.forging("audit_chain"),
        stage.forging("audit_logs"),
        stage.forging("audit_checkpoints"),
    ):
        stage.sql("DELETE FROM audit_chain WHERE seq > 3")
        stage.sql("DELETE FROM audit_logs WHERE id > 3")
        stage.sql("DELETE FROM audit_checkpoints WHERE count > 3")
    assert "the chain holds" in stage.run("audit", "verify").out

    ran = stage.run("audit", "verify", "--against", str(export), code=1)

    assert "lost link 4" in ran.err
    assert "holds" not in ran.out
    sealed(stage, 2)  # the forger fills it up again: as long as before, and another chain
    again = stage.run("audit", "verify", "--against", str(export), code=1)
    assert "link 4 is not the one that the export knows" in again.err


def test_an_export_is_complete_and_never_overwrites_another(stage: Stage, tmp_path: Path) -> None:
    sealed(stage, 2)
    export = tmp_path / "checkpoints.jsonl"
    stage.run("audit", "export", str(export))

    lines = [json.loads(line) for line in export.read_text().splitlines()]
    rows = stage.sql("SELECT count AS n, head, mac FROM audit_checkpoints ORDER BY 1")
    assert [(line["count"], line["head"], line["mac"]) for line in lines] == [
        (row["n"], bytes(row["head"]).hex(), bytes(row["mac"]).hex()) for row in rows
    ]
    assert "exists" in stage.run("audit", "export", str(export), code=2).err
    assert stage.run("audit", "export", "-").out == export.read_text()
    missing = tmp_path / "no" / "folder"
    assert "FILE" in stage.run("audit", "export", str(missing), code=2).err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json\n", "line 1 is not a checkpoint"),
        ('{"count": 1}\n', "line 1 is not a checkpoint"),
        ('{"count": 1, "head": "00", "mac": "00"}\n', "not written with our AUDIT_KEY"),
    ],
)
def test_what_is_no_export_of_ours_is_refused(
    stage: Stage, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "file"
    file.write_text(content)
    code = 1 if "AUDIT_KEY" in said else 2

    assert said in stage.run("audit", "verify", "--against", str(file), code=code).err
    gone = str(tmp_path / "gone")
    assert "No such file" in stage.run("audit", "verify", "--against", gone, code=2).err


def test_entries_that_nobody_sealed_are_an_alarm_until_they_are_sealed(stage: Stage) -> None:
    stage.run("gateways", "down", "one", "--reason", "maintenance")
    assert "0 sealed" in stage.run("audit", "verify").out  # young: the sealer may be about to
    with stage.forging("audit_logs"):
        stage.sql("UPDATE audit_logs SET created_at = created_at - interval '2 hours'")

    ran = stage.run("audit", "verify", code=1)

    assert "1 entries are not sealed" in ran.err
    assert "--seal-first" in ran.err
    again = stage.run("audit", "verify", "--seal-first")
    assert "sealed 1 entries" in again.err
    assert "1 sealed" in again.out


def test_verifying_while_entries_are_sealed_raises_no_false_alarm(stage: Stage) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            stage.sql(
                "INSERT INTO audit_logs"
                " (actor, actor_id, action, entity, entity_id, before, after, request_id)"
                " VALUES ('operator', :by, 'x', 'x', 'x', '{}', '{}', '')",
                by=operator(),
            )
            stage.seal()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            stage.run("audit", "verify")
    finally:
        done.set()
        writer.join()
