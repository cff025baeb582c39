"""Loops that nothing but an error ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.scopes import FunctionNode

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def is_endless(loop: ast.AST) -> bool:
    """Whether a loop has a test that is always true, and no way out but an error."""
    return isinstance(loop, ast.While) and _is_true(loop.test) and not has_way_out(loop)


def has_way_out(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Whether a statement of the body of a loop ends it, without an error."""
    return any(
        isinstance(each, ast.Return) or (is_own and isinstance(each, ast.Break))
        for each, is_own in _statements(loop.body, is_own=True)
    )


def _is_true(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and not test.operand.value
    return isinstance(test, ast.Constant) and bool(test.value)


def _statements(body: list[ast.stmt], *, is_own: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements of a loop, and whether a `break` there would leave that very loop."""
    for each in body:
        if isinstance(each, FunctionNode | ast.ClassDef):
            continue
        yield each, is_own
        is_loop = isinstance(each, _LOOPS)
        yield from _statements(getattr(each, "body", []), is_own=is_own and not is_loop)
        for name in ("orelse", "finalbody"):
            yield from _statements(getattr(each, name, []), is_own=is_own)
        for part in (*getattr(each, "handlers", ()), *getattr(each, "cases", ())):
            yield from _statements(part.body, is_own=is_own)
