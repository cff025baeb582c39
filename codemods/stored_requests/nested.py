"""Where code makes another context active, which has a `g` of its own."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow.made_contexts import is_push, makes_context


def pushes_context(function: ast.AST) -> bool:
    """Whether a function has a context pushed otherwise than by a `with` block."""
    items = {
        item.context_expr
        for block in ast.walk(function)
        if isinstance(block, ast.With | ast.AsyncWith)
        for item in block.items
    }
    calls = (each for each in ast.walk(function) if isinstance(each, ast.Call))
    return any(is_push(call) or (call not in items and _makes(call)) for call in calls)


def _makes(call: ast.Call) -> bool:
    return bool(makes_context(call)) and getattr(call.func, "attr", "") != "test_client"
