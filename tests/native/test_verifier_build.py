"""The build command and the fallback, on a copy of the room so that the real one stays as it is."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import native

ROOM = Path(native.__file__).parent
TIMEOUT_S = 300

MAC_OF_JEFE = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
ASK = """
from native import verifier as v
key, message = b"Jefe", b"what do ya want for nothing?"
mac = v.hmac_sha256(key, message)
checks = [v.Check(key, message, mac.hex()), v.Check(key, message, mac[:31]), v.Check(b"", b"", mac)]
print(v.BACKEND, mac.hex(), v.verify(key, message, mac), v.verify_batch(checks))
"""
RIGHT_ANSWERS = f"{MAC_OF_JEFE} True [True, False, False]"
#: A batch that is large enough for every kernel, and the kernels' names.
ASK_ALL = """
from native import verifier as v
key = b"key"
checks = [v.Check(key, bytes(n), v.hmac_sha256(key, bytes(n))) for n in range(1, 300)]
print(all(v.verify_batch(checks)), *v.KERNELS)
"""


def python(tree: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {key: text for key, text in os.environ.items() if key not in {"CXX", "VERIFIER"}}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def build(tree: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return python(tree, "-m", "native.build", *options, **settings)


def libraries(tree: Path) -> list[Path]:
    return sorted((tree / "native").glob("**/*.so"))


def files(tree: Path) -> set[Path]:
    return {path for path in tree.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the room without a library."""
    shutil.copytree(ROOM, tmp_path / "native", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return tmp_path


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("no C++ compiler on the path")
    tree = tmp_path_factory.mktemp("built")
    scratch = tmp_path_factory.mktemp("scratch")
    shutil.copytree(ROOM, tree / "native", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    before = files(tree)
    done = build(tree, TMPDIR=str(scratch))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "built _verifier." in done.stdout
    assert files(tree) - before == set(libraries(tree)), "stray files in the tree"
    assert not list(scratch.iterdir()), "stray files in the temporary directory"
    return tree


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """A copy of the room with a library, for a test to do with as it likes."""
    return shutil.copytree(built_once, tmp_path / "tree")


def test_an_optional_build_without_a_compiler_says_so_and_exits_0(tree: Path) -> None:
    done = build(tree, "--optional", CXX="/nowhere/c++")

    assert done.returncode == 0
    assert "pure-Python verifier will be used: /nowhere/c++" in done.stdout
    assert done.stderr == ""
    assert not libraries(tree)
    assert python(tree, "-c", ASK).stdout.strip() == f"python {RIGHT_ANSWERS}"


def test_a_build_without_a_compiler_fails_and_says_so(tree: Path) -> None:
    for settings in ({"CXX": "/nowhere/c++"}, {"PATH": "/nowhere"}):
        done = build(tree, **settings)

        assert done.returncode != 0
        assert "not built, the pure-Python verifier will be used" in done.stderr
        assert done.stdout == ""


def test_a_compiler_that_fails_is_quoted(tree: Path) -> None:
    compiler = tree / "sulking-c++"
    compiler.write_text("#!/bin/sh\necho 'verifier.cpp:1: error: not today' >&2\nexit 3\n")
    compiler.chmod(0o755)

    done = build(tree, "--optional", CXX=str(compiler))

    assert done.returncode == 0
    assert "exited with 3" in done.stdout
    assert "not today" in done.stdout
    assert not libraries(tree)


def test_the_built_library_answers(built: Path) -> None:
    assert python(built, "-c", ASK).stdout.strip() == f"native {RIGHT_ANSWERS}"


def test_the_fallback_gives_the_same_answers_beside_a_library(built: Path) -> None:
    done = python(built, "-c", ASK, VERIFIER="python")

    assert done.stdout.strip() == f"python {RIGHT_ANSWERS}"


def test_the_c_function_is_exported_under_its_own_name(built: Path) -> None:
    [library] = libraries(built)
    mac = ctypes.create_string_buffer(32)
    key, message = b"Jefe", b"what do ya want for nothing?"
    lengths = [ctypes.c_size_t(len(part)) for part in (key, message)]

    code = ctypes.PyDLL(str(library)).ComputeHMAC_SHA256(key, lengths[0], message, lengths[1], mac)

    assert code == 0
    assert mac.raw.hex() == MAC_OF_JEFE


def test_without_the_libraries_of_others_there_are_our_own_kernels(tree: Path) -> None:
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("no C++ compiler on the path")
    done = build(tree, CXX="c++ -DPAYLINK_OWN_KERNELS_ONLY")
    assert done.returncode == 0, done.stderr

    right, *kernels = python(tree, "-c", ASK_ALL).stdout.split()

    assert right == "True"
    assert kernels in (["sha-ni", "portable"], ["portable"])


def test_a_multi_buffer_library_of_another_version_is_left_alone(
    built: Path, tmp_path: Path
) -> None:
    _, *kernels = python(built, "-c", ASK_ALL).stdout.split()
    if not {"avx512", "avx2"} & set(kernels):
        pytest.skip("this build, or this processor, does not use the library")
    other = tmp_path / "libIPSec_MB.so.1"
    other.with_suffix(".c").write_text("unsigned imb_get_version(void) { return 1; }\n")
    made = subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", str(other), str(other.with_suffix(".c"))], check=False
    )
    assert made.returncode == 0

    done = python(built, "-c", ASK_ALL, LD_LIBRARY_PATH=str(tmp_path))

    own = [name for name in kernels if name not in {"avx512", "avx2"}]
    assert done.stdout.split() == ["True", *own]


def test_nothing_is_compiled_while_the_library_is_current(built: Path) -> None:
    done = build(built, CXX="/nowhere/c++")

    assert done.returncode == 0
    assert "up to date" in done.stdout


@pytest.mark.parametrize("part", ["src/hmac.cpp", "src/secret.h", "include/verifier.h", "build.py"])
def test_a_newer_source_makes_the_library_stale_and_a_stale_one_is_not_kept(
    built: Path, part: str
) -> None:
    [library] = libraries(built)
    later = library.stat().st_mtime + 1
    os.utime(built / "native" / part, (later, later))

    done = build(built, "--optional", CXX="/nowhere/c++")

    assert "not built" in done.stdout
    assert not libraries(built)


def test_a_forced_build_replaces_the_file_and_leaves_the_old_one_to_its_users(built: Path) -> None:
    [library] = libraries(built)
    with library.open("rb") as held:
        contents = held.read()
        done = build(built, "--force")

        assert done.returncode == 0, done.stderr
        assert library.stat().st_ino != os.fstat(held.fileno()).st_ino
        held.seek(0)
        assert held.read() == contents
    assert libraries(built) == [library]


def test_a_required_library_that_is_missing_stops_the_program(tree: Path) -> None:
    done = python(tree, "-c", ASK, VERIFIER="native")

    assert done.returncode != 0
    assert "LibraryMissing" in done.stderr
    assert "python -m native.build" in done.stderr


def test_a_library_from_older_sources_is_as_good_as_none(tree: Path) -> None:
    (tree / "native" / "_verifier.py").write_text("class ffi: ...\n\nclass lib: ...\n")

    assert python(tree, "-c", ASK).stdout.strip() == f"python {RIGHT_ANSWERS}"
    required = python(tree, "-c", ASK, VERIFIER="native")
    assert required.returncode != 0
    assert "python -m native.build" in required.stderr


def test_an_unknown_verifier_stops_the_program(tree: Path) -> None:
    done = python(tree, "-c", ASK, VERIFIER="fast")

    assert done.returncode != 0
    assert "VERIFIER is 'fast'" in done.stderr
