"""Dialects: one request read and one answer said in JSON, in XML, or in a SOAP envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from domain.errors import UnsupportedMedia
from ingress.fields import Fields, open_body
from ingress.formats import Format, Syntax, wants
from ingress.paths import speaks_xml
from ingress.soap import Envelope, envelope_of
from ingress.xml_in import Shape, open_xml
from ingress.xml_out import media_type, problem_media_type, render, render_problem

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
#: SOAP 1.1 (6.1.1) has its requests carry this header: the envelope before the body is read.
SOAP_ACTION: Final = "soapaction"


async def read(request: Request, shape: Shape) -> Fields:
    """Return the fields of the body, in whichever of the three it is written.

    Raises `UnsupportedMedia` and what `open_body` or `open_xml` raise; the problem is then said in
    the same dialect.
    """
    written = wants(request.headers).body
    body = await request.body()
    if written is Syntax.JSON:
        return open_body(body)
    request.state.envelope = envelope_of(body)
    return open_xml(body, shape)[0]


def answer(
    request: Request,
    document: bytes | Mapping[str, Any],
    root: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer as the request wants it. `document` may be JSON text: a recorded answer.

    `root` names the element that an answer in XML consists of.
    """
    envelope = envelope_for(request.scope)
    if envelope is None:
        text = document if isinstance(document, bytes) else msgspec.json.encode(document)
        return Response(text, status, headers, JSON)
    shown = msgspec.json.decode(document) if isinstance(document, bytes) else document
    return Response(render(shown, root, envelope), status, headers, media_type(envelope))


def problem(
    scope: Scope, body: bytes, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem, given as JSON text, as the request wants it."""
    envelope = envelope_for(scope)
    if envelope is None:
        return Response(body, status, headers, PROBLEM)
    text = render_problem(msgspec.json.decode(body), envelope)
    return Response(text, status, headers, problem_media_type(envelope))


def envelope_for(scope: Scope) -> Envelope | None:
    """Return what the answer comes in; None: it is JSON.

    Who sends XML is answered in XML, also where only JSON is read: a problem that its reader cannot
    parse says nothing. The wish in an Accept header counts where answers may be XML, so that
    browsers, which name it among others, get JSON everywhere else.
    """
    if scope["type"] != "http":
        return None
    headers = Headers(scope=scope)
    wanted = _wanted(headers)
    if wanted.body is Syntax.JSON and not speaks_xml(scope):
        return None
    if wanted.answer is Syntax.JSON:
        return None
    known: Envelope | None = scope.get("state", {}).get("envelope")
    return known or (Envelope.SOAP if SOAP_ACTION in headers else Envelope.PLAIN)


def _wanted(headers: Headers) -> Format:
    """Return what the headers ask for; a body in neither syntax still has an Accept header."""
    try:
        return wants(headers)
    except UnsupportedMedia:
        return wants({"accept": headers.get("accept", "")})
