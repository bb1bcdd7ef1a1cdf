"""The API port's /v1: authenticate, find the endpoint, write down what came of it."""

import hmac
import time

from ops.sandbox.account import Account
from ops.sandbox.calls import Call, Endpoint
from ops.sandbox.execution import Execution
from ops.sandbox.payments.endpoints import PaymentEndpoints
from ops.sandbox.payouts.endpoints import PayoutEndpoints
from ops.sandbox.refunds.endpoints import RefundEndpoints
from ops.sandbox.replies import Answer, ApiError, Dripped, Dropped, Reply
from ops.sandbox.routing import Router
from ops.sandbox.sightings import Sighting, Sightings
from ops.sandbox.statements import StatementEndpoints
from ops.sandbox.times import rfc3339
from ops.sandbox.vault import Vault
from ops.sandbox.wire import Request


class Api:
    """The provider's API. Every request that reaches it is written to `sightings`."""

    def __init__(self, account: Account, sightings: Sightings) -> None:
        self._sightings = sightings
        self._bearer = f"Bearer {account.settings.secret_key}".encode()
        execution = Execution(account)
        self._router: Router[Endpoint] = Router(
            PaymentEndpoints(account, execution).routes()
            | RefundEndpoints(account, execution).routes()
            | PayoutEndpoints(account, execution).routes()
            | StatementEndpoints(account, execution).routes()
            | Vault(account, execution).routes()
        )

    async def __call__(self, request: Request) -> Reply:
        """Answer one /v1 request, refusals included."""
        seen = Sighting(
            at=rfc3339(time.time()),
            method=request.method,
            path=request.path,
            key=request.headers.get("idempotency-key"),
        )
        self._sightings.add(seen)
        try:
            self._authenticate(request)
            endpoint, found = self._router.find(request.method, request.path)
            reply = await endpoint(Call(request, found, seen))
        except ApiError as error:
            reply = error.answer
        match reply:
            case Dropped():
                seen.status = "dropped"
            case Answer(status=status) | Dripped(answer=Answer(status=status)):
                seen.status = status
        return reply

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._bearer):
            raise ApiError(
                401,
                "authentication_error",
                "invalid_api_key",
                "No valid API key was given: Authorization: Bearer <secret key>.",
                headers={"WWW-Authenticate": "Bearer"},
            )
