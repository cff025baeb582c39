"""The edits that put what runs in a pushed context under a ``with``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from flask_ctxfix.codemod import Edit, RemoveStatement, WrapStatements
from flask_ctxfix.codemods.manual_contexts.pushes import Push
from flask_ctxfix.module import Module
from flask_ctxfix.source import Span
from flask_ctxfix.statements import block_of

_NEWLINE = re.compile(r"\r\n|\r|\n")


def wrap(
    push: Push, last: ast.stmt, kept: Iterable[ast.expr] = (), start: ast.stmt | None = None
) -> tuple[Edit, ...] | None:
    """Return the edits that put what comes after a push, up to `last`, under a ``with``.

    `kept` are the reads of the variable that stay; `start` is what comes under the ``with`` first
    if the push is in it. None if the lines hold something else.
    """
    module = push.module
    start = start or push.statement
    block = block_of(module.scopes.parents[start], start)
    assigned = _assignment(push, block, start)
    header, first = _header(push, assigned, start, any(True for _ in kept))
    if header is None or not _has_own_lines(module, block, first, last):
        return None
    removed = [push.statement] if first is start else [first, push.statement]
    span = Span(module.span(first).start, module.span(last).end)
    removals = (RemoveStatement(module.span(each)) for each in removed)
    return (WrapStatements(span, f"with {header}:"), *removals)


def _assignment(push: Push, block: list[ast.stmt], start: ast.stmt) -> ast.Assign | None:
    """Return the assignment right before `start` that makes a context for its variable alone."""
    before = block[block.index(start) - 1] if block[0] is not start else None
    if not isinstance(before, ast.Assign) or before.value is not push.made:
        return None
    is_alone = len(before.targets) == 1 and isinstance(before.targets[0], ast.Name)
    return before if is_alone and before.type_comment is None else None


def _header(
    push: Push, assigned: ast.Assign | None, start: ast.stmt, is_kept: bool
) -> tuple[str | None, ast.stmt]:
    """Return what stands behind ``with``, and the first statement that it takes the place of."""
    module = push.module
    if push.is_chained:
        return _code(module, push.receiver, push.statement), start
    home = push.variable
    made = _code(module, push.made, assigned) if push.made and assigned else None
    if assigned is None or made is None or home is None or len(push.bindings) != 1:
        return module.segment(push.receiver), start
    is_exported = home.parent is None
    return (
        f"{made} as {module.segment(push.receiver)}" if is_kept or is_exported else made,
        assigned,
    )


def _code(module: Module, node: ast.expr, statement: ast.stmt) -> str | None:
    """Return an expression without the indentation of its statement in its further lines."""
    text = module.segment(node)
    if _NEWLINE.search(text) is None:
        return text
    start = module.span(statement).start
    line = module.line_span(module.position(start)[0])
    indentation = module.text[line.start : start]
    first, *rest = _NEWLINE.split(text)
    is_string = any(
        isinstance(each, ast.Constant | ast.JoinedStr) and each.lineno != each.end_lineno
        for each in ast.walk(node)
    )
    if is_string or indentation.strip() or not all(row.startswith(indentation) for row in rest):
        return None
    return "\n".join([first, *(row.removeprefix(indentation) for row in rest)])


def _has_own_lines(module: Module, block: list[ast.stmt], first: ast.stmt, last: ast.stmt) -> bool:
    """Whether nothing outside of a run of statements stands on one of its lines."""
    start, end = module.span(first).start, module.span(last).end
    line = module.line_span(module.position(start)[0])
    if module.text[line.start : start].strip():
        return False
    after = block[block.index(last) + 1 :]
    if not after:
        return True
    decorators: list[ast.expr] = getattr(after[0], "decorator_list", [])
    rows = [after[0].lineno, *(each.lineno for each in decorators)]
    return min(rows) > module.position(end)[0]
