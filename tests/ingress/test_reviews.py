"""Reviews over HTTP: what is to be decided is listed, and decided once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.due import NEVER
from domain.ids import Kind, public
from domain.money import CURRENCIES, Money
from domain.outcome import Succeeded
from domain.payment import Mode, Review, Status
from domain.review import Case, CaseKind, Decision
from tests.builders import NOON, PAYMENT, Scripted, a_payment, a_runtime, paid, usd
from tests.ingress.till import ID, STRANGER, Till

CASE = Case(UUID(int=900), PAYMENT, CaseKind.FRAUD, "the card's country differs", NOON)


def in_review(*gateways: Scripted, quick: bool = False, **changes: Any) -> Till:
    """A till with a payment that waits for a person."""
    asked = {"status": Status.IN_REVIEW, "review": Review.OPEN, "due": NEVER} | changes
    till = Till(a_runtime(*gateways, holding=a_payment(**asked)), quick=quick)
    till.stage.change(lambda work: work.open_case(CASE))
    return till


def test_an_approved_payment_goes_on_to_its_charge() -> None:
    till = in_review(Scripted("one", paid), quick=True)
    with till.open():
        answer = till.post(
            f"/v1/reviews/{ID}/approve", {"note": "known customer"}, "k", prefer="wait=5"
        )

    assert (answer.status_code, answer.json()["status"]) == (200, "captured")
    (case,) = till.stage.cases()
    assert (case.decision, case.note) == (Decision.APPROVED, "known customer")
    assert case.decided_by is not None
    assert case.decided_by.startswith("key:")


def test_a_rejected_payment_is_stopped() -> None:
    till = in_review(Scripted("one", paid))
    with till.open():
        answer = till.post(f"/v1/reviews/{ID}/reject")
        refused = till.post(f"/v1/reviews/{ID}/approve").json()

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (refused["code"], refused["allowed_operations"]) == ("illegal_state", [])
    assert not till.stage.attempts()


def test_the_same_decision_twice_is_one_and_the_opposite_is_refused() -> None:
    till = in_review(Scripted("one", paid))
    with till.open():
        first = till.post(f"/v1/reviews/{ID}/approve", key="k")
        again = till.post(f"/v1/reviews/{ID}/approve", {}, key="k")
        other = till.post(f"/v1/reviews/{ID}/reject", key="k")

    assert (first.status_code, again.content) == (202, first.content)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_money_that_was_not_asked_for_is_shown_with_its_case() -> None:
    till = in_review()
    found = Money(4_000, CURRENCIES["USD"])
    mismatch = replace(CASE, id=UUID(int=901), kind=CaseKind.MISMATCH, found=found)
    till.stage.change(lambda work: work.open_case(mismatch))
    with till.open() as client:
        newest, older = client.get("/v1/reviews").json()["data"]

    assert (newest["kind"], newest["found_amount"], newest["found_currency"]) == (
        *("mismatch", 4_000, "USD"),
    )
    assert (older["kind"], older["found_amount"]) == ("fraud", None)
    assert older["id"] == public(Kind.REVIEW, CASE.id)
    assert older["links"] == {
        "payment": f"/v1/payments/{ID}",
        "approve": f"/v1/reviews/{ID}/approve",
        "reject": f"/v1/reviews/{ID}/reject",
    }


@pytest.mark.parametrize(
    ("found", "decisions"), [(4_999, ["approve", "reject"]), (5_001, ["reject"])]
)
def test_money_that_cannot_become_the_payments_is_not_offered_for_approval(
    found: int, decisions: list[str]
) -> None:
    till = Till(a_runtime(Scripted("one", Succeeded("ch_1", usd(found))), holding=a_payment()))
    till.stage.run_due()
    with till.open() as client:
        shown = client.get(f"/v1/payments/{ID}").json()
        (listed,) = client.get("/v1/payments").json()["data"]
        answer = till.post(f"/v1/reviews/{ID}/approve")

    assert shown["parked"] == {"reason": "amount_mismatch"}
    assert shown["allowed_operations"] == list(shown["links"]["operations"]) == decisions
    assert listed["allowed_operations"] == decisions
    if "approve" in decisions:
        assert (answer.status_code, answer.json()["status"]) == (200, "captured")
        assert answer.json()["allowed_operations"] == ["refund", "reverse"]
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")
        assert answer.json()["allowed_operations"] == decisions


def test_open_cases_are_listed_and_decided_ones_on_demand() -> None:
    till = in_review(Scripted("one", paid))
    with till.open() as client:
        opened = client.get("/v1/reviews").json()
        till.post(f"/v1/reviews/{ID}/reject", {"note": "no"})
        left = client.get("/v1/reviews").json()["data"]
        rejected = client.get("/v1/reviews?decision=rejected").json()["data"]
        approved = client.get("/v1/reviews?decision=approved").json()["data"]

    assert [case["decision"] for case in opened["data"]] == [None]
    assert (opened["has_more"], opened["next_cursor"]) == (False, None)
    assert left == approved == []
    assert [(case["decision"], case["note"]) for case in rejected] == [("rejected", "no")]


def test_pages_show_every_case_once() -> None:
    rows = [a_payment(id=UUID(int=50 + n), money=usd(100 + n)) for n in range(5)]
    till = Till(a_runtime(holding=rows))
    for n, payment in enumerate(rows):
        case = replace(CASE, id=UUID(int=900 + n), payment_id=payment.id)
        with till.stage.memory.begin() as work:
            assert work.open_case(case)
    seen: list[str] = []
    with till.open() as client:
        query = "limit=2"
        while True:
            page = client.get(f"/v1/reviews?{query}").json()
            seen += [case["id"] for case in page["data"]]
            if not page["has_more"]:
                break
            query = f"limit=2&cursor={page['next_cursor']}"

    assert seen == [public(Kind.REVIEW, UUID(int=900 + n)) for n in reversed(range(5))]


def test_another_merchants_cases_are_not_listed() -> None:
    till = in_review()
    other = till.book.add(merchant_id=STRANGER)
    with till.open() as client:
        shown = client.get("/v1/reviews", headers={"Authorization": f"Bearer {other}"})
        blind = till.book.add(merchant_id=STRANGER, scopes=frozenset({"payments:write"}))
        refused = client.get("/v1/reviews", headers={"Authorization": f"Bearer {blind}"})

    assert shown.json()["data"] == []
    assert refused.status_code == 403


def test_a_case_of_the_other_mode_is_not_listed() -> None:
    till = Till(a_runtime(holding=a_payment(mode=Mode.LIVE)))
    till.stage.change(lambda work: work.open_case(CASE))
    with till.open() as client:
        assert client.get("/v1/reviews").json()["data"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("decision=maybe", "decision"),
        ("decision=approved&decision=open", "decision"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("status=open", "status"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, field: str) -> None:
    till = in_review()
    with till.open() as client:
        refused = client.get(f"/v1/reviews?{query}").json()

    assert (refused["code"], [one["field"] for one in refused["errors"]]) == (
        *("validation_failed", [field]),
    )
