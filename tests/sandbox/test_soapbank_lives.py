"""The lives of the simulated bank's objects: what each state allows, and what a RequestId protects."""

import threading

import pytest

from tests.sandbox.banking import (
    Bank,
    Told,
    an_order,
    bank,
    message,
    new,
    shared_bank,
)
from tests.sandbox.running import wait_until

__all__ = ["bank", "shared_bank"]  # fixtures


def movements(bank: Bank, about: str) -> list[tuple[str, int]]:
    """What the ledger says was moved: kind and minor units."""
    return [
        (line["kind"], line["amount"]) for line in bank.simulated.lines(about) if "amount" in line
    ]


def test_the_same_request_again_is_a_duplicate_and_moves_nothing(bank: Bank) -> None:
    body = message("Sale", **an_order() | {"Token": "tok_1"})
    first = bank.send("Sale", body)

    second = bank.send("Sale", body)

    assert (first["Duplicate"], second["Duplicate"]) == ("false", "true")
    assert second.text.replace(">true<", ">false<") == first.text
    assert second.is_signed
    assert movements(bank, first["Reference"]) == [("sale", 1250)]


def test_a_duplicate_tells_what_was_answered_and_not_what_became_of_it(bank: Bank) -> None:
    body = message("Authorise", **an_order() | {"Token": "tok_1"})
    hold = bank.send("Authorise", body)
    bank.cancel(hold["BankId"])

    assert bank.send("Authorise", body)["Status"] == "AUTHORISED"
    assert bank.shown(hold["BankId"])["Status"] == "CANCELLED"


def test_another_body_under_a_used_id_is_refused_whatever_the_operation(bank: Bank) -> None:
    order = an_order() | {"Token": "tok_1"}
    sale = bank.ask("Sale", **order)

    for told in (
        bank.ask("Sale", **order | {"Amount": "12.51"}),
        bank.ask("Authorise", **order),
        bank.ask("Cancel", RequestId=order["RequestId"], BankId=sale["BankId"]),
    ):
        assert told.fault == "Client.DUPLICATE_MISMATCH"
        assert told.is_signed
    assert movements(bank, sale["Reference"]) == [("sale", 1250)]


def test_while_a_request_is_worked_on_its_id_is_in_progress(bank: Bank) -> None:
    order = an_order() | {"Token": "tok_1"}
    body = message("Sale", **order)
    bank.simulated.fault("latency", on="charge", count=1, ms=1_000)
    slow: list[Told] = []
    thread = threading.Thread(target=lambda: slow.append(bank.send("Sale", body)))
    thread.start()
    wait_until(lambda: bool(bank.simulated.requests(order["Reference"])))  # it came first
    answers = []

    def asked_again() -> bool:
        answers.append(bank.send("Sale", body).fault)
        return answers[-1] == "Server.IN_PROGRESS"

    wait_until(asked_again)
    thread.join()
    assert {slow[0]["Status"], bank.send("Sale", body)["Status"]} == {"SETTLED"}


def test_a_fault_leaves_the_id_free(bank: Bank) -> None:
    order = an_order() | {"Token": "tok_1"}
    bank.simulated.fault("fail_before", on="charge", count=1)
    assert bank.ask("Sale", **order).fault == "Server.INTERNAL"

    assert bank.ask("Sale", **order | {"Amount": "13.00"})["Duplicate"] == "false"


def test_a_failure_after_the_work_is_a_duplicate_when_it_is_asked_again(bank: Bank) -> None:
    order = an_order() | {"Token": "tok_1"}
    bank.simulated.fault("fail_after", on="charge", count=1)
    assert bank.ask("Sale", **order).fault == "Server.INTERNAL"

    again = bank.ask("Sale", **order)

    assert (again["Status"], again["Duplicate"]) == ("SETTLED", "true")


