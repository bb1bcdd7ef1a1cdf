"""How one API request runs: gates, its key, the work, the ledger, the spoiled answer."""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import msgspec

from ops.sandbox.account import Account, Changed
from ops.sandbox.board import Operation
from ops.sandbox.courses import OUTCOMES
from ops.sandbox.entries import Key, Move
from ops.sandbox.faults import ANSWERS, GATES, ONCE, Fault, Strike, by_fault
from ops.sandbox.keys import Busy, Different, Fresh, Saved
from ops.sandbox.refusals import TooMuchError, WrongStateError, word_for
from ops.sandbox.replies import (
    Answer,
    ApiError,
    Dripped,
    Dropped,
    Reply,
    invalid,
    server_error,
    unavailable,
)
from ops.sandbox.sightings import Sighting
from ops.sandbox.times import rfc3339
from ops.sandbox.wire import Request

#: The longest Idempotency-Key.
KEY_LENGTH = 64
#: Keys remembered for the faults that strike once.
LOST_LIMIT = 100_000
#: A 200 that no client can read.
GARBAGE = b'\x00\xff{"id": "sp_'

#: What an operation does: its moves, and how to answer once they are in the books.
Work: TypeAlias = tuple[Sequence[Move], Callable[[], Answer]]


@dataclass(frozen=True, slots=True)
class Job:
    """One POST that has passed validation."""

    operation: Operation
    fields: Mapping[str, Any]  #: the parsed body; the key protects exactly this
    own: tuple[Strike, ...]  #: faults this request brought along
    work: Callable[[tuple[Strike, ...]], Work]  #: given the faults that strike


