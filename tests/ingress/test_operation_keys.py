"""Who may ask a payment for something, and what the same key gives the second time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.payment import Mode
from ingress import acting
from ops import apikeys
from tests.builders import MERCHANT, Scripted, paid
from tests.ingress.rig import PEPPER, Key
from tests.ingress.till import ALL, ID, STRANGER, Till, a_till, charged

REASON = {"reason": "returned"}
#: Every operation, with a body that it accepts and the scope it asks for.
OPERATIONS: list[tuple[str, dict[str, Any], str]] = [
    (f"/v1/payments/{ID}/authorize", {}, "payments:write"),
    (f"/v1/transactions/{ID}/process", {}, "payments:write"),
    (f"/v1/payments/{ID}/capture", {}, "payments:write"),
    (f"/v1/payments/{ID}/cancel", {}, "payments:write"),
    (f"/v1/payments/{ID}/refunds", REASON, "refunds:write"),
    (f"/v1/payments/{ID}/refund", REASON, "refunds:write"),
    (f"/v1/payments/{ID}/reverse", REASON, "refunds:write"),
    (f"/v1/reviews/{ID}/approve", {}, "reviews:write"),
    (f"/v1/reviews/{ID}/reject", {}, "reviews:write"),
]


def another_key(till: Till, **changes: Any) -> dict[str, str]:
    named: dict[str, Any] = {"merchant_id": MERCHANT, "scopes": ALL} | changes
    return {"Authorization": f"Bearer {till.book.add(**named)}"}


def live_key(till: Till) -> dict[str, str]:
    """A key of the same merchant for real money."""
    id_, text = apikeys.new_key(Mode.LIVE)
    parsed = apikeys.parse(text)
    assert parsed is not None
    mac = apikeys.mac(PEPPER, id_, parsed.secret)
    till.book.keys[id_] = Key(id_, mac, Mode.LIVE, MERCHANT, ALL)
    return {"Authorization": f"Bearer {text}"}


def test_the_same_key_gives_the_same_bytes_and_is_done_once() -> None:
    till = charged(refunds=[paid])
    with till.open():
        first = till.ask("refunds", REASON | {"amount": 100}, key="k")
        till.stage.run_due()
        again = till.ask("refund", REASON | {"amount": 100}, key="k")

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Location"] == again.headers["Location"]
    assert len(till.stage.refunds()) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/v1/payments/{ID}/refunds", REASON | {"amount": 101}),
        (f"/v1/payments/{ID}/refunds", {"reason": "another"}),
        (f"/v1/payments/{ID}/reverse", REASON),
        (f"/v1/payments/pay_{'0' * 32}/refunds", REASON | {"amount": 100}),
        ("/v1/checkout", {"amount": 100}),
    ],
)
def test_another_request_under_the_same_key_is_refused(path: str, body: dict[str, Any]) -> None:
    till = charged()
    with till.open():
        till.ask("refunds", REASON | {"amount": 100}, key="k")
        refused = till.post(path, body, key="k")

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert len(till.stage.refunds()) == 1


def test_a_checkouts_key_is_no_operations_key() -> None:
    till = charged()
    with till.open():
        till.post("/v1/checkout", {"amount": 100}, key="k")
        refused = till.ask("refunds", REASON, key="k")

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")


def test_a_refusal_is_not_recorded_under_the_key() -> None:
    till = charged(manual=True, captures=[paid])
    with till.open():
        early = till.ask("refunds", REASON, key="k")
        till.ask("capture")
        till.stage.run_due()
        later = till.ask("refunds", REASON, key="k")

    assert (early.status_code, later.status_code) == (409, 202)
    assert "Idempotent-Replayed" not in later.headers


def test_many_requests_with_one_key_are_one_refund() -> None:
    till = charged()
    with till.open(), ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: till.ask("refunds", REASON, key="k"), range(16)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len(till.stage.refunds()) == 1


def test_too_many_requests_at_once_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "MAX_UNDER_WAY", 0)
    till = charged()
    with till.open():
        full = till.ask("refunds", REASON, key="k")
        monkeypatch.undo()
        assert till.ask("refunds", REASON, key="k").status_code == 202

    assert (full.status_code, full.json()["code"]) == (503, "overloaded")
    assert int(full.headers["Retry-After"]) > 0


def test_the_key_may_stand_in_the_body_and_must_agree_with_the_header() -> None:
    till = charged()
    with till.open():
        first = till.ask("refunds", REASON | {"idempotency_key": "k"})
        again = till.ask("refunds", REASON, key="k")
        refused = till.ask("refunds", REASON | {"idempotency_key": "k"}, key="other").json()

    assert first.content == again.content
    assert [one["field"] for one in refused["errors"]] == ["idempotency_key"]


def test_a_test_request_without_a_key_is_given_one() -> None:
    till = charged()
    with till.open():
        first, second = (till.ask("refunds", REASON | {"amount": 1}) for _ in range(2))

    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    assert len(till.stage.refunds()) == 2


@pytest.mark.parametrize(("path", "body", "scope"), OPERATIONS)
def test_a_live_request_needs_a_key(path: str, body: dict[str, Any], scope: str) -> None:
    till = charged()
    with till.open():
        refused = till.client.post(path, json=body, headers=live_key(till)).json()

    assert (refused["status"], refused["code"]) == (400, "idempotency_key_required"), scope


@pytest.mark.parametrize(("path", "body", "scope"), OPERATIONS)
def test_an_operation_needs_its_scope_and_no_other(
    path: str, body: dict[str, Any], scope: str
) -> None:
    till = charged()
    before = till.payment()
    with till.open():
        without = another_key(till, scopes=ALL - {scope})
        refused = till.client.post(path, json=body, headers=without)
        alone = till.client.post(path, json=body, headers=another_key(till, scopes={scope}))

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert scope in refused.json()["detail"]
    assert alone.status_code in (200, 202, 409), alone.text
    assert alone.status_code == 409 or till.payment() != before


@pytest.mark.parametrize(("path", "body", "scope"), OPERATIONS)
def test_anothers_payment_is_not_there(path: str, body: dict[str, Any], scope: str) -> None:
    till = a_till(Scripted("one", paid), confirmed=False)
    before = till.payment()
    nobody = path.replace(ID, "pay_" + "0" * 32)
    with till.open():
        keys = [another_key(till, merchant_id=STRANGER), live_key(till)]
        for headers in keys:
            there = till.client.post(path, json=body, headers=headers | {"Idempotency-Key": "k"})
            absent = till.client.post(nobody, json=body, headers=headers | {"Idempotency-Key": "l"})
            assert (there.status_code, there.json()["code"]) == (404, "not_found"), scope
            assert without_id(there.json()) == without_id(absent.json())
    assert till.payment() == before
    assert not till.stage.refunds()


@pytest.mark.parametrize("id_", ["pay_1", "ref_" + "0" * 32, "%2e%2e", "pay_" + "G" * 32])
def test_what_is_no_payments_id_names_nothing(id_: str) -> None:
    till = charged()
    with till.open():
        for path, body, _ in OPERATIONS:
            assert till.post(path.replace(ID, id_), body).status_code == 404


@pytest.mark.parametrize("raw", [b"[]", b'{"amount": 1', b'{"amount": 1, "amount": 2}', b"\xff"])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    till = charged(manual=True)
    with till.open() as client:
        for verb in ("capture", "cancel", "authorize"):
            assert client.post(f"/v1/payments/{ID}/{verb}", content=raw).status_code in (400, 422)
    assert till.payment().capture_amount is None
    assert till.payment().cancel_requested_at is None


def test_a_card_number_in_a_reason_is_refused() -> None:
    till = charged()
    with till.open():
        refused = till.ask("refunds", {"reason": "card 4242424242424242"}).json()

    assert refused["code"] == "raw_card_data_refused"
    assert not till.stage.refunds()


def without_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}
