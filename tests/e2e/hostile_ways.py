"""Ways: every operation of the contract that names something of a merchant's, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from urllib3 import BaseHTTPResponse

from domain.ids import Kind
from tests.e2e.hostile_belongings import Belongings
from tests.e2e.hostile_tenants import Tenant, without_request_id
from tests.e2e.system import Json, System

#: Reading first, deleting last: in this order an owner can go every way.
METHODS = ("GET", "PUT", "PATCH", "POST", "DELETE")
#: Whose ids stand in the paths of a noun. A new noun has to be told apart here first.
OWNED: dict[str, tuple[Kind, ...]] = {
    "payments": (Kind.PAYMENT,),
    "tx": (Kind.PAYMENT,),
    "transactions": (Kind.TRANSACTION, Kind.PAYMENT),
    "reviews": (Kind.PAYMENT,),
    "fraud": (Kind.PAYMENT,),
    "deposits": (Kind.PAYMENT,),
    "refunds": (Kind.REFUND,),
    "withdrawals": (Kind.PAYOUT,),
    "payouts": (Kind.PAYOUT,),
    "customers": (Kind.CUSTOMER,),
    "payment-methods": (Kind.PAYMENT_METHOD,),
}
#: The house's own gateways, of one mode each; providers, who sign; payers, whose link is the proof.
NOBODYS = frozenset({"providers", "gateways", "webhooks", "webhook", "callback", "checkout"})


@dataclass(frozen=True, slots=True)
class Way:
    """One operation on one thing, as the contract describes it."""

    method: str
    path: str
    body: object
    #: The path as the contract writes it.
    template: str
    kind: Kind

    def unknown(self, id_: str) -> Way:
        """The same way to something that never was."""
        path = self.path.replace(id_, nobodys(self.kind))
        return Way(self.method, path, self.body, self.template, self.kind)


def nobodys(kind: Kind) -> str:
    return f"{kind.value}_{uuid4().hex}"


def ways(contract: Json, things: Belongings) -> Iterator[tuple[Way, str]]:
    """Yield every operation of the contract that names a thing, on each thing that it fits."""
    for template, item in contract["paths"].items():
        noun = template.removeprefix("/v1").removeprefix("/api").split("/")[1]
        if "{" not in template or noun in NOBODYS:
            continue
        assert noun in OWNED, f"{template}: whose ids are these? Say so in OWNED or NOBODYS"
        before, _, after = template.partition("{")
        after = after.partition("}")[2]
        assert "{" not in after, f"{template} has two parameters: ask with one foreign id each"
        for method in METHODS:
            operation = item.get(method.lower())
            if operation is None:
                continue
            waits = any(one["name"] == "wait" for one in operation.get("parameters", ()))
            for kind in OWNED[noun]:
                ids = (things.deposit,) if noun == "deposits" else things.ids[kind]
                for id_ in ids:
                    path = f"{before}{id_}{after}{'?wait=1' if waits else ''}"
                    yield Way(method, path, body_of(operation), template, kind), id_


def body_of(operation: Json) -> object:
    """Return the contract's first example of a body, or none where none is taken."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    if "example" in content:
        return content["example"]
    return next(iter(content["examples"].values()))["value"]


def asked(system: System, tenant: Tenant, way: Way, prefix: str = "") -> BaseHTTPResponse:
    """Go a way under a new key."""
    return tenant.call(system, way.method, prefix + way.path, way.body, key=uuid4().hex)


def shown(answer: BaseHTTPResponse) -> tuple[Any, ...]:
    """Return all of an answer that does not change from one request to the next."""
    document = answer.json()
    body = without_request_id(document) if isinstance(document, dict) else document
    return answer.status, body, sorted(name.lower() for name in answer.headers)
