"""The code of an expression that moves to another line."""

from __future__ import annotations

import ast
import re

from flask_ctxfix.module import Module

_FURTHER_LINE = re.compile(r"(?<=\n)[ \t]+|(?<=\r)[ \t]+")
_STRINGS = (ast.Constant, ast.JoinedStr)


def moved(module: Module, node: ast.expr, indentation: str) -> str:
    """Return the code of an expression, indented as if its first line were by `indentation`.

    It is left as it is where a string has several lines.
    """
    code, old = module.segment(node), _indentation_at(module, node)
    if any(_has_lines(each) for each in ast.walk(node)):
        return code
    return _FURTHER_LINE.sub(lambda found: _indented(found[0], old, indentation), code)


def has_lines_of_its_own(code: str) -> bool:
    """Whether an expression has several lines that no brackets of its own hold together."""
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return True
    return False


def _indentation_at(module: Module, node: ast.AST) -> str:
    """Return what the line is indented by on which a node begins."""
    line = module.line(module.position(module.span(node).start)[0])
    return line[: len(line) - len(line.lstrip(" \t"))]


def _indented(old: str, before: str, after: str) -> str:
    return after + old.removeprefix(before) if old.startswith(before) else old


def _has_lines(node: ast.AST) -> bool:
    return isinstance(node, _STRINGS) and node.lineno != node.end_lineno
