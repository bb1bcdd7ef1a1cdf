"""The admin port: faults for everyone, the books, and the levers of an operator."""

import asyncio
import secrets

from ops.sandbox.account import Account
from ops.sandbox.audit import AdminEndpoint, Audit
from ops.sandbox.board import BoardFullError, Rule, Target
from ops.sandbox.courses import can_strike, default_target
from ops.sandbox.door import Door
from ops.sandbox.faults import DURATION_LIMIT_MS, Fault, strike_of
from ops.sandbox.fields import Fields, json_object
from ops.sandbox.levers import Levers
from ops.sandbox.replies import Answer, ApiError, Reply, invalid, json_answer
from ops.sandbox.routing import Router
from ops.sandbox.sightings import Sightings
from ops.sandbox.wire import Request


class Admin:
    """Operates one sandbox. Needs no key: it listens on 127.0.0.1 only."""

    def __init__(self, account: Account, sightings: Sightings, api_door: Door) -> None:
        self._account = account
        self._api_door = api_door
        self._at_the_door = asyncio.Lock()
        self._reopening: asyncio.Future[None] | None = None
        faults: dict[str, dict[str, AdminEndpoint]] = {
            "/faults": {"GET": self._faults, "POST": self._add, "DELETE": self._clear}
        }
        self._router: Router[AdminEndpoint] = Router(
            faults | Audit(account, sightings).routes() | Levers(account).routes()
        )

    async def __call__(self, request: Request) -> Reply:
        """Answer one admin request."""
        try:
            endpoint, found = self._router.find(request.method, request.path)
            return await endpoint(request, found)
        except ApiError as error:
            return error.answer

    async def _faults(self, _: Request, __: str) -> Answer:
        return json_answer(200, {"data": [rule.to_json() for rule in self._account.board.rules]})

    async def _add(self, request: Request, _: str) -> Answer:
        rule = _rule(Fields(json_object(request.body)))
        try:
            self._account.board.add(rule)
        except BoardFullError as error:
            raise invalid(str(error)) from error
        await self._match_door()
        if rule.fault is Fault.REFUSE and rule.ms:
            asyncio.get_running_loop().call_later(rule.ms / 1000, self._end, rule)
        return json_answer(201, rule.to_json())

    async def _clear(self, _: Request, __: str) -> Answer:
        self._account.board.clear()
        await self._match_door()
        return json_answer(200, {"data": []})

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
        on=fields.choice("on", tuple(Target), default_target(fault)),
    )
    fields.end()
    if fault is Fault.REFUSE and (rule.left is not None or rule.probability != 1.0):
        raise invalid("A closed door cannot count or throw dice: end refuse by ms or DELETE.")
    if not can_strike(fault, rule.on):
        raise invalid(f"No {rule.on} request can meet {fault}.", "on")
    return rule
