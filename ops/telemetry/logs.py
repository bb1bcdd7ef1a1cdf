"""Logs: one JSON object per line on stdout, for our own loggers and for every library's.

Each line has timestamp, level, service and event, then what is bound to the context (request_id,
partner_id, transaction_id). The line of an operation has operation, duration_ms and status too.
Nothing here raises: a log that cannot be written must not end a payment between two steps.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, Final, cast

import msgspec
import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, merge_contextvars
from structlog.stdlib import ProcessorFormatter
from structlog.typing import FilteringBoundLogger

from ops.telemetry import metrics
from ops.telemetry.redaction import clean, clean_trace, redact

#: Libraries that install handlers of their own; they speak through ours instead.
LIBRARIES: Final = ("alembic", "apscheduler", "dramatiq", "py.warnings", "uvicorn", "uvicorn.error")
#: Lines that nobody needs: the ingress writes its own line for every request.
SILENT: Final = ("uvicorn.access",)
#: Frames kept per exception, from the raising end: a recursion error has a thousand.
MAX_FRAMES: Final = 30

_STDOUT: Final = 1

_encode: Final = msgspec.json.Encoder().encode

Fields = MutableMapping[str, Any]


def configure(service: str, level: str = "INFO", *, stream: BinaryIO | None = None) -> None:
    """Set up every logger of this process; the last call counts.

    `stream` is for tests. File descriptor 1 is used otherwise and not `sys.stdout`, which the
    dramatiq command replaces by a pipe to its main process: lines are whole writes already.
    """
    out = _Lines(stream or open(_STDOUT, "wb", buffering=0, closefd=False))  # noqa: SIM115
    stamp = _stamp(service)
    structlog.configure(
        processors=[merge_contextvars, stamp, _render],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=lambda *_: out,
        cache_logger_on_first_use=False,
    )
    _tellers[:] = [_teller(out, stamp) if level.upper() in ("DEBUG", "INFO") else _silence]
    handler = _Foreign(out)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[merge_contextvars, _name],
            processors=[ProcessorFormatter.remove_processors_meta, stamp, _render],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.setLevel(logging.NOTSET)
        library.propagate = True
    for name in SILENT:
        logging.getLogger(name).disabled = True
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def logger() -> FilteringBoundLogger:
    """Return a logger: `log.info("what happened", field=value)`; exceptions with `exc_info`."""
    return cast("FilteringBoundLogger", structlog.get_logger())


@contextmanager
def bound(**fields: str | None) -> Generator[None, None, None]:
    """Put fields on every line of this context (thread or task) until the block ends.

    Names: request_id, partner_id, transaction_id. None leaves the field as it is.
    """
    with bound_contextvars(**{name: value for name, value in fields.items() if value is not None}):
        yield


def bind(**fields: str) -> None:
    """Put fields on every line of this task, and of what it starts, from now on."""
    bind_contextvars(**fields)


def operation(name: str, *, status: str | int, duration_ms: float, **fields: object) -> None:
    """Write the one line of an operation: a request, a run of an actor, a provider call."""
    line = {"operation": name, "duration_ms": round(duration_ms, 3), "status": status, **fields}
    if not _tellers:
        logger().info("operation", **line)
    for tell in _tellers:
        tell(line)


#: What writes the line of an operation as a logger would, at a third of its price; empty: `configure`
#: was not called.
_tellers: Final[list[Callable[[Fields], None]]] = []


def _teller(out: _Lines, stamp: Callable[[Any, str, Fields], Fields]) -> Callable[[Fields], None]:
    def tell(line: Fields) -> None:
        fields = merge_contextvars(out, "info", line)
        try:
            said = _encode(stamp(out, "info", {"event": "operation", **redact(fields)}))
        except Exception:  # noqa: BLE001 - a value that cannot be shown: the careful way says so
            said = b""
        if said and said.isascii():
            out.put(said)
        else:
            out.write(_render(out, "info", stamp(out, "info", {"event": "operation", **fields})))

    return tell


def _silence(_: Fields) -> None:
    """Write nothing: the level is above that of an operation."""


class _Lines:
    """Writes whole lines; counts those that the file did not take."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        self.put(line.encode("ascii", "backslashreplace"))

    def put(self, line: bytes) -> None:
        """Write a line that is ASCII."""
        rest = line + b"\n"
        try:
            with self._lock:
                while rest:
                    rest = rest[self._file.write(rest) :]
        except (OSError, ValueError):  # full, gone, or closed at the end of the program
            metrics.LOG_LINES_LOST.inc()

    debug = info = warning = error = critical = write  # structlog calls the level's name


class _Foreign(logging.Handler):
    """Takes the records of libraries."""

    def __init__(self, out: _Lines) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - the library's arguments do not fit its own text
            record.msg, record.args, record.exc_info = "unprintable record: %s", (record.msg,), None
            line = self.format(record)
        self._out.write(line)


def _stamp(service: str) -> Callable[[Any, str, Fields], Fields]:
    def stamp(_: Any, level: str, fields: Fields) -> Fields:
        """Put what every line has in front."""
        now = datetime.fromtimestamp(time.time(), UTC)
        return {
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level,
            "service": service,
            "event": fields.pop("event", ""),
            **fields,
        }

    return stamp


def _name(_: Any, __: str, fields: Fields) -> Fields:
    fields["logger"] = fields["_record"].name
    return fields


def _render(_: Any, __: str, fields: Fields) -> str:
    """Return the line: ASCII, so no value can break it or play with the reader's terminal."""
    error = fields.pop("exc_info", None)
    try:
        safe = redact(fields)
        if error:
            safe["exception"] = clean_trace(_trace(error))
        return json.dumps(safe)
    except Exception as reason:  # noqa: BLE001 - a value whose str() fails, a mapping that changes
        lost = {name: clean(str(fields[name])) for name in ("timestamp", "level", "service")}
        return json.dumps(lost | {"event": "unprintable line", "reason": type(reason).__name__})


def _trace(error: Any) -> str:
    """Render an exception with its causes: places and texts, never the values of variables."""
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    type_, value, trace = error if isinstance(error, tuple) else sys.exc_info()
    if type_ is None or value is None:
        return ""
    rendered = traceback.TracebackException(type_, value, trace, limit=-MAX_FRAMES)
    return "".join(rendered.format()).rstrip()


def _uncaught(
    type_: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(type_, KeyboardInterrupt):
        sys.__excepthook__(type_, error, trace)
        return
    logger().critical("uncaught exception", exc_info=(type_, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:
        return
    error = args.exc_value or args.exc_type()
    name = args.thread.name if args.thread else None
    logger().critical("uncaught exception in a thread", exc_info=error, thread=name)
