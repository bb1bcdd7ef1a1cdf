"""Operations on payments over HTTP: each does what it says, once, or says what is possible."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.commands import Command
from domain.payment import CaptureMethod, Status
from domain.policy import Policy
from tests.builders import HARD, Scripted, held, paid
from tests.ingress.till import ID, Till, a_till, charged

PATH = f"/v1/payments/{ID}"


def read(till: Till) -> dict[str, Any]:
    shown: dict[str, Any] = till.client.get(PATH).json()
    return shown


def test_a_payment_that_waits_for_a_word_is_charged_after_it() -> None:
    till = a_till(Scripted("one", paid), confirmed=False, next_command=Command.CHARGE)
    with till.open():
        assert read(till)["allowed_operations"] == ["authorize", "cancel"]

        answer = till.ask("authorize")

        assert (answer.status_code, answer.json()["confirm"]) == (202, True)
        assert answer.headers["Location"] == PATH
        assert till.woken == [Command.SCREEN]
        till.stage.run_due()
        assert read(till)["status"] == "captured"
        again = till.ask("authorize").json()
        assert (again["status"], again["code"]) == (409, "illegal_state")


def test_the_older_path_of_authorize_is_the_same_request() -> None:
    till = a_till(Scripted("one", paid), confirmed=False)
    with till.open():
        first = till.post(f"/v1/transactions/{ID}/process", key="k")
        again = till.post(f"/api/v1/payments/{ID}/authorize", {}, key="k")

    assert first.status_code == again.status_code == 202
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "collected"), [(None, 5_000), ({}, 5_000), ({"amount": 900}, 900)]
)
def test_a_hold_is_captured_whole_or_in_part(body: object, collected: int) -> None:
    till = charged(manual=True, captures=[paid])
    with till.open():
        before = read(till)
        assert (before["status"], before["amount_authorized"]) == ("authorized", 5_000)
        assert before["authorization_expires_at"] is not None
        assert before["allowed_operations"] == ["capture", "cancel", "reverse"]
        assert before["links"]["operations"]["capture"] == f"{PATH}/capture"

        answer = till.ask("capture", body)

        assert (answer.status_code, answer.json()["status"]) == (202, "authorized")
        till.stage.run_due()
        after = read(till)
    assert (after["status"], after["amount_captured"]) == ("captured", collected)
    assert after["amount_refundable"] == collected


def test_more_than_is_held_is_not_captured() -> None:
    till = charged(manual=True)
    with till.open():
        refused = till.ask("capture", {"amount": 5_001}).json()

    assert (refused["status"], refused["code"]) == (422, "amount_exceeds_authorized")
    assert "5000" in refused["fix"]
    assert till.payment().capture_amount is None


def test_a_second_capture_meets_the_first() -> None:
    till = charged(manual=True, captures=[paid])
    with till.open():
        till.ask("capture", {"amount": 900})
        for verb in ("capture", "cancel"):
            refused = till.ask(verb)
            assert (refused.status_code, refused.json()["code"]) == (409, "operation_in_flight")
            assert int(refused.headers["Retry-After"]) > 0


def test_what_is_nowhere_yet_is_cancelled_at_once() -> None:
    till = a_till(Scripted("one", paid))
    with till.open():
        answer = till.ask("cancel")

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert till.payment().status is Status.CANCELLED


def test_a_hold_is_let_go_before_its_payment_is_cancelled() -> None:
    till = charged(manual=True, voids=[paid])
    with till.open():
        answer = till.ask("cancel")

        assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)
        assert till.woken == [Command.VOID]
        till.stage.run_due()
        assert read(till)["status"] == "cancelled"
        assert till.ask("cancel").status_code == 200, "cancelling twice is cancelling once"


def test_money_goes_back_in_parts_until_nothing_is_left() -> None:
    till = charged(refunds=[paid])
    with till.open():
        first = till.ask("refunds", {"amount": 2_000, "reason": "one ticket"})

        refund = first.json()
        assert first.status_code == 202
        assert first.headers["Location"] == f"/v1/refunds/{refund['id']}"
        assert refund["id"].startswith("ref_")
        assert (refund["payment_id"], refund["amount"]) == (ID, 2_000)
        assert (refund["status"], refund["reason"]) == ("pending", "one ticket")
        shown = read(till)
        assert (shown["amount_refund_pending"], shown["amount_refundable"]) == (2_000, 3_000)
        too_much = till.ask("refund", {"amount": 3_001, "reason": "more"}).json()
        assert (too_much["status"], too_much["code"]) == (422, "amount_exceeds_refundable")
        rest = till.ask("refund", {"reason": "the other one"}).json()
        assert rest["amount"] == 3_000
        till.stage.run_due()
        shown = read(till)
        assert (shown["status"], shown["amount_refunded"]) == ("refunded", 5_000)
        refused = till.ask("refunds", {"reason": "again"}).json()
    assert (refused["code"], refused["allowed_operations"]) == ("illegal_state", [])


def test_a_refund_needs_a_reason_and_an_amount_that_is_one() -> None:
    till = charged()
    with till.open():
        for body in ({}, None, {"reason": " "}, {"reason": "x" * 501}, {"reason": 7}):
            wrong = till.ask("refunds", body).json()
            assert [one["field"] for one in wrong["errors"]] == ["reason"], body
        for amount in (0, -1, True, "100", [1]):
            wrong = till.ask("refunds", {"reason": "x", "amount": amount}).json()
            assert [one["field"] for one in wrong["errors"]] == ["amount"], amount
        wrong = till.ask("refunds", {"reason": "x", "currency": "USD"}).json()
        assert [one["field"] for one in wrong["errors"]] == ["currency"]
    assert not till.stage.refunds()


def test_after_its_window_money_is_not_refunded() -> None:
    till = charged()
    with till.open():
        before = till.client.get(PATH)
        till.stage.clock.advance(Policy().refund_window_s + 1)
        known = {"If-None-Match": before.headers["ETag"]}
        after = till.client.get(PATH, headers=known).json()
        refused = till.ask("refunds", {"reason": "late"}).json()

    assert before.json()["allowed_operations"] == ["refund", "reverse"]
    assert before.json()["amount_refundable"] == 5_000
    assert (after["allowed_operations"], after["links"]["operations"]) == ([], {})
    assert (after["amount_captured"], after["amount_refundable"]) == (5_000, 0)
    assert (refused["status"], refused["code"]) == (409, "refund_window_closed")
    assert "90 days" in refused["detail"]


def test_a_reversal_gives_everything_back() -> None:
    till = charged(refunds=[paid])
    with till.open():
        answer = till.ask("reverse", {"reason": "by mistake"})

    assert answer.status_code == 202
    assert (answer.json()["kind"], answer.json()["amount"]) == ("reversal", 5_000)


def test_a_reversal_of_a_hold_lets_it_go() -> None:
    till = charged(manual=True, voids=[paid])
    with till.open():
        answer = till.ask("reverse", {"reason": "by mistake"})

        assert (answer.status_code, answer.json()["object"]) == (202, "payment")
        assert answer.headers["Location"] == PATH
        till.stage.run_due()
        assert read(till)["status"] == "cancelled"


def test_a_part_that_went_back_already_forbids_undoing_the_whole() -> None:
    till = charged(refunds=[paid])
    with till.open():
        till.ask("refunds", {"amount": 1, "reason": "x"})
        till.stage.run_due()
        refused = till.ask("reverse", {"reason": "x"}).json()

    assert (refused["code"], refused["allowed_operations"]) == ("illegal_state", ["refund"])


@pytest.mark.parametrize("verb", ["authorize", "capture", "reverse", "refunds"])
def test_a_failed_payment_allows_nothing_and_says_so(verb: str) -> None:
    till = a_till(Scripted("one", HARD))
    till.stage.run_due()
    with till.open():
        refused = till.ask(verb, {"reason": "x"} if verb in ("reverse", "refunds") else None)

    said = refused.json()
    assert (refused.status_code, said["code"]) == (409, "illegal_state")
    assert said["allowed_operations"] == []
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_the_outcome_can_be_waited_for() -> None:
    till = charged(manual=True, quick=True, captures=[paid], refunds=[paid])
    with till.open():
        captured = till.ask("capture", key="c", prefer="wait=5")
        refunded = till.ask("refunds", {"reason": "x"}, key="r", prefer="wait=5")
        replayed = till.ask("refunds", {"reason": "x"}, key="r")

    assert (captured.status_code, captured.json()["status"]) == (200, "captured")
    assert captured.headers["Preference-Applied"] == "wait=5"
    assert (refunded.status_code, refunded.json()["status"]) == (200, "succeeded")
    # Waiting is no part of the record.
    assert (replayed.status_code, replayed.json()["status"]) == (202, "pending")


def test_a_wait_that_is_too_short_answers_with_the_record() -> None:
    till = charged(refunds=[paid])
    with till.open():
        answer = till.ask("refunds", {"reason": "x"}, prefer="wait=1")

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.headers["Preference-Applied"] == "wait=1"


def test_a_checkout_is_held_confirmed_and_captured_from_end_to_end() -> None:
    till = a_till(Scripted("one", held, captures=[paid]), quick=True)
    with till.open():
        order = {"amount": 700, "capture_method": "manual", "confirm": False}
        made = till.post("/v1/checkout", order, prefer="wait=5").json()
        assert (made["status"], made["confirm"]) == ("pending", False), (
            "there is nothing to wait for"
        )
        assert made["checkout_url"].startswith("https://pay.example.com/v1/checkout/")
        assert made["links"]["operations"].keys() == {"authorize", "cancel"}
        path = made["links"]["self"]

        authorized = till.post(f"{path}/authorize", prefer="wait=5").json()
        captured = till.post(f"{path}/capture", {"amount": 600}, prefer="wait=5").json()

    assert (authorized["status"], authorized["capture_method"]) == ("authorized", "manual")
    assert (captured["status"], captured["amount_captured"]) == ("captured", 600)


def test_an_unconfirmed_payment_expires_by_itself() -> None:
    till = a_till(Scripted("one", paid))
    with till.open():
        made = till.post("/v1/checkout", {"amount": 700, "confirm": False}).json()
        till.stage.clock.advance(timedelta(minutes=31).total_seconds())
        till.stage.run_due()
        ended = till.client.get(made["links"]["self"]).json()

    assert ended["status"] in ("expired", "failed")
    assert CaptureMethod(ended["capture_method"]) is CaptureMethod.AUTOMATIC
