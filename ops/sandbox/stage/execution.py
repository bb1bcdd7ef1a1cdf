"""How one API request runs: admitted, struck by its faults, carried out, written down, spoiled."""

import time
from collections.abc import Mapping

from ops.sandbox.replies import Answer, Dripped, Dropped, Reply
from ops.sandbox.stage.board import CHANGES, Act
from ops.sandbox.stage.calls import Call, Endpoint, Failing, Refusal, Refused, handled
from ops.sandbox.stage.faults import EXCHANGE, Fault
from ops.sandbox.stage.guide import Guide
from ops.sandbox.stage.provider import Provider
from ops.sandbox.stage.routing import NoMethodError, NoPathError, Router
from ops.sandbox.stage.sightings import Sighting, text_of
from ops.sandbox.stage.stage import Stage
from ops.sandbox.times import rfc3339
from ops.sandbox.wire import Request

#: A 200 that no client can read.
GARBAGE = b'\x00\xff{"id": <'


class Front:
    """The API port: the provider's paths, and the guide at /."""

    def __init__(self, stage: Stage, provider: Provider) -> None:
        self._stage, self._provider = stage, provider
        guide = Endpoint(Guide(provider).show, public=True)
        routes = {"/": {"GET": guide}} | dict(provider.routes())
        self._router: Router[Endpoint] = Router(routes)

    async def __call__(self, request: Request) -> Reply:
        """Answer one request, and note what came of it."""
        at = rfc3339(time.time())
        seen = Sighting(at, request.method, request.path, text_of(request))
        self._stage.sightings.add(seen)
        reply = await self._reply(request, seen)
        match reply:
            case Dropped():
                seen.status = "dropped"
            case Answer(status=status) | Dripped(answer=Answer(status=status)):
                seen.status = status
        return reply

    async def _reply(self, request: Request, seen: Sighting) -> Reply:
        provider = self._provider
        try:
            endpoint, names = self._router.find(request.method, request.path)
        except NoPathError:
            return provider.sealed(provider.refusal(Refusal.NOT_FOUND))
        except NoMethodError as error:
            answer = provider.refusal(Refusal.METHOD)
            headers = dict(answer.headers) | {"Allow": str(error)}
            return provider.sealed(Answer(answer.status, answer.body, answer.content_type, headers))
        seen.act = act = endpoint.act(request)
        stage = self._stage
        call = Call(request, names, act, seen, stage.board, stage.claimed)
        if endpoint.public:
            return await stage.act(lambda: handled(endpoint, call), act)
        try:
            refused = await stage.act(lambda: _admitted(provider, call), act)
            if refused is not None:
                return provider.sealed(refused)
            return await self._struck(call, endpoint, act)
        finally:
            stage.claimed.difference_update(call.claims)

    async def _struck(self, call: Call, endpoint: Endpoint, act: Act) -> Reply:
        stage, provider = self._stage, self._provider
        strikes = stage.board.strikes(act, call.sighting.text, EXCHANGE)
        if Fault.DROP_BEFORE in strikes:
            return Dropped()
        if Fault.HANG_BEFORE in strikes:
            await call.request.client_leaves(strikes[Fault.HANG_BEFORE])
            return Dropped()
        if Fault.RATE_LIMITED in strikes:
            return provider.sealed(provider.refusal(Refusal.RATE_LIMITED))
        if Fault.UNAVAILABLE in strikes or (stage.full and act.operation in CHANGES):
            return provider.sealed(provider.refusal(Refusal.UNAVAILABLE))
        failing = _failing(strikes)
        answer = await stage.act(lambda: provider.run(call, endpoint, failing), act)
        return await self._spoiled(answer, strikes, call.request)

    async def _spoiled(
        self, answer: Answer, strikes: Mapping[Fault, int], request: Request
    ) -> Reply:
        """Hold the answer back, lose it or mangle it, as the faults say."""
        if Fault.LATENCY in strikes:
            await request.client_leaves(strikes[Fault.LATENCY])
        if Fault.HANG_AFTER in strikes:
            await request.client_leaves(strikes[Fault.HANG_AFTER])
            return Dropped()
        if Fault.DROP_AFTER in strikes:
            return Dropped()
        if Fault.GARBAGE_AFTER in strikes:
            answer = Answer(200, GARBAGE, answer.content_type)  # nobody signs this
        else:
            answer = self._provider.sealed(answer)
        if Fault.DRIP_AFTER in strikes:
            return Dripped(answer, strikes[Fault.DRIP_AFTER])
        return answer


def _admitted(provider: Provider, call: Call) -> Answer | None:
    try:
        return provider.admits(call)
    except Refused as refused:
        return refused.answer


def _failing(strikes: Mapping[Fault, int]) -> Failing | None:
    if Fault.FAIL_BEFORE in strikes:
        return Failing.BEFORE
    return Failing.AFTER if Fault.FAIL_AFTER in strikes else None
