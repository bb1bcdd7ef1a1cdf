"""The admin port: faults for everyone, the ledger, the requests seen, forced changes."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from ops.sandbox.account import Account
from ops.sandbox.board import BoardFullError, Rule, Target
from ops.sandbox.door import Door
from ops.sandbox.faults import DURATION_LIMIT_MS, Fault, strike_of
from ops.sandbox.fields import Fields, json_object
from ops.sandbox.operations import WrongStateError
from ops.sandbox.payments import Payment
from ops.sandbox.replies import Answer, ApiError, Reply, invalid, json_answer, not_found
from ops.sandbox.routing import Router
from ops.sandbox.settling import FORCED, force
from ops.sandbox.sightings import Sightings
from ops.sandbox.wire import Request

#: Ledger entries in one answer; `has_more` tells to ask again after the last.
PAGE = 10_000

Endpoint: TypeAlias = Callable[[Request], Awaitable[Reply]]


class Admin:
    """Operates one sandbox. Needs no key: it listens on 127.0.0.1 only."""

    def __init__(self, account: Account, sightings: Sightings, api_door: Door) -> None:
        self._account = account
        self._sightings = sightings
        self._api_door = api_door
        self._at_the_door = asyncio.Lock()
        self._reopening: asyncio.Future[None] | None = None
        self._router: Router[Endpoint] = Router(
            {
                "/faults": {"GET": self._faults, "POST": self._add, "DELETE": self._clear},
                "/ledger": {"GET": self._ledger},
                "/ledger/summary": {"GET": self._summary},
                "/requests": {"GET": self._requests},
                "/deliver": {"POST": self._deliver},
                "/settle": {"POST": self._settle},
            }
        )

    async def __call__(self, request: Request) -> Reply:
        """Answer one admin request."""
        try:
            endpoint, _ = self._router.find(request.method, request.path)
            return await endpoint(request)
        except ApiError as error:
            return error.answer

    async def _faults(self, _: Request) -> Answer:
        return json_answer(200, {"data": [rule.to_json() for rule in self._account.board.rules]})

    async def _add(self, request: Request) -> Answer:
        rule = _rule(Fields(json_object(request.body)))
        try:
            self._account.board.add(rule)
        except BoardFullError as error:
            raise invalid(str(error)) from error
        await self._match_door()
        if rule.fault is Fault.REFUSE and rule.ms:
            asyncio.get_running_loop().call_later(rule.ms / 1000, self._end, rule)
        return json_answer(201, rule.to_json())

    async def _clear(self, _: Request) -> Answer:
        self._account.board.clear()
        await self._match_door()
        return json_answer(200, {"data": []})

    async def _ledger(self, request: Request) -> Answer:
        after = _query(request).get("after", "0")
        if not after.isdecimal():
            raise invalid("after must be a sequence number.", "after")
        ledger = self._account.ledger
        await ledger.flushed()
        last = min(int(after) + PAGE, ledger.on_disk)
        entries = [ledger.read(seq) for seq in range(int(after) + 1, last + 1)]
        body = {"data": entries, "has_more": last < ledger.on_disk}
        return Answer(200, msgspec.json.encode(body))

    async def _summary(self, _: Request) -> Answer:
        await self._account.ledger.flushed()
        tallies = self._account.books.tallies
        totals: dict[str, Any] = {"references": len(tallies), "charges": 0, "currencies": {}}
        for tally in tallies.values():
            totals["charges"] += tally.charges
            sums = totals["currencies"].setdefault(
                tally.currency, {"captured": 0, "refunded": 0, "reversed": 0}
            )
            sums["captured"] += tally.captured
            sums["refunded"] += tally.refunded
            sums["reversed"] += tally.reversed
        totals["charged_more_than_once"] = [
            reference for reference, tally in tallies.items() if tally.charges > 1
        ]
        references = {reference: asdict(tally) for reference, tally in tallies.items()}
        return json_answer(200, {"references": references, "totals": totals})

    async def _requests(self, request: Request) -> Answer:
        reference = _query(request).get("reference")
        return json_answer(200, {"data": self._sightings.to_json(reference)})

    async def _deliver(self, request: Request) -> Answer:
        fields = Fields(json_object(request.body))
        payment = self._payment(fields)
        fields.end()
        outbox = self._account.outbox
        if outbox is None or not outbox.send_again(payment.id):
            raise invalid("This sandbox has no webhook URL.")
        return json_answer(202, {"payment": payment.id})

    async def _settle(self, request: Request) -> Answer:
        fields = Fields(json_object(request.body))
        payment = self._payment(fields)
        to = fields.choice("status", FORCED)
        fields.end()
        try:
            move = force(payment, to, time.time())
        except WrongStateError as error:
            shown = self._account.shown(payment)
            raise ApiError(
                409, "invalid_request", "invalid_state", str(error), payment=shown
            ) from error
        changed = self._account.change([move])
        await self._account.commit(changed)
        return json_answer(200, self._account.shown(self._account.books.payments[payment.id]))

    def _payment(self, fields: Fields) -> Payment:
        payment = self._account.books.payments.get(fields.text("payment", 1, 64))
        if payment is None:
            raise not_found("payment")
        return payment

    def _end(self, rule: Rule) -> None:
        self._account.board.remove(rule)
        self._reopening = asyncio.ensure_future(self._match_door())

    async def _match_door(self) -> None:
        async with self._at_the_door:
            if self._account.board.refusing:
                self._api_door.shut()
            else:
                await self._api_door.open()


def _rule(fields: Fields) -> Rule:
    fault = fields.choice("fault", tuple(Fault))
    seed = fields.optional_int("seed", 0, 2**63 - 1)
    rule = Rule(
        fault=fault,
        left=fields.optional_int("count", 1, 1_000_000),
        probability=fields.share("probability", 1.0),
        seed=secrets.randbits(32) if seed is None else seed,
        ms=strike_of(fault, fields.optional_int("ms", 0, DURATION_LIMIT_MS)).ms,
        on=fields.choice("on", tuple(Target), Target.POST),
    )
    fields.end()
    if fault is Fault.REFUSE and (rule.left is not None or rule.probability != 1.0):
        raise invalid("A closed door cannot count or throw dice: end refuse by ms or DELETE.")
    return rule


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))
