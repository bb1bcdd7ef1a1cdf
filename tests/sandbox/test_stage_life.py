"""A staged provider's process: command line, doors, restarts, and what it knows afterwards."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.sandbox.running import PATIENCE_S, wait_until
from tests.sandbox.toys import KEY, Toys, a_reference, own, shared, toys

__all__ = ["own", "shared", "toys"]  # fixtures

COMMAND = [sys.executable, "-m", "tests.sandbox.toy", "--name", "t", "--port", "0"]
COMMAND += ["--admin-port", "0", "--ledger"]


def test_a_killed_process_comes_back_with_the_same_objects_and_keys(own: Toys) -> None:
    reference, key = a_reference(), a_reference()
    charge = own.made(reference)
    answer = own.confirm(charge, key)
    own.simulated.kill()
    own.simulated.start()
    assert own.status(charge) == "captured"
    assert own.confirm(charge, key).body == answer.body
    assert own.simulated.kinds(reference) == ["made", "sale"], "the key protected nothing"
    summary = own.simulated.admin("GET", "/ledger/summary")
    assert summary["references"][reference]["captured"] == 500


def test_an_operation_that_was_torn_is_not_there_at_all(own: Toys) -> None:
    charge = own.made(a_reference())
    own.simulated.kill()
    text = own.simulated.ledger.read_bytes()
    own.simulated.start()
    assert own.confirm(charge, a_reference()).status == 200
    own.simulated.kill()
    lines = own.simulated.ledger.read_bytes()[len(text) :].splitlines(keepends=True)
    sale = next(n for n, line in enumerate(lines) if json.loads(line)["kind"] == "sale")
    assert json.loads(lines[sale])["more"] is True
    own.simulated.ledger.write_bytes(text + b"".join(lines[: sale + 1]))
    own.simulated.start()
    assert own.status(charge) == "made"


def test_what_is_decided_later_is_decided_once_after_a_restart_too(own: Toys) -> None:
    reference = a_reference()
    charge = own.made(reference)
    own.simulated.fault("later", on="charge", count=1)
    assert own.confirm(charge).json["status"] == "pending"
    own.simulated.kill()
    own.simulated.start()
    wait_until(lambda: bool(own.status(charge) == "captured"))
    own.simulated.kill()
    own.simulated.start()
    assert own.made(a_reference()), "it is not alive"
    assert own.simulated.kinds(reference).count("sale") == 1


def test_an_object_that_went_another_way_is_not_decided_again(own: Toys) -> None:
    reference = a_reference()
    charge = own.made(reference)
    own.simulated.fault("later", on="charge", count=1)
    own.confirm(charge)
    own.simulated.admin("POST", f"/objects/{charge}/settle", {"to": "declined"})
    wait_until(lambda: "timer.done" in [line["kind"] for line in own.simulated.lines()])
    assert own.status(charge) == "declined"
    assert "sale" not in own.simulated.kinds(reference)


def test_a_key_is_taken_until_its_first_answer_has_left_or_is_lost(own: Toys) -> None:
    charge, key = own.made(a_reference()), a_reference()
    own.simulated.fault("hang_after", on="charge", count=1)
    leave = threading.Event()

    def hang() -> None:
        with socket.create_connection(("127.0.0.1", own.simulated.port)) as client:
            head = f"POST /charges/{charge}/confirm HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\n"
            client.sendall(f"{head}Idempotency-Key: {key}\r\nContent-Length: 0\r\n\r\n".encode())
            assert leave.wait(PATIENCE_S)

    thread = threading.Thread(target=hang)
    thread.start()
    wait_until(lambda: bool(own.status(charge) == "captured"))
    assert own.confirm(charge, key).status == 409
    leave.set()
    thread.join()
    wait_until(lambda: own.confirm(charge, key).status == 200)
    assert own.simulated.kinds(charge).count("sale") == 1


def test_it_ends_within_five_seconds_although_a_client_is_hanging(own: Toys) -> None:
    own.simulated.fault("hang_before", on="charge", count=1)
    reference = a_reference()

    def send() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            own.make(reference)

    thread = threading.Thread(target=send)
    thread.start()
    wait_until(lambda: len(own.simulated.requests(reference)) == 1)
    begun = time.monotonic()
    assert own.simulated.stop() == 0
    assert time.monotonic() - begun < 5
    thread.join()


def test_what_the_stage_refuses_is_said_in_the_providers_words(toys: Toys) -> None:
    answers = [
        toys.get("/nowhere"),
        toys.get("/charges"),
        toys.post("/charges", b"x" * 2049),
        toys.get("/charges/a/b/c"),
        toys.get("/charges//confirm"),
    ]
    said = [(one.status, one.json["toy"]) for one in answers]
    assert said == [
        (404, "not_found"),
        (405, "method"),
        (413, "too_large"),
        (404, "not_found"),
        (404, "not_found"),
    ]
    assert all("toy-seal" in one.headers for one in answers)
    assert answers[1].headers["allow"] == "POST"


def test_a_body_that_the_provider_can_just_bear_is_read(toys: Toys) -> None:
    answer = toys.post("/charges", b"x" * 2048)
    assert answer.status == 400


def test_pages_for_people_need_no_key_and_bear_what_strangers_wrote(toys: Toys) -> None:
    charge = toys.made("<script>")
    toys.simulated.fault("unavailable", on="any")
    guide, pay = (toys.simulated.send("GET", path) for path in ("/", f"/pay/{charge}"))
    assert (guide.status, pay.status) == (200, 200)
    assert b"A toy that charges." in guide.body
    assert b"&lt;any&gt;" in guide.body
    assert b"drop_before" in guide.body
    assert b"5.00 EUR" in pay.body
    assert b"<script>" not in pay.body
    assert b"prefers-color-scheme: dark" in pay.body
    assert toys.simulated.send("GET", "/pay/none").status == 404


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "SIM_SECRET_KEY"}
    done = subprocess.run(
        [*COMMAND, str(tmp_path / "l")], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "set SIM_SECRET_KEY" in done.stderr) == (2, True)


def test_two_processes_cannot_have_one_ledger(own: Toys) -> None:
    environ = os.environ | {"SIM_SECRET_KEY": KEY}
    done = subprocess.run(
        [*COMMAND, str(own.simulated.ledger)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "in use" in done.stderr) == (2, True)