class Execution:
    """Runs jobs under their keys, and reads."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lost: OrderedDict[str, None] = OrderedDict()  # keys that met a fault of `ONCE`

    async def read(self, request: Request, find: Callable[[], Answer]) -> Reply:
        """Answer a GET. What it shows is on disk before it is shown."""
        strikes = self._strikes(Operation.READ, GATES | ANSWERS)
        if Fault.DROP_BEFORE_CHARGE in strikes:
            return Dropped()
        _refuse_at_gate(strikes)
        answer = find()
        await self._account.ledger.flushed()
        if Fault.SERVER_ERROR in strikes or Fault.CHARGE_THEN_500 in strikes:
            raise server_error()
        return await _spoiled(answer, strikes, request)

    async def post(self, request: Request, seen: Sighting, job: Job) -> Reply:
        """Run a POST once per key; every other time give the first answer again."""
        key = _key_of(request)
        own = self._still_meets(key, job.own)
        gates = self._strikes(job.operation, GATES, own)
        if Fault.DROP_BEFORE_CHARGE in gates:
            return Dropped()
        _refuse_at_gate(gates)
        fingerprint = _fingerprint(request, job.fields)
        claim = self._account.keys.claim(key, fingerprint, time.time())
        match claim:
            case Fresh():
                try:
                    self._refuse_when_full(job.operation)
                    fresh = replace(job, own=own)
                    return await self._first_time(request, seen, fresh, key, fingerprint)
                finally:
                    self._account.keys.release(key)
            case Saved():
                seen.replayed = True
                return self._again(claim.seq)
            case Busy():
                message = "A request with this key is still being worked on."
                raise ApiError(409, "idempotency_error", "idempotency_in_progress", message)
            case Different():
                message = "This key was used with another path or body."
                raise ApiError(422, "idempotency_error", "idempotency_error", message)

    async def _first_time(
        self, request: Request, seen: Sighting, job: Job, key: str, fingerprint: str
    ) -> Reply:
        started_s = time.time()
        strikes = self._strikes(job.operation, ANSWERS | OUTCOMES[job.operation], job.own)
        if Fault.HANG_BEFORE_CHARGE in strikes:
            await request.client_leaves(strikes[Fault.HANG_BEFORE_CHARGE])
            return Dropped()
        changed = Changed()
        if Fault.SERVER_ERROR in strikes:
            answer = server_error().answer
        else:
            struck = tuple(Strike(fault, ms) for fault, ms in strikes.items())
            changed, answer = self._work(job, struck)
        if Fault.CHARGE_THEN_500 in strikes:
            answer = server_error().answer
        if changed.subject is not None:
            seen.about(changed.subject)
        saved = Key(
            at=rfc3339(time.time()),
            payment=seen.payment or "",
            reference=seen.reference or "",
            key=key,
            fingerprint=fingerprint,
            started=rfc3339(started_s),
            status=answer.status,
            body=msgspec.Raw(answer.body),
        )
        await self._account.commit(changed, saved)
        return await _spoiled(answer, strikes, request)

    def _work(self, job: Job, strikes: tuple[Strike, ...]) -> tuple[Changed, Answer]:
        try:
            moves, answer = job.work(strikes)
        except WrongStateError as error:
            return Changed(), wrong_state(self._account, error).answer
        except TooMuchError as error:
            return Changed(), too_much(error).answer
        changed = self._account.change(moves, job.operation, (*strikes, *job.own))
        return changed, answer()

    def _refuse_when_full(self, operation: Operation) -> None:
        if self._account.keys.full or not self._account.has_room(operation):
            raise unavailable("The sandbox has no room for more.")

    def _again(self, seq: int) -> Answer:
        saved = self._account.ledger.read(seq)
        assert isinstance(saved, Key)
        return Answer(saved.status, bytes(saved.body), headers={"Idempotent-Replayed": "true"})

    def _still_meets(self, key: str, own: tuple[Strike, ...]) -> tuple[Strike, ...]:
        """Leave out what a request brought along and its key has met already."""
        once = {strike.fault for strike in own} & ONCE
        if once and key not in self._lost:
            self._lost[key] = None
            if len(self._lost) > LOST_LIMIT:
                self._lost.popitem(last=False)
            return own
        return tuple(strike for strike in own if strike.fault not in once)

    def _strikes(
        self, operation: Operation, possible: frozenset[Fault], own: Iterable[Strike] = ()
    ) -> dict[Fault, int]:
        brought = [strike for strike in own if strike.fault in possible]
        return by_fault((*brought, *self._account.board.for_request(operation, possible)))


def wrong_state(account: Account, error: WrongStateError) -> ApiError:
    """Return the 409 that shows the object as it is."""
    about = {word_for(error.subject): account.shown(error.subject)}
    return ApiError(409, "invalid_request", "invalid_state", str(error), about=about)


def too_much(error: TooMuchError) -> ApiError:
    """Return the 400 that names the sum."""
    return ApiError(400, "invalid_request", error.code, str(error), param="amount")


def _refuse_at_gate(strikes: Mapping[Fault, int]) -> None:
    if Fault.RATE_LIMITED in strikes:
        raise ApiError(
            429,
            "rate_limit_error",
            "rate_limited",
            "Too many requests.",
            headers={"Retry-After": "1"},
        )
    if Fault.UNAVAILABLE in strikes:
        raise unavailable("The service is down for a moment.")


async def _spoiled(answer: Answer, strikes: Mapping[Fault, int], request: Request) -> Reply:
    """Hold the answer back, lose it or mangle it, as the faults say."""
    if Fault.LATENCY in strikes:
        await request.client_leaves(strikes[Fault.LATENCY])
    for hang in (Fault.HANG, Fault.HANG_BEFORE_CHARGE):  # to a read both are the same
        if hang in strikes:
            await request.client_leaves(strikes[hang])
            return Dropped()
    if Fault.CHARGE_THEN_DROP in strikes:
        return Dropped()
    if Fault.CHARGE_THEN_GARBAGE in strikes:
        answer = Answer(200, GARBAGE)
    if Fault.SLOW_DRIP in strikes:
        return Dripped(answer, strikes[Fault.SLOW_DRIP])
    return answer


def _key_of(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not 1 <= len(key) <= KEY_LENGTH:
        message = f"Idempotency-Key must have 1 to {KEY_LENGTH} characters."
        raise invalid(message, "Idempotency-Key")
    return key


def _fingerprint(request: Request, fields: Mapping[str, Any]) -> str:
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    text = f"{request.method} {request.path}\n{canonical}"
    return hashlib.sha256(text.encode()).hexdigest()
