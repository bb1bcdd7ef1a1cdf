"""Faults: what the providers do wrong during the storm, how often, and what is left out and why."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import urllib3

from ops.harness.chaos.orders import TILLS, Kind, Order

#: How likely a request that moves money is to meet each fault. There are about ten per gateway and
#: two such requests per order, so that there is a fault for at least every fifth order.
EXCHANGE_SHARE: Final = 0.011
#: Decisions of payers, banks and networks; and webhooks, which come several to an order.
OTHER_SHARE: Final = 0.012
#: A slow answer that still comes in time.
SLOW_MS: Final = 400
LATE_WEBHOOK_MS: Final = 100_000  # the simulators' webhooks live a hundred times as fast

# Left out are faults whose end nobody can know, or a person has to decide, by the contracts of the
# providers: they would park rows by design, and a parked row is to mean something here.
# - wrong_amount: other money than was asked for is always a person's question.
# - Stripe fail_before, the house's server_error: a 500 is kept under our key; reading tells that
#   nothing has happened, but not that nothing will.
# - Xendit drop_before, fail_before, hang_before: no key protects a repetition of its charge, and
#   nothing can be found by our reference; with webhooks_off not even a charge that happened.
# What is killed at the moment of a Xendit charge is like that, too, and cannot be left out: such
# rows are counted apart (see `ops.harness.chaos.result`).
_EXCHANGE: Final = (
    "drop_before",
    "drop_after",
    "fail_before",
    "fail_after",
    "garbage_after",
    "hang_before",
    "hang_after",
    "drip_after",
    "latency",
    "rate_limited",
    "unavailable",
)
_DECISIONS: Final = ("soft_decline", "hard_decline", "later", "later_decline", "asks")
_WEBHOOKS: Final = (
    "webhooks_off",
    "webhook_duplicate",
    "webhook_late",
    "webhook_early",
    "webhook_out_of_order",
)
_LEFT_OUT: Final[Mapping[str, frozenset[str]]] = {
    "stripe-eu": frozenset({"fail_before"}),
    "xendit-id": frozenset({"drop_before", "fail_before", "hang_before", "webhooks_off"}),
}
#: What the house's sandbox calls the same.
_OF_THE_HOUSE: Final[Mapping[str, str]] = {
    "drop_before": "drop_before_charge",
    "drop_after": "charge_then_drop",
    "fail_after": "charge_then_500",
    "garbage_after": "charge_then_garbage",
    "hang_before": "hang_before_charge",
    "hang_after": "hang",
    "drip_after": "slow_drip",
    "later": "async",
    "later_decline": "async_decline",
    "asks": "three_ds",
    **{
        name: name
        for name in (
            *("latency", "rate_limited", "unavailable", "soft_decline", "hard_decline"),
            *("webhooks_off", "webhook_duplicate", "webhook_late", "webhook_early"),
            "webhook_out_of_order",
        )
    },
}
#: What only these orders meet, because what follows their money could not be carried out after it.
_PLAIN: Final = ("midtrans-id", "xendit-id", "soapbank-ch")
_MS: Final = {"latency": SLOW_MS, "webhook_late": LATE_WEBHOOK_MS}
HOUSES: Final = frozenset({"sandbox-a", "sandbox-b"})

#: What loses an answer without losing the money: with these a planted bug is seen at once.
LOST_ANSWERS: Final = ("drop_after", "fail_after", "garbage_after")


def rules_of(gateway: str, seed: int) -> list[dict[str, Any]]:
    """Return the rules that a gateway's simulator is given; each throws its own seeded dice."""
    names = {
        name: share
        for names, share in (
            (_EXCHANGE, EXCHANGE_SHARE),
            (_DECISIONS, OTHER_SHARE),
            (_WEBHOOKS, OTHER_SHARE),
        )
        for name in names
        if name not in _LEFT_OUT.get(gateway, frozenset())
    }
    rules = [_rule(gateway, name, share, seed + n) for n, (name, share) in enumerate(names.items())]
    back = {"fault": "payout_returned", "on": "payout", "probability": 0.05, "seed": seed}
    taken = {"fault": "chargeback", "probability": 0.2, "seed": seed, "containing": "plain"}
    rules.append(back)
    if gateway in _PLAIN:
        rules.append(taken | {"on": "charge"})
    return [rule for rule in rules if rule]


def lost_answers(gateway: str, seed: int) -> list[dict[str, Any]]:
    """Return the rules of a run with a planted bug: money moves, half of the answers are lost, and
    no webhook puts it right afterwards."""
    share = 0.5 / len(LOST_ANSWERS)
    lost = [_rule(gateway, name, share, seed + n) for n, name in enumerate(LOST_ANSWERS)]
    return [*lost, _rule(gateway, "webhooks_off", 1.0, seed)]


def hanging(gateway: str) -> dict[str, Any]:
    """Return the rule of a provider that does everything and answers nothing."""
    fault = _OF_THE_HOUSE["hang_after"] if gateway in HOUSES else "hang_after"
    return {"fault": fault, "on": "post"}


def _rule(gateway: str, name: str, share: float, seed: int) -> dict[str, Any]:
    if gateway in HOUSES:
        if name not in _OF_THE_HOUSE:
            return {}
        name = _OF_THE_HOUSE[name]
    rule: dict[str, Any] = {"fault": name, "probability": share, "seed": seed % 2**32}
    if name in _MS:
        rule["ms"] = _MS[name] if gateway not in HOUSES else min(_MS[name], 2_000)
    return rule


def with_own_faults(orders: Sequence[Order], seed: int) -> list[Order]:
    """Let some plain orders at the house's sandbox be charged back, which it plays by order only."""
    from dataclasses import replace

    draw = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    return [
        replace(order, fault="chargeback")
        if order.kind is Kind.SALE and order.gateway in HOUSES and draw.random() < 0.1
        else order
        for order in orders
    ]


@dataclass(slots=True)
class Providers:
    """The admin ports of all simulators."""

    ports: Mapping[str, int]
    seed: int
    #: With a planted bug: nothing but lost answers.
    calm: bool
    #: How often each fault has struck, by gateway and fault.
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, timeout=10.0)
    )

    def misbehave(self, gateway: str) -> None:
        """Script a gateway's usual faults."""
        rules = lost_answers if self.calm else rules_of
        for rule in rules(gateway, self.seed + sorted(TILLS).index(gateway) * 1_000):
            self._call("POST", gateway, rule)

    def hang(self, gateway: str) -> None:
        """Let a gateway hang from now on."""
        self._call("POST", gateway, hanging(gateway))

    def behave(self, gateway: str) -> None:
        """End a gateway's faults, and count them."""
        for rule in self._call("GET", gateway)["data"]:
            self.struck[gateway, str(rule["fault"])] += int(rule.get("struck", 0))
        self._call("DELETE", gateway)

    def pull(self, gateway: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Pull one of a gateway's levers: see the simulators' guides."""
        self._call("POST", gateway, body, path=path)

    def _call(
        self,
        method: str,
        gateway: str,
        body: Mapping[str, Any] | None = None,
        *,
        path: str = "/faults",
    ) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.ports[gateway]}{path}"
        answer = self._http.request(method, url, body=raw)
        if answer.status >= 300:
            raise RuntimeError(f"{gateway} refuses {body}: {answer.status} {answer.data.decode()}")
        return answer.json()
