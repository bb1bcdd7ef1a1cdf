"""A ledger written before refunds and payouts had a life of their own still means the same."""

import json
import shutil
from pathlib import Path

import pytest

from tests.sandbox.running import Sandbox

WRITTEN_THEN = Path(__file__).with_name("first_ledger.jsonl")


@pytest.fixture
def old(own: Sandbox) -> Sandbox:
    shutil.copy(WRITTEN_THEN, own.ledger)
    own.options = ("--key-window-s", "1000000000")  # its keys are as old as it is
    return own.start()


def payment(sandbox: Sandbox, reference: str) -> dict[str, object]:
    [found] = sandbox.get(f"/v1/payments?reference={reference}").json["data"]
    return dict(found)


@pytest.mark.parametrize(
    ("reference", "status", "captured", "refunded"),
    [
        ("old-refunded", "partially_refunded", 1000, 400),
        ("old-captured", "captured", 700, 0),
        ("old-authorized", "authorized", 0, 0),
        ("old-declined", "declined", 0, 0),
        ("old-canceled", "canceled", 0, 0),
        ("old-reversed", "declined", 0, 0),
        ("old-forced", "refunded", 1000, 1000),
    ],
)
def test_every_payment_is_what_it_was(
    old: Sandbox, reference: str, status: str, captured: int, refunded: int
) -> None:
    shown = payment(old, reference)

    assert shown["status"] == status
    assert (shown["amount_captured"], shown["amount_refunded"]) == (captured, refunded)
    assert shown["amount_charged_back"] == shown["amount_refund_pending"] == 0


def test_what_was_open_then_goes_on(old: Sandbox) -> None:
    held = payment(old, "old-authorized")
    assert held["authorization_expires_at"] is None  # nobody promised an end to it
    assert old.post(f"/v1/payments/{held['id']}/capture", {}).json["amount_captured"] == 1000
    transfer = payment(old, "old-transfer")
    assert old.wait_for_status(str(transfer["id"]), "captured")["amount_captured"] == 1000


def test_an_old_refund_is_one_that_succeeded_and_may_fail_now(old: Sandbox) -> None:
    [refund] = old.get("/v1/refunds?reference=back-1").json["data"]
    assert (refund["status"], refund["payment_reference"]) == ("succeeded", "old-refunded")

    old.admin("POST", f"/refunds/{refund['id']}/fail")

    assert payment(old, "old-refunded")["amount_refunded"] == 0


def test_old_keys_still_answer_and_old_money_is_settled(old: Sandbox) -> None:
    saved = next(
        json.loads(line)
        for line in WRITTEN_THEN.read_bytes().splitlines()
        if json.loads(line).get("key") == "k-refund"
    )
    refunded = payment(old, "old-refunded")

    again = old.refund(str(refunded["id"]), "k-refund", amount=400, reference="back-1")

    assert (again.status, again.json) == (saved["status"], saved["body"])
    assert again.headers["idempotent-replayed"] == "true"
    types = [one["type"] for one in old.admin("GET", "/settlements")["data"]]
    assert types[:7] == ["charge", "refund", "capture", "charge", "reversal", "charge", "refund"]
