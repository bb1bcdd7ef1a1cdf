"""Every parameter that the adapter sends is one that the stripe package's own types know."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pytest
import stripe.params
from stripe import RequestOptions
from typing_extensions import is_typeddict

from domain.means import Method
from domain.payout import Destination
from tests.contract.made import a_detachment, a_hold, within
from tests.workers.gateways.stripe_spoken import (
    INTENT,
    OFFLINE,
    PAYPAL,
    VISA,
    a_card_payment,
    adapter_at,
    capturing,
    confirming,
    making,
    paying_out,
    refunding,
    voiding,
)
from workers.gateways.stripe import Stripe, transport
from workers.gateways.wire import Unanswered


def misfits(value: object, hint: Any, at: str = "") -> list[str]:
    """Return where `value` is not what the type says."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return []
    if origin in (NotRequired, Required):
        return misfits(value, arguments[0], at)
    if origin in (Union, types.UnionType):
        return min((misfits(value, one, at) for one in arguments), key=len)
    if origin is Literal:
        return [] if value in arguments else [f"{at}: {value!r} is none of {arguments}"]
    if origin is list:
        assert isinstance(value, list), at
        return [bad for one in value for bad in misfits(one, arguments[0], f"{at}[]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{at} is no dict"]
        return [bad for one in value.values() for bad in misfits(one, arguments[1], f"{at}[]")]
    if is_typeddict(hint):
        return _misfits_of_fields(value, hint, at)
    plain = get_origin(hint) or hint
    fits = isinstance(value, plain) and not (plain is int and isinstance(value, bool))
    return [] if fits else [f"{at}: {value!r} is no {plain.__name__}"]


def _misfits_of_fields(value: object, hint: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at} is no dict"]
    known = hints(hint)
    missing = [
        f"{at}.{name} is missing"
        for name, field in known.items()
        if name not in value and get_origin(field) is not NotRequired
    ]
    found = [
        f"{at}.{name} is not known" if name not in known else bad
        for name in value
        for bad in (
            [""] if name not in known else misfits(value[name], known[name], f"{at}.{name}")
        )
    ]
    return missing + found


#: Names that the package imports for type checkers only.
PRIVATE = {"StripeContext": object, "Mapping": Mapping}


def hints(hint: Any) -> dict[str, Any]:
    """Return a dict's fields; options of a request, such as its key, are not parameters."""
    known = get_type_hints(hint, localns=PRIVATE, include_extras=True)
    options = get_type_hints(RequestOptions, localns=PRIVATE)
    return {name: field for name, field in known.items() if name not in options}


#: The package's own type of the parameters of each call.
TYPES = {
    "payment_intents.create": "PaymentIntentCreateParams",
    "payment_intents.confirm": "PaymentIntentConfirmParams",
    "payment_intents.capture": "PaymentIntentCaptureParams",
    "payment_intents.cancel": "PaymentIntentCancelParams",
    "payment_intents.retrieve": "PaymentIntentRetrieveParams",
    "payment_intents.search": "PaymentIntentSearchParams",
    "payment_intents.list": "PaymentIntentListParams",
    "refunds.create": "RefundCreateParams",
    "refunds.list": "RefundListParams",
    "payouts.create": "PayoutCreateParams",
    "payouts.list": "PayoutListParams",
    "disputes.list": "DisputeListParams",
    "payment_methods.detach": "PaymentMethodDetachParams",
}


class Recorder:
    """Stands where the package's client is, and keeps what each call was given."""

    def __init__(self, calls: list[tuple[str, Any]], path: str = "") -> None:
        self._calls, self._path = calls, path

    def __getattr__(self, name: str) -> Recorder:
        return Recorder(self._calls, f"{self._path}.{name}".removeprefix(".v1."))

    def __call__(self, *arguments: Any) -> None:
        given = [one for one in arguments if isinstance(one, dict)]
        self._calls.append((self._path, given[0] if given else {}))
        raise transport.Heard(Unanswered("nobody is there"))


FULL = a_card_payment(
    wants_3ds=True, description="x", method=Method("card", "cus_1:pm_1"), return_url=None
)
SAVED = a_card_payment(method=Method("paypal", "cus_1:pm_1"))
CALLS: dict[str, Callable[[Stripe], object]] = {
    "make": lambda s: s.charge(making(), within()),
    "make, with everything": lambda s: s.charge(making(FULL), within()),
    "make a hold": lambda s: s.charge(making(a_hold(method=VISA)), within()),
    "make by PayPal": lambda s: s.charge(making(a_card_payment(method=PAYPAL)), within()),
    "make by a saved PayPal account": lambda s: s.charge(making(SAVED), within()),
    "confirm by PayPal": lambda s: s.charge(confirming(a_card_payment(method=PAYPAL)), within()),
    "confirm": lambda s: s.charge(confirming(), within()),
    "confirm off session": lambda s: s.charge(confirming(FULL), within()),
    "capture": lambda s: s.capture(capturing(1000), within()),
    "void": lambda s: s.void(voiding(), within()),
    "cancel": lambda s: s.cancel(confirming(), within()),
    "refund": lambda s: s.refund(refunding(250), within()),
    "payout": lambda s: s.payout(paying_out(description="x"), within()),
    "payout to a card": lambda s: s.payout(
        paying_out(destination=Destination("card", "card_1")), within()
    ),
    "look a charge up": lambda s: s.lookup(making(), within()),
    "look a refund up": lambda s: s.lookup(refunding(), within()),
    "look a payout up": lambda s: s.lookup(paying_out(), within()),
    "detach": lambda s: s.detach(a_detachment("pm_1"), within()),
    "probe": lambda s: s.probe(within()),
}


def recorded(
    call: Callable[[Stripe], object], monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, Any]]:
    calls: list[tuple[str, Any]] = []
    monkeypatch.setattr(transport, "client", lambda *_: Recorder(calls))
    with closing(adapter_at("http://127.0.0.1:9")) as adapter:
        call(adapter)
    return calls


