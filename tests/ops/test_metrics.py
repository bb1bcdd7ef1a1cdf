"""Metrics are bounded, merged over processes, and served as text."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from domain.due import Reason
from ops.queue.depths import Depth
from ops.telemetry import exposition, metrics
from tests.dev.waiting import wait_until

ROOT = Path(__file__).parents[2]

#: Every label takes its values from code or configuration, never from what somebody sends.
CLOSED_LABELS = {
    *(
        "method",
        "route",
        "status",
        "mode",
        "verb",
        "gateway",
        "operation",
        "outcome",
        "result",
        "to",
    ),
    *("actor", "queue", "decision", "reason", "backend", "what"),
}

Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(text: bytes) -> dict[Sample, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(name: str, **labels: str) -> float:
    return samples(exposition.text()).get((name, frozenset(labels.items())), 0.0)


def test_every_metric_is_ours_documented_and_bounded() -> None:
    declared = [
        one for one in vars(metrics).values() if isinstance(one, (Counter, Gauge, Histogram))
    ]

    families = list(metrics.REGISTRY.collect())
    assert len(declared) == len(families) >= 25
    for family in families:
        assert family.name.startswith("paylink_")
        assert family.documentation.endswith(".")
    for metric in declared:
        assert set(metric._labelnames) <= CLOSED_LABELS


@pytest.mark.parametrize(
    ("method", "route", "counted_as"),
    [
        ("POST", "/v1/payments/{id}", ("POST", "/v1/payments/{id}")),
        ("BREW", None, ("OTHER", "unmatched")),
    ],
)
def test_requests_are_counted_by_route_and_never_by_what_a_caller_invents(
    method: str, route: str | None, counted_as: tuple[str, str]
) -> None:
    labels = {"method": counted_as[0], "route": counted_as[1]}
    before = value("paylink_http_requests_total", status="404", **labels)

    metrics.observe_request(method, route, 404, 0.02)

    assert value("paylink_http_requests_total", status="404", **labels) == before + 1
    assert value("paylink_http_request_seconds_count", status="4xx", **labels) >= 1


def test_what_the_clock_measures_is_stated_and_falls_back_to_zero() -> None:
    first = {Reason.POISON.value: 3, Reason.UNRESOLVED.value: 1}
    depth = {"charging": Depth(7, 2, 1.5)}
    metrics.measured(depths=depth, lag_s=4.5, parked=first, unpublished=9, unsealed=2)
    metrics.measured(depths={}, lag_s=0.0, parked={Reason.POISON.value: 1}, unpublished=8)

    assert value("paylink_parked_rows", reason="poison") == 1
    assert value("paylink_parked_rows", reason="unresolved") == 0
    assert value("paylink_queue_ready", queue="charging") == 7
    assert value("paylink_queue_in_progress", queue="charging") == 2
    assert value("paylink_queue_oldest_seconds", queue="charging") == 1.5
    assert value("paylink_sweep_lag_seconds") == 0.0
    assert value("paylink_outbox_unpublished") == 8
    assert value("paylink_audit_unsealed") == 2


def test_the_text_is_served_over_http() -> None:
    metrics.FRAUD_DEGRADED.inc()
    server = exposition.serve(0, "127.0.0.1")
    try:
        with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"] == exposition.CONTENT_TYPE
            assert b"paylink_fraud_degraded_total" in answer.read()
        with pytest.raises(OSError):
            exposition.serve(server.port, "127.0.0.1")
    finally:
        server.close()


def test_a_port_that_a_draining_program_still_holds_is_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = exposition.serve(0, "127.0.0.1")
    after = Thread(
        target=exposition.serve_until_killed, args=(before.port, "127.0.0.1"), daemon=True
    )
    after.start()
    wait_until(lambda: "in use" in caplog.text)
    before.close()

    def answers() -> bool:
        with suppress(URLError), urlopen(f"http://127.0.0.1:{before.port}/", timeout=10) as answer:
            return bool(answer.status == 200)
        return False

    wait_until(answers)


def test_a_port_that_may_not_be_had_is_not_waited_for() -> None:
    with pytest.raises(OSError):
        exposition.serve_until_killed(0, "192.0.2.1")


def test_processes_of_one_program_are_merged(tmp_path: Path) -> None:
    stale = tmp_path / "counter_1.db"
    kept = tmp_path / "notes.txt"
    stale.write_bytes(b"from an earlier run")
    kept.write_text("not a metric")
    script = """
import os, sys
from pathlib import Path
from ops.telemetry import exposition, metrics
exposition.prepare_directory(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))

def in_child(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    os.waitpid(pid, 0)
    return pid

def first():
    metrics.PAYMENTS_FINAL.labels("captured").inc(2)
    metrics.BREAKER_STATE.labels("sandbox-a", "charge").set(2)
    metrics.VERIFIER.labels("native").set(1)

def second():
    metrics.PAYMENTS_FINAL.labels("captured").inc(3)
    metrics.BREAKER_STATE.labels("sandbox-a", "charge").set(0)

one = in_child(first)
in_child(second)
print(exposition.text().decode())
print("# after")
exposition.mark_dead(one)
print(exposition.text().decode())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    before, after = (samples(part.encode()) for part in done.stdout.split("# after"))
    final = ("paylink_payments_final_total", frozenset({("status", "captured")}))
    state = frozenset({("gateway", "sandbox-a"), ("operation", "charge")})
    verifier = ("paylink_verifier", frozenset({("backend", "native")}))
    assert before[final] == after[final] == 5
    assert before["paylink_breaker_state", state] == 0  # the last word, not the sum
    assert before[verifier] == 1
    assert verifier not in after
    assert not stale.exists()
    assert kept.exists()


def test_preparing_makes_a_directory_that_only_its_owner_reads(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "metrics"

    exposition.prepare_directory(directory)

    assert directory.stat().st_mode & 0o777 == 0o700
