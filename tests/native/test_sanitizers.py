"""The C++ sources under the address and undefined-behaviour sanitizers, both block functions."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

import native

ROOM = Path(native.__file__).parent
STORM = Path(__file__).with_name("storm.cpp")
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
STRICT = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
TIMEOUT_S = 300


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A compiler proven to link the sanitizers and to run what it linked."""
    chosen = os.environ.get("CXX") or "c++"
    if shutil.which(chosen) is None:
        pytest.skip(f"no C++ compiler: {chosen}")
    probe = tmp_path_factory.mktemp("probe") / "probe"
    probe.with_suffix(".cpp").write_text("int main() { return 0; }\n")
    linked = run(chosen, *SANITIZED, f"{probe}.cpp", "-o", str(probe))
    if linked.returncode != 0 or run(str(probe)).returncode != 0:
        pytest.skip(f"{chosen} cannot link or run the sanitizers: {linked.stderr[-300:]}")
    return chosen


def test_no_input_makes_the_verifier_step_out_of_line(compiler: str, tmp_path: Path) -> None:
    storm = str(tmp_path / "storm")
    sources = [*map(str, sorted((ROOM / "src").glob("*.cpp"))), str(STORM)]
    headers = [f"-I{ROOM / 'include'}", f"-I{ROOM / 'src'}"]
    built = run(compiler, *STRICT, *SANITIZED, *headers, *sources, "-o", storm)
    assert built.returncode == 0, built.stderr
    seed = str(secrets.randbits(32))
    print(f"seed {seed}")

    done = run(storm, seed)

    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr}"
    assert "portable" in done.stdout
    if " sha_ni " in _cpu_flags():
        assert "sha-ni" in done.stdout, "the processor has the instructions, nobody used them"


def _cpu_flags() -> str:
    """The flags line of the first processor; empty where the system does not tell."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    return next((f"{line} " for line in lines if line.startswith("flags")), "")
