"""Compile the C++ verifier in place: `python -m native.build [--optional] [--force]`."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from cffi import FFI

ROOM = Path(__file__).resolve().parent
HEADER = ROOM / "include" / "verifier.h"
SOURCES = sorted((ROOM / "src").glob("*.cpp"))
#: What the library is made of; a change to any of them makes it stale.
INGREDIENTS = [Path(__file__), HEADER, *(ROOM / "src").iterdir()]

#: cffi keeps to the limited API, so one library serves every CPython that knows abi3.
SUFFIX = next((suffix for suffix in EXTENSION_SUFFIXES if "abi3" in suffix), EXTENSION_SUFFIXES[0])
LIBRARY = ROOM / f"_verifier{SUFFIX}"

#: CPython's own headers are called the system's, whose warnings are not ours to mend.
PYTHON_HEADERS = ["-isystem", sysconfig.get_path("include")]
LANGUAGE = [
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-fno-plt",
    "-pthread",
    f"-I{HEADER.parent}",
    *PYTHON_HEADERS,
]
STRICT = ["-Wall", "-Wextra", "-Werror"]
#: Before glibc 2.34 the loader of libraries was one of its own.
LOADER = ["-ldl"] if sys.platform == "linux" else []
#: The glue calls CPython, which is found in the process that loads the library, not at link time.
SHARED = ["-shared", *(["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else [])]

#: A cold, crowded machine needs some ten seconds; a compiler that hangs must not hang a deploy.
COMPILER_TIMEOUT_S = 300
#: The end of a compiler's complaint is enough to act on.
COMPLAINT_LINES = 20


class BuildFailed(Exception):
    """There is no library: no compiler, or one that did not succeed."""


def declarations() -> str:
    """Return the C ABI as cffi reads it: the header without what the preprocessor is for."""
    text = HEADER.read_text(encoding="utf-8")
    without_cplusplus = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.DOTALL)
    return re.sub(r"^#.*$", "", without_cplusplus, flags=re.MULTILINE)


def is_current() -> bool:
    """Say whether the library is there and no older than anything it is made of."""
    if not LIBRARY.exists():
        return False
    built_at = LIBRARY.stat().st_mtime_ns
    return all(part.stat().st_mtime_ns <= built_at for part in INGREDIENTS)


def compiler() -> list[str]:
    """Return the C++ compiler's command: CXX if it is set, else the first one on the path."""
    if chosen := shlex.split(os.environ.get("CXX", "")):
        return chosen
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    raise BuildFailed("no C++ compiler on the path")


def build() -> None:
    """Compile into a temporary directory and put the finished library in place in one step."""
    command = compiler()
    with tempfile.TemporaryDirectory(prefix="verifier-") as scratch:
        glue, glue_object, fresh = (Path(scratch) / f"glue{end}" for end in (".cpp", ".o", SUFFIX))
        ffi = FFI()
        ffi.cdef(declarations())
        ffi.set_source(
            "native._verifier", '#include "verifier.h"', source_extension=".cpp", compiler_verbose=0
        )
        ffi.emit_c_code(str(glue))
        # The glue is cffi's text, whose warnings are not ours to mend; our own files have none.
        _run([*command, *LANGUAGE, "-w", "-c", str(glue), "-o", str(glue_object)])
        ours = [*map(str, SOURCES), str(glue_object), "-o", str(fresh)]
        _run([*command, *LANGUAGE, *STRICT, *SHARED, *ours, *LOADER])
        _put_in_place(fresh)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMPILER_TIMEOUT_S, check=False
        )
    except OSError as error:
        raise BuildFailed(f"{command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{command[0]} took more than {COMPILER_TIMEOUT_S} s") from error
    if done.returncode != 0:
        complaint = "\n".join(done.stderr.splitlines()[-COMPLAINT_LINES:])
        raise BuildFailed(f"{command[0]} exited with {done.returncode}\n{complaint}".rstrip())


def _put_in_place(fresh: Path) -> None:
    """Rename, never overwrite: a process that has the old library mapped keeps the old file.

    The copy comes first because a rename cannot cross file systems, and /tmp is often another.
    """
    beside = LIBRARY.with_name(f".{os.getpid()}{SUFFIX}")
    try:
        shutil.copy(fresh, beside)
        beside.replace(LIBRARY)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BuildFailed(f"{LIBRARY}: {error.strerror}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Build if need be, say in one line what came of it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m native.build", description=__doc__)
    parser.add_argument("--optional", action="store_true", help="exit 0 without a compiler, too")
    parser.add_argument("--force", action="store_true", help="build even if nothing has changed")
    options = parser.parse_args(arguments)
    if is_current() and not options.force:
        print(f"native verifier: {LIBRARY.name} is up to date")
        return 0
    try:
        build()
    except BuildFailed as failure:
        # A library older than its sources must not answer for them, nor make the next line untrue.
        LIBRARY.unlink(missing_ok=True)
        print(
            f"native verifier: not built, the pure-Python verifier will be used: {failure}",
            file=sys.stdout if options.optional else sys.stderr,
        )
        return 0 if options.optional else 1
    print(f"native verifier: built {LIBRARY.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
