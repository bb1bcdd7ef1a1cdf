"""What survives kill -9, a torn last line and a restart: everything that was answered."""

import http.client
import json
import resource
import threading

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import PATIENCE_S, Sandbox, an_order, wait_until


def test_what_was_answered_survives_kill_9(own: Sandbox) -> None:
    own.start()
    order = an_order(capture=False, metadata={"a": "b"})
    key = order["reference"]
    first = own.create(order, key)
    payment = first.json["id"]
    own.post(f"/v1/payments/{payment}/capture", {"amount": 900})
    refund = own.refund(payment, amount=200).json
    before = own.get(f"/v1/payments/{payment}").json
    summary = own.admin("GET", "/ledger/summary")
    own.kill()

    own.start()

    assert own.get(f"/v1/payments/{payment}").json == before
    assert own.get(f"/v1/payments?reference={key}").json == {"data": [before]}
    assert own.get(f"/v1/refunds/{refund['id']}").json == refund
    assert own.admin("GET", "/ledger/summary") == summary
    again = own.create(order, key)
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    assert own.create(order | {"amount": 1}, key).status == 422


def test_kill_9_under_load_loses_no_answered_charge_and_doubles_none(own: Sandbox) -> None:
    own.start()
    answered: dict[str, str] = {}
    sent: list[dict[str, object]] = []

    def buy() -> None:
        while True:
            order = an_order()
            sent.append(order)
            try:
                answer = own.create(order, order["reference"])
            except (OSError, http.client.HTTPException):
                return
            answered[order["reference"]] = answer.json["id"]

    buyers = [threading.Thread(target=buy) for _ in range(4)]
    for buyer in buyers:
        buyer.start()
    wait_until(lambda: len(answered) > 100)
    own.kill()
    for buyer in buyers:
        buyer.join(PATIENCE_S)

    own.start()

    for reference, payment in answered.items():
        found = own.get(f"/v1/payments?reference={reference}").json["data"]
        assert [one["id"] for one in found] == [payment]
    for order in sent:
        assert own.create(order, str(order["reference"])).status == 201
    totals = own.admin("GET", "/ledger/summary")["totals"]
    assert totals["charged_more_than_once"] == []
    assert totals["charges"] == len(sent)


def test_an_answer_lost_in_a_crash_is_found_under_its_key(own: Sandbox) -> None:
    own.start()
    order = an_order(amount=9008)
    with pytest.raises(TimeoutError):
        own.post("/v1/payments", order, order["reference"], timeout_s=0.3)
    wait_until(lambda: own.charges(order["reference"]) == 1)
    own.kill()

    own.start()

    again = own.create(order, order["reference"])
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert own.charges(order["reference"]) == 1


@pytest.mark.parametrize("torn", [b'{"kind":"charge","se', b"\x00\x00\x00", b"not json\n"])
def test_a_torn_last_line_is_cut_off(own: Sandbox, torn: bytes) -> None:
    own.start()
    order = an_order()
    own.create(order, "k")
    assert own.stop() == 0
    whole = own.ledger.read_bytes()
    own.ledger.write_bytes(whole + torn)

    own.start()

    assert own.charges(order["reference"]) == 1
    assert own.create(order, "k").headers["idempotent-replayed"] == "true"
    assert own.create(an_order()).status == 201
    assert own.ledger.read_bytes().startswith(whole)
    own.kill()
    own.start()
    seqs = [entry["seq"] for entry in own.entries()]
    assert seqs == list(range(1, len(seqs) + 1))


def test_an_operation_torn_in_the_middle_never_happened(own: Sandbox) -> None:
    own.start()
    order = an_order()
    own.create(order, "k")
    own.stop()
    lines = own.ledger.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds[:4] == ["payment.created", "charge", "event", "key"]
    own.ledger.write_bytes(b"".join(lines[:2]))

    own.start()

    assert own.charges(order["reference"]) == 0
    assert own.entries() == []
    again = own.create(order, "k")
    assert (again.status, "idempotent-replayed" in again.headers) == (201, False)


def test_a_broken_line_inside_the_ledger_is_not_papered_over(own: Sandbox) -> None:
    own.start()
    own.create(an_order())
    own.create(an_order())
    own.stop()
    lines = own.ledger.read_bytes().splitlines(keepends=True)
    lines[1] = b"broken\n"
    own.ledger.write_bytes(b"".join(lines))

    with pytest.raises(AssertionError, match="line 2"):
        own.start()
    assert own.process.returncode == 2


def test_a_disk_that_refuses_ends_the_process_before_anyone_is_answered(own: Sandbox) -> None:
    own.start()
    own.create(an_order())
    full = own.ledger.stat().st_size + 100
    resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE, (full, full))
    order = an_order()

    with pytest.raises((OSError, http.client.HTTPException)):
        own.create(order, "k")

    assert own.process.wait(PATIENCE_S) == 1
    own.process.communicate()
    own.start()
    assert own.charges(order["reference"]) == 0
    assert own.create(order, "k").status == 201


def test_two_processes_cannot_share_a_ledger(own: Sandbox) -> None:
    own.start()
    second = Sandbox(own.ledger)

    with pytest.raises(AssertionError, match="in use"):
        second.start()
    assert second.process.returncode == 2


def test_what_waits_for_time_to_pass_goes_on_after_a_restart(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "0.5")
    own.start()
    transfer = own.create(an_order(metadata={"sandbox": "async"})).json
    approval = own.create(an_order(three_ds="required")).json
    own.kill()

    own.start()

    assert own.wait_for_status(transfer["id"], "captured")["amount_captured"] == 1000
    assert own.get(f"/v1/payments/{approval['id']}").json["status"] == "requires_action"


def test_an_undelivered_webhook_is_sent_after_a_restart_and_a_delivered_one_is_not(
    own: Sandbox, receiver: Receiver
) -> None:
    own.options = ("--webhook-time-scale", "1000")
    own.start()
    delivered, failed, silenced = an_order(), an_order(), an_order(amount=9019)
    receiver.answers = lambda ref, n: 500 if ref == failed["reference"] and n == 1 else 204
    for order in (delivered, failed, silenced):
        own.create(order)
    receiver.wait_for(failed["reference"], 1)
    wait_until(lambda: "event.delivered" in {entry["kind"] for entry in own.entries()})
    own.kill()

    own.start()

    first, second = receiver.wait_for(failed["reference"], 2)
    assert first.event["id"] == second.event["id"]
    assert len(receiver.about(delivered["reference"])) == 1
    assert receiver.about(silenced["reference"]) == []


def test_sigterm_finishes_what_runs_and_ends_with_0_within_5_seconds(own: Sandbox) -> None:
    own.start()
    order = an_order(metadata={"sandbox": "latency=60000"})
    hanging = an_order(amount=9008)
    answers: list[int] = []

    def hang() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            own.create(hanging)

    threads = [
        threading.Thread(target=lambda: answers.append(own.create(order).status)),
        threading.Thread(target=hang),
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: own.charges(order["reference"]) + own.charges(hanging["reference"]) == 2)

    own.process.terminate()
    assert own.process.wait(5.0) == 0

    for thread in threads:
        thread.join(PATIENCE_S)
    assert answers == [201]
    own.process.communicate()
