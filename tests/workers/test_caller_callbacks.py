"""Callbacks at the worker: what the adapter cannot read is read as a callback, if it is one."""

from __future__ import annotations

from dataclasses import dataclass

from domain.callback import Callback
from domain.webhook import Hint
from tests.workers.caller_rig import Rig, Scripted


@dataclass
class Strict(Scripted):
    """An adapter that knows the events of its provider and nothing else."""

    def read_notice(self, body: bytes) -> Hint | None:
        return Hint(None, "p_1", "read") if body == b"theirs" else None


def test_a_callback_is_a_hint_at_every_gateway() -> None:
    gateway = Rig(Strict()).gateway()
    body = Callback("r", "p_2", "completed").body()

    assert gateway.read_notice(b"theirs") == Hint(None, "p_1", "read")
    assert gateway.read_notice(body) == Hint("r", "p_2", "callback.completed")
    assert gateway.read_notice(b"something else") is None
