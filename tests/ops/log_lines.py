"""Reading what a test's programs logged."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import structlog

from ops.telemetry import logs

Line = dict[str, Any]


class Lines:
    """What was written so far; every line must be an object of its own."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode("ascii")

    def all(self) -> list[Line]:
        return [json.loads(line) for line in self.text.splitlines()]

    def only(self) -> Line:
        (line,) = self.all()
        return line

    def where(self, condition: Callable[[Line], bool]) -> list[Line]:
        return [line for line in self.all() if condition(line)]


@contextmanager
def capturing(service: str = "test", level: str = "INFO") -> Generator[Lines, None, None]:
    """Configure logs as a program does, onto a stream; put everything back at the end."""
    lines = Lines()
    root, hooks = logging.root, (sys.excepthook, threading.excepthook)
    handlers, root_level = root.handlers[:], root.level
    logs.configure(service, level, stream=lines.stream)
    try:
        yield lines
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        root.handlers[:] = handlers
        root.setLevel(root_level)
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook = hooks
        for name in logs.SILENT:
            logging.getLogger(name).disabled = False
