"""One simulated SOAP bank, and a client that signs what it sends and checks what it is told."""

import hashlib
import hmac
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Response
from tests.sandbox.simulating import Simulated

SECRETS = {"SIM_KEY_ID": "shop-1", "SIM_SECRET": "between-us"}
ACCOUNT = "DE89370400440532013000"
ACK = b'<Envelope><Body><Ack xmlns="urn:soapbank:v1"/></Body></Envelope>'
#: Delays that take seconds or hours in real life, shortened.
QUICK = ("--async-delay-s", "0.2", "--webhook-time-scale", "0.001", "--no-fsync")


@dataclass
class Told:
    """An answer: its fields by name, of the first record where there are several."""

    response: Response

    @property
    def text(self) -> str:
        return self.response.body.decode()

    @property
    def fault(self) -> str:
        """The fault's code; empty: it is none."""
        return field(self.text, "faultcode").removeprefix("soap:")

    def __getitem__(self, name: str) -> str:
        return field(self.text, name)

    @property
    def is_signed(self) -> bool:
        """Check the bank's signature the way a client is told to."""
        return is_signed(dict(self.response.headers), self.response.body)


@dataclass
class Bank:
    """A running bank and whoever its callbacks go to."""

    simulated: Simulated
    receiver: Receiver

    def ask(self, operation: str, secret: str = SECRETS["SIM_SECRET"], **fields: str) -> Told:
        """Send an operation with these fields, in this order."""
        return self.send(operation, message(operation, **fields), secret=secret)

    def send(
        self, operation: str, body: bytes, *, secret: str = SECRETS["SIM_SECRET"], **changes: str
    ) -> Told:
        """Send a body; `changes` overrule headers, by names with underscores."""
        at = str(int(time.time()))
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"urn:soapbank:v1#{operation}"',
            "X-Bank-Key-Id": "shop-1",
            "X-Bank-Timestamp": at,
        } | {name.replace("_", "-"): value for name, value in changes.items()}
        signature = mac(secret, headers["X-Bank-Timestamp"], body)
        headers.setdefault("X-Bank-Signature", signature)
        return Told(self.simulated.send("POST", "/soapbank", body, headers))

    def sale(self, amount: str = "12.50", **changes: str) -> Told:
        """Charge a card under a reference of its own."""
        return self.ask("Sale", **an_order(amount) | {"Token": "tok_1"} | changes)

    def hold(self, amount: str = "12.50", **changes: str) -> Told:
        return self.ask("Authorise", **an_order(amount) | {"Token": "tok_1"} | changes)

    def capture(self, charge: str, amount: str) -> Told:
        fields = {"RequestId": new(), "BankId": charge, "Amount": amount, "Currency": "EUR"}
        return self.ask("Capture", **fields)

    def cancel(self, charge: str) -> Told:
        return self.ask("Cancel", RequestId=new(), BankId=charge)

    def refund(self, charge: str, amount: str) -> Told:
        return self.ask("Refund", **an_order(amount) | {"BankId": charge})

    def payout(self, token: str = ACCOUNT) -> Told:
        return self.ask("Payout", **an_order("42.00") | {"Token": token})

    def approve(self, payout: str) -> Told:
        return self.ask("ApprovePayout", RequestId=new(), BankId=payout)

    def shown(self, bank_id: str) -> Told:
        return self.ask("GetStatus", BankId=bank_id)


def new() -> str:
    """A name that nothing has yet."""
    return uuid4().hex


def an_order(amount: str = "12.50", currency: str = "EUR") -> dict[str, str]:
    return {"RequestId": new(), "Reference": new(), "Amount": amount, "Currency": currency}


def message(operation: str, **fields: str) -> bytes:
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    return enveloped(f'<{operation} xmlns="urn:soapbank:v1">{inner}</{operation}>')


def enveloped(inner: str) -> bytes:
    head = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    return f"{head}{inner}</e:Body></e:Envelope>".encode()


def field(text: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return found[1] if found else ""


def mac(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    at = headers.get("x-bank-timestamp", "0")
    good = mac(SECRETS["SIM_SECRET"], at, body) == headers.get("x-bank-signature")
    return good and abs(time.time() - int(at)) < 60 and headers["x-bank-key-id"] == "shop-1"


def started(folder: Path, *options: str) -> Bank:
    """Start a bank of one's own; later options overrule the quick ones."""
    receiver = Receiver(named=lambda one: field(one.body.decode(), "Reference"))
    receiver.says, receiver.answers = ACK, lambda _reference, _number: 200
    ledger = folder / "ledger.jsonl"
    simulated = Simulated("ops.sandbox.soapbank", ledger, SECRETS, QUICK + options, receiver.url)
    return Bank(simulated.start(), receiver)


@pytest.fixture(scope="module")
def shared_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    bank = started(tmp_path_factory.mktemp("bank"))
    yield bank
    assert bank.simulated.stop() == 0
    bank.receiver.close()


@pytest.fixture
def bank(shared_bank: Bank) -> Iterator[Bank]:
    """One bank for a file of tests, without faults."""
    yield shared_bank
    shared_bank.simulated.calm()