def test_everything_is_there_after_a_kill(bank: Bank) -> None:
    order = an_order() | {"Token": "tok_1"}
    sale = bank.ask("Sale", **order)
    refund = bank.refund(sale["BankId"], "2.50")
    payout = bank.payout()
    before = [bank.shown(one["BankId"]).text for one in (sale, refund, payout)]

    bank.simulated.kill()
    bank.simulated.start()

    assert [bank.shown(one["BankId"]).text for one in (sale, refund, payout)] == before
    assert bank.ask("Sale", **order)["Duplicate"] == "true"
    assert bank.refund(sale["BankId"], "10.01").fault == "Client.VALIDATION"


def test_a_hold_is_collected_once_and_its_rest_is_let_go_of(bank: Bank) -> None:
    hold = bank.hold()["BankId"]
    assert bank.capture(hold, "12.51").fault == "Client.VALIDATION"

    captured = bank.capture(hold, "10.00")

    amounts = ("AuthorisedAmount", "SettledAmount", "Status")
    assert [captured[name] for name in amounts] == ["12.50", "10.00", "SETTLED"]
    assert bank.capture(hold, "2.50").fault == "Client.VALIDATION"
    assert bank.cancel(hold).fault == "Client.VALIDATION"
    assert bank.refund(hold, "10.01").fault == "Client.VALIDATION"
    assert bank.refund(hold, "10.00")["Status"] == "REFUNDED"
    assert bank.shown(hold)["Status"] == "REFUNDED"


def test_what_was_let_go_of_cannot_be_collected_and_to_cancel_twice_is_once(bank: Bank) -> None:
    hold = bank.hold()["BankId"]

    assert [bank.cancel(hold)["Status"] for _ in range(2)] == ["CANCELLED", "CANCELLED"]
    assert bank.capture(hold, "12.50").fault == "Client.VALIDATION"
    assert bank.simulated.kinds(hold).count("void") == 1


def test_a_charge_that_is_settled_or_a_stranger_cannot_be_cancelled(bank: Bank) -> None:
    assert bank.cancel(bank.sale()["BankId"]).fault == "Client.VALIDATION"
    assert bank.cancel(bank.sale(Token="tok_reject_51")["BankId"]).fault == "Client.VALIDATION"
    assert bank.cancel("sbc_nobody").fault == "Client.NOT_FOUND"
    assert bank.cancel(bank.payout()["BankId"]).fault == "Client.NOT_FOUND"


def test_a_capture_that_is_undecided_can_be_neither_repeated_nor_cancelled(bank: Bank) -> None:
    hold = bank.hold()["BankId"]
    bank.simulated.fault("later", on="capture", count=1)

    assert bank.capture(hold, "12.50")["Status"] == "PENDING"

    assert bank.cancel(hold).fault == "Client.VALIDATION"
    assert bank.capture(hold, "12.50").fault == "Client.VALIDATION"
    wait_until(lambda: bank.shown(hold)["Status"] == "SETTLED")
    assert bank.simulated.kinds(hold).count("capture") == 1


def test_refunds_never_exceed_what_is_left_undecided_ones_included(bank: Bank) -> None:
    sale = bank.sale()["BankId"]
    bank.simulated.fault("later", on="refund", count=1)
    undecided = bank.refund(sale, "10.00")
    assert (undecided["Status"], undecided["Original"]) == ("PENDING", sale)

    assert bank.refund(sale, "2.51").fault == "Client.VALIDATION"
    assert bank.refund(sale, "2.50")["Status"] == "REFUNDED"

    wait_until(lambda: bank.shown(undecided["BankId"])["Status"] == "REFUNDED")
    assert bank.shown(sale)["RefundedAmount"] == "12.50"
    bank.simulated.admin("POST", f"/refunds/{undecided['BankId']}/fail")
    shown = bank.shown(sale)
    assert (shown["Status"], shown["RefundedAmount"]) == ("SETTLED", "2.50")
    assert bank.shown(undecided["BankId"])["Status"] == "REJECTED"


