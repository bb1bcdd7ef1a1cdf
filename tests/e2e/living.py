"""What tests of a payment's whole life ask of the running system, and wait for."""

from __future__ import annotations

from itertools import count

from tests.e2e.system import Json, System, eventually
from tests.e2e.test_payers import press

_numbers = count(1)


def number() -> int:
    """A number that no other test of this run has."""
    return next(_numbers)


def post(system: System, path: str, body: object = None, status: int = 202) -> Json:
    """Post with a key of its own; the answer must have this status."""
    answer = system.call("POST", path, {} if body is None else body, key=f"life-{number()}")
    assert answer.status == status, (answer.status, answer.data)
    return dict(answer.json())


def get(system: System, path: str) -> Json:
    answer = system.call("GET", path)
    assert answer.status == 200, (answer.status, answer.data)
    return dict(answer.json())


def a_card() -> Json:
    return {"type": "card", "token": f"tok_life_{number()}"}


def a_payment(system: System, amount: int = 10_000, **fields: object) -> str:
    body = {"amount": amount, "currency": "USD", "payment_method": a_card()} | fields
    return str(post(system, "/v1/payments", body)["id"])


def a_hold(system: System, amount: int = 10_000, **fields: object) -> str:
    id_ = a_payment(system, amount, capture_method="manual", **fields)
    system.settled(id_, "authorized")
    return id_


def refunds_over(system: System, id_: str) -> list[Json]:
    """Wait until no refund of the payment is open; return them, oldest first."""

    def look() -> list[Json] | None:
        found = get(system, f"/v1/payments/{id_}/refunds")["data"]
        return None if any(r["status"] in ("pending", "processing") for r in found) else found

    return list(reversed(eventually(look, 20)))


def movements(system: System, id_: str) -> list[tuple[str, int]]:
    found = get(system, f"/v1/transactions?payment_id={id_}&limit=100")["data"]
    return [(one["type"], one["amount"]) for one in reversed(found)]


def an_undecided(system: System) -> str:
    """A large payment by a wallet without 3-D Secure: held, and not yet taken."""
    id_ = a_payment(system, 3_000_000, payment_method={"type": "paypal"})
    press(system, system.settled(id_, "requires_action")["next_action"]["url"], "approve")
    return id_
