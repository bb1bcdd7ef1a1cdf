"""Reviews: the questions that only a person may decide, and their decisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.errors import FieldError, InvalidRequest
from domain.ids import Kind, public
from domain.merchant import Scope
from domain.requests import Verb
from domain.review import Case, Decision
from ingress.acting import Acting
from ingress.asking import caller_of, json_answer
from ingress.backing import FindCases
from ingress.payment_operations import payment_of
from ingress.schemas import Page, cursor, parse_page
from ingress.strict_json import shown
from ingress.views import moment, operation_path
from ingress.wishes import parse_decision

PARAMETERS: Final = ("cursor", "decision", "limit")
#: Cases that nobody has decided; the default.
OPEN: Final = "open"
_PAGE: Final = re.compile("cursor|limit")


@dataclass(frozen=True, slots=True)
class Reviews:
    """The handlers and what they ask."""

    cases: FindCases
    acting: Acting

    def routes(self) -> list[Route]:
        """Return the routes. A decision is about a payment: it may have several questions open."""
        return [
            Route("/reviews", self.page, methods=["GET"]),
            Route("/reviews/{payment_id}/approve", self.approve, methods=["POST"]),
            Route("/reviews/{payment_id}/reject", self.reject, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """List what is to be decided, or what was decided so, newest first."""
        caller = caller_of(request, Scope.READ)
        decision, asked = parse_cases(request.query_params)
        found = await self.cases(
            caller.merchant_id, caller.mode, decision, asked.before, asked.limit + 1
        )
        listed, more = found[: asked.limit], len(found) > asked.limit
        return json_answer(
            {
                "data": [case_json(case) for case in listed],
                "has_more": more,
                "next_cursor": cursor(listed[-1].id) if more else None,
            }
        )

    async def approve(self, request: Request) -> Response:
        """Let a payment pass, or adopt the money that its provider reported instead."""
        return await self._decide(request, Verb.APPROVE)

    async def reject(self, request: Request) -> Response:
        """Stop a payment and let go of its money, or give back what its provider reported."""
        return await self._decide(request, Verb.REJECT)

    async def _decide(self, request: Request, verb: Verb) -> Response:
        caller, id_ = caller_of(request, Scope.REVIEWS), payment_of(request, "payment_id")
        wish = parse_decision(await request.body())
        return await self.acting(request, caller, verb, id_, wish)


def parse_cases(query: QueryParams) -> tuple[Decision | None, Page]:
    """Read the parameters of the list: None asks for open cases. Raises `InvalidRequest`."""
    errors: list[FieldError] = []
    page = Page()
    try:
        page = parse_page(
            QueryParams([one for one in query.multi_items() if _PAGE.fullmatch(one[0])])
        )
    except InvalidRequest as refused:
        errors.extend(refused.errors)
    for name in sorted(set(query) - set(PARAMETERS)):
        fix = f"remove it; known: {', '.join(PARAMETERS)}"
        errors.append(FieldError(shown(name), "is not a parameter of this list", fix))
    if len(query.getlist("decision")) > 1:
        errors.append(FieldError("decision", "is there twice", "send it once"))
    decision = query.get("decision", OPEN)
    if decision not in (OPEN, *Decision):
        fix = f"send {', '.join((OPEN, *Decision))}"
        errors.append(FieldError("decision", "is not a decision", fix))
    if errors:
        raise InvalidRequest(errors)
    return (None if decision == OPEN else Decision(decision)), page


def case_json(case: Case) -> dict[str, Any]:
    """Return a case for its merchant; what was found is in minor units."""
    payment = public(Kind.PAYMENT, case.payment_id)
    found = case.found
    return {
        "id": public(Kind.REVIEW, case.id),
        "object": "review",
        "payment_id": payment,
        "kind": case.kind.value,
        "reason": case.reason,
        "found_amount": found and found.minor,
        "found_currency": found and found.currency.code,
        "decision": case.decision and case.decision.value,
        "decided_by": case.decided_by,
        "note": case.note,
        "opened_at": moment(case.opened_at),
        "decided_at": moment(case.decided_at),
        "links": {
            "payment": f"/v1/payments/{payment}",
            "approve": operation_path(Verb.APPROVE, payment),
            "reject": operation_path(Verb.REJECT, payment),
        },
    }