def test_nothing_is_given_back_of_what_was_not_settled(bank: Bank) -> None:
    assert bank.refund(bank.hold()["BankId"], "1.00").fault == "Client.VALIDATION"
    assert bank.refund("sbc_nobody", "1.00").fault == "Client.NOT_FOUND"


def test_a_payout_moves_nothing_until_it_is_approved_and_leaves_once(bank: Bank) -> None:
    created = bank.payout()
    payout = created["BankId"]
    assert (created["Status"], movements(bank, payout)) == ("CREATED", [])

    assert bank.approve(payout)["Status"] == "APPROVED"

    assert bank.approve(payout).fault == "Client.VALIDATION"
    wait_until(lambda: bank.shown(payout)["Status"] == "SENT")
    assert bank.approve(payout).fault == "Client.VALIDATION"
    assert movements(bank, payout) == [("payout.begun", 4200), ("payout", 4200)]


def test_an_approval_of_nothing_is_not_found(bank: Bank) -> None:
    assert bank.approve("sbp_nobody").fault == "Client.NOT_FOUND"
    assert bank.approve(bank.sale()["BankId"]).fault == "Client.NOT_FOUND"


@pytest.mark.parametrize("reason", ["51", "61", "91", "04", "41", "43", "54", "59", "14", "82"])
def test_test_tokens_are_rejected_with_their_reason(bank: Bank, reason: str) -> None:
    sale = bank.sale(Token=f"tok_reject_{reason}")
    debit = bank.sale(Token=f"DE00REJECT{reason}00000")
    payout = bank.approve(bank.payout(f"DE00REJECT{reason}00000")["BankId"])

    for told in (sale, debit, payout):
        assert (told["Status"], told["Reason"]) == ("REJECTED", reason)
        assert movements(bank, told["BankId"]) == []


@pytest.mark.parametrize(
    ("token", "ends"),
    [("tok_pending", "SETTLED"), ("tok_pending_reject_59", "REJECTED")],
)
def test_test_tokens_are_decided_later(bank: Bank, token: str, ends: str) -> None:
    sale = bank.sale(Token=token)
    assert sale["Status"] == "PENDING"

    wait_until(lambda: bank.shown(sale["BankId"])["Status"] == ends)

    assert bank.shown(sale["BankId"])["Reason"] == ("59" if ends == "REJECTED" else "")


def test_test_tokens_come_back(bank: Bank) -> None:
    sale = bank.sale(Token="tok_chargeback")["BankId"]
    payout = bank.payout("DE00RETURN0000000")["BankId"]
    bank.approve(payout)

    wait_until(lambda: bank.shown(sale)["Status"] == "REVERSED")
    assert bank.shown(sale)["ReversedAmount"] == "12.50"
    wait_until(lambda: bank.shown(payout)["Status"] == "RETURNED")
    kinds = [kind for kind, _ in movements(bank, payout)]
    assert kinds == ["payout.begun", "payout", "payout_returned"]


def test_a_chargeback_is_bounded_by_what_was_settled(bank: Bank) -> None:
    sale = bank.sale()["BankId"]
    path = f"/objects/{sale}/chargeback"

    assert bank.simulated.pull(path, {"amount": 1251}).status == 409
    assert bank.simulated.pull(path, {"amount": 1000}).status == 200
    assert bank.simulated.pull(path, {"amount": 251}).status == 409
    assert bank.refund(sale, "2.51").fault == "Client.VALIDATION"
    assert bank.refund(sale, "2.50")["Status"] == "REFUNDED"
    assert bank.shown(sale)["Status"] == "REVERSED"


def test_several_objects_under_one_reference_are_shown_oldest_first(bank: Bank) -> None:
    reference = new()
    made = [bank.sale(Reference=reference)["BankId"] for _ in range(22)]

    shown = bank.ask("GetStatus", Reference=reference).text

    assert [one.partition("<")[0] for one in shown.split("<BankId>")[1:]] == made[:20]
