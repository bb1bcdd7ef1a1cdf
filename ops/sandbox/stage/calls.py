"""One API request as a provider sees it, and how a provider names its endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias
from urllib.parse import parse_qsl

from ops.sandbox.replies import Answer
from ops.sandbox.stage.board import Act, Board, Operation, Step
from ops.sandbox.stage.faults import DECISIONS, Fault
from ops.sandbox.stage.sightings import Sighting
from ops.sandbox.wire import Request


class Refused(Exception):
    """Raised by a handler instead of returning; `answer` is what the client gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


class Refusal(StrEnum):
    """What the stage refuses by itself; the provider says it in its own words."""

    NOT_FOUND = "not_found"  # no such path
    METHOD = "method"  # not this method there
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    SERVER_ERROR = "server_error"


class Failing(StrEnum):
    """Where a request fails that ends with a 500."""

    BEFORE = "before"  # nothing is done
    AFTER = "after"  # everything is done


@dataclass
class Call:
    """One request. What a handler does with it is on disk before its answer leaves."""

    request: Request
    names: Mapping[str, str]  #: found in the path, percent-decoded
    act: Act
    sighting: Sighting
    board: Board
    claimed: set[str]  #: keys of all requests that are not answered yet
    claims: list[str] = field(default_factory=list)  #: those of this one

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.request.method

    @property
    def path(self) -> str:
        """The path as it was sent, without the query."""
        return self.request.path

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are lower case."""
        return self.request.headers

    @property
    def body(self) -> bytes:
        """The raw body."""
        return self.request.body

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query; of a name that comes twice, the last."""
        return dict(parse_qsl(self.request.query, keep_blank_values=True))

    @cached_property
    def decision(self) -> Fault | None:
        """The decision that is scripted for this request. Asking for it uses the rule up, so ask
        only once it is sure that the request will be carried out."""
        return self.board.first(self.act, self.sighting.text, DECISIONS)

    def decides(self, *possible: Fault) -> Fault | None:
        """The same, of those decisions only that can be played here; others stay for a later call
        (a split operation's second one)."""
        return self.board.first(self.act, self.sighting.text, frozenset(possible))

    def about(self, reference: str = "", object_id: str = "") -> None:
        """Note what the request is about, for GET /requests."""
        self.sighting.reference = reference or self.sighting.reference
        self.sighting.object = object_id or self.sighting.object

    def claim(self, key: str) -> bool:
        """Take an idempotency key until the answer has left (or was lost); False: another request
        has it at this moment."""
        if key in self.claimed:
            return False
        self.claimed.add(key)
        self.claims.append(key)
        return True


Handler: TypeAlias = Callable[[Call], Answer]
#: Tells what a request is where its path does not; must bear any body.
Reads: TypeAlias = Callable[[Request], Act]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers at a path and method."""

    handler: Handler
    operation: Operation = Operation.OTHER
    step: Step = Step.MOVE
    public: bool = False  #: a page for people: needs no key, is never struck nor sealed
    reads: Reads | None = None  #: overrules operation and step by what the request says

    def act(self, request: Request) -> Act:
        """Return what this request is."""
        return Act(self.operation, self.step) if self.reads is None else self.reads(request)


def handled(endpoint: Endpoint, call: Call) -> Answer:
    """Call the handler; what it raises as refused is an answer."""
    try:
        return endpoint.handler(call)
    except Refused as refused:
        return refused.answer
