"""Whether a copy may be made where its task is started, not before."""

from __future__ import annotations

import ast

from flask_ctxfix.module import Module
from flask_ctxfix.obligations.same_context import is_in_same_context
from flask_ctxfix.obligations.same_value import is_same_at
from flask_ctxfix.project import Project


def maker_place(module: Module, maker: ast.AST) -> ast.AST:
    """Return what is in the block that makes a copy; a decorator runs around what it decorates."""
    parent = module.scopes.parents.get(maker)
    is_decorator = isinstance(parent, ast.FunctionDef) and maker in parent.decorator_list
    return parent if parent is not None and is_decorator else maker


def can_be_moved(
    maker: ast.expr, node: ast.expr, call: ast.AST, module: Module, project: Project
) -> bool:
    """Whether a copy is the same if it is made in the place of `node`, where `call` starts it."""
    place = maker_place(module, maker)
    around = module.scopes.function_of(place)
    if around is None or around in module.scopes.generators:
        return False
    if module.scopes.function_of(call) is not around:
        return False
    is_same = is_same_at(maker, node, module, project)
    return is_same and is_in_same_context(place, call, module, project)
