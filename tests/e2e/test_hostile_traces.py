"""Traces: what was secret, or a card, is nowhere to be found when everything is over."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import secrets
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from tests.e2e.hostile_tenants import a_tenant, refused
from tests.e2e.hostile_traces import everywhere, found_in
from tests.e2e.hostile_wire import one_raw, request
from tests.e2e.system import Json, System, eventually

pytestmark = pytest.mark.e2e

#: Card schemes by first digits and length.
KINDS = (("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3528", 16))


def _card(prefix: str, length: int) -> str:
    """Return a number that nobody else has made up, with a right check digit."""
    body = prefix + "".join(secrets.choice("0123456789") for _ in range(length - len(prefix) - 1))
    total = 0
    for place, digit in enumerate(map(int, reversed(body))):
        doubled = digit * (2 - place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return f"{body}{-total % 10}"


def _bodies(card: str, cvv: str) -> Iterator[Json]:
    grouped = [card[at : at + 4] for at in range(0, len(card), 4)]
    yield {"order_id": card}
    yield {"description": f"paid with {card}, thanks"}
    yield {"description": " ".join(grouped)}
    yield {"description": "-".join(grouped)}
    yield {"description": "card:" + ".".join(grouped)}
    yield {"description": "".join(chr(0x0660 + int(digit)) for digit in card)}
    yield {"metadata": {"note": card}}
    yield {"metadata": {card: "note"}}
    yield {"metadata": {"note": int(card)}}
    yield {"metadata": {"a": {"b": [{"c": f"x{card}y"}]}}}
    yield {"metadata": {"cvv": cvv}}
    yield {"metadata": {"card_number": "tok_1"}}
    yield {"payment_method": {"type": "card", "token": card}}
    yield {"payment_method": {"type": "card", "token": "tok_1", "cvc": cvv}}
    yield {"payment_method": {"type": "card", "token": "tok_1", "card": {"cvv2": cvv}}}
    yield {"payment_method": {"type": "card", "token": "tok_1", "card": {"number": card}}}
    yield {"payment_method": {"type": "card", "token": "tok_1", "holder_name": card}}
    yield {"customer": {"id": card, "email": f"{card}@example.com"}}
    yield {"return_url": f"https://shop.example/{card}"}
    yield {"idempotency_key": card}
    yield {"unknown": {"pan": card}}
    yield {card: 1}


def test_card_data_is_refused_wherever_it_stands_and_leaves_no_trace(system: System) -> None:
    tenant = a_tenant(system)
    cards = [_card(*kind) for kind in KINDS]
    cvv = f"9{random.Random(cards[0]).randrange(10**8):08}"  # long, so that it can be searched for

    for card in cards:
        for more in _bodies(card, cvv):
            body = {"amount": 900, "currency": "USD"} | more
            answer = tenant.call(system, "POST", "/v1/checkout", body)
            refused(answer, 422, "raw_card_data_refused")
            assert card.encode() not in answer.data, more
            assert cvv.encode() not in answer.data
        asks = (f"/v1/payments?order_id={card}", f"/v1/payments/{card}", f"/v1/tx/{card}?wait=0")
        assert [tenant.call(system, "GET", ask).status for ask in asks] == [200, 404, 404]
        keyed = tenant.call(system, "POST", "/v1/checkout", {"amount": 1}, key=card)
        refused(keyed, 422, "raw_card_data_refused")
        rid = tenant.call(system, "GET", "/v1/payments/x", headers={"X-Request-ID": card})
        assert rid.status == 404

    made = system.sql("SELECT id FROM payments WHERE merchant_id = %s", [tenant.merchant_id])
    assert made == []
    searched = {f"card {number}": card for number, card in enumerate(cards)} | {"cvv": cvv}
    assert not found_in(system, searched)


def test_no_secret_is_left_anywhere_after_a_payment_has_run_its_course(system: System) -> None:
    mark = secrets.token_hex(8)
    tenant = a_tenant(system)
    order = f"order-{mark}"
    private = _privacies(mark)
    body = _checkout(private) | {"order_id": order, "metadata": {"sandbox": "async"}}

    answer = tenant.call(system, "POST", "/v1/checkout", body, headers=_shown_ids(mark))
    assert answer.status == 202, answer.data
    id_ = str(answer.json()["id"])
    eventually(
        lambda: (
            tenant.call(system, "GET", f"/v1/payments/{id_}?wait=5").json()["status"] == "captured"
        ),
        20,
    )
    hook = f"hook-{secrets.token_hex(8)}"
    _tell(system, id_, hook)
    strays = _refused_secrets(system)
    eventually(lambda: not _unpublished(system), 15, lambda: "the outbox is not empty")

    ours = {name: str(value) for name, value in system.stack.environ.items() if _is_secret(name)}
    searched = private | strays | ours | {"webhook": hook, "API key": tenant.key.split("_")[3]}
    assert len(ours) >= 7
    assert not found_in(system, searched)
    # The search can find: what may be seen is seen.
    places = {place for place, content in everywhere(system) if order.encode() in content}
    assert "table payments" in places
    assert any(place.startswith("postgres") for place in places)
    for program in ("ingress", "worker"):
        assert f"rid-{mark}" in system.log(program)


def _privacies(mark: str) -> dict[str, str]:
    return {
        "token": f"tok_{mark}",
        "e-mail": f"payer.{mark}@example.com",
        # In its one spelling: nothing else could have been written down.
        "address": str(ip_address(f"2001:db8:{mark[:4]}:{mark[4:8]}::{mark[8:12]}")),
        "customer": f"customer-{mark}",
        "holder": f"Holder {mark}",
        "fingerprint": f"fp_{mark}",
        "return address": f"https://shop.example/back?session={mark}",
    }


def _checkout(private: dict[str, str]) -> Json:
    return {
        "amount": 900,
        "currency": "USD",
        "customer": {
            "id": private["customer"],
            "email": private["e-mail"],
            "ip": private["address"],
        },
        "payment_method": {
            "type": "card",
            "token": private["token"],
            "holder_name": private["holder"],
            "card": {"fingerprint": private["fingerprint"], "last4": "4242"},
        },
        "return_url": private["return address"],
    }


def _shown_ids(mark: str) -> dict[str, str]:
    return {"X-Request-ID": f"rid-{mark}"}


def _is_secret(name: str) -> bool:
    return name.endswith(("_KEY", "_PEPPER", "_SECRET"))


def _unpublished(system: System) -> int:
    found = system.sql("SELECT count(*) AS n FROM outbox_events WHERE published_at IS NULL")
    return int(found[0]["n"])


def _tell(system: System, id_: str, hook: str) -> None:
    """Send a genuine webhook about the payment, with a secret in its body; wait until it is done."""
    (attempt,) = system.sql("SELECT id FROM payment_attempts WHERE payment_id = %s", [id_[4:]])
    about = {"payment": {"id": "sp_1", "reference": attempt["id"].hex}}
    event = {"id": f"evt_{attempt['id'].hex}", "type": "payment.captured", "data": about}
    body = json.dumps(event | {"client_secret": hook}).encode()
    now = int(time.time())
    key = str(system.stack.environ["SANDBOX_A_WEBHOOK_SECRET"]).encode()
    signed = hmac.new(key, f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    answer = system.http.request(
        "POST",
        f"{system.stack.url}/v1/webhooks/sandbox/sandbox-a",
        body=body,
        headers={"Sandbox-Signature": f"t={now},v1={signed}"},
    )
    assert answer.status == 200, answer.data

    def processed() -> bool:
        query = "SELECT status FROM webhook_events WHERE dedupe_key = %s"
        return system.sql(query, [event["id"]]) == [{"status": "processed"}]

    eventually(processed, 15)


def _refused_secrets(system: System) -> dict[str, str]:
    """Send secrets to where they do not belong; return them."""
    strays = {
        name: f"{name}-{secrets.token_hex(8)}"
        for name in (
            *("agent", "basic", "bearer", "broken", "cookie", "field", "path", "proto", "query"),
            *("signature", "unsigned", "xkey"),
        )
    }
    url = system.stack.url

    def send(method: str, path: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"{name.replace('_', '-')}: {value}".encode() for name, value in headers.items()]
        answer = one_raw(url, request(method, path, [*lines, b"Connection: close"], body))
        assert 400 <= answer.status < 500, answer

    key = f"Bearer {system.stack.demo_key}"
    send("GET", "/v1/payments", Authorization=f"Bearer {strays['bearer']}")
    send("GET", "/v1/payments", Authorization=f"Basic {strays['basic']}")
    send("GET", "/v1/payments", X_Api_Key=strays["xkey"])
    send("GET", "/v1/payments", Cookie=f"session={strays['cookie']}", User_Agent=strays["agent"])
    send("GET", f"/v1/payments?token={strays['query']}", Authorization=key)
    send("GET", f"/v1/payments/{strays['path']}", Authorization=key)
    send("GET", f"/{strays['path']}")
    send(strays["proto"].upper(), "/v1/payments", Authorization=key)
    send("POST", "/v1/checkout", json.dumps({strays["field"]: 1}).encode(), Authorization=key)
    send("POST", "/v1/checkout", b'{"a": "' + strays["broken"].encode(), Authorization=key)
    send(
        "POST",
        "/v1/webhooks/sandbox/sandbox-a",
        json.dumps({"secret": strays["unsigned"]}).encode(),
        Sandbox_Signature=f"t=1,v1={strays['signature']}",
    )
    return strays


def test_a_search_finds_a_secret_in_any_disguise(system: System) -> None:
    mark = secrets.token_hex(8)
    before = found_in(system, {"mark": mark})

    id_ = system.checkout(description=f"a{mark}b", metadata={"hex": mark.encode().hex()})
    system.settled(id_, "captured")

    found = found_in(system, {"mark": mark})
    assert before == []
    assert "mark in table payments" in found
    assert any(place.startswith("mark in postgres") for place in found)
