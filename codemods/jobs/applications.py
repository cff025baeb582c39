"""Which variable holds the application where a piece of code stands."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.obligations.same_value import has_one_value
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import Binding, FunctionNode, Scope

_APPLICATION = Foreign("flask.Flask()")


def application_seen(module: Module, project: Project, scope: Scope) -> str | None:
    """Return the one variable of the innermost scope, seen from `scope`, that is an application."""
    for owner in scope.chain():
        names = [
            name
            for name, bindings in owner.bindings.items()
            if scope.home(name) is owner
            and _stays(module, project, owner, bindings[0])
            and _is_application(module, project, owner, bindings[0])
        ]
        if names:
            return names[0] if len(names) == 1 else None
    return None


def _stays(module: Module, project: Project, owner: Scope, binding: Binding) -> bool:
    """Whether a variable has its value whenever its scope is complete, and keeps it."""
    is_always = binding.kind == "parameter" or binding.node in getattr(owner.node, "body", ())
    return is_always and has_one_value(module, project, owner, binding.name)


def _is_application(module: Module, project: Project, owner: Scope, binding: Binding) -> bool:
    values = ContextFlow.of(project).values
    if binding.value is not None:
        return values.of(module, binding.value) == _APPLICATION
    reads = owner.reads.get(binding.name)
    if reads and values.of(module, reads[0]) == _APPLICATION:
        return True
    return binding.kind == "parameter" and binding.name in _given(module, project, owner.node)


def _given(module: Module, project: Project, function: ast.AST) -> frozenset[str]:
    """Return the parameters of a function that all its calls, one at least, give an application."""
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return frozenset()

    def compute() -> frozenset[str]:
        found: frozenset[str] | None = None
        for other in project.parsed(project.naming_outside_tests(function.name)):
            for call in other.scopes.calls.get(function.name, ()):
                given = _given_by(other, project, call, module, function)
                found = given if found is None else found & given
        return found or frozenset()

    return module.memo(("given applications", function), compute)


def _given_by(
    other: Module, project: Project, call: ast.Call, module: Module, function: ast.FunctionDef
) -> frozenset[str]:
    """Return the parameters that a call gives an application, if it is one of that function."""
    values = ContextFlow.of(project).values
    value = values.of(other, call.func)
    if not isinstance(value, Function) or not _is_same(value, module, function):
        return frozenset()
    given = values.arguments(other, call, value, ())
    return frozenset(each.name for each in given if each.value == _APPLICATION)


def _is_same(value: Function, module: Module, node: FunctionNode) -> bool:
    """Whether a value is the function `node`, also if its file was parsed twice."""
    return value.module.path == module.path and value.node.lineno == node.lineno
