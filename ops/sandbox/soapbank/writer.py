"""What the bank says: answers, faults and callbacks, in SOAP 1.1."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from xml.sax.saxutils import escape

from ops.sandbox.replies import Answer

XML = "text/xml; charset=utf-8"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
BANK = "urn:soapbank:v1"

#: Names and texts, in the order in which they are written.
Fields: TypeAlias = Mapping[str, str]

#: Stands in every first answer, and differs in the answer to a duplicate.
FIRST, AGAIN = b"<Duplicate>false</Duplicate>", b"<Duplicate>true</Duplicate>"


def response(operation: str, request_id: str | None, records: Iterable[Fields]) -> Answer:
    """Return the answer to an operation; what changes nothing has no request's id."""
    head = "" if request_id is None else _elements({"RequestId": request_id}) + FIRST.decode()
    told = "".join(f"<Record>{_elements(one)}</Record>" for one in records)
    name = f"{operation}Response"
    return Answer(200, _enveloped(f'<{name} xmlns="{BANK}">{head}{told}</{name}>'), XML)


def statement(operation: str, lines: Iterable[Fields], *, more: bool) -> Answer:
    """Return a page of the account's statement, which may be empty."""
    told = "".join(f"<Line>{_elements(one)}</Line>" for one in lines)
    head = _elements({"More": "true" if more else "false"})
    name = f"{operation}Response"
    return Answer(200, _enveloped(f'<{name} xmlns="{BANK}">{head}{told}</{name}>'), XML)


def repeated(answer: Answer) -> Answer:
    """Return the answer to a duplicate of a request that was answered with this."""
    return Answer(answer.status, answer.body.replace(FIRST, AGAIN, 1), answer.content_type)


def fault(code: str, text: str, *, field: str = "", headers: Fields | None = None) -> Answer:
    """Return a fault: `code` is Client.<CODE> or Server.<CODE>, `field` the name of a wrong one."""
    about = f'<Field xmlns="{BANK}">{escape(field)}</Field>' if field else ""
    inner = (
        f"<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{escape(text)}</faultstring>"
        f"<detail>{about}</detail></soap:Fault>"
    )
    return Answer(500, _enveloped(inner), XML, dict(headers or {}))


def notification(fields: Fields) -> str:
    """Return the body of a callback."""
    return _enveloped(f'<Notify xmlns="{BANK}">{_elements(fields)}</Notify>').decode()


def _enveloped(inner: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>{inner}</soap:Body></soap:Envelope>'
    ).encode()


def _elements(fields: Fields) -> str:
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields.items())
