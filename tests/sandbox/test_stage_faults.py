"""Scripted faults at a staged provider: when each one strikes, what it does, whom it spares."""

import http.client
from collections.abc import Callable

import pytest

from tests.sandbox.running import wait_until
from tests.sandbox.toys import Toys, a_reference, own, shared, toys

__all__ = ["own", "shared", "toys"]  # fixtures

NO_ANSWER = (OSError, http.client.HTTPException)


@pytest.mark.parametrize(
    ("fault", "moved"),
    [("drop_before", False), ("drop_after", True), ("hang_before", False), ("hang_after", True)],
)
def test_an_answer_that_never_comes_says_nothing_about_the_money(
    toys: Toys, fault: str, moved: bool
) -> None:
    reference = a_reference()
    charge = toys.made(reference)
    toys.simulated.fault(fault, on="charge", step="move", count=1)
    with pytest.raises(NO_ANSWER):
        toys.confirm(charge, timeout_s=0.5)
    assert toys.status(charge) == ("captured" if moved else "made")
    assert toys.simulated.kinds(reference).count("sale") == int(moved)
    assert toys.confirm(charge).status == 200, "it struck more than once"


@pytest.mark.parametrize(
    ("fault", "status", "moved"),
    [
        ("fail_before", 500, False),
        ("fail_after", 500, True),
        ("rate_limited", 429, False),
        ("unavailable", 503, False),
    ],
)
def test_a_failure_speaks_the_providers_own_words(
    toys: Toys, fault: str, status: int, moved: bool
) -> None:
    charge = toys.made(a_reference())
    toys.simulated.fault(fault, on="charge", count=1)
    answer = toys.confirm(charge)
    assert (answer.status, list(answer.json)) == (status, ["toy"])
    assert "toy-seal" in answer.headers
    assert toys.status(charge) == ("captured" if moved else "made")


def test_a_failure_after_the_work_leaves_the_answer_under_its_key(toys: Toys) -> None:
    charge = toys.made(a_reference())
    toys.simulated.fault("fail_after", on="charge", count=1)
    key = a_reference()
    assert toys.confirm(charge, key).status == 500
    assert toys.confirm(charge, key).json["status"] == "captured"


def test_garbage_is_not_sealed_and_comes_after_the_work(toys: Toys) -> None:
    charge = toys.made(a_reference())
    toys.simulated.fault("garbage_after", on="charge", count=1)
    answer = toys.confirm(charge)
    assert answer.status == 200
    assert b"\xff" in answer.body
    assert "toy-seal" not in answer.headers
    assert toys.status(charge) == "captured"


def test_a_dripped_answer_is_whole_for_who_waits_and_lost_for_who_does_not(toys: Toys) -> None:
    first, second = toys.made(a_reference()), toys.made(a_reference())
    toys.simulated.fault("drip_after", on="charge", count=1, ms=1)
    assert toys.confirm(first).json["status"] == "captured"
    toys.simulated.fault("drip_after", on="charge", count=1, ms=600_000)
    with pytest.raises(NO_ANSWER):
        toys.confirm(second, timeout_s=0.3)
    assert toys.status(second) == "captured"


def test_latency_holds_the_answer_back_and_not_the_money(toys: Toys) -> None:
    charge = toys.made(a_reference())
    toys.simulated.fault("latency", on="charge", count=1, ms=600_000)
    with pytest.raises(NO_ANSWER):
        toys.confirm(charge, timeout_s=0.3)
    assert toys.status(charge) == "captured"


def test_a_shut_door_refuses_connections_until_the_faults_end(own: Toys) -> None:
    own.simulated.fault("refuse")
    with pytest.raises(ConnectionRefusedError):
        own.make(a_reference())
    own.simulated.calm()
    assert own.make(a_reference()).status == 200


