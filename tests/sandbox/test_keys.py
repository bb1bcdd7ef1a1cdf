"""Idempotency keys: the first answer again, byte for byte, and never a second charge."""

import threading

import pytest

from tests.sandbox.running import Response, Sandbox, an_order, wait_until


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"amount": 9001},
        {"amount": 9006},
        {"amount": 9012},
        {"three_ds": "required"},
    ],
    ids=["charged", "declined", "charged with a 500", "not charged with a 500", "3ds"],
)
def test_the_same_request_again_gets_the_first_answer_byte_for_byte(
    sandbox: Sandbox, changes: dict[str, object]
) -> None:
    order = an_order(**changes)
    key = f"key-{order['reference']}"
    first = sandbox.create(order, key)
    charges = sandbox.charges(order["reference"])

    again = sandbox.create(dict(reversed(order.items())), key)

    assert (again.status, again.body) == (first.status, first.body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert sandbox.charges(order["reference"]) == charges
    assert [one[0] for one in sandbox.requests(order["reference"])] == ["POST", "POST"]


def test_the_same_key_with_another_body_or_path_is_refused(sandbox: Sandbox) -> None:
    order = an_order(capture=False)
    key = f"key-{order['reference']}"
    payment = sandbox.create(order, key).json["id"]

    other_body = sandbox.create(order | {"amount": 1001}, key)
    other_path = sandbox.post(f"/v1/payments/{payment}/capture", {}, key)

    for answer in (other_body, other_path):
        assert (answer.status, answer.error["type"]) == (422, "idempotency_error")
    assert sandbox.get(f"/v1/payments/{payment}").json["status"] == "authorized"


def test_refunds_and_captures_are_protected_by_their_keys_too(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order(capture=False)).json["id"]
    capture = [sandbox.post(f"/v1/payments/{payment}/capture", {}, f"c{payment}") for _ in "12"]
    refund = [sandbox.refund(payment, f"r{payment}", amount=400, reference="back") for _ in "12"]

    assert capture[0].body == capture[1].body
    assert refund[0].body == refund[1].body
    assert sandbox.get(f"/v1/payments/{payment}").json["amount_refunded"] == 400


def test_a_refusal_that_was_executed_is_saved_and_one_that_was_not_is_forgotten(
    sandbox: Sandbox,
) -> None:
    payment = sandbox.create(an_order(capture=False)).json["id"]
    saved = sandbox.refund(payment, f"s{payment}", amount=1, reference="back")
    assert saved.error["code"] == "refund_exceeds_captured"
    wrong = sandbox.refund(payment, f"w{payment}", amount=0)
    assert wrong.error["code"] == "invalid_request"

    sandbox.post(f"/v1/payments/{payment}/capture", {})

    again = sandbox.refund(payment, f"s{payment}", amount=1, reference="back")
    assert again.body == saved.body
    assert sandbox.refund(payment, f"w{payment}", amount=1).status == 201


def test_a_key_that_is_still_being_worked_on_answers_409_and_charges_once(
    sandbox: Sandbox,
) -> None:
    order = an_order(metadata={"sandbox": "latency=600000"})
    key = f"key-{order['reference']}"
    with pytest.raises(TimeoutError):
        _while_another_waits(sandbox, order, key)
    assert sandbox.charges(order["reference"]) == 1


def _while_another_waits(sandbox: Sandbox, order: dict[str, object], key: str) -> None:
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            sandbox.post("/v1/payments", order, key, timeout_s=1.0)
        except OSError as error:
            failures.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_until(lambda: bool(sandbox.requests(str(order["reference"]))))
    second = sandbox.create(order, key)
    assert (second.status, second.error["code"]) == (409, "idempotency_in_progress")
    other = sandbox.create(order | {"amount": 7}, key)
    assert other.status == 422
    waiting.join()
    again = sandbox.create(order, key)
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    raise failures[0]


def test_of_many_equal_requests_at_once_one_is_executed(sandbox: Sandbox) -> None:
    order = an_order()
    answers: list[Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(sandbox.create(order, order["reference"])))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 20
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.body for answer in answers if answer.status == 201}) == 1
    assert sandbox.charges(order["reference"]) == 1


def test_past_its_window_a_key_protects_no_longer(own: Sandbox) -> None:
    own.options += ("--key-window-s", "0")
    own.start()
    order = an_order()

    first, second = own.create(order, "k"), own.create(order, "k")

    assert first.json["id"] != second.json["id"]
    assert own.charges(order["reference"]) == 2
