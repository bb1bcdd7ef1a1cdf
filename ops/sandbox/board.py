"""Faults that an operator switched on for everyone: how often, how likely, for which requests."""

import random
from collections.abc import Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ops.sandbox.faults import WEBHOOKS, Fault, Strike

#: More rules at once than any test needs.
RULE_LIMIT = 100


class Operation(StrEnum):
    """The kinds of API request a rule can be limited to."""

    CREATE = "create"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    PAYOUT = "payout"
    DETACH = "detach"
    READ = "read"


class Target(StrEnum):
    """Which requests a rule strikes: one kind, every POST, or all."""

    CREATE = "create"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    PAYOUT = "payout"
    DETACH = "detach"
    READ = "read"
    POST = "post"
    ANY = "any"

    def includes(self, operation: Operation) -> bool:
        """Say whether a request of this kind is meant."""
        if self is Target.ANY:
            return True
        if self is Target.POST:
            return operation is not Operation.READ
        return self.value == operation.value


class BoardFullError(Exception):
    """There are too many rules; clear them first."""


@dataclass(slots=True)
class Rule:
    """One fault for everyone. `left` counts down to 0; None has no end."""

    fault: Fault
    left: int | None
    probability: float
    seed: int
    ms: int
    on: Target
    struck: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  # dice, not secrets

    def strikes(self) -> bool:
        """Throw the dice once; a hit uses up one of `left`."""
        if self.left == 0 or self._random.random() >= self.probability:
            return False
        self.struck += 1
        if self.left is not None:
            self.left -= 1
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the rule as the admin port shows it."""
        return {
            "fault": self.fault,
            "count": self.left,
            "probability": self.probability,
            "seed": self.seed,
            "ms": self.ms,
            "on": self.on,
            "struck": self.struck,
        }


class Board:
    """The rules in force, in the order in which they were made."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        """Put a rule in force; used-up ones make room. BoardFullError beyond the limit."""
        self.rules = [old for old in self.rules if old.left != 0]
        if len(self.rules) >= RULE_LIMIT:
            raise BoardFullError(f"{RULE_LIMIT} rules are in force")
        self.rules.append(rule)

    def remove(self, rule: Rule) -> None:
        """End one rule; nothing happens if it has ended."""
        self.rules = [old for old in self.rules if old is not rule]

    def clear(self) -> None:
        """End all rules."""
        self.rules = []

    @property
    def refusing(self) -> bool:
        """Whether connections are to be refused now."""
        return any(rule.fault is Fault.REFUSE for rule in self.rules)

    def for_request(self, operation: Operation, possible: Set[Fault]) -> list[Strike]:
        """Return those of the `possible` faults that strike this request, and count them."""
        return [
            Strike(rule.fault, rule.ms)
            for rule in self.rules
            if rule.fault in possible and rule.on.includes(operation) and rule.strikes()
        ]

    def for_webhook(self, operation: Operation) -> list[Strike]:
        """Return the faults that strike the webhooks of this kind of change, and count them."""
        return self.for_request(operation, WEBHOOKS)
