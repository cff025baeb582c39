"""Code that goes on where Flask does not have an attribute any more, as its author meant it to."""

from __future__ import annotations

import ast

from flask_ctxfix.codemods.removed_apis.versions import is_version_test
from flask_ctxfix.project import Module, Project
from flask_ctxfix.statements import before_in, ends


def expects_absence(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether the code around handles or asks that there is no such name."""
    child: ast.AST = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.Try) and child in parent.body:
            if any(map(_names_attribute_error, parent.handlers)):
                return True
        elif isinstance(parent, ast.With) and child in parent.body:
            if any(map(_names_attribute_error, parent.items)):
                return True
        elif isinstance(parent, ast.BoolOp) and isinstance(child, ast.expr):
            earlier = parent.values[: parent.values.index(child)]
            if any(is_version_test(module, project, each) for each in earlier):
                return True
        if any(_leaves_by_version(module, project, each) for each in before_in(parent, child)):
            return True
        child = parent
    return False


def _names_attribute_error(part: ast.ExceptHandler | ast.withitem) -> bool:
    kinds = part.type if isinstance(part, ast.ExceptHandler) else part.context_expr
    names = ast.walk(kinds) if kinds is not None else ()
    return any(isinstance(name, ast.Name) and name.id == "AttributeError" for name in names)


def _leaves_by_version(module: Module, project: Project, statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If)
        and is_version_test(module, project, statement.test)
        and ends(statement.body)
    )
