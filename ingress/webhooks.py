"""Webhooks: verify the raw bytes, store them once, answer; what they mean is a worker's matter."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.commands import Command
from domain.errors import Forbidden, MalformedBody, NotFound, Unauthorized
from domain.webhook import dedupe_key, signed
from ingress.intake import Announce, Announcer, Batcher
from native.verifier import MAX_CHECKS, Check, verify_batch
from ops.store.gateways import Account
from ops.store.inbox import Came, Stored

#: Signatures tried for one request: accounts times secrets times signatures in the header.
MAX_TRIES = 16

Accounts = Callable[[], Awaitable[Sequence[Account]]]
Store = Callable[[Sequence[Came]], Awaitable[list[Stored | Exception]]]


@dataclass(frozen=True, slots=True)
class Knock:
    """A webhook at the door, with everybody it may be from and the checks that would prove it."""

    body: bytes = field(repr=False)
    request_id: str
    checks: tuple[tuple[Account, Check], ...] = field(repr=False)


class Door:
    """Verifies the webhooks of a batch in one native call, and stores each genuine event once."""

    def __init__(
        self,
        store: Store,
        announce: Announce,
        new_id: Callable[[], UUID],
        heard: Callable[[str, str], None],
        *,
        cap: int,
        depth: int,
    ) -> None:
        """`heard(gateway or provider, result)` counts what came of each webhook."""
        self._store = store
        self._announcer = Announcer(announce)
        self._new_id = new_id
        self._heard = heard
        self._batcher: Batcher[Knock, Stored] = Batcher(
            self._flush, cap=min(cap, MAX_CHECKS // MAX_TRIES), depth=depth
        )

    async def take(self, knock: Knock) -> Stored:
        """Verify and store one webhook, with whatever else is waiting."""
        return await self._batcher.submit(knock)

    async def drain(self) -> None:
        """Finish what came in."""
        await self._batcher.drain()
        await self._announcer.drain()

    async def _flush(self, knocks: Sequence[Knock]) -> Sequence[Stored | Exception]:
        answers: list[Stored | Exception] = [
            Unauthorized("the webhook's signature is not valid") for _ in knocks
        ]
        genuine: list[tuple[int, Came]] = []
        for index, sender in enumerate(_senders(knocks)):
            if sender is None:
                continue
            knock = knocks[index]
            try:
                document = msgspec.json.decode(knock.body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                answers[index] = MalformedBody("the webhook's body is not JSON")
                continue
            key = dedupe_key(sender.scheme, document, knock.body)
            genuine.append(
                (index, Came(self._new_id(), sender.id, key, knock.body, knock.request_id))
            )
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
    """Return who signed each webhook; None where no secret fits."""
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


def routes(door: Door, accounts: Accounts, heard: Callable[[str, str], None]) -> list[Route]:
    """Return the webhook routes: the canonical one names the gateway, the short one the provider."""

    async def webhook(request: Request) -> Response:
        provider = request.path_params["provider"]
        known = [account for account in await accounts() if account.provider == provider]
        if not known:
            raise NotFound("provider")
        gateway = request.path_params.get("gateway")
        asked = [account for account in known if gateway in (None, account.id)]
        knock = Knock(
            await request.body(),
            request.state.request_id,
            _checks(_admitted(asked, request), request.headers, await request.body()),
        )
        try:
            stored = await door.take(knock)
        except Unauthorized:
            heard(gateway if asked and gateway else provider, "bad_signature")
            raise
        return Response(msgspec.json.encode({"received": True, "duplicate": not stored.new}),
                        media_type="application/json")  # fmt: skip

    return [
        Route("/webhooks/{provider}", webhook, methods=["POST"]),
        Route("/webhooks/{provider}/{gateway}", webhook, methods=["POST"]),
    ]


def _admitted(accounts: Sequence[Account], request: Request) -> list[Account]:
    """Keep the accounts whose allow-list has the sender's address; an empty list admits everybody."""
    address = ipaddress.ip_address(request.state.client_ip)
    admitted = [
        account
        for account in accounts
        if not account.ip_allowlist
        or any(address in ipaddress.ip_network(one) for one in account.ip_allowlist)
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
