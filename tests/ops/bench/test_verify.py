"""Verify: every kernel is measured at every size, beside `hmac.digest`."""

from __future__ import annotations

from pathlib import Path

import pytest

from native.verifier import BACKEND, KERNELS
from ops.bench import turns, verify
from ops.bench.figures import CannotRun, Options


def options(folder: Path) -> Options:
    return Options(rounds=1, seconds=0.05, short=True, folder=folder)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "quiet", lambda: True)


@pytest.mark.skipif(BACKEND != "native", reason="the native verifier is not loaded")
def test_every_kernel_is_measured_at_every_size(tmp_path: Path) -> None:
    told: list[str] = []

    figures = list(verify.run(options(tmp_path), told.append))

    ways = [*("single", "hex", "door"), *KERNELS]
    wanted = [f"verify.{way}.{size}" for size in verify.SIZES for way in ways]
    assert [one.name for one in figures] == [*wanted, "verify.single.construct_event"]
    assert all(one.ratio is not None and one.value("ours") for one in figures)
    assert len(told) == len(verify.SIZES) + 1
    assert {name for one in figures for name in [one.name] if one.goals} >= {
        *(f"verify.single.{size}" for size in verify.SIZES),
        f"verify.{KERNELS[0]}.1024",
        "verify.single.construct_event",
    }


def test_without_the_library_there_is_nothing_to_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "BACKEND", "python")

    with pytest.raises(CannotRun, match="make build-cpp"):
        list(verify.run(options(tmp_path), print))
