"""Where code makes another context active, which has a `g` of its own."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.made_contexts import makes_context, may_be_context
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Value
from flask_ctxfix.module import Module

_MAKERS = ("app_context()", "request_context()")


def opens_context(values: Values, module: Module, item: ast.expr) -> bool:
    """Whether a `with` block of an expression may have another context than the code around it."""
    if makes_context(item):
        return True
    value = values.of(module, item)
    if isinstance(value, Foreign):
        return value.name.endswith(_MAKERS)
    called = values.of(module, item.func) if isinstance(item, ast.Call) else None
    return (
        opens_inside(called) or opens_inside(value) or may_be_context(values, module, item, value)
    )


def opens_inside(value: Value | None) -> bool:
    """Whether a function or a class of the project makes or pushes a context anywhere."""
    if not isinstance(value, Function | Class):
        return False
    calls = [each for each in ast.walk(value.node) if isinstance(each, ast.Call)]
    return any(makes_context(call) or _is_push(call) for call in calls)


def pushes_context(function: ast.AST) -> bool:
    """Whether a function has a context pushed otherwise than by a `with` block."""
    items = {
        item.context_expr
        for block in ast.walk(function)
        if isinstance(block, ast.With | ast.AsyncWith)
        for item in block.items
    }
    calls = (each for each in ast.walk(function) if isinstance(each, ast.Call))
    return any(_is_push(call) or (call not in items and _makes(call)) for call in calls)


def _is_push(call: ast.Call) -> bool:
    return getattr(call.func, "attr", "") == "push"


def _makes(call: ast.Call) -> bool:
    return bool(makes_context(call)) and getattr(call.func, "attr", "") != "test_client"
