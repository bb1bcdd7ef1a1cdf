"""Payment tokens: those of the simulator's vault, and forgetting one."""

from typing import Any

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.xendit import views
from ops.sandbox.xendit.account import Account
from ops.sandbox.xendit.errors import refused, unknown
from ops.sandbox.xendit.reading import Empty, body_of

#: Tokens of the simulator's vault. Any that begins with `pt-card` is a card.
FRICTIONLESS, EXPIRED, BLOCKED = "pt-frictionless", "pt-expired", "pt-blocked"
ADVISED, LINKED = "pt-advice", "pt-linked-dana"
CARD_PREFIX = "pt-card"
#: Cards whose bank never asks for 3DS.
NEVER_ASKED = (FRICTIONLESS, ADVISED)


class Tokens:
    """What can be done with a stored token."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def show(self, call: Call) -> Answer:
        """GET /v3/payment_tokens/{id}."""
        token = self._token(call)
        gone = token in self._account.forgotten
        return json_answer(200, _shown_token(token, "CANCELED" if gone else "ACTIVE"))

    def forget(self, call: Call) -> Answer:
        """POST /v3/payment_tokens/{id}/cancel."""
        body_of(call.body, Empty)
        token = self._token(call)
        if token in self._account.forgotten:
            raise refused(400, "INVALID_TOKEN", "The payment token has been canceled")
        self._account.forget(token)
        return json_answer(200, _shown_token(token, "CANCELED"))

    def _token(self, call: Call) -> str:
        token = call.names["id"]
        if not is_known(token):
            raise unknown()
        return token


def is_known(token: str) -> bool:
    """Whether the vault has it."""
    others = (*NEVER_ASKED, EXPIRED, BLOCKED, LINKED)
    return token in others or token.startswith(CARD_PREFIX)


def _shown_token(token: str, status: str) -> dict[str, Any]:
    channel = "DANA" if token == LINKED else "CARDS"
    return {
        "payment_token_id": token,
        "business_id": views.BUSINESS,
        "channel_code": channel,
        "status": status,
    }
