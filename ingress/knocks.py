"""Knocks: what providers bring to the door is verified as raw bytes, then stored once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from starlette.requests import Request

from domain.commands import Command
from domain.errors import DomainError, Forbidden, Unauthorized
from domain.webhook import signed
from ingress.clients import is_within
from ingress.intake import Announce, Announcer, Batcher
from native.verifier import MAX_CHECKS, Check, verify_batch
from ops.store.gateways import Account
from ops.store.inbox import Came, Stored

#: Signatures tried for one request: accounts times secrets times signatures in the header.
MAX_TRIES = 16

Accounts: TypeAlias = Callable[[], Awaitable[Sequence[Account]]]
Store: TypeAlias = Callable[[Sequence[Came]], Awaitable[list[Stored | Exception]]]
#: Told the gateway or provider, and what came of what it brought.
Heard: TypeAlias = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Letter:
    """What is kept of a knock: its bytes, and the name under which copies of it are one event."""

    dedupe_key: str
    body: bytes = field(repr=False)


#: Reads a body, once its sender is proven. Raises the `DomainError` that is to be answered.
Reader: TypeAlias = Callable[[Account, bytes], Letter]


@dataclass(frozen=True, slots=True)
class Knock:
    """A body at the door, with everybody it may be from and the checks that would prove it."""

    body: bytes = field(repr=False)
    request_id: str
    checks: tuple[tuple[Account, Check], ...] = field(repr=False)
    read: Reader


async def knock(request: Request, accounts: Sequence[Account], read: Reader) -> Knock:
    """Return the request as a knock of one of these accounts. Raises `Forbidden`."""
    body = await request.body()
    checks = _checks(_admitted(accounts, request), request.headers, body)
    return Knock(body, request.state.request_id, checks, read)


class Door:
    """Verifies the knocks of a batch in one native call, and stores each genuine event once."""

    def __init__(
        self,
        store: Store,
        announce: Announce,
        new_id: Callable[[], UUID],
        heard: Heard,
        *,
        cap: int,
        depth: int,
    ) -> None:
        """`cap` bounds a batch, `depth` what may wait."""
        self._store = store
        self._announcer = Announcer(announce)
        self._new_id = new_id
        self._heard = heard
        self._batcher: Batcher[Knock, Stored] = Batcher(
            self._flush, cap=min(cap, MAX_CHECKS // MAX_TRIES), depth=depth
        )

    async def take(self, knock: Knock, sender: str) -> Stored:
        """Verify and store one knock, with whatever else is waiting; `sender` is who it claims
        to be, and is counted when that is not so."""
        try:
            return await self._batcher.submit(knock)
        except Unauthorized:
            self._heard(sender, "bad_signature")
            raise

    async def drain(self) -> None:
        """Finish what came in."""
        await self._batcher.drain()
        await self._announcer.drain()

    async def _flush(self, knocks: Sequence[Knock]) -> Sequence[Stored | Exception]:
        answers: list[Stored | Exception] = [
            Unauthorized("the webhook's signature is not valid") for _ in knocks
        ]
        genuine: list[tuple[int, Came]] = []
        for index, (knock, sender) in enumerate(zip(knocks, _senders(knocks), strict=True)):
            if sender is None:
                continue
            try:
                letter = knock.read(sender, knock.body)
            except DomainError as refusal:
                answers[index] = refusal
                continue
            came = Came(self._new_id(), sender.id, letter.dedupe_key, letter.body, knock.request_id)
            genuine.append((index, came))
        if genuine:
            stored = await self._store([came for _, came in genuine])
            for (index, came), answer in zip(genuine, stored, strict=True):
                answers[index] = answer
                if isinstance(answer, Stored):
                    self._heard(came.gateway_id, "accepted" if answer.new else "duplicate")
            self._announcer.soon(
                [
                    (Command.NOTICE, answer.id, came.request_id)
                    for (_, came), answer in zip(genuine, stored, strict=True)
                    if isinstance(answer, Stored)
                ]
            )
        return answers


def _senders(knocks: Sequence[Knock]) -> list[Account | None]:
    """Return who signed each knock; None where no secret fits."""
    checks = [check for knock in knocks for _, check in knock.checks]
    verdicts = iter(verify_batch(checks))
    found: list[Account | None] = []
    for knock in knocks:
        sender = None
        for account, _ in knock.checks:  # every verdict is taken: no answer is faster than another
            if next(verdicts) and sender is None:
                sender = account
        found.append(sender)
    return found


def _admitted(accounts: Sequence[Account], request: Request) -> list[Account]:
    """Keep the accounts whose allow-list has the sender's address; an empty list admits everybody."""
    ip = request.state.client_ip
    admitted = [
        account
        for account in accounts
        if not account.ip_allowlist or is_within(ip, account.ip_allowlist)
    ]
    if accounts and not admitted:
        raise Forbidden("webhooks are not accepted from this address")
    return admitted


def _checks(
    accounts: Sequence[Account], headers: Mapping[str, str], body: bytes
) -> tuple[tuple[Account, Check], ...]:
    now_s = int(time.time())  # the one place where the wall clock decides: a signature's age
    checks: list[tuple[Account, Check]] = []
    for account in accounts:
        claim = signed(account.scheme, headers, body, now_s)
        if claim is None:
            continue
        checks += [
            (account, Check(secret.encode(), claim.message, signature))
            for secret in account.webhook_secrets
            for signature in claim.signatures
        ]
    return tuple(checks[:MAX_TRIES])
