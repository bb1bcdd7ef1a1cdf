"""The line to one Stripe account: every call that is made there, by the stripe package."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from domain.ports import Budget
from workers.gateways import Setup, Unusable
from workers.gateways.stripe.shapes import REFERENCE
from workers.gateways.wire import Reply, Wire, is_sendable

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

#: Entries of one page: the most that there can be.
PAGE: Final = 100
#: A search of more than this finds nobody's doubles, only a mistake.
FOUND: Final = 10
#: The version of the API that this adapter was written for; the package would name its own, and
#: change it when it is upgraded.
API_VERSION: Final = "2026-10-28.endive"
#: What a version of the API looks like: a date, and since 2024 a name.
VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")


class Line:
    """Calls as the provider wants them, with our key on every POST. Safe for threads."""

    def __init__(self, setup: Setup) -> None:
        """Raises `Unusable`."""
        key = setup.credentials.get("secret_key")
        if not key or not is_sendable(key):
            raise Unusable("the credentials need a secret_key: sk_... or rk_...")
        ca_file = setup.settings.get("ca_file")
        if not isinstance(ca_file, str | None):
            raise Unusable("ca_file is the path of a PEM file")
        version = setup.settings.get("api_version", API_VERSION)
        if not (isinstance(version, str) and VERSION.fullmatch(version)):
            raise Unusable(f"api_version is a version of the provider's API, such as {API_VERSION}")
        from workers.gateways.stripe import transport

        self._transport = transport
        self._key = key
        self._version = version
        self._wire = Wire(setup.base_url, {"Accept": "application/json"}, ca_file=ca_file)

    def create(self, params: Any, key: str, budget: Budget) -> Reply:
        """Make an intent; moves nothing."""
        return self._call(lambda v1: v1.payment_intents.create(params, _under(key)), budget)

    def confirm(self, intent: str, params: Any, key: str, budget: Budget) -> Reply:
        """Take, or hold, an intent's money."""
        options = _under(key)
        return self._call(lambda v1: v1.payment_intents.confirm(intent, params, options), budget)

    def capture(self, intent: str, params: Any, key: str, budget: Budget) -> Reply:
        """Collect what an intent holds."""
        options = _under(key)
        return self._call(lambda v1: v1.payment_intents.capture(intent, params, options), budget)

    def cancel(self, intent: str, key: str, budget: Budget) -> Reply:
        """Let go of an intent."""
        options = _under(key)
        return self._call(lambda v1: v1.payment_intents.cancel(intent, {}, options), budget)

    def refund(self, params: Any, key: str, budget: Budget) -> Reply:
        """Give money back."""
        return self._call(lambda v1: v1.refunds.create(params, _under(key)), budget)

    def pay_out(self, params: Any, key: str, budget: Budget) -> Reply:
        """Send money out."""
        return self._call(lambda v1: v1.payouts.create(params, _under(key)), budget)

    def detach(self, method: str, key: str, budget: Budget) -> Reply:
        """Have a saved payment method forgotten."""
        options = _under(key)
        return self._call(lambda v1: v1.payment_methods.detach(method, {}, options), budget)

    def intent(self, intent: str, budget: Budget) -> Reply:
        """Read an intent with its latest charge."""
        return self._call(
            lambda v1: v1.payment_intents.retrieve(intent, {"expand": ["latest_charge"]}), budget
        )

    def intents_of(self, reference: str, budget: Budget) -> Reply:
        """Search for the intents that carry our reference."""
        query = f"metadata['{REFERENCE}']:'{reference}'"
        return self._call(
            lambda v1: v1.payment_intents.search(
                {"query": query, "limit": FOUND, "expand": ["data.latest_charge"]}
            ),
            budget,
        )

    def some_intent(self, budget: Budget) -> Reply:
        """Read anybody's intent, or none."""
        return self._call(lambda v1: v1.payment_intents.list({"limit": 1}), budget)

    def made_within(self, what: str, within: Any, after: str | None, budget: Budget) -> Reply:
        """Read one page of the intents, refunds, payouts or disputes made in a window."""
        params: Any = _page(after) | {"created": within}

        def call(v1: V1Services) -> object:
            lists: dict[str, Callable[[Any], object]] = {
                "payment_intents": v1.payment_intents.list,
                "refunds": v1.refunds.list,
                "payouts": v1.payouts.list,
                "disputes": v1.disputes.list,
            }
            return lists[what](params)

        return self._call(call, budget)

    def disputes_of(self, intent: str, budget: Budget) -> Reply:
        """Read the disputes about an intent's money."""
        return self._call(
            lambda v1: v1.disputes.list({"payment_intent": intent, "limit": PAGE}), budget
        )

    def one_refund(self, refund: str, budget: Budget) -> Reply:
        """Read a refund."""
        return self._call(lambda v1: v1.refunds.retrieve(refund), budget)

    def refunds_of(self, intent: str, after: str | None, budget: Budget) -> Reply:
        """Read one page of an intent's refunds."""
        params: Any = {"payment_intent": intent} | _page(after)
        return self._call(lambda v1: v1.refunds.list(params), budget)

    def one_payout(self, payout: str, budget: Budget) -> Reply:
        """Read a payout."""
        return self._call(lambda v1: v1.payouts.retrieve(payout), budget)

    def payouts(self, after: str | None, budget: Budget) -> Reply:
        """Read one page of the account's payouts."""
        params: Any = _page(after)
        return self._call(lambda v1: v1.payouts.list(params), budget)

    def method(self, method: str, budget: Budget) -> Reply:
        """Read a saved payment method."""
        return self._call(lambda v1: v1.payment_methods.retrieve(method), budget)

    def close(self) -> None:
        """Let go of idle connections."""
        self._wire.close()

    def _call(self, call: Callable[[V1Services], object], budget: Budget) -> Reply:
        client = self._transport.client(self._key, self._version, self._wire, budget)
        try:
            call(client.v1)
        except self._transport.Heard as heard:
            return heard.reply
        raise AssertionError("the package made no request")


def _under(key: str) -> Any:
    return {"idempotency_key": key}


def _page(after: str | None) -> dict[str, Any]:
    page: dict[str, Any] = {"limit": PAGE}
    return page if after is None else page | {"starting_after": after}
