"""Code that goes on where Flask does not have an attribute any more, as its author meant it to."""

from __future__ import annotations

import ast

from flask_ctxfix.codemods.removed_apis.versions import is_version_test, leaves_by_version
from flask_ctxfix.context_flow.caught import names_of
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import before_in


def expects_absence(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether the code around handles or asks that there is no such name."""
    child: ast.AST = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.Try) and child in parent.body:
            if any(_names_error(module, project, each.type) for each in parent.handlers):
                return True
        elif isinstance(parent, ast.With) and child in parent.body:
            managers = (item.context_expr for item in parent.items)
            given = (arg for each in managers if isinstance(each, ast.Call) for arg in each.args)
            if any(_names_error(module, project, each) for each in given):
                return True
        elif isinstance(parent, ast.BoolOp) and isinstance(child, ast.expr):
            earlier = parent.values[: parent.values.index(child)]
            if any(is_version_test(module, project, each) for each in earlier):
                return True
        if any(leaves_by_version(module, project, each) for each in before_in(parent, child)):
            return True
        child = parent
    return False


def _names_error(module: Module, project: Project, kinds: ast.expr | None) -> bool:
    return "AttributeError" in names_of(module, project, kinds)
