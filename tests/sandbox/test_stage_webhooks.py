"""Webhooks of a staged provider: on its schedule, signed for every try, kept until they are taken."""

from itertools import pairwise

import pytest

from tests.sandbox.receiver import Delivery
from tests.sandbox.running import wait_until
from tests.sandbox.toys import Toys, a_reference, own, shared, toys

__all__ = ["own", "shared", "toys"]  # fixtures


def about(toys: Toys, reference: str, type_: str | None = None) -> list[Delivery]:
    """Return what has arrived about a reference, of one type or of all."""
    return toys.receiver.all(
        lambda one: reference.encode() in one.body and type_ in (None, one.headers["toy-type"])
    )


def outcomes(toys: Toys, charge: str) -> list[tuple[str, int]]:
    """Return what the ledger says became of a charge's webhooks: kind and number of tries."""
    return [
        (line["kind"], line["state"]["tries"])
        for line in toys.simulated.lines()
        if line["object"] == charge and line["kind"].startswith("event.")
    ]


def test_a_webhook_is_tried_until_it_is_taken_and_signed_anew(own: Toys) -> None:
    own.receiver.answers = lambda _, number: 500 if number < 3 else 204
    reference = a_reference()
    charge = own.made(reference)
    wait_until(lambda: outcomes(own, charge) == [("event.delivered", 3)])
    arrived = about(own, reference)
    assert len(arrived) == 3
    assert len({one.body for one in arrived}) == 1
    assert len({one.headers["toy-sent"] for one in arrived}) == 3


def test_the_receivers_words_can_matter_and_the_providers_waits_are_kept(own: Toys) -> None:
    own.receiver.answers = lambda _, __: 200
    own.receiver.says = b"no"
    reference = a_reference()
    charge = own.made(reference)
    wait_until(lambda: outcomes(own, charge) == [("event.given_up", 3)])
    times = [one.arrived_s for one in about(own, reference)]
    waits = [after - before for before, after in pairwise(times)]
    assert all(0.04 <= wait_s < 1 for wait_s in waits), waits  # one may arrive late, the next not
    own.receiver.says = b"yes"
    taken = own.made(a_reference())
    wait_until(lambda: outcomes(own, taken) == [("event.delivered", 1)])


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (302, 3), (410, 1)])
def test_a_webhook_is_given_up_when_the_provider_says_so(
    own: Toys, status: int, tries: int
) -> None:
    own.receiver.answers = lambda _, __: status
    reference = a_reference()
    charge = own.made(reference)
    wait_until(lambda: outcomes(own, charge) == [("event.given_up", tries)])
    assert len(about(own, reference)) == tries


def test_what_had_not_arrived_is_sent_after_a_restart_and_what_had_is_not(own: Toys) -> None:
    early, late = a_reference(), a_reference()
    taken = own.made(early)
    wait_until(lambda: outcomes(own, taken) == [("event.delivered", 1)])
    own.simulated.fault("webhook_late", count=1, ms=600_000)
    own.made(late)
    own.simulated.kill()
    own.simulated.start()
    own.receiver.first(lambda one: late.encode() in one.body)
    assert len(about(own, early)) == 1


def test_webhook_faults_change_how_it_is_sent(toys: Toys) -> None:
    twice, never = a_reference(), a_reference()
    toys.simulated.fault("webhook_duplicate", count=1, containing=twice)
    toys.simulated.fault("webhooks_off", count=1, containing=never)
    lost = toys.made(never)
    toys.made(twice)
    wait_until(lambda: len(about(toys, twice)) == 3)
    assert outcomes(toys, lost) == [("event.given_up", 0)]
    assert not about(toys, never)


def test_an_early_webhook_is_answered_before_the_api_answers(toys: Toys) -> None:
    reference = a_reference()
    charge = toys.made(reference)
    toys.simulated.fault("webhook_early", count=1, containing=reference)
    toys.confirm(charge)
    assert len(about(toys, reference, "captured")) == 1


def test_webhooks_out_of_order_come_in_reverse(toys: Toys) -> None:
    reference = a_reference()
    toys.simulated.fault("webhook_out_of_order", count=1, containing=reference)
    charge = toys.made(reference)
    toys.confirm(charge)
    wait_until(lambda: len(about(toys, reference)) == 2)
    types = [one.headers["toy-type"] for one in about(toys, reference)]
    assert types == ["captured", "made"]


def test_an_operator_sends_the_latest_webhook_again(toys: Toys) -> None:
    reference = a_reference()
    charge = toys.made(reference)
    wait_until(lambda: len(about(toys, reference)) == 1)
    toys.simulated.admin("POST", f"/objects/{charge}/deliver")
    wait_until(lambda: len(about(toys, reference)) == 2)
    assert toys.simulated.pull("/objects/none/deliver").status == 404