@pytest.mark.parametrize("what", CALLS)
def test_the_parameters_are_those_of_the_package(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = recorded(CALLS[what], monkeypatch)

    assert calls
    for path, params in calls:
        assert misfits(params, getattr(stripe.params, TYPES[path])) == [], path


def test_the_disputes_and_the_next_pages_are_asked_for_in_its_words() -> None:
    calls: list[tuple[str, Any]] = []
    line = OFFLINE._line  # what no answer of a recorder leads to

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "client", lambda *_: Recorder(calls))
        line.disputes_of(INTENT, within())
        line.refunds_of(INTENT, "re_1", within())
        line.payouts("po_1", within())

    assert [path for path, _ in calls] == ["disputes.list", "refunds.list", "payouts.list"]
    for path, params in calls:
        assert misfits(params, getattr(stripe.params, TYPES[path])) == [], path
    assert [params.get("starting_after") for _, params in calls] == [None, "re_1", "po_1"]


class Part(TypedDict):
    """A part of what is sent."""

    kind: NotRequired[Literal["a", "b"]]


class Whole(TypedDict):
    """What is sent."""

    amount: int
    parts: NotRequired[list[Part]]
    names: NotRequired[Literal[""] | dict[str, str]]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"amount": "5"},
        {"amount": True},
        {"amount": 5, "amonut": 5},
        {"amount": 5, "parts": [{"kind": "c"}]},
        {"amount": 5, "parts": [{"knid": "a"}]},
        {"amount": 5, "names": {"n": 1}},
    ],
    ids=str,
)
def test_a_parameter_of_another_name_or_type_would_be_noticed(wrong: dict[str, Any]) -> None:
    assert misfits(wrong, Whole)


def test_what_fits_is_not_complained_about() -> None:
    assert misfits({"amount": 5, "parts": [{"kind": "a"}, {}], "names": {"n": "x"}}, Whole) == []
    assert misfits({"amount": 5, "names": ""}, Whole) == []
