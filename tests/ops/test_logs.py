"""Every line is one JSON object with the agreed keys, and holds no secret."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from _pytest.logging import LogCaptureHandler
from prometheus_client import generate_latest

from ops.telemetry import logs, metrics
from ops.telemetry.redaction import MAX_TEXT, MAX_TRACE
from tests.ops.log_lines import Lines, capturing

ROOT = Path(__file__).parents[2]
ID = "0198f3b2c1d27e55a1b2c3d4e5f60718"


def test_a_line_begins_with_time_level_service_and_event(lines: Lines) -> None:
    logs.logger().warning("wake-up not sent", queue="charging")

    line = lines.only()
    assert list(line) == ["timestamp", "level", "service", "event", "queue"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
    assert (line["level"], line["service"]) == ("warning", "worker")
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
        "worker",
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


@pytest.mark.parametrize(
    "breaker",
    ["\r\n", "\n{}", "\u2028", "\x00", "\x1b[2J", "\ud800", '"}'],
    ids=["crlf", "lf", "line separator", "nul", "escape", "surrogate", "quote"],
)
def test_no_value_breaks_its_line(
    lines: Lines, breaker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    # The runner's own copy would put a lone surrogate into a report that travels between processes.
    ours = [one for one in root.handlers if not isinstance(one, LogCaptureHandler)]
    monkeypatch.setattr(root, "handlers", ours)
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


class Trickle(io.BytesIO):
    """Takes a few bytes at a time, as a pipe may, and lets other threads run in between."""

    def write(self, line: Any) -> int:
        time.sleep(0)
        return super().write(line[:100])


def test_lines_of_many_threads_do_not_mix() -> None:
    stream = Trickle()
    with capturing():
        logs.configure("test", stream=stream)
        log = logs.logger()
        threads = [
            threading.Thread(target=lambda: [log.info("x" * 1_500) for _ in range(50)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(written) == 400


def _lost() -> float:
    found = re.search(
        rb"^paylink_log_lines_lost_total (\S+)", generate_latest(metrics.REGISTRY), re.M
    )
    assert found
    return float(found[1])
