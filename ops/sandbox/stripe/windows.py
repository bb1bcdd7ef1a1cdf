"""The `created` filter of the simulated Stripe's lists: a window of whole seconds."""

from collections.abc import Callable, Mapping
from typing import Any

from ops.sandbox.stripe.forms import Rule, fields, integer
from ops.sandbox.stripe.objects import Thing

#: Bounds that a list may be given for when its objects were made, and what they mean.
BOUNDS: Mapping[str, Callable[[int, int], bool]] = {
    "gt": lambda created, bound: created > bound,
    "gte": lambda created, bound: created >= bound,
    "lt": lambda created, bound: created < bound,
    "lte": lambda created, bound: created <= bound,
}
CREATED: Mapping[str, Rule] = {"created": fields(dict.fromkeys(BOUNDS, integer))}


def is_within(thing: Thing, params: Mapping[str, Any]) -> bool:
    """Whether an object was made within the bounds that were given."""
    bounds: Mapping[str, int] = params.get("created", {})
    return all(BOUNDS[name](thing.created, bound) for name, bound in bounds.items())