def test_a_door_can_be_shut_for_a_while(own: Toys) -> None:
    own.simulated.fault("refuse", ms=100)

    def is_open() -> bool:
        try:
            return own.make(a_reference()).status == 200
        except ConnectionError:  # refused, or reset by a door that is being shut
            return False

    assert not is_open()
    wait_until(is_open)


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ({"on": "read"}, {"show"}),
        ({"on": "post"}, {"make", "confirm"}),
        ({"on": "any"}, {"show", "make", "confirm"}),
        ({"on": "other"}, {"token"}),
        ({"on": "charge"}, {"make", "confirm"}),
        ({"on": "charge", "step": "make"}, {"make"}),
        ({"on": "charge", "step": "move"}, {"confirm"}),
        ({"on": "refund"}, set()),
        ({"on": "any", "containing": "/confirm"}, {"confirm"}),
    ],
    ids=lambda told: str(told) if isinstance(told, dict) else "+".join(sorted(told)),
)
def test_a_rule_strikes_what_it_names_and_nothing_else(
    toys: Toys, rule: dict[str, str], struck: set[str]
) -> None:
    charge = toys.made(a_reference())
    requests: dict[str, Callable[[], int]] = {
        "show": lambda: toys.get(f"/charges/{charge}").status,
        "make": lambda: toys.make(a_reference()).status,
        "confirm": lambda: toys.confirm(charge).status,
        "token": lambda: toys.post("/token").status,
    }
    toys.simulated.fault("unavailable", **rule)
    assert {name for name, send in requests.items() if send() == 503} == struck


@pytest.mark.parametrize("where", ["body", "key", "path"])
def test_a_rule_can_wait_for_a_text_wherever_it_stands(toys: Toys, where: str) -> None:
    wanted = a_reference()
    toys.simulated.fault("unavailable", on="any", count=1, containing=wanted)
    assert toys.make(a_reference()).status == 200, "it struck somebody else"
    sends: dict[str, Callable[[], int]] = {
        "body": lambda: toys.make(wanted).status,
        "key": lambda: toys.make(a_reference(), key=wanted + "a").status,
        "path": lambda: toys.get(f"/charges/{wanted}").status,
    }
    assert sends[where]() == 503


def test_dice_with_the_same_seed_fall_the_same_way(toys: Toys) -> None:
    def falls() -> list[int]:
        toys.simulated.calm()
        toys.simulated.fault("unavailable", on="read", probability=0.5, seed=11)
        return [toys.get("/charges/none").status for _ in range(20)]

    first = falls()
    assert set(first) == {503, 404}
    assert falls() == first


def test_a_decision_waits_for_a_request_that_can_play_it(toys: Toys) -> None:
    charge = toys.made(a_reference())
    toys.simulated.fault("soft_decline", on="charge", count=1)
    assert toys.make(a_reference()).status == 200, "making a charge decides nothing"
    assert toys.post("/charges/none/confirm").status == 404, "neither does a charge that is not"
    assert toys.confirm(charge).json["status"] == "declined"
    assert toys.confirm(charge).json["status"] == "captured"


def test_a_repetition_uses_no_decision_up(toys: Toys) -> None:
    first, second, key = toys.made(a_reference()), toys.made(a_reference()), a_reference()
    assert toys.confirm(first, key).json["status"] == "captured"
    toys.simulated.fault("soft_decline", on="charge", count=1)
    assert toys.confirm(first, key).json["status"] == "captured"
    assert toys.confirm(second).json["status"] == "declined"


def test_a_handler_takes_only_the_decisions_that_it_names(toys: Toys) -> None:
    toys.simulated.fault("soft_decline", on="charge", count=1)
    toys.simulated.fault("asks", on="charge", count=1)
    assert toys.make(a_reference()).status == 402
    charge = toys.made(a_reference())
    assert toys.confirm(charge).json["status"] == "declined"


def test_a_stranger_meets_no_fault_and_uses_none_up(toys: Toys) -> None:
    toys.simulated.fault("unavailable", on="charge", count=1)
    assert toys.simulated.send("POST", "/charges", b"{}").status == 401
    assert toys.make(a_reference()).status == 503


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "explode"},
        {"fault": "drop_after", "on": "everything"},
        {"fault": "drop_after", "step": "jump"},
        {"fault": "drop_after", "count": 0},
        {"fault": "refuse", "count": 1},
        {"fault": "refuse", "containing": "x"},
        {"fault": "drop_after", "when": "now"},
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_kept_is_refused(toys: Toys, rule: dict[str, object]) -> None:
    assert toys.simulated.pull("/faults", rule).status == 400
    assert toys.simulated.admin("GET", "/faults")["data"] == []
