"""Meter: a tree's processor time, with what short-lived children have used."""

from __future__ import annotations

import os
import subprocess
import sys

from ops.bench.meter import Trees, Used
from ops.bench.turns import TICK_S

#: Burns processor time in a child that ends, says so, and stays until its input is closed.
PARENT = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.run([sys.executable, "-c", burn], check=True)
print("burnt", flush=True)
sys.stdin.read()
"""


def test_what_an_ended_child_has_used_is_its_parents() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"burnt\n"
        trees = Trees()
        assert trees.used_s(process.pid) >= 0.3 - 2 * TICK_S
        assert process.pid in trees.tree(os.getpid())
        assert trees.largest_mib(process.pid) > 1
        process.stdin.close()


def test_used_is_told_per_operation_by_program() -> None:
    spent = Used({"ingress": 3.0, "redis": 1.0}) - Used({"ingress": 1.0, "redis": 0.5})
    assert spent == Used({"ingress": 2.0, "redis": 0.5})
    assert spent.each_us(1000) == {"ingress": 2000.0, "redis": 500.0}


def test_who_has_ended_has_used_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert Trees().used({"gone": process.pid}) == Used({"gone": 0.0})
