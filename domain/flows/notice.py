"""Notice: a webhook is a hint. Find its attempt, read the object back, apply what is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import Attempt
from domain.books import Work
from domain.due import Reason
from domain.events import notice_told
from domain.facts import Fact, Source, poll_at
from domain.flows.learn import record
from domain.outcome import NotFound, Unknown
from domain.ports import Budget, Gateway, Runtime
from domain.webhook import Notice

#: An orphan is looked for this often until it is parked.
ORPHAN_RETRY_S = 5.0


def notice(notice_id: UUID, runtime: Runtime) -> None:
    """Process one due webhook."""
    with runtime.store.begin() as work:
        claim = work.claim_notice(notice_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return
        held = claim.row
        if claim.starts > runtime.policy.max_starts:
            _parked(work, held, Reason.POISON)
            return
        gateway = runtime.gateways.get(held.gateway_id)
        attempt = _matched(work, held, gateway, runtime)
        if attempt is None or gateway is None:
            return
        began = work.now
    begun = runtime.monotonic()
    budget = Budget(begun + runtime.policy.send_window_s, begun + runtime.policy.call_s)
    found = gateway.lookup(attempt, budget)
    with runtime.store.begin() as work:
        held = replace(held, attempt_id=attempt.id, read_began_at=began, tries=held.tries + 1)
        if isinstance(found, NotFound | Unknown):
            _again(work, held, runtime)
            return
        fact = Fact(attempt.id, Source.WEBHOOK, found)
        learnt = record(work, fact, attempt, runtime)
        done = replace(held, status="processed", due=held.due.at(None))
        work.save_notice(done)
        work.tell(notice_told(done, attempt.mode))
    learnt.wake(runtime)


def _matched(work: Work, held: Notice, gateway: Gateway | None, runtime: Runtime) -> Attempt | None:
    """Return the attempt the webhook speaks of; otherwise write down why there is none yet."""
    if gateway is None:
        _again(work, replace(held, tries=held.tries + 1), runtime)
        return None
    hint = gateway.read_notice(held.body)
    if hint is None:
        _parked(work, held, Reason.UNREADABLE)
        return None
    attempt = work.find_attempt(held.gateway_id, hint)
    if attempt is not None:
        return attempt
    if work.now >= _in(held.received_at, runtime.policy.orphan_s):
        _parked(work, replace(held, status="orphan"), Reason.UNKNOWN_OBJECT)
    else:
        later = _in(work.now, ORPHAN_RETRY_S)
        work.save_notice(replace(held, status="orphan", due=held.due.at(later)))
    return None


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


def _in(start: datetime, seconds: float) -> datetime:
    return start + timedelta(seconds=seconds)
