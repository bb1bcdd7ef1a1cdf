"""Notice: a webhook is a hint. Prove it, find its attempt, read the object back, apply it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never
from uuid import UUID

from domain.attempt import Attempt
from domain.books import Work
from domain.commands import Command
from domain.due import Reason
from domain.events import notice_told
from domain.facts import Fact, Source, poll_at
from domain.flows.learn import record
from domain.outcome import NotFound, Unknown
from domain.ports import Budget, Gateway, Runtime
from domain.webhook import RECEIVED, UNVERIFIED, Hint, Notice, Proven

#: An orphan is looked for this often until it is parked.
ORPHAN_RETRY_S = 5.0


#: Checks who sent a webhook that the door could not check; it may fetch what that takes.
Prove: TypeAlias = Callable[[Notice, Budget], Proven]


def unproven(_notice: Notice, _budget: Budget) -> Proven:
    """Prove nothing: without means to check it, nobody is believed."""
    return Proven.LATER


def notice(notice_id: UUID, runtime: Runtime, prove: Prove = unproven) -> None:
    """Process one due webhook."""
    with runtime.store.begin() as work:
        claim = work.claim_notice(notice_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return
        held = claim.row
        if claim.starts > runtime.policy.max_starts:
            _parked(work, held, Reason.POISON)
            return
        if held.status == UNVERIFIED:
            found = None
        else:
            found = _matched(work, held, runtime)
            if found is None:
                return
        began = work.now
    if found is None:
        _prove(held, runtime, prove)
        return
    gateway, attempt = found
    read = gateway.lookup(attempt, _budget(runtime))
    with runtime.store.begin() as work:
        held = replace(held, attempt_id=attempt.id, read_began_at=began, tries=held.tries + 1)
        if isinstance(read, NotFound | Unknown):
            _again(work, held, runtime)
            return
        fact = Fact(attempt.id, Source.WEBHOOK, read)
        learnt = record(work, fact, attempt, runtime)
        done = replace(held, status="processed", due=held.due.at(None))
        work.save_notice(done)
        work.tell(notice_told(done, attempt.mode))
    learnt.wake(runtime)


def _prove(held: Notice, runtime: Runtime, prove: Prove) -> None:
    """Find out who sent it. What is genuine is due at once, as any other; a forgery leaves no trace
    but in the log, because a stranger may send as many as he likes."""
    proven = prove(held, _budget(runtime))
    with runtime.store.begin() as work:
        match proven:
            case Proven.GENUINE:
                work.save_notice(replace(held, status=RECEIVED, tries=0, due=held.due.at(work.now)))
            case Proven.FORGED:
                work.discard_notice(held.id)
            case Proven.LATER:
                _again(work, replace(held, tries=held.tries + 1), runtime)
            case _:
                assert_never(proven)
    if proven is Proven.GENUINE:
        runtime.wake(Command.NOTICE, held.id, held.request_id)


def _matched(work: Work, held: Notice, runtime: Runtime) -> tuple[Gateway, Attempt] | None:
    """Return the attempt the webhook speaks of; otherwise write down why there is none yet."""
    gateway = runtime.gateways.get(held.gateway_id)
    if gateway is None:
        _again(work, replace(held, tries=held.tries + 1), runtime)
        return None
    hint = gateway.read_notice(held.body)
    if hint is None:
        _parked(work, held, Reason.UNREADABLE)
        return None
    attempt = work.find_attempt(held.gateway_id, hint)
    if attempt is not None:
        return gateway, _named(attempt, hint, gateway)
    if work.now >= _in(held.received_at, runtime.policy.orphan_s):
        _parked(work, replace(held, status="orphan"), Reason.UNKNOWN_OBJECT)
    else:
        later = _in(work.now, ORPHAN_RETRY_S)
        work.save_notice(replace(held, status="orphan", due=held.due.at(later)))
    return None


def _named(attempt: Attempt, hint: Hint, gateway: Gateway) -> Attempt:
    """Return the attempt as it is asked about: where a look-up by our reference is worth little, by
    the id that the webhook tells. What is read there must carry our reference, or it says nothing."""
    promise = gateway.declaration.promises.get(attempt.operation)
    if promise is None or promise.authoritative or attempt.provider_id is not None:
        return attempt
    return replace(attempt, provider_id=hint.provider_id)


def _again(work: Work, held: Notice, runtime: Runtime) -> None:
    """The provider did not say: read again later, and in the end leave it to a person."""
    when = poll_at(runtime.policy.resolve, held.tries, work.now)
    if when is None:
        _parked(work, held, Reason.UNRESOLVED)
    else:
        work.save_notice(replace(held, due=held.due.at(when)))


def _parked(work: Work, held: Notice, reason: Reason) -> None:
    parked = replace(held, due=held.due.park(work.now, reason))
    work.save_notice(parked)
    work.tell(notice_told(parked))


def _budget(runtime: Runtime) -> Budget:
    begun = runtime.monotonic()
    return Budget(begun + runtime.policy.send_window_s, begun + runtime.policy.call_s)


def _in(start: datetime, seconds: float) -> datetime:
    return start + timedelta(seconds=seconds)
