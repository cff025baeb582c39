"""Whether something leaves a block with the context that it pushed, though it has a ``pop()``."""

from __future__ import annotations

import ast

from flask_ctxfix.codemods.manual_contexts.closings import Closing, popping
from flask_ctxfix.codemods.manual_contexts.pushes import Push
from flask_ctxfix.statements import before_in, leaves_turn, nodes_of, way_out


def returns_pushed(push: Push, closing: Closing) -> bool:
    """Whether a path on which nothing raises leaves the block with its context pushed."""
    for each in closing.inside:
        for node in nodes_of([each]):
            is_out = isinstance(node, ast.Return) or leaves_turn(push.module, node, each)
            if is_out and not _is_popped_at(push, node):
                return True
    return False


def starts_safely(push: Push, closing: Closing) -> bool:
    """Whether nothing raises between a push and the ``try`` that pops its context."""
    block = push.block
    if _is_guarded(push, push.statement):
        return True
    for statement in block[block.index(push.statement) + 1 :]:
        if isinstance(statement, ast.Try) or statement is closing.last:
            return True
        is_plain_value = isinstance(statement, ast.Assign | ast.AnnAssign) and not any(
            isinstance(each, ast.Attribute | ast.Subscript | ast.Call | ast.BinOp | ast.Await)
            for each in ast.walk(statement)
        )
        if not is_plain_value and not isinstance(statement, ast.Pass | ast.Global | ast.Nonlocal):
            return False
    return True


def _is_popped_at(push: Push, node: ast.AST) -> bool:
    """Whether a context is popped right before a statement, or in a ``finally`` around it."""
    assert isinstance(node, ast.stmt)
    earlier = before_in(push.module.scopes.parents[node], node)
    if earlier and popping(push, earlier[-1]) is not None:
        return True
    return _is_guarded(push, node)


def _is_guarded(push: Push, node: ast.AST) -> bool:
    """Whether a ``finally`` around a node pops the context."""
    return any(
        isinstance(parent, ast.Try) and any(popping(push, each) for each in parent.finalbody)
        for parent, _ in way_out(push.module, node)
    )
