"""The C++ sources under the sanitizers: addresses, undefined behaviour, threads; every kernel."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

import native
from native.verifier import BACKEND, KERNELS

ROOM = Path(native.__file__).parent
STORM = sorted(Path(__file__).parent.glob("storm*.cpp"))
#: What steps out of line, and what two threads do to one another.
SANITIZERS = ("address,undefined", "thread")
SANITIZED = ["-fno-sanitize-recover=all", "-g", "-O1", "-pthread"]
STRICT = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
TIMEOUT_S = 300


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@pytest.fixture(scope="module", params=[*SANITIZERS])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The storm, made by a compiler proven to link the sanitizer and to run what it linked."""
    chosen = os.environ.get("CXX") or "c++"
    if shutil.which(chosen) is None:
        pytest.skip(f"no C++ compiler: {chosen}")
    sanitized = [f"-fsanitize={request.param}", *SANITIZED]
    room = tmp_path_factory.mktemp("storm")
    probe, storm = room / "probe", str(room / "storm")
    probe.with_suffix(".cpp").write_text("int main() { return 0; }\n")
    linked = run(chosen, *sanitized, f"{probe}.cpp", "-o", str(probe))
    if linked.returncode != 0 or run(str(probe)).returncode != 0:
        pytest.skip(f"{chosen} cannot link or run the sanitizers: {linked.stderr[-300:]}")
    ours = [path for path in sorted((ROOM / "src").glob("*.cpp")) if path.name != "python.cpp"]
    sources = [*map(str, ours), *map(str, STORM)]
    headers = [f"-I{ROOM / 'include'}", f"-I{ROOM / 'src'}"]
    made = run(chosen, *STRICT, *sanitized, *headers, *sources, "-o", storm)
    assert made.returncode == 0, made.stderr
    return storm


def test_no_input_makes_the_verifier_step_out_of_line(built: str) -> None:
    seed = str(secrets.randbits(32))
    print(f"seed {seed}")

    done = run(built, seed)

    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.split() == list(KERNELS) or BACKEND == "python"
    assert "portable" in done.stdout
    if " sha_ni " in _cpu_flags():
        assert "sha-ni" in done.stdout, "the processor has the instructions, nobody used them"


def _cpu_flags() -> str:
    """The flags line of the first processor; empty where the system does not tell."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    return next((f"{line} " for line in lines if line.startswith("flags")), "")
