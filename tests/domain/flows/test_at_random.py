"""All flows together, at random: whatever is lost, late or killed, the books match the ledgers."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.errors import DomainError
from domain.payment import Status
from domain.policy import Policy
from tests.asking import cancel
from tests.builders import (
    OWNER,
    PAYMENT,
    Clock,
    Stage,
    a_notice,
    a_payment,
    a_runtime,
    run,
)
from tests.domain.flows.provider import Died, Provider

#: Enough for every state and proof to occur hundreds of times; a failure names its seed.
SEEDS = 400
CHUNKS = 8
#: Workers that run in the middle of another one's call, at most so many deep.
DEPTH = 2


@dataclass(slots=True)
class World:
    """One payment, three providers, several workers, webhooks and a merchant who changes his mind."""

    dice: random.Random
    stage: Stage
    providers: list[Provider]
    depth: int = 0
    hints: int = 0

    def step(self) -> None:
        """Somebody does something; it may kill them."""
        due = self.stage.due()
        stray = [(Command.CHARGE, PAYMENT), (Command.SCREEN, PAYMENT)]
        command, id_ = self.dice.choice([*due, *due, *stray])
        owner = OWNER + self.dice.randrange(3)
        try:
            run(command, id_, replace(self.stage, owner=owner))
        except (Died, DomainError):
            self.stage.clock.advance(self.dice.choice((0.0, 20.0)))
        if self.dice.random() < 0.1:
            self.hint()
        if self.dice.random() < 0.02:
            self.change_of_mind()

    def meanwhile(self) -> None:
        """While one worker waits, time passes and others work."""
        self.stage.clock.advance(self.dice.choice((0.0, 0.0, 0.1, 1.0, 3.0, 15.0, 40.0)))
        if self.depth < DEPTH and self.dice.random() < 0.3:
            self.depth += 1
            self.step()
            self.depth -= 1

    def hint(self) -> None:
        if attempts := self.stage.attempts():
            about = self.dice.choice(attempts)
            self.hints += 1
            now = self.stage.clock.now()
            self.stage.add(
                a_notice(
                    id=UUID(int=1_000 + self.hints),
                    gateway_id=about.gateway_id,
                    dedupe_key=f"evt_{self.hints}",
                    body=about.reference.encode(),
                    received_at=now,
                    due=replace(a_notice().due, next_run_at=now),
                )
            )

    def change_of_mind(self) -> None:
        try:
            cancel(self.stage)
        except DomainError:
            return


def a_world(seed: int) -> World:
    dice, clock = random.Random(seed), Clock()
    providers = [Provider(id_, dice, clock) for id_ in ("one", "two", "three")]
    policy = Policy(max_starts=50)  # dice kill far more workers than poison does
    stage = a_runtime(*providers, holding=a_payment(), policy=policy, clock=clock)
    world = World(dice, stage, providers)
    for provider in providers:
        outside = provider.before_call

        def before_call(outside: object = outside) -> None:
            assert callable(outside)
            outside()
            world.meanwhile()

        provider.before_call = before_call
    stage.board.before_admit = world.meanwhile
    return world


def live(world: World, steps: int = 60) -> None:
    for _ in range(steps):
        world.step()
        world.stage.clock.advance(world.dice.choice((0.0, 0.0, 1.0, 5.0, 60.0, 600.0)))


def settle(stage: Stage) -> None:
    """Run on until nothing is due any more; workers may still die on the way."""
    for _ in range(1_000):
        try:
            stage.run_on()
        except (Died, DomainError):
            stage.clock.advance(20)
        else:
            return
    raise AssertionError("it never ends")


def judge(world: World, seed: int) -> None:
    """Compare our books with the providers' ledgers."""
    stage = world.stage
    payment, attempts = stage.payment(), stage.attempts()
    taken = Counter(reference for provider in world.providers for reference in provider.paid)
    adopted = [a.reference for a in attempts if a.state is State.CAPTURED]
    late = [a.reference for a in attempts if a.state is State.LATE_SUCCESS]
    parked = [a.reference for a in attempts if a.due.parked is not None]

    assert not stage.is_stuck(), seed
    assert taken.total() <= 1, (seed, "charged twice", taken)
    assert len(adopted) <= 1, seed
    if payment.status is Status.CAPTURED:
        assert adopted == list(taken), seed
        assert payment.amount_captured == payment.money.minor, seed
    else:
        assert payment.amount_captured == 0, seed
        assert set(taken) <= {*late, *parked}, (seed, "money that nobody knows of")
    assert all(provider.slots_out == 0 for provider in world.providers), seed
    sales = sorted(transaction.attempt_id.hex for transaction in stage.transactions())
    assert sales == sorted([*adopted, *late]), seed


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_laws_1_2_and_9_hold_in_every_history(chunk: int) -> None:
    for seed in range(chunk, SEEDS, CHUNKS):
        world = a_world(seed)
        live(world)
        settle(world.stage)
        judge(world, seed)
