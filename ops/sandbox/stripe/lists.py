"""Lists and searches of the simulated Stripe: newest first, in pages, with strict parameters."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stripe.errors import invalid
from ops.sandbox.stripe.forms import Rule, checked, integer, parsed, text
from ops.sandbox.stripe.objects import Intent, Thing, shown

PAGE, PAGE_LIMIT = 10, 100
_CLAUSE = re.compile(r"metadata\[([\"'])(?P<name>[^\"']+)\1\]\s*:\s*([\"'])(?P<value>[^\"']+)\3")


def expanded(given: Mapping[str, Any], *possible: str, within: str = "") -> frozenset[str]:
    """Return what is to be shown in full; anything else cannot be."""
    names = given.get("expand", [])
    if not isinstance(names, list):
        raise invalid("Invalid array", "expand")
    if odd := [name for name in names if name not in {within + one for one in possible}]:
        raise invalid(f"This property cannot be expanded ({str(odd[0])[:80]}).", "expand")
    return frozenset(str(name).removeprefix(within) for name in names)


def listed(
    call: Call,
    things: Iterable[Thing],
    rules: Mapping[str, Rule],
    wanted: Callable[[Thing, Mapping[str, Any]], bool],
) -> Answer:
    """Return one page of objects, newest first."""
    given = parsed(call.request.query)
    paging = {"limit": integer, "starting_after": text(255)}
    params = checked(given, paging | dict(rules))
    whole = expanded(given, "latest_charge", within="data.")
    limit = params.get("limit", PAGE)
    if not 1 <= limit <= PAGE_LIMIT:
        raise invalid("This value must be between 1 and 100.", "limit", "parameter_invalid_integer")
    found = [thing for thing in things if wanted(thing, params)][::-1]
    if (after := params.get("starting_after")) is not None:
        ids = [thing.id for thing in found]
        if after not in ids:
            raise invalid(f"No such object: '{after[:80]}'", "starting_after", "resource_missing")
        found = found[ids.index(after) + 1 :]
    page = {
        "object": "list",
        "url": call.path,
        "has_more": len(found) > limit,
        "data": [shown(thing, expand=whole) for thing in found[:limit]],
    }
    return json_answer(200, page)


def searched(call: Call, intents: Iterable[Intent], lag_s: float) -> Answer:
    """Return the intents whose metadata says what the query asks for, as far as they are indexed."""
    given = parsed(call.request.query)
    params = checked(given, {"query": text(1000), "limit": integer, "page": text(255)}, "query")
    whole = expanded(given, "latest_charge", within="data.")
    clause = _CLAUSE.fullmatch(params["query"])
    if clause is None:
        message = "Only metadata['name']:'value' can be searched for here."
        raise invalid(message, "query")
    seen_until = time.time() - lag_s
    found = [
        shown(intent, expand=whole)
        for intent in intents
        if intent.metadata.get(clause["name"]) == clause["value"] and intent.created <= seen_until
    ][::-1]
    limit = params.get("limit", PAGE)
    page = {
        "object": "search_result",
        "url": call.path,
        "has_more": len(found) > limit,
        "next_page": None,
        "data": found[:limit],
    }
    return json_answer(200, page)
