"""What callers hand a function, as far as all of them do the same."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow.direct_calls import as_called, calls_of, passed_by
from flask_ctxfix.context_flow.values import receiving_class
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionDefinition


def handed_on(module: Module, project: Project, node: ast.expr) -> list[tuple[Module, ast.expr]]:
    """Return what each call passes for the parameter that a name is; nothing if one does not."""
    if not isinstance(node, ast.Name):
        return []
    home = module.scopes.home_of(node)
    bound, function = home.bindings.get(node.id) or [], home.node
    if not isinstance(function, FunctionDefinition) or function.decorator_list:
        return []
    is_given = [each.kind for each in bound] == ["parameter"]
    if not is_given or receiving_class(module, bound[0].node) is not None:
        return []
    key = ("handed on", function, node.id)
    return module.memo(key, lambda: _passed(module, project, function, node.id))


def _passed(
    module: Module, project: Project, function: FunctionDefinition, name: str
) -> list[tuple[Module, ast.expr]]:
    found: list[tuple[Module, ast.expr]] = []
    for home, call in calls_of(project, module, function):
        if project.is_test(home.path):
            continue
        passed = passed_by(project, home, call, as_called(module, function))
        given = [argument for parameter, argument in passed if parameter == name]
        if len(given) != 1 or any(isinstance(each, ast.Starred) for each in call.args):
            return []
        found.append((home, given[0]))
    return found
