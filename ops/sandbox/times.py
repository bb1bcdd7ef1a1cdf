"""Wall-clock times as the provider writes them: RFC 3339, UTC, milliseconds."""

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def rfc3339(epoch_s: float) -> str:
    """Return e.g. 2026-03-01T09:30:00.250Z."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def epoch_s(text: str) -> float:
    """Return seconds since the epoch. ValueError if it is not RFC 3339 with an offset."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    return datetime.fromisoformat(text).timestamp()


def after(text: str, wait_s: float) -> str:
    """Return the time that lies so many seconds after another one."""
    return rfc3339(epoch_s(text) + wait_s)
