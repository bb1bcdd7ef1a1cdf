"""Settling parked rows: only on evidence, only by operators, above a limit only by two of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from domain.due import Reason
from domain.ids import Kind, public
from domain.outcome import Unknown
from domain.settling import Word
from tests.ops.cli.stage import Stage
from tests.ops.cli.test_parked import park, row

pytestmark = pytest.mark.services

EVIDENCE = ("--evidence", "statement 2026-03, line 17")
SMALL, LARGE = 100_000, 100_001


def token(stage: Stage, name: str) -> str:
    return stage.run("operators", "create", name).out.strip()


def a_parked_charge(stage: Stage, amount: int = SMALL) -> UUID:
    stage.pay({"one": Unknown("timed out")}, amount=amount)
    (found,) = stage.sql("SELECT id FROM payment_attempts")
    id_ = UUID(str(found["id"]))
    park(stage, "payment_attempts", id_, Reason.UNRESOLVED)
    return id_


def settle(
    stage: Stage,
    id_: UUID,
    word: str,
    *more: str,
    ann: str,
    code: int = 0,
    environ: Mapping[str, str] | None = None,
) -> str:
    given = {"PAYLINK_OPERATOR_TOKEN": ann, **(environ or {})}
    args = ("parked", "settle", public(Kind.ATTEMPT, id_), "--as", word, *EVIDENCE, *more)
    ran = stage.run(*args, code=code, environ=given)
    assert ann not in ran.out + ran.err
    return ran.out + ran.err


def test_what_may_be_said_is_listed_and_said(stage: Stage) -> None:
    id_ = a_parked_charge(stage)
    listed = stage.run("parked", "list").out
    for word in (Word.CHARGED, Word.NOT_CHARGED, Word.DECLINED):
        assert word in listed
    assert Word.PAID_OUT not in listed

    said = settle(stage, id_, "charged", "--provider-id", "ch_9", ann=token(stage, "ann"))

    assert "captured" in said
    after = row(stage, "payment_attempts", id_)
    assert (after["state"], after["parked_at"], after["provider_id"]) == ("captured", None, "ch_9")
    (payment,) = stage.sql("SELECT status, amount_captured FROM payments")
    assert payment == {"status": "captured", "amount_captured": SMALL}
    (fact,) = stage.sql("SELECT source, outcome FROM attempt_facts ORDER BY id DESC LIMIT 1")
    assert fact == {"source": "person", "outcome": "Succeeded"}
    (entry,) = stage.sql("SELECT * FROM audit_logs WHERE action = 'attempt.settled'")
    assert (entry["actor"], entry["actor_id"]) == ("operator", "ann")
    assert entry["after"]["evidence"] == EVIDENCE[1]
    assert entry["before"] == {"parked": "unresolved", "state": "unknown"}
    (event,) = stage.sql("SELECT payload FROM outbox_events WHERE type = 'attempt.settled'")
    assert event["payload"] == {"as": "charged"}
    assert stage.sql("SELECT amount FROM transactions") == [{"amount": SMALL}]
    assert "not parked" in settle(stage, id_, "charged", ann=token(stage, "bob"), code=1)


def test_a_dry_run_shows_and_changes_nothing(stage: Stage) -> None:
    id_, ann = a_parked_charge(stage), token(stage, "ann")
    before = row(stage, "payment_attempts", id_), stage.audit()

    said = settle(stage, id_, "not-charged", "--dry-run", ann=ann)

    assert "unknown, parked: unresolved" in said
    assert "not_charged" in said
    assert "nothing was changed" in said
    after = row(stage, "payment_attempts", id_), stage.audit()
    assert after == before


def test_what_is_not_charged_goes_on_by_itself(stage: Stage) -> None:
    id_ = a_parked_charge(stage)

    settle(stage, id_, "not-charged", ann=token(stage, "ann"))

    (payment,) = stage.sql(
        "SELECT status, next_command, next_run_at <= clock_timestamp() AS due,"
        " wake_at < clock_timestamp() + interval '6 seconds' AS swept FROM payments"
    )
    assert payment == {
        "status": "processing",
        "next_command": "charge_payment",
        "due": True,
        "swept": True,
    }


def test_a_large_sum_needs_two_different_operators(stage: Stage, tmp_path: Path) -> None:
    id_ = a_parked_charge(stage, LARGE)
    ann, bob = token(stage, "ann"), token(stage, "bob")
    words = ("charged", "--provider-id", "ch_9")
    second = tmp_path / "second"

    assert "1000.01 EUR needs two operators" in settle(stage, id_, *words, ann=ann, code=1)
    second.write_text(ann)
    again = (*words, "--second-token-file", str(second))
    assert "both are ann's" in settle(stage, id_, *again, ann=ann, code=1)
    assert row(stage, "payment_attempts", id_)["state"] == "unknown"
    second.write_text(f"{bob}\n")
    settle(stage, id_, *again, ann=ann)

    (entry,) = stage.sql("SELECT actor_id FROM audit_logs WHERE action = 'attempt.settled'")
    assert entry == {"actor_id": "ann+bob"}


def test_the_limit_is_a_setting(stage: Stage) -> None:
    id_, ann = a_parked_charge(stage), token(stage, "ann")
    strict = {"SETTLE_SECOND_TOKEN_ABOVE": "0"}

    assert "needs two" in settle(stage, id_, "declined", ann=ann, code=1, environ=strict)
    second = {"PAYLINK_SECOND_OPERATOR_TOKEN": token(stage, "bob")}
    settle(stage, id_, "declined", ann=ann, environ=strict | second)

    assert row(stage, "payment_attempts", id_)["state"] == "declined"


def test_nobody_else_may_say_anything(stage: Stage, tmp_path: Path) -> None:
    id_, ann = a_parked_charge(stage), token(stage, "ann")
    told = stage.audit()
    forged = [
        ann[:-1] + ("A" if ann[-1] != "A" else "B"),
        ann.replace("ann", "bob"),
        "a-word",
        ann + "A",
    ]
    for wrong in forged:
        assert "no token" in settle(stage, id_, "declined", ann=wrong, code=1)
    empty = tmp_path / "empty"
    empty.touch()
    none = ("parked", "settle", public(Kind.ATTEMPT, id_), "--as", "declined", *EVIDENCE)
    assert "no operator's token" in stage.run(*none, code=2).err
    assert "no token in it" in stage.run(*none, "--operator-token-file", str(empty), code=2).err
    gone = str(tmp_path / "gone")
    assert "cannot be read" in stage.run(*none, "--operator-token-file", gone, code=2).err
    stage.run("operators", "revoke", "ann")
    assert "revoked" in settle(stage, id_, "declined", ann=ann, code=1)

    assert row(stage, "payment_attempts", id_)["state"] == "unknown"
    assert stage.audit()[len(told) :] == [("operator", "operator.revoked", "ann")]


@pytest.mark.parametrize(
    ("evidence", "why"),
    [("seen", "too little"), ("x" * 501, "too much"), ("card 4242 4242 4242 4242", "card number")],
)
def test_evidence_is_something_that_others_can_check(stage: Stage, evidence: str, why: str) -> None:
    id_, ann = a_parked_charge(stage), token(stage, "ann")
    asked = ("parked", "settle", public(Kind.ATTEMPT, id_), "--as", "declined", "--evidence")

    ran = stage.run(*asked, evidence, code=2, environ={"PAYLINK_OPERATOR_TOKEN": ann})

    assert why in ran.err
    assert row(stage, "payment_attempts", id_)["state"] == "unknown"


def test_a_word_that_cannot_be_said_is_refused_with_those_that_can(stage: Stage) -> None:
    id_, ann = a_parked_charge(stage), token(stage, "ann")

    assert "say one of: charged, held" in settle(stage, id_, "refunded", ann=ann, code=1)
    assert "--provider-id" in settle(stage, id_, "charged", ann=ann, code=1)
    nobody = UUID(int=1)
    assert "no such attempt" in settle(stage, nobody, "charged", ann=ann, code=1)


def test_the_database_still_refuses_what_is_illegal(stage: Stage) -> None:
    """Whatever the code would do: the person's word passes the same guards as a provider's."""
    id_, ann = a_parked_charge(stage), token(stage, "ann")
    with stage.forging("payments"):
        stage.sql("UPDATE payments SET amount = 1")

    said = settle(stage, id_, "charged", "--provider-id", "ch_1", ann=ann, code=1)

    assert "database refused" in said
    assert row(stage, "payment_attempts", id_)["state"] == "unknown"


def test_a_webhook_about_nothing_of_ours_is_put_away(stage: Stage) -> None:
    id_, ann = UUID(int=3), token(stage, "ann")
    stage.sql(
        "INSERT INTO webhook_events (id, gateway_id, dedupe_key, body, request_id, status)"
        " VALUES (:id, 'one', 'evt', '', 'req', 'orphan')",
        id=id_,
    )
    park(stage, "webhook_events", id_, Reason.UNKNOWN_OBJECT)
    named = public(Kind.WEBHOOK, id_)
    assert "not-ours" in stage.run("parked", "list").out
    environ = {"PAYLINK_OPERATOR_TOKEN": ann}
    ask = ("parked", "settle", named, *EVIDENCE, "--as")

    assert "only not-ours" in stage.run(*ask, "charged", code=1, environ=environ).err
    stage.run(*ask, "not-ours", "--dry-run", environ=environ)
    assert row(stage, "webhook_events", id_)["parked_reason"] == "unknown_object"
    stage.run(*ask, "not-ours", environ=environ)

    after = row(stage, "webhook_events", id_)
    assert (after["status"], after["parked_at"], after["next_run_at"]) == ("processed", None, None)
    assert stage.audit()[-1] == ("operator", "webhook.settled", named)


def test_operators_are_made_listed_and_revoked_and_tokens_are_nowhere(stage: Stage) -> None:
    assert "no operator yet" in stage.run("operators", "list").err
    made = stage.run("operators", "create", "ann")
    text = made.out.strip()

    assert text.startswith("pl_operator_ann_")
    assert text not in made.err
    (kept,) = stage.sql("SELECT * FROM operators")
    secret = text.removeprefix("pl_operator_ann_")
    assert len(kept["token_mac"]) == 32
    assert secret not in str(kept)
    assert secret not in str(stage.sql("SELECT * FROM audit_logs"))
    assert "somebody's name" in stage.run("operators", "create", "ann", code=1).err
    assert "no name" in stage.run("operators", "create", "Ann_1", code=2).err
    assert "active" in stage.run("operators", "list").out
    assert "revoked" in stage.run("operators", "revoke", "ann").out
    assert "had been revoked at" in stage.run("operators", "revoke", "ann").out
    assert "there is no operator" in stage.run("operators", "revoke", "bob", code=1).err
    assert "revoked" in stage.run("operators", "list").out
    assert "somebody's name" in stage.run("operators", "create", "ann", code=1).err
    assert [entry[1] for entry in stage.audit()] == ["operator.created", "operator.revoked"]
