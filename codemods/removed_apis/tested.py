"""Of which expressions only the truth matters, and which are compared with None."""

from __future__ import annotations

import ast

from flask_ctxfix.module import Module
from flask_ctxfix.syntax import is_constant_none


def is_tested(module: Module, node: ast.expr) -> bool:
    """Whether only the truth of `node` matters."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
        return parent.test is node
    if isinstance(parent, ast.UnaryOp):
        return isinstance(parent.op, ast.Not)
    if isinstance(parent, ast.comprehension):
        return node in parent.ifs
    if isinstance(parent, ast.Call):
        return getattr(parent.func, "id", "") == "bool" and parent.args == [node]
    return isinstance(parent, ast.BoolOp) and is_tested(module, parent)


def none_test(test: ast.expr) -> tuple[ast.expr, bool] | None:
    """Split ``x is None`` and its relatives into `x` and whether the test holds for a non-None."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right = test.left, test.comparators[0]
    sides = {id(left): right, id(right): left}
    nones = [s for s in (left, right) if is_constant_none(s)]
    if len(nones) != 1:
        return None
    other = sides[id(nones[0])]
    if isinstance(test.ops[0], ast.Is | ast.Eq):
        return other, False
    if isinstance(test.ops[0], ast.IsNot | ast.NotEq):
        return other, True
    return None
