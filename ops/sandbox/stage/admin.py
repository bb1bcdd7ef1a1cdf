"""The admin port: faults, the books, and the levers of payers, banks and operators."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from ops.sandbox.door import Door
from ops.sandbox.fields import Fields, json_object
from ops.sandbox.replies import Answer, ApiError, Reply, invalid, json_answer, not_found
from ops.sandbox.stage.board import Act, BoardFullError, Operation, Rule, Step, Target
from ops.sandbox.stage.books import settlement
from ops.sandbox.stage.calls import Call, Handler, handled
from ops.sandbox.stage.calls import Endpoint as Described
from ops.sandbox.stage.faults import DURATION_LIMIT_MS, DURATION_MS, WEBHOOKS, Fault
from ops.sandbox.stage.provider import LeverError, Provider
from ops.sandbox.stage.routing import NoMethodError, NoPathError, Router
from ops.sandbox.stage.sightings import Sighting, text_of
from ops.sandbox.stage.stage import Stage
from ops.sandbox.times import rfc3339
from ops.sandbox.wire import Request

#: Ledger entries or settlement lines in one answer; `has_more` tells to ask again after the last.
PAGE = 10_000
#: What a charge can be forced into.
FORCED = ("captured", "authorized", "declined", "canceled", "expired", "refunded")

Names: TypeAlias = Mapping[str, str]
Endpoint: TypeAlias = Callable[[Request, Names], Awaitable[Reply]]


class Admin:
    """Operates one simulator. Needs no key: it listens on 127.0.0.1 only."""

    def __init__(self, stage: Stage, provider: Provider, api_door: Door) -> None:
        self._stage, self._provider = stage, provider
        self._api_door = api_door
        self._at_the_door = asyncio.Lock()
        self._reopening: asyncio.Future[None] | None = None
        table: dict[str, dict[str, Endpoint]] = {
            "/faults": {"GET": self._faults, "POST": self._add, "DELETE": self._clear},
            "/ledger": {"GET": self._ledger},
            "/ledger/summary": {"GET": self._summary},
            "/settlements": {"GET": self._settlements},
            "/requests": {"GET": self._requests},
        }
        for path, methods in provider.levers().items():
            table[path] = {method: self._own(handler) for method, handler in methods.items()}
        self._router: Router[Endpoint] = Router(table | self._levers())

    async def __call__(self, request: Request) -> Reply:
        """Answer one admin request."""
        try:
            endpoint, names = self._router.find(request.method, request.path)
            return await endpoint(request, names)
        except NoPathError:
            return not_found("path").answer
        except NoMethodError as error:
            return ApiError(405, "invalid_request", "method_not_allowed", f"Use {error}.").answer
        except LeverError as error:
            return ApiError(409, "invalid_request", "invalid_state", str(error)).answer
        except ApiError as error:
            return error.answer

    def _levers(self) -> dict[str, dict[str, Endpoint]]:
        provider = self._provider
        return {
            "/objects/{id}/settle": {"POST": self._settle},
            "/objects/{id}/chargeback": {"POST": self._charge_back},
            "/objects/{id}/deliver": {"POST": self._deliver},
            "/objects/{id}/approve": self._pulled(provider.approve),
            "/objects/{id}/reject": self._pulled(provider.reject),
            "/refunds/{id}/succeed": self._pulled(
                lambda id_: provider.decide_refund(id_, succeeds=True)
            ),
            "/refunds/{id}/fail": self._pulled(
                lambda id_: provider.decide_refund(id_, succeeds=False)
            ),
            "/payouts/{id}/pay": self._pulled(
                lambda id_: provider.decide_payout(id_, succeeds=True)
            ),
            "/payouts/{id}/fail": self._pulled(
                lambda id_: provider.decide_payout(id_, succeeds=False)
            ),
            "/payouts/{id}/return": self._pulled(provider.return_payout),
        }

    def _pulled(self, lever: Callable[[str], None]) -> dict[str, Endpoint]:
        async def pull(_: Request, names: Names) -> Reply:
            await self._stage.act(lambda: lever(names["id"]), forced=True)
            return _done()

        return {"POST": pull}

    def _own(self, handler: Handler) -> Endpoint:
        async def endpoint(request: Request, names: Names) -> Reply:
            stage, act = self._stage, Act(Operation.OTHER)
            at = rfc3339(time.time())
            seen = Sighting(at, request.method, request.path, text_of(request), act)
            call = Call(request, names, act, seen, stage.board, set())
            return await stage.act(lambda: handled(Described(handler), call), act, forced=True)

        return endpoint

    async def _settle(self, request: Request, names: Names) -> Reply:
        fields = Fields(json_object(request.body))
        to = fields.choice("to", FORCED)
        fields.end()
        await self._stage.act(lambda: self._provider.settle(names["id"], to), forced=True)
        return _done()

    async def _charge_back(self, request: Request, names: Names) -> Reply:
        fields = Fields(json_object(request.body))
        minor = fields.amount("amount")
        fields.end()
        provider = self._provider
        await self._stage.act(lambda: provider.charge_back(names["id"], minor), forced=True)
        return _done()

    async def _deliver(self, _: Request, names: Names) -> Reply:
        outbox = self._stage.outbox
        if outbox is None or not outbox.send_again(names["id"]):
            raise not_found("webhook")
        return _done()

    async def _ledger(self, request: Request, _: Names) -> Reply:
        journal, after = self._stage.journal, _number(request, "after")
        about = _query(request).get("about")
        await journal.flushed()
        if about is None:
            seqs = list(range(after + 1, min(after + PAGE, journal.on_disk) + 1))
            more = after + PAGE < journal.on_disk
        else:
            found = [
                one for one in self._stage.books.about(about) if after < one <= journal.on_disk
            ]
            seqs, more = found[:PAGE], len(found) > PAGE
        return _listed([journal.read(seq) for seq in seqs], more=more)

    async def _settlements(self, request: Request, _: Names) -> Reply:
        journal, after = self._stage.journal, _number(request, "after_seq")
        await journal.flushed()
        seqs, more = self._stage.books.movements(after, journal.on_disk, PAGE)
        return _listed([settlement(journal.read(seq)) for seq in seqs], more=more)

    async def _summary(self, _: Request, __: Names) -> Reply:
        await self._stage.journal.flushed()
        return json_answer(200, self._stage.books.summary())

    async def _requests(self, request: Request, _: Names) -> Reply:
        reference = _query(request).get("reference")
        return json_answer(200, {"data": self._stage.sightings.to_json(reference)})

    async def _faults(self, _: Request, __: Names) -> Reply:
        return json_answer(200, {"data": [rule.to_json() for rule in self._stage.board.rules]})

    async def _add(self, request: Request, _: Names) -> Reply:
        rule = _rule(Fields(json_object(request.body)))
        try:
            self._stage.board.add(rule)
        except BoardFullError as error:
            raise invalid(str(error)) from error
        await self._match_door()
        if rule.fault is Fault.REFUSE and rule.ms:
            asyncio.get_running_loop().call_later(rule.ms / 1000, self._end, rule)
        return json_answer(201, rule.to_json())

    async def _clear(self, _: Request, __: Names) -> Reply:
        self._stage.board.clear()
        await self._match_door()
        return json_answer(200, {"data": []})

    def _end(self, rule: Rule) -> None:
        self._stage.board.remove(rule)
        self._reopening = asyncio.ensure_future(self._match_door())

    async def _match_door(self) -> None:
        async with self._at_the_door:
            if self._stage.board.refusing:
                self._api_door.shut()
            else:
                await self._api_door.open()


def _rule(fields: Fields) -> Rule:
    fault = fields.choice("fault", tuple(Fault))
    usual = Target.ANY if fault in WEBHOOKS or fault is Fault.REFUSE else Target.POST
    seed = fields.optional_int("seed", 0, 2**63 - 1)
    ms = fields.optional_int("ms", 0, DURATION_LIMIT_MS)
    step = fields.optional_text("step", 1, 16)
    rule = Rule(
        fault=fault,
        on=fields.choice("on", tuple(Target), usual),
        step=None if step is None else _step(step),
        left=fields.optional_int("count", 1, 1_000_000),
        probability=fields.share("probability", 1.0),
        seed=secrets.randbits(32) if seed is None else seed,
        ms=DURATION_MS.get(fault, 0) if ms is None else ms,
        containing=fields.optional_text("containing", 0, 500) or "",
    )
    fields.end()
    if fault is Fault.REFUSE and (rule.left or rule.containing or rule.probability != 1.0):
        raise invalid("A closed door cannot count, read or throw dice: end it by ms or DELETE.")
    return rule


def _step(said: str) -> Step:
    if said not in tuple(Step):
        raise invalid("step must be make or move", "step")
    return Step(said)


def _listed(content: list[Any], *, more: bool) -> Answer:
    return Answer(200, msgspec.json.encode({"data": content, "has_more": more}))


def _done() -> Answer:
    return json_answer(200, {"done": True})


def _number(request: Request, name: str) -> int:
    given = _query(request).get(name, "0")
    if not given.isdecimal():
        raise invalid(f"{name} must be a sequence number.", name)
    return int(given)


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))
