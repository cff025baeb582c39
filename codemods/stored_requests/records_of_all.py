"""The best that any visitor has done, which is kept for all of them to see."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.module import Module
from flask_ctxfix.statements import statement_of, way_out

_ORDERS = (ast.Gt, ast.GtE, ast.Lt, ast.LtE)


def is_of_record(module: Module, node: ast.AST) -> bool:
    """Whether `node` runs only where a value beats the one that is kept: ``if x > best: best = x``.

    What is set beside it, as the name of who did it, is as much for all.
    """
    return any(
        isinstance(parent, ast.If) and child in parent.body and _is_beaten(module, parent)
        for parent, child in way_out(module, statement_of(module, node))
    )


def _is_beaten(module: Module, test: ast.If) -> bool:
    """Whether an ``if`` asks whether a value is greater or less than what it replaces."""
    compared = [*_compared(module, test.test)]
    for statement in test.body:
        if isinstance(statement, ast.Assign):
            value = module.segment(statement.value)
            for target in statement.targets:
                if {module.segment(target), value} in compared:
                    return True
    return False


def _compared(module: Module, test: ast.expr) -> Iterator[set[str]]:
    for part in test.values if isinstance(test, ast.BoolOp) else [test]:
        if isinstance(part, ast.Compare) and isinstance(part.ops[0], _ORDERS):
            yield {module.segment(part.left), module.segment(part.comparators[0])}
