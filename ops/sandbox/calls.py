"""One authenticated API request, and the strict reading of its body and query."""

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from ops.sandbox.account import Account
from ops.sandbox.books import Subject
from ops.sandbox.fields import json_object
from ops.sandbox.refusals import word_for
from ops.sandbox.replies import JSON, Answer, ApiError, Reply, invalid, json_answer
from ops.sandbox.sightings import Sighting
from ops.sandbox.times import epoch_s
from ops.sandbox.wire import Request

#: Objects shown for one reference, newest first; more means a client gone wild.
LIST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, the id in its path, and what we write down about it."""

    request: Request
    id: str
    seen: Sighting


Endpoint: TypeAlias = Callable[[Call], Awaitable[Reply]]


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that was posted. ApiError 415 or 400 for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise invalid(f"Content-Type must be {JSON}.", "Content-Type", status=415)
    return json_object(request.body)


def no_query(request: Request) -> None:
    """Refuse every query parameter: this endpoint knows none."""
    query_of(request, set())


def reference_of(request: Request) -> str:
    """Return the one parameter of a search. ApiError 400 without it, or with others."""
    reference = query_of(request, {"reference"}).get("reference", "")
    if not 1 <= len(reference) <= 64:
        raise invalid("reference must have 1 to 64 characters.", "reference")
    return reference


def listed(account: Account, oldest_first: list[Subject]) -> Answer:
    """Answer a search: newest first, without what is too new to be found."""
    visible_s = time.time() - account.settings.visibility_lag_s
    found = [one for one in reversed(oldest_first) if epoch_s(one.created_at) <= visible_s]
    return json_answer(200, {"data": [account.shown(one) for one in found[:LIST_LIMIT]]})


def refused(account: Account, subject: Subject, code: str, message: str) -> Answer:
    """Answer 402: the bank said no, and this is the object it said it about."""
    about = {word_for(subject): account.shown(subject)}
    return ApiError(402, "card_error", code, message, about=about).answer


def query_of(request: Request, known: Iterable[str]) -> dict[str, str]:
    """Return the query parameters. ApiError 400 for one that is not known."""
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise invalid("The query has too many fields.") from None
    found = dict(pairs)
    for name in found.keys() - set(known):
        raise invalid(f"{name} is not a known parameter.", name)
    return found
