"""The stripe package's way to the network: our own, which knows exactly how far a call came.

Importing this imports the package, which takes a quarter of a second: only a Stripe gateway does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, Never
from urllib.parse import urlsplit

import stripe

from domain.ports import Budget
from workers.gateways.wire import Reply, Wire

# The package would else write a file into the home directory and tell how fast its answers came;
# it has no switch but this one. Nothing else of its global state is used.
stripe.enable_telemetry = False
# And at the levels below it would log bodies, with tokens in them.
logging.getLogger("stripe").setLevel(logging.WARNING)

#: Of the headers that the package makes, what the provider needs; the rest describes this machine.
SENT: Final = frozenset({"Authorization", "Content-Type", "Idempotency-Key", "Stripe-Version"})


class Heard(Exception):
    """What became of the call. It leaves the package this way, so that nothing is made of an answer
    but what our own tables say."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class Transport(stripe.HTTPClient):
    """Sends the one request of one call."""

    name = "wire"

    def __init__(self, wire: Wire, budget: Budget) -> None:
        super().__init__()
        self._wire = wire
        self._budget = budget

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Never:
        """Send it and raise `Heard`. Of the URL only the path counts: the wire knows its host."""
        parts = urlsplit(url)
        reply = self._wire.send(
            method.upper(),
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            self._budget,
            headers={name: value for name, value in (headers or {}).items() if name in SENT},
            body=None if post_data is None else post_data.encode(),
        )
        raise Heard(reply)

    def close(self) -> None:
        """Nothing to do: the connections are the wire's."""


def client(key: str, version: str, wire: Wire, budget: Budget) -> stripe.StripeClient:
    """Return a client for one call, without retries of its own."""
    return stripe.StripeClient(
        key,
        stripe_version=version,
        max_network_retries=0,
        http_client=Transport(wire, budget),
    )
