"""What each operation takes: its fields, in their order, and what each of them may be."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from ops.sandbox.replies import Answer
from ops.sandbox.soapbank.currencies import DECIMALS, minor
from ops.sandbox.soapbank.reader import Reader, UnreadableError
from ops.sandbox.soapbank.writer import fault
from ops.sandbox.stage.board import Act, Operation, Step
from ops.sandbox.stage.calls import Refused

ORDER = ("RequestId", "Reference", "Amount", "Currency")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "Authorise": (*ORDER, "Token"),
    "Sale": (*ORDER, "Token"),
    "Capture": ("RequestId", "BankId", "Amount", "Currency"),
    "Cancel": ("RequestId", "BankId"),
    "Refund": (*ORDER, "BankId"),
    "Payout": (*ORDER, "Token"),
    "ApprovePayout": ("RequestId", "BankId"),
    "GetStatement": ("Since", "Until", "After"),
}
#: A look-up has exactly one of these.
SEARCHES = ("BankId", "Reference")
GET_STATUS = "GetStatus"
GET_STATEMENT = "GetStatement"

ACTS: Mapping[str, Act] = {
    "Authorise": Act(Operation.CHARGE),
    "Sale": Act(Operation.CHARGE),
    "Capture": Act(Operation.CAPTURE),
    "Cancel": Act(Operation.VOID),
    "Refund": Act(Operation.REFUND),
    "Payout": Act(Operation.PAYOUT, Step.MAKE),
    "ApprovePayout": Act(Operation.PAYOUT, Step.MOVE),
    GET_STATUS: Act(Operation.READ),
    GET_STATEMENT: Act(Operation.READ),
}

CARD = re.compile(r"[a-z][A-Za-z0-9_-]{0,63}")
ACCOUNT = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z")
FORMS: Mapping[str, re.Pattern[str]] = {
    "RequestId": re.compile(r"[A-Za-z0-9-]{1,36}"),
    "Reference": re.compile(r"[A-Za-z0-9-]{1,36}"),
    "BankId": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "Amount": re.compile(r"[0-9.]{1,24}"),
    "Currency": re.compile("|".join(DECIMALS)),
    "Since": _TIME,
    "Until": _TIME,
    "After": re.compile(r"[0-9]{1,18}"),
    "Token": re.compile(f"(?:{CARD.pattern})|(?:{ACCOUNT.pattern})", re.ASCII),
}


class Order(dict[str, str]):
    """A request that is right in itself; `operation` is what it asks for."""

    operation: str

    @property
    def request_id(self) -> str:
        """The merchant's name of the request."""
        return self["RequestId"]

    @property
    def minor(self) -> int:
        """The amount in minor units."""
        units = minor(self["Amount"], self["Currency"])
        assert units is not None
        return units

    @property
    def to_account(self) -> bool:
        """Whether the token is an account's."""
        return ACCOUNT.fullmatch(self["Token"]) is not None


def asked_for(action: str) -> str:
    """Return the operation that a SOAPAction header names; empty: none of ours."""
    name = action.strip('"').removeprefix("urn:soapbank:v1#")
    return name if name in ACTS and action == f'"urn:soapbank:v1#{name}"' else ""


def order(action: str, content_type: str, body: bytes) -> Order:
    """Return what a request asks for; `Refused` with a fault where it is wrong in itself."""
    if content_type.replace(" ", "").lower() not in ("text/xml", "text/xml;charset=utf-8"):
        raise invalid("Content-Type must be text/xml; charset=utf-8.")
    try:
        operation, fields = Reader().read(body)
    except UnreadableError as error:
        raise invalid(f"The request cannot be read: {error}.") from None
    if operation not in ACTS or operation != asked_for(action):
        raise invalid("SOAPAction and body must name the same operation.")
    names = [name for name, _ in fields]
    searches = [[name] for name in SEARCHES]
    wanted = searches if operation == GET_STATUS else [list(FIELDS[operation])]
    if names not in wanted:
        raise invalid(f"{operation} takes {_listed(wanted)}.", _odd(names, wanted[0]))
    found = Order(fields)
    found.operation = operation
    for name, text in fields:
        if FORMS[name].fullmatch(text) is None:
            raise invalid(f"{name} is not well formed.", name)
    _check(found)
    return found


def _check(found: Order) -> None:
    if "Amount" in found and minor(found["Amount"], found["Currency"]) is None:
        raise invalid("Amount must be positive, with the currency's decimals.", "Amount")
    if found.operation == "Authorise" and found.to_account:
        raise invalid("Money in an account cannot be held.", "Token")
    if found.operation == "Payout" and not found.to_account:
        raise invalid("A payout goes to an account.", "Token")


def invalid(text: str, field: str = "") -> Refused:
    """Return the refusal of a request that is wrong, alone or in the state that it meets."""
    return Refused(fault("Client.VALIDATION", text, field=field))


def no_such(what: str) -> Refused:
    """Return the refusal of a request about something that is not there."""
    return Refused(not_found(what))


def not_found(what: str) -> Answer:
    """Return the fault for what the bank does not know."""
    return fault("Client.NOT_FOUND", f"There is no such {what}.")


def _listed(wanted: Sequence[Sequence[str]]) -> str:
    return " or ".join(", ".join(names) for names in wanted)


def _odd(names: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the first field that is missing, unknown or out of its place."""
    for name, expected in zip_longest(names, wanted, fillvalue=""):
        if name != expected:
            return expected if name in wanted or not name else name
    raise AssertionError("nothing is odd about them")
