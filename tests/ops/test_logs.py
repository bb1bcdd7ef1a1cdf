"""Every line is one JSON object with the agreed keys, and holds no secret."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import generate_latest

from ops.telemetry import logs, metrics
from ops.telemetry.redaction import MAX_SCAN, MAX_TEXT, MAX_TRACE, clean
from tests.ops.log_lines import Lines, capturing

ROOT = Path(__file__).parents[2]
ID = "0198f3b2c1d27e55a1b2c3d4e5f60718"

#: Told under an innocent name or in the middle of a text, and recognised by their form.
BY_FORM = {
    "our key": "pl_live_0198f3b2_Zx9canaryKEY",
    "our test key": "pl_test_0198f3b2_Zx9canaryKEY",
    "bearer": "Bearer canary-token-1.2",
    "basic": "Basic Y2FuYXJ5OmNhbmFyeQ==",
    "stripe key": "sk_test_canary51H",
    "restricted key": "rk_live_canary51H",
    "webhook secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "xendit key": "xnd_development_canary0P4",
    "midtrans key": "SB-Mid-server-canary_GwUP",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.canarysig",
    "postgres": "postgresql://paylink:canary-pw@db.internal:5432/paylink",
    "redis": "redis://:canary-pw@127.0.0.1:6379/0",
    "conninfo": "host=db user=paylink password=canary-pw dbname=paylink",
    "repr": "{'api_key': 'canary key with spaces', 'id': 1}",
    "json": '{"client_secret": "canary"}',
    "json in json": '{\\"client_secret\\": \\"canary\\"}',
    "header": "x-api-key: canary-key",
    "authorization": "Authorization: Bearer canary-token",
    "query": "GET /x?token=canary&y=1",
    "mail": "canary.smith@example.com",
    "private key": "-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----",
    "visa": "4242424242424242",
    "visa 13": "4222222222222",
    "grouped": "4242 4242 4242 4242",
    "hyphens": "5555-5555-5555-4444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "jcb": "3530111333300000",
    "diners": "30569309025904",
    "unionpay 19": "6205500000000000004",
    "mastercard 2": "2223003122003222",
}
#: What must not be left of them.
PIECES = (
    *("canary", "Zx9", "MfKQ9r8G", "Y2FuYXJ5", "424242", "5555", "2222222", "28224631"),
    *("11111", "0111333", "5693090", "05500000", "300312"),
)


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capturing("ingress", "INFO") as captured:
        yield captured


def test_a_line_begins_with_time_level_service_and_event(lines: Lines) -> None:
    logs.logger().warning("wake-up not sent", queue="charging")

    line = lines.only()
    assert list(line) == ["timestamp", "level", "service", "event", "queue"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
    assert (line["level"], line["service"]) == ("warning", "ingress")
    assert (line["event"], line["queue"]) == ("wake-up not sent", "charging")


def test_the_line_of_an_operation_has_exactly_the_agreed_keys(lines: Lines) -> None:
    with logs.bound(request_id="req-1", partner_id=f"mer_{ID}", transaction_id=f"pay_{ID}"):
        logs.operation("POST /v1/checkout", status=202, duration_ms=1.23456)

    line = lines.only()
    assert set(line) == {
        *("timestamp", "level", "service", "event"),
        *("request_id", "partner_id", "transaction_id", "operation", "duration_ms", "status"),
    }
    assert (line["request_id"], line["transaction_id"]) == ("req-1", f"pay_{ID}")
    assert (line["operation"], line["duration_ms"], line["status"]) == (
        *("POST /v1/checkout", 1.235, 202),
    )


def test_what_is_bound_ends_with_its_block_and_may_be_nested(lines: Lines) -> None:
    with logs.bound(request_id="outer", partner_id=None):
        with logs.bound(request_id="inner", transaction_id="t"):
            logs.logger().info("one")
        logs.logger().info("two")
    logs.logger().info("three")

    one, two, three = lines.all()
    assert (one["request_id"], one["transaction_id"]) == ("inner", "t")
    assert two["request_id"] == "outer"
    assert not {"transaction_id", "partner_id"} & set(two)
    assert "request_id" not in three


def test_threads_do_not_see_each_others_context(lines: Lines) -> None:
    with logs.bound(request_id="mine"):
        other = threading.Thread(target=lambda: logs.logger().info("other"))
        other.start()
        other.join()

    assert "request_id" not in lines.only()


def test_lines_below_the_level_are_not_written(lines: Lines) -> None:
    logs.logger().debug("quiet")
    logging.getLogger("dramatiq.worker").debug("quiet")

    assert lines.text == ""


@pytest.mark.parametrize(
    "name", ["dramatiq.worker.WorkerThread", "uvicorn.error", "apscheduler.x", "alembic", "ours"]
)
def test_lines_of_libraries_have_the_same_form(lines: Lines, name: str) -> None:
    with logs.bound(request_id="req-1"):
        logging.getLogger(name).error("lost %s of %d", "redis", 3)

    line = lines.only()
    assert (line["level"], line["service"], line["event"]) == (
        "error",
        "ingress",
        "lost redis of 3",
    )
    assert (line["logger"], line["request_id"]) == (name, "req-1")


def test_handlers_that_a_library_installed_are_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("uvicorn", "dramatiq"):
        logging.getLogger(name).addHandler(logging.StreamHandler(sys.stderr))
        logging.getLogger(name).propagate = False

    with capturing() as lines:
        logging.getLogger("uvicorn").info("started")
        logging.getLogger("dramatiq").info("started")

    assert [line["event"] for line in lines.all()] == ["started", "started"]
    assert capfd.readouterr().err == ""


def test_uvicorn_writes_no_access_lines(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").info("GET / 200")

    assert lines.text == ""


def test_an_exception_is_written_with_its_causes_and_without_locals(lines: Lines) -> None:
    def fail() -> None:
        card = "held in a " + "variable"
        try:
            raise ValueError("the cause")
        except ValueError as error:
            raise RuntimeError(f"the end of {len(card)}") from error

    try:
        fail()
    except RuntimeError:
        logs.logger().exception("run failed")
        logging.getLogger("lib").error("run failed", exc_info=True)

    for line in lines.all():
        assert "ValueError: the cause" in line["exception"]
        assert line["exception"].endswith("RuntimeError: the end of 18")
        assert "held in a variable" not in line["exception"]


@pytest.mark.parametrize("secret", BY_FORM.values(), ids=list(BY_FORM))
def test_no_secret_survives_in_any_place(lines: Lines, secret: str) -> None:
    log = logs.logger()
    log.info(f"said {secret} aloud", note=secret, nested={"list": [f"x {secret}"], secret: 1})
    logging.getLogger("lib").warning("said %s and %r", secret, {"note": secret})
    with logs.bound(request_id=secret):
        logs.operation(secret, status=secret, duration_ms=1)
    try:
        raise ValueError(f"refused: {secret}") from KeyError(secret)
    except ValueError:
        log.exception("failed")
        logging.getLogger("lib").exception("failed")

    assert len(lines.all()) == 5
    assert [piece for piece in PIECES if piece in lines.text] == []


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Authorization", "x-api-key", "X-API-Key", "apiKey", "api_key"),
        *("token", "x-callback-token", "client_secret", "clientSecret", "webhook_secrets"),
        *("password", "DB_PASSWORD", "signature", "Stripe-Signature", "signature_key"),
        *("card", "card_number", "cardNumber", "CVV", "cvc", "pan", "credentials", "cookie"),
        *("ENCRYPTION_KEY", "private_key", "server_key"),
    ],
)
@pytest.mark.parametrize("value", ["plainly", 4711, ["plainly"], {"a": "plainly"}, b"plainly"])
def test_a_field_is_hidden_by_its_name(lines: Lines, name: str, value: Any) -> None:
    logs.logger().info("x", **{name: value}, deep={"list": [{name: value}]})

    line = lines.only()
    assert line[name] == "[redacted]"
    assert line["deep"]["list"] == [{name: "[redacted]"}]


@pytest.mark.parametrize(
    "harmless",
    [
        f"pay_{ID}",
        str(UUID(ID)),
        "4242424242424241",  # wrong check digit
        "1234567890123456",  # no scheme's
        "1763668057123",  # a time in milliseconds
        "42424242424242424242",  # 20 digits
        "task_queue full: retry in 1 s",
        "basic checks passed, bearer of news",
        "2025-11-20T19:27:37.123Z",
        "https://example.com:8443/v1/payments",
        "idempotency key reused",
        "0000" + "4242424242424242" + "aaaaaaaaaaaa",  # an id that holds such a run
        "abcdef0142424242424242429abcdef0",
    ],
)
def test_what_is_harmless_stays_readable(lines: Lines, harmless: str) -> None:
    logs.logger().info(harmless, dedupe_key=harmless, idempotency_key=harmless)

    line = lines.only()
    assert line["event"] == line["dedupe_key"] == line["idempotency_key"] == harmless


def test_an_id_that_holds_a_card_number_is_shown() -> None:
    one = "a" + "4242424242424242" + "b" * 15

    assert clean(f"pay_{one} and {one}") == f"pay_{one} and {one}"
    assert "4242" not in clean("a4242424242424242b")


def test_a_card_is_found_among_other_groups_of_digits() -> None:
    assert clean("at 20251120 4242 4242 4242 4242 12 times") == "at 20251120 [card] 12 times"


def test_numbers_are_looked_at_too(lines: Lines) -> None:
    logs.logger().info("x", amount_minor=10_000, at_ms=1763668057123, account=4242424242424242)

    line = lines.only()
    assert (line["amount_minor"], line["at_ms"], line["account"]) == (
        *(10_000, 1763668057123, "[card]"),
    )


def test_bytes_are_never_written(lines: Lines) -> None:
    logs.logger().info("x", body=b"plainly", view=memoryview(b"plainly"))

    line = lines.only()
    assert line["body"] == line["view"] == "[7 bytes]"


@pytest.mark.parametrize("breaker", ["\r\n", "\n{}", "\u2028", "\x00", "\x1b[2J", "\ud800", '"}'])
def test_no_value_breaks_its_line(lines: Lines, breaker: str) -> None:
    logs.logger().info(f"a{breaker}b", note=breaker, **{"odd" + breaker: 1})
    logging.getLogger("lib").info("a%sb", breaker)

    first, second = lines.all()
    assert first["event"] == second["event"] == f"a{breaker}b"
    assert first["note"] == breaker
    assert lines.text.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", lines.text)


def test_long_values_are_cut(lines: Lines) -> None:
    logs.logger().info("x" * 100_000, many=list(range(1_000)), deep=[[[[[["a"]]]]]])
    try:
        raise ValueError("y" * 100_000 + " the end")
    except ValueError:
        logs.logger().exception("failed")

    long, failed = lines.all()
    assert len(long["event"]) < MAX_TEXT + 50
    assert long["event"].endswith("(100000 characters)")
    assert len(long["many"]) == 50
    assert "a" not in json.dumps(long["deep"])
    assert len(failed["exception"]) < MAX_TRACE + 50
    assert failed["exception"].endswith("the end")


def test_a_secret_that_is_cut_in_two_is_dropped() -> None:
    for shift in range(40):
        text = "pl_live_canary " * 10 + "-" * (MAX_SCAN - 170 + shift) + " 4242424242424242 tail"
        assert "4242" not in clean(text, limit=MAX_SCAN)


def test_numbers_that_json_does_not_know_are_texts(lines: Lines) -> None:
    logs.logger().info("x", a=float("nan"), b=float("inf"), c=10**400)

    line = lines.only()
    assert (line["a"], line["b"]) == ("nan", "inf")
    assert line["c"].startswith("0x")


def test_what_cannot_be_printed_never_raises(lines: Lines) -> None:
    class Rude:
        def __str__(self) -> str:
            raise RuntimeError("canary")

    logs.logger().info("x", rude=Rude())
    logging.getLogger("lib").info("%d canary", "text")
    logging.getLogger("lib").info("%s", Rude())

    first, second, third = lines.all()
    assert (first["event"], first["reason"]) == ("unprintable line", "RuntimeError")
    assert second["event"].startswith("unprintable record")
    assert third["event"].startswith("unprintable record")


def test_a_full_disk_neither_raises_nor_goes_unnoticed() -> None:
    before = _lost()
    with capturing():
        with open("/dev/full", "wb", buffering=0) as full:
            logs.configure("test", stream=full)
            logs.logger().info("x")
            logging.getLogger("lib").info("x")
        logs.logger().info("closed")

    assert _lost() == before + 3


def test_a_program_writes_json_on_stdout_to_the_last_breath() -> None:
    script = """
import sys, threading
from ops.telemetry import logs
logs.configure("worker")
sys.stdout = sys.stderr  # as the dramatiq command does
def fail(): raise ValueError("sk_live_canary")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    in_thread, in_main = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert done.stderr == ""
    assert in_thread["event"] == "uncaught exception in a thread"
    assert in_main["event"] == "uncaught exception"
    assert "canary" not in done.stdout
    assert "ValueError" in in_main["exception"]


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    with capturing(), (tmp_path / "log").open("wb", buffering=0) as file:
        logs.configure("test", stream=file)
        log = logs.logger()
        threads = [
            threading.Thread(target=lambda: [log.info("x" * 1_500) for _ in range(50)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    written = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert len(written) == 400


def _lost() -> float:
    found = re.search(
        rb"^paylink_log_lines_lost_total (\S+)", generate_latest(metrics.REGISTRY), re.M
    )
    assert found
    return float(found[1])
