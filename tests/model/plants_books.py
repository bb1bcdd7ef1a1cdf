"""Mistakes about the books: leases, wakes, keys, sums, and what is written down when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain import requests, routing
from domain.attempt import Attempt
from domain.books import Work
from domain.due import NEVER, Due
from domain.errors import NotFound
from domain.facts import Fact, Source
from domain.flows import charge as charging
from domain.flows import holds, intent, learn, refund, request, resolve
from domain.flows import pay as paying
from domain.flows import step as stepping
from domain.idempotency import Recorded
from domain.money import Money
from domain.payment import Failure, Payment, Status
from domain.ports import Budget, Runtime
from domain.requests import Sight, Verb
from domain.routing import End, Next
from domain.task import Charge
from ops.store.memory import attempts as attempt_rows
from ops.store.memory import cases, payments, session
from ops.store.memory.books import Job
from tests.model import merchant
from tests.model.planting import Swap


def lease_is_not_checked() -> Sequence[Swap]:
    real = attempt_rows.MemoryAttemptWork.begin_attempt

    def begin_attempt(self: Any, attempt: Attempt, lease: Any, *rest: Any) -> Payment | None:
        job = self.books.payments.get(attempt.payment_id).job
        return real(self, attempt, replace(lease, token=job.lease_token), *rest)

    checked = session.MemorySession._held

    def held(self: Any, table: Any, row: Any, lease: Any) -> Any:
        known = table.get(row.id)
        fits = replace(row, version=known.row.version)
        return checked(self, table, fits, lease and replace(lease, token=known.job.lease_token))

    work = attempt_rows.MemoryAttemptWork
    return [(work, "begin_attempt", begin_attempt), (session.MemorySession, "_held", held)]


def lease_never_ends() -> Sequence[Swap]:
    def is_free(self: Any, job: Job, due: Due, now: datetime) -> bool:
        return due.next_run_at is not None and due.next_run_at <= now and not job.lease_until

    return [(session.MemorySession, "is_free", is_free)]


def answered_before_done() -> Sequence[Swap]:
    real = request.request

    def asked(wanted: request.Asked, desk: request.Desk) -> request.Answer:
        id_ = desk.new_id() if wanted.verb is Verb.REFUND else wanted.payment_id
        with desk.store.begin() as work:
            ids = (wanted.merchant_id, wanted.mode, wanted.key)
            known = work.win_key(*ids, wanted.fingerprint)
            if known is not None:
                recorded = known.recorded.replayed_for(wanted.fingerprint)
                return request.Answer(recorded, known.resource_id, replayed=True)
            promised = Recorded(wanted.fingerprint, 202, b"")
            work.record_key(*ids, id_, promised)
        done = replace(wanted, key=f"{wanted.key}-done")
        real(done, replace(desk, new_id=lambda: id_) if wanted.verb is Verb.REFUND else desk)
        return request.Answer(promised, id_, replayed=False)

    return [(merchant, "request", asked)]


def keys_are_forgotten() -> Sequence[Swap]:
    real = cases.MemoryCaseWork.win_key

    def win_key(self: Any, merchant_id: UUID, mode: Any, key: str, fingerprint: bytes) -> None:
        fresh = f"{key}-{len(self.books.keys)}"
        real(self, merchant_id, mode, fresh, fingerprint)
        self.unanswered.clear()

    def record_key(self: Any, *_: Any) -> None:
        return None

    work = cases.MemoryCaseWork
    return [(work, "win_key", win_key), (work, "record_key", record_key)]


def refunds_are_not_counted() -> Sequence[Swap]:
    def refundable(payment: Payment, verb: Verb, amount: int | None, sight: Sight) -> Money:
        whole = payment.amount_captured
        if not whole:
            raise NotFound("nothing was captured")
        return Money(whole if amount is None else min(amount, whole), payment.money.currency)

    def lawless(*_: Any) -> None:
        return None

    return [(request, "refundable", refundable), (payments, "check_payment", lawless)]


def left_in_sending() -> Sequence[Swap]:
    real = intent.Intent.written

    def written(self: intent.Intent, *args: Any) -> Attempt:
        return replace(real(self, *args), due=NEVER)

    return [(intent.Intent, "written", written)]


def written_after_sending() -> Sequence[Swap]:
    def attempted(step: Any, slot: Any, run: Any, runtime: Runtime) -> stepping.Came:
        id_, gateway = runtime.new_id(), slot.gateway
        request = gateway.compose(Charge(step.payment), id_.hex)
        assert request is not None
        written = stepping._intent(step, slot.row).written(
            id_, request, gateway.declaration, step.now, runtime.policy
        )
        budget = Budget(run.begun + runtime.policy.send_window_s, run.begun + runtime.policy.call_s)
        outcome = slot.permit.send(written, budget, lambda _: None)
        screened = None if step.assessment is None else step.payment
        with runtime.store.begin() as work:
            work.begin_attempt(written, run.lease, runtime.policy.lease_s, {}, screened)
        learn.learn(Fact(id_, Source.ANSWER, outcome), written, runtime)
        return stepping.Came.OVER

    return [(charging, "attempted", attempted), (paying, "attempted", attempted)]


def sent_inside_the_transaction() -> Sequence[Swap]:
    real = refund._intent

    def intended(work: Work, payment: Payment, claim: Any, runtime: Runtime) -> Attempt | None:
        attempt = real(work, payment, claim, runtime)
        if attempt is not None:
            begun = runtime.monotonic()
            intent.carry_out(attempt, begun, runtime)
        return None

    return [(refund, "_intent", intended)]


def lost_wakes_are_not_swept() -> Sequence[Swap]:
    def announced(due: Due, now: datetime) -> datetime | None:
        return None if due.next_run_at is None or due.next_run_at <= now else due.next_run_at

    return [(session, "announced", announced)]


def cancelled_beside_an_open_charge() -> Sequence[Swap]:
    def cancelled(payment: Payment, attempts: Sequence[Attempt], sight: Sight) -> Payment:
        if payment.final:
            return payment
        return payment.ended(Status.CANCELLED)

    return [(request, "cancelled", cancelled)]


def expired_beside_an_open_charge() -> Sequence[Swap]:
    real = routing.decide

    def decide(payment: Payment, gateways: Any, attempts: Any, now: datetime, runs: int) -> Next:
        if now >= payment.expires_at:
            return End(Status.FAILED, Failure("no_provider_available", "it took too long"))
        return real(payment, gateways, attempts, now, runs)

    return [(charging, "decide", decide), (paying, "decide", decide)]


def captured_and_voided() -> Sequence[Swap]:
    real = requests._allows

    def allows(payment: Payment, verb: Verb) -> bool:
        return real(replace(payment, capture_amount=None), verb)

    return [(holds, "is_open", lambda attempt: False), (requests, "_allows", allows)]


def send_window_is_not_checked() -> Sequence[Swap]:
    def budget(until: float, runtime: Runtime) -> Budget:
        return Budget(runtime.monotonic() + 86_400.0, runtime.monotonic() + 86_400.0)

    real = intent.carry_out

    def carry_out(attempt: Attempt, begun: float, runtime: Runtime) -> None:
        real(attempt, begun + 86_400.0, runtime)

    return [
        (resolve, "_budget", budget),
        (refund, "carry_out", carry_out),
        (holds, "carry_out", carry_out),
        (stepping, "Budget", lambda by, deadline: Budget(by + 86_400.0, deadline + 86_400.0)),
    ]


def rows_are_not_locked() -> Sequence[Swap]:
    checked = session.MemorySession._held

    def held(self: Any, table: Any, row: Any, lease: Any) -> Any:
        return checked(self, table, replace(row, version=table.get(row.id).row.version), lease)

    work = payments.MemoryPaymentWork
    return [
        (work, "lock_payment", lambda self, id_: self.payment(id_)),
        (session.MemorySession, "_held", held),
    ]
