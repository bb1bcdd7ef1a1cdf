"""SOAP 1.1: takes a document out of its envelope, and puts an answer or a fault into one."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from domain.errors import (
    FieldError,
    InvalidRequest,
    SoapHeaderNotUnderstood,
    SoapVersionUnsupported,
)
from ingress.strict_json import BODY
from ingress.strict_xml import Element, before_root

NAMESPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"

#: What a fault is that is not simply the client's (4xx) or ours (5xx), by code (SOAP 1.1, 4.4.1).
_FAULTS: Final = {
    SoapHeaderNotUnderstood.code: "MustUnderstand",
    SoapVersionUnsupported.code: "VersionMismatch",
}
_ROOT: Final = re.compile(rb"<(?:[^\s<>/:]{1,128}:)?Envelope[\s/>]")
_MUST_UNDERSTAND: Final = (NAMESPACE, "mustUnderstand")
_FIX: Final = "send an Envelope with at most one Header, then one Body that holds one element"


class Envelope(Enum):
    """What a document comes in, and goes out in."""

    PLAIN = "plain"
    SOAP = "soap"


def envelope_of(body: bytes) -> Envelope:
    """Tell from the root's name, without parsing, so that even a refused body is answered in kind."""
    return Envelope.SOAP if _ROOT.match(body, before_root(body)) else Envelope.PLAIN


def opened(root: Element) -> tuple[Element, Envelope]:
    """Return the document: the root itself, or the one element in the Body of an Envelope.

    Header entries (WS-Security and others) are passed over, unless they say `mustUnderstand`.
    Raises `SoapVersionUnsupported`, `SoapHeaderNotUnderstood`, or `InvalidRequest`.
    """
    if root.name != "Envelope":
        return _document(root), Envelope.PLAIN
    if root.namespace != NAMESPACE:
        raise SoapVersionUnsupported(fix=f"send an Envelope in {NAMESPACE}")
    parts = [part.name if part.namespace == NAMESPACE else "" for part in root.children]
    if parts not in (["Body"], ["Header", "Body"]):
        raise _misshapen("holds something else than a Header and a Body")
    if any(part.is_mixed for part in (root, *root.children)):
        raise _misshapen("holds text beside its elements")
    body = root.children[-1]
    for part in root.children[:-1]:
        for entry in part.children:
            # Only these two say no. An intermediary that the entry is meant for is not between us.
            if entry.attributes.get(_MUST_UNDERSTAND, "0") not in ("0", "false"):
                raise SoapHeaderNotUnderstood(fix="send the header without mustUnderstand, or none")
    if len(body.children) != 1:
        raise _misshapen("has a Body with no element, or with more than one")
    return _document(body.children[0]), Envelope.SOAP


def wrapped(content: str) -> str:
    """Return the envelope around one element."""
    return (
        f'<soap:Envelope xmlns:soap="{NAMESPACE}"><soap:Body>{content}</soap:Body></soap:Envelope>'
    )


def fault(status: int, code: str, reason: str, detail: str) -> str:
    """Return the envelope around a fault. `reason` and `detail` are XML already.

    The status stays what it is without SOAP. SOAP 1.1 (6.2) would have 500 for every fault, and
    then proxies, metrics and retrying clients would take a wrong amount for a fault of ours;
    clients read the envelope whatever the status. A fault about the envelope itself has no detail:
    a detail says that the Body was looked at (4.4).
    """
    about_body = code not in _FAULTS
    kind = _FAULTS.get(code, "Client" if status < 500 else "Server")
    told = f"<faultcode>soap:{kind}</faultcode><faultstring>{reason}</faultstring>"
    more = f"<detail>{detail}</detail>" if about_body else ""
    return wrapped(f"<soap:Fault>{told}{more}</soap:Fault>")


def _document(element: Element) -> Element:
    if element.namespace == NAMESPACE:
        raise _misshapen("is a part of SOAP where the document should be")
    return element


def _misshapen(what: str) -> InvalidRequest:
    return InvalidRequest([FieldError(BODY, what, _FIX)])
