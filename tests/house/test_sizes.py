"""Sizes: a file is one idea, a function fits a screen."""

from __future__ import annotations

import ast

from tests.house.source import modules, texts

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
#: Text that people read from top to bottom, and that nobody splits.
PROSE = (".md", ".html", ".css", ".txt")


def test_no_file_passes_400_lines() -> None:
    lines = {path: text.count("\n") for path, text in texts().items() if not path.endswith(PROSE)}

    assert not {path: count for path, count in lines.items() if count > MAX_FILE_LINES}
    assert len(lines) > 100, "the files have not been found"


def test_every_function_fits_a_screen() -> None:
    long = {
        f"{module.path}:{node.lineno} {node.name}": length
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }

    assert not long


def test_every_module_says_in_one_line_what_it_is() -> None:
    silent = {
        module.path: said
        for module in modules()
        if not (said := (ast.get_docstring(module.tree) or "").partition("\n")[0]).endswith(
            (".", "?", "!")
        )
    }

    assert not silent
