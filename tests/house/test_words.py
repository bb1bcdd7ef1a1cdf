"""Words: names that say something, and a project that speaks of itself alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.house.source import FOREIGN, ROOMS, ROOT, modules, texts

#: They say that something is somewhere, not what it is.
EMPTY = frozenset(
    {"base", "common", "data", "helper", "helpers", "impl", "manager", "managers", "misc"}
    | {"service", "stuff", "util", "utils"}
)
#: Words of a name: `RawCardRefused`, `read_card`, `HTTPCard`.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
#: The word is about something else there: card data is what the field calls it.
_TERMS = re.compile("(?i)card_?data")

#: Brackets keep each pattern from finding itself.
UNFINISHED = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X(?!\"|')|H[A]CK)\b|NotImplemented[E]rror")
PLACES = re.compile(
    r"(?<![\w.])/(?:r[o]ot|w[o]rk|w[o]rkspace|h[o]me/[a-z]\w*|U[s]ers/\w+)/"
    r"|[A-Z]:\\U[s]ers\\"
)
REGISTRIES = re.compile(
    r"p[y]pi\.(?:org|io)|python[h]osted|n[p]mjs|n[p]mmirror|cr[a]tes\.io|g[h]cr\.io"
    r"|d[o]cker\.io|q[u]ay\.io|un[p]kg\.com|js[d]elivr|con[d]a\.anaconda|proxy\.g[o]lang",
    re.IGNORECASE,
)
STRANGERS = re.compile(
    r"\b(?:a[s]sistants?|L[L]Ms?|language m[o]dels?|ch[a]tbots?|co-a[u]thored-by|c[o]pilot"
    r"|(?:session )?tr[a]nscripts?|gen[e]rated by an? \w+ m[o]del|A[I](?:-| )(?:gen|writ|assist))",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "pattern",
    [UNFINISHED, PLACES, REGISTRIES, STRANGERS],
    ids=["unfinished work", "places on one machine", "registries", "strangers"],
)
def test_some_words_stay_out_of_the_project(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path}:{number} {match[0]!r}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]

    assert not found


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (UNFINISHED, "# T" + "ODO: later"),
        (PLACES, "open('/ro" + "ot/x')"),
        (PLACES, "/ho" + "me/ann/x"),
        (REGISTRIES, "https://py" + "pi.org/simple"),
        (STRANGERS, "written by an Assis" + "tant"),
    ],
)
def test_the_words_would_be_noticed(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)
    assert not pattern.search("https://example.com/v1/payments/networks/home/")


def test_no_file_class_or_package_has_a_name_that_says_nothing() -> None:
    paths = [PurePosixPath(path) for path in texts() if path.startswith((*ROOMS, "tests"))]
    files = [
        str(path) for path in paths for part in path.with_suffix("").parts if _says_nothing(part)
    ]
    classes = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and _says_nothing(node.name)
    ]

    assert not files + classes


@pytest.mark.parametrize("name", ["payment_manager", "PaymentServiceImpl", "util", "test_data"])
def test_a_name_that_says_nothing_would_be_noticed(name: str) -> None:
    assert _says_nothing(name)
    assert not _says_nothing("database")


def _says_nothing(name: str) -> bool:
    return not EMPTY.isdisjoint(word.lower() for word in _WORD.findall(_TERMS.sub("", name)))


def test_no_refusal_is_swallowed_in_silence() -> None:
    silent = [f"{module.path}:{line}" for module in modules() for line in _swallowed(module.tree)]

    assert not silent


def test_a_swallowed_exception_would_be_noticed() -> None:
    assert list(_swallowed(ast.parse("try:\n    f()\nexcept ValueError:\n    pass\n"))) == [3]
    assert list(_swallowed(ast.parse("with suppress(Exception):\n    f()\n"))) == [1]
    assert not list(_swallowed(ast.parse("try:\n    f()\nexcept ValueError:\n    g()\n")))


def _swallowed(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of handlers that do nothing, and of `suppress` that takes everything."""
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(body=[ast.Pass() | ast.Expr(value=ast.Constant())]):
                yield node.lineno
            case ast.Call(
                func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"),
                args=[ast.Name(id="Exception" | "BaseException")],
            ):
                yield node.lineno
            case _:
                continue


def test_everything_foreign_that_is_exempt_is_still_there() -> None:
    assert all((ROOT / path).exists() for path in FOREIGN)
