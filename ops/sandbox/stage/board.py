"""The faults in force: for which requests, how often, how likely."""

import random
from collections.abc import Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ops.sandbox.stage.faults import Fault

#: More rules at once than any test needs.
RULE_LIMIT = 500


class Operation(StrEnum):
    """What a request does; OTHER is everything about which nobody counts money (a token, a page)."""

    CHARGE = "charge"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"
    READ = "read"
    OTHER = "other"


#: The operations that change something.
CHANGES = frozenset(Operation) - {Operation.READ, Operation.OTHER}


class Step(StrEnum):
    """The calls of an operation that takes two; every other one has only MOVE."""

    MAKE = "make"  # makes the provider's object and moves nothing
    MOVE = "move"  # moves the money


class Target(StrEnum):
    """Which requests a rule strikes: one operation, all that change something, or all but OTHER."""

    CHARGE = "charge"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"
    READ = "read"
    OTHER = "other"
    POST = "post"
    ANY = "any"

    def includes(self, operation: Operation) -> bool:
        """Say whether a request of this operation is meant."""
        if self is Target.ANY:
            return operation is not Operation.OTHER
        if self is Target.POST:
            return operation in CHANGES
        return self.value == operation.value


@dataclass(frozen=True, slots=True)
class Act:
    """What a request is: its operation, and which step of it."""

    operation: Operation
    step: Step = Step.MOVE


class BoardFullError(Exception):
    """There are too many rules; clear them first."""


@dataclass(slots=True)
class Rule:
    """One fault. `left` counts down to 0; None has no end."""

    fault: Fault
    on: Target
    step: Step | None  #: None strikes both
    left: int | None
    probability: float
    seed: int
    ms: int
    containing: str  #: strikes only what says this: path, query, headers or body
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

    def means(self, act: Act, text: str) -> bool:
        """Say whether a request of this kind, which says this, is meant."""
        return (
            self.on.includes(act.operation)
            and self.step in (None, act.step)
            and self.containing in text
        )

    def to_json(self) -> dict[str, Any]:
        """Return the rule as the admin port shows it."""
        return {
            "fault": self.fault,
            "on": self.on,
            "step": self.step,
            "count": self.left,
            "probability": self.probability,
            "seed": self.seed,
            "ms": self.ms,
            "containing": self.containing,
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

    def strikes(self, act: Act, text: str, possible: Set[Fault]) -> dict[Fault, int]:
        """Return those of the `possible` faults that strike this, with their durations (ms)."""
        return {
            rule.fault: rule.ms
            for rule in self.rules
            if rule.fault in possible and rule.means(act, text) and rule.strikes()
        }

    def first(self, act: Act, text: str, possible: Set[Fault]) -> Fault | None:
        """Return the first of the `possible` faults that strikes this; only that one is counted."""
        for rule in self.rules:
            if rule.fault in possible and rule.means(act, text) and rule.strikes():
                return rule.fault
        return None
