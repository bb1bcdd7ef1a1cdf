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
from domain.webhook import Scheme
from domain.webhook_claims import Certified, claimed, kept_headers, may_certify
from domain.webhook_keys import unverified_key
from ingress.batcher import Batcher
from ingress.clients import is_within
from ingress.intake import Announce, Announcer
from native.verifier import MAX_CHECKS, Check, verify_batch
from ops.certificates import has_signed
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


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a knock may be from, and the way in which it proves itself."""

    account: Account
    scheme: Scheme
    headers: Mapping[str, str] = field(repr=False)


#: Reads a body, once its sender is proven. Raises the `DomainError` that is to be answered.
Reader: TypeAlias = Callable[[Sender, bytes], Letter]


@dataclass(frozen=True, slots=True)
class Knock:
    """A body at the door, with everybody it may be from and what would prove it."""

    body: bytes = field(repr=False)
    request_id: str
    checks: tuple[tuple[Sender, Check], ...] = field(repr=False)
    #: Whose certificate has signed it.
    certified: Sender | None
    #: Whose certificate is not known, but may be fetched: a worker will tell.
    doubtful: tuple[Sender, ...]
    read: Reader


@dataclass(frozen=True, slots=True)
class Taken:
    """What was stored, and in which way its sender wants to be told."""

    stored: Stored
    scheme: Scheme

    @property
    def new(self) -> bool:
        """Whether it had not come before."""
        return self.stored.new


async def knock(request: Request, accounts: Sequence[Account], read: Reader) -> Knock:
    """Return the request as a knock of one of these accounts. Raises `Forbidden`."""
    body = await request.body()
    admitted = _admitted(accounts, request)
    now_s = int(time.time())  # the one place where the wall clock decides: a signature's age
    return knocked(body, request.headers, admitted, now_s, read, request.state.request_id)


def knocked(
    body: bytes,
    headers: Mapping[str, str],
    accounts: Sequence[Account],
    now_s: int,
    read: Reader,
    request_id: str,
) -> Knock:
    """Return what would prove each of these accounts to be the sender, `MAX_TRIES` at most."""
    claims = {
        scheme: claimed(scheme, headers, body, now_s)
        for account in accounts
        for scheme in account.scheme.ways()
    }
    checks: list[tuple[Sender, Check]] = []
    certified: Sender | None = None
    doubtful: list[Sender] = []
    tried = 0
    for account in accounts:
        # Whoever has no secret is nobody: an empty one would be everybody's.
        secrets = [secret.encode() for secret in account.webhook_secrets if secret]
        for scheme in account.scheme.ways():
            claim, sender = claims[scheme], Sender(account, scheme, headers)
            if claim is None:
                continue
            if not isinstance(claim, Certified):
                checks += [
                    (sender, Check(*one)) for secret in secrets for one in claim.checks(secret)
                ]
                continue
            if not may_certify(scheme, claim.url, account.base_url):
                continue
            pem = account.certificates.get(claim.url)
            if pem is None:
                doubtful += [sender] if secrets else []
                continue
            for secret in secrets[: MAX_TRIES - tried]:
                tried += 1
                if has_signed(pem, claim.message(secret), claim.signature):
                    certified = certified or sender
    return Knock(
        *(body, request_id, tuple(checks[:MAX_TRIES])),
        *(certified, tuple(doubtful[:MAX_TRIES]), read),
    )


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
        self._batcher: Batcher[Knock, Taken] = Batcher(
            self._flush, cap=min(cap, MAX_CHECKS // MAX_TRIES), depth=depth
        )

    async def take(self, knock: Knock, sender: str) -> Taken:
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

    async def _flush(self, knocks: Sequence[Knock]) -> Sequence[Taken | Exception]:
        answers: list[Taken | Exception] = [
            Unauthorized("the webhook's signature is not valid") for _ in knocks
        ]
        coming: list[tuple[int, Sender, Came]] = []
        for index, (knock, proven) in enumerate(zip(knocks, _senders(knocks), strict=True)):
            try:
                coming += [
                    (index, sender, self._came(knock, sender, proven is not None))
                    for sender in ((proven,) if proven else knock.doubtful)
                ]
            except DomainError as refusal:
                answers[index] = refusal
        if coming:
            stored = await self._store([came for _, _, came in coming])
            for (index, sender, came), answer in zip(coming, stored, strict=True):
                if isinstance(answer, Stored):
                    self._heard(came.gateway_id, _result(came, answer))
                    answers[index] = Taken(answer, sender.scheme)
                elif not isinstance(answers[index], Taken):  # where it has several, one may have it
                    answers[index] = answer
            self._announcer.soon(
                [
                    (Command.NOTICE, answer.id, came.request_id)
                    for (_, _, came), answer in zip(coming, stored, strict=True)
                    if isinstance(answer, Stored)
                ]
            )
        return answers

    def _came(self, knock: Knock, sender: Sender, proven: bool) -> Came:
        """Return what is stored. Raises the refusal of what cannot be read."""
        letter = knock.read(sender, knock.body)
        row = (self._new_id(), sender.account.id)
        if proven:
            return Came(*row, letter.dedupe_key, letter.body, knock.request_id)
        shown = kept_headers(sender.scheme, sender.headers)
        return Came(*row, unverified_key(shown, knock.body), knock.body, knock.request_id, shown)


def _result(came: Came, stored: Stored) -> str:
    if not stored.new:
        return "duplicate"
    return "unverified" if came.headers else "accepted"


def _senders(knocks: Sequence[Knock]) -> list[Sender | None]:
    """Return who signed each knock; None where no secret fits."""
    checks = [check for knock in knocks for _, check in knock.checks]
    verdicts = iter(verify_batch(checks))
    found: list[Sender | None] = []
    for knock in knocks:
        proven = knock.certified
        for sender, _ in knock.checks:  # every verdict is taken: no answer is faster than another
            if next(verdicts) and proven is None:
                proven = sender
        found.append(proven)
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
