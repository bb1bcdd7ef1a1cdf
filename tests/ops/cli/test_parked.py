"""Parked rows: listed with what to do, and set going again without anything being sent."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from domain.due import Reason
from domain.ids import Kind, public
from domain.money import CURRENCIES, Money
from domain.outcome import Succeeded, Unknown
from ops.cli.deeds import operator
from ops.cli.meanings import advice
from tests.ops.cli.stage import Stage

WRONG_AMOUNT = Succeeded("sp_1", Money(1, CURRENCIES["EUR"]))

_PARK = """
UPDATE {table} SET parked_at = clock_timestamp(), parked_reason = :reason, owner = 'operations',
       next_run_at = NULL, starts = 4 WHERE id = :id
"""


def park(stage: Stage, table: str, id_: UUID, reason: Reason) -> None:
    stage.sql(_PARK.format(table=table), id=id_, reason=reason.value)


def row(stage: Stage, table: str, id_: UUID) -> dict[str, Any]:
    query = (
        "SELECT *, next_run_at <= clock_timestamp() AS is_due, wake_at <= clock_timestamp() AS wakes_now"
        f"  FROM {table} WHERE id = :id"
    )
    (found,) = stage.sql(query, id=id_)
    return found


def an_attempt(stage: Stage) -> UUID:
    stage.pay({"one": Unknown("timed out")})
    (found,) = stage.sql("SELECT id FROM payment_attempts")
    return UUID(str(found["id"]))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_meaning_and_one_thing_to_do(reason: Reason) -> None:
    for sentence in advice(reason.value):
        assert re.fullmatch(r"[A-Z][^.]+\.", sentence)


@pytest.mark.services
def test_what_is_parked_is_listed_with_reason_owner_and_advice(stage: Stage) -> None:
    assert "nothing waits" in stage.run("parked", "list").out
    payment = stage.pay({"one": WRONG_AMOUNT})
    (attempt,) = stage.sql("SELECT id FROM payment_attempts")

    shown = stage.run("parked", "list").out

    assert payment in shown
    assert public(Kind.ATTEMPT, attempt["id"]) in shown
    assert "operations" in shown
    assert "another amount, currency or reference" in shown
    narrow = stage.run("parked", "list", environ={"COLUMNS": "80"}).out
    assert payment in narrow
    assert public(Kind.ATTEMPT, attempt["id"]) in narrow
    assert "1 more" in stage.run("parked", "list", "--limit", "1").err
    assert "parked since" in stage.run("payments", "show", payment).out


@pytest.mark.services
def test_a_retried_payment_is_due_at_once_and_told(stage: Stage) -> None:
    id_ = stage.accept()
    park(stage, "payments", id_, Reason.POISON)
    before = row(stage, "payments", id_)

    ran = stage.run("parked", "retry", public(Kind.PAYMENT, id_))

    after = row(stage, "payments", id_)
    assert (after["is_due"], after["wakes_now"], after["starts"]) == (True, True, 0)
    assert (after["parked_at"], after["parked_reason"], after["owner"]) == (None, None, None)
    assert (after["status"], after["next_command"]) == (before["status"], before["next_command"])
    assert after["version"] == before["version"] + 1
    assert "poison" in ran.out
    assert stage.audit()[-1] == ("operator", "payment.unparked", public(Kind.PAYMENT, id_))
    entry = stage.sql("SELECT * FROM audit_logs ORDER BY id DESC LIMIT 1")[0]
    assert (entry["actor_id"], entry["before"]) == (operator(), {"parked": "poison"})
    assert (entry["merchant_id"], entry["mode"]) == (after["merchant_id"], "test")


@pytest.mark.services
def test_a_retried_attempt_goes_to_resolve_and_is_not_sent_anew(stage: Stage) -> None:
    id_ = an_attempt(stage)
    park(stage, "payment_attempts", id_, Reason.UNRESOLVED)
    facts = stage.sql("SELECT count(*) AS n FROM attempt_facts")

    stage.run("parked", "retry", public(Kind.ATTEMPT, id_))

    after = row(stage, "payment_attempts", id_)
    assert (after["state"], after["is_due"], after["parked_at"]) == ("unknown", True, None)
    assert stage.sql("SELECT count(*) AS n FROM attempt_facts") == facts
    assert len(stage.sql("SELECT id FROM payment_attempts")) == 1
    assert stage.audit()[-1][1] == "attempt.unparked"


@pytest.mark.services
def test_a_retried_webhook_is_read_again(stage: Stage) -> None:
    id_ = UUID(int=3)
    stage.sql(
        "INSERT INTO webhook_events (id, gateway_id, dedupe_key, body, request_id)"
        " VALUES (:id, 'one', 'evt', '', 'req')",
        id=id_,
    )
    park(stage, "webhook_events", id_, Reason.UNKNOWN_OBJECT)

    stage.run("parked", "retry", public(Kind.WEBHOOK, id_))

    assert row(stage, "webhook_events", id_)["is_due"] is True
    assert stage.audit() == [("operator", "webhook.unparked", public(Kind.WEBHOOK, id_))]


@pytest.mark.services
@pytest.mark.parametrize("state", ["late_success", "captured"])
def test_money_that_waits_for_a_person_cannot_be_retried_away(stage: Stage, state: str) -> None:
    id_ = an_attempt(stage)
    stage.sql("UPDATE payment_attempts SET state = :state WHERE id = :id", state=state, id=id_)
    park(stage, "payment_attempts", id_, Reason.LATE_SUCCESS)
    told = stage.audit()

    ran = stage.run("parked", "retry", public(Kind.ATTEMPT, id_), code=1)

    assert f"the attempt is {state}" in ran.err
    assert row(stage, "payment_attempts", id_)["parked_reason"] == "late_success"
    assert stage.audit() == told


@pytest.mark.services
def test_a_payment_in_review_is_not_retried_past_its_reviewer(stage: Stage) -> None:
    id_ = stage.accept()
    stage.sql("UPDATE payments SET status = 'in_review' WHERE id = :id", id=id_)
    park(stage, "payments", id_, Reason.POISON)

    ran = stage.run("parked", "retry", public(Kind.PAYMENT, id_), code=1)

    assert "the payment is in_review" in ran.err
    assert row(stage, "payments", id_)["parked_reason"] == "poison"


@pytest.mark.services
def test_a_wrong_retry_is_refused_with_the_fix(stage: Stage) -> None:
    running = public(Kind.PAYMENT, stage.accept())

    assert "not parked" in stage.run("parked", "retry", running, code=1).err
    nobody = public(Kind.ATTEMPT, UUID(int=1))
    assert "no such attempt" in stage.run("parked", "retry", nobody, code=1).err
    nobody = public(Kind.WEBHOOK, UUID(int=1))
    assert "no such webhook" in stage.run("parked", "retry", nobody, code=1).err
    assert "pay_, att_, whk_" in stage.run("parked", "retry", "txn_1", code=2).err
