"""Handlers that caught the AttributeError of a missing context, which is a RuntimeError now."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Edit, ReplaceExpression
from flask_ctxfix.project import Module, Project

_CATCHES_BOTH = {"Exception", "BaseException"}
_EXPECTS_ERRORS = {"contextlib.suppress", "pytest.raises"}


def widened_handlers(module: Module, project: Project, node: ast.AST) -> list[Edit] | None:
    """Return edits after which the innermost handler around `node` catches both errors.

    Empty where no handler of the function catches AttributeError; None where one in between treats
    a RuntimeError differently.
    """
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            break
        if isinstance(parent, ast.Try) and child in parent.body:
            for handler in parent.handlers:
                caught = _caught(handler)
                if (
                    "RuntimeError" in caught and "AttributeError" in caught
                ) or caught & _CATCHES_BOTH:
                    return []
                if "RuntimeError" in caught:
                    return None
                if "AttributeError" in caught:
                    return None if _catches_later(parent, handler) else [_widened(module, handler)]
        if isinstance(parent, ast.With | ast.AsyncWith) and child in parent.body:
            edits = list(_widened_items(module, project, parent))
            if edits:
                return edits
        child = parent
    return []


def _catches_later(statement: ast.Try, handler: ast.ExceptHandler) -> bool:
    later = statement.handlers[statement.handlers.index(handler) + 1 :]
    return any("RuntimeError" in _caught(each) for each in later)


def _caught(handler: ast.ExceptHandler) -> set[str]:
    """Return the names of the exceptions that a handler catches."""
    return {"BaseException"} if handler.type is None else _named(handler.type)


def _named(kinds: ast.expr) -> set[str]:
    """Return the names in an expression that is an exception or a tuple of them."""
    each = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    return {kind.id for kind in each if isinstance(kind, ast.Name)}


def _widened(module: Module, handler: ast.ExceptHandler) -> Edit:
    assert handler.type is not None
    code = _with_runtime_error(module, handler.type)
    return ReplaceExpression(module.span(handler.type), code)


def _with_runtime_error(module: Module, kinds: ast.expr) -> str:
    if isinstance(kinds, ast.Tuple):
        listed = ", ".join(module.segment(kind) for kind in kinds.elts)
    else:
        listed = module.segment(kinds)
    return f"({listed}, RuntimeError)"


def _widened_items(
    module: Module, project: Project, statement: ast.With | ast.AsyncWith
) -> Iterator[Edit]:
    """Yield the edits of ``suppress(AttributeError)`` and its like."""
    for item in statement.items:
        call = item.context_expr
        if not isinstance(call, ast.Call):
            continue
        origins = project.origins(module, call.func)
        if not origins & _EXPECTS_ERRORS or "RuntimeError" in set().union(*map(_named, call.args)):
            continue
        for argument in call.args:
            caught = _named(argument)
            if "AttributeError" in caught:
                code = _with_runtime_error(module, argument)
                if isinstance(argument, ast.Name) and origins == {"contextlib.suppress"}:
                    code = f"{argument.id}, RuntimeError"
                yield ReplaceExpression(module.span(argument), code)
