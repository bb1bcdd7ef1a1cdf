"""Which tests a provider gets: every case comes from what its rig says that it documents."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from itertools import product
from typing import Final, TypeAlias

import pytest

from tests.contract.rigs import Ways

#: One value per name, or the value alone where there is one name.
Cases: TypeAlias = Callable[[Ways], Iterable[object]]

ACROSS: Final = "across(names, cases): one test for every case that `cases` finds in a rig's ways"
ONLY: Final = "only(applies): a test for rigs of whose ways this is true"


def across(names: str, cases: Cases) -> pytest.MarkDecorator:
    """Parametrise by what each provider documents; several of these are multiplied."""
    return pytest.mark.across.with_args(names, cases)


def only(applies: Callable[[Ways], bool]) -> pytest.MarkDecorator:
    """Make the test for the providers of which this is true."""
    return pytest.mark.only.with_args(applies)


def parametrise(
    metafunc: pytest.Metafunc, rigs: Iterable[tuple[str, Ways]], fast: Container[str]
) -> None:
    """Give a test its rigs, and with each rig its cases; those not among the `fast` are marked.

    Their adapters have tests of their own, whose lines are counted.
    """
    marks = list(metafunc.definition.iter_markers("across"))
    names = [name.strip() for mark in reversed(marks) for name in mark.args[0].split(",")]
    found = [
        pytest.param(
            *(rig, *values),
            id="-".join([rig, *map(_told, values)]),
            marks=() if rig in fast else (pytest.mark.services, pytest.mark.uncounted),
        )
        for rig, ways in rigs
        if all(mark.args[0](ways) for mark in metafunc.definition.iter_markers("only"))
        for values in _cases(marks, ways)
    ]
    if not found:
        nobody = pytest.mark.skip(reason="no provider that was chosen has this")
        found = [pytest.param(*[None] * (len(names) + 1), id="nobody", marks=nobody)]
    metafunc.parametrize(["rig", *names], found, indirect=["rig"])


def _cases(marks: Iterable[pytest.Mark], ways: Ways) -> Iterator[tuple[object, ...]]:
    each = [[_together(case) for case in mark.args[1](ways)] for mark in marks]
    for chosen in product(*reversed(each)):
        yield tuple(value for case in chosen for value in case)


def _together(case: object) -> tuple[object, ...]:
    return case if isinstance(case, tuple) else (case,)


def _told(value: object) -> str:
    """Name a value in a test's id: a method or destination by its type, a currency by its code."""
    return str(getattr(value, "type", None) or getattr(value, "code", None) or value)
