"""Functions whose bodies run elsewhere than where these are called, or before all requests."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import JOB_DECORATORS, OUTSIDE_DECORATORS, STARTERS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import without_call

# Decorators that also let something else than Flask call the function.
_TASKS = {*JOB_DECORATORS, *(each for each in OUTSIDE_DECORATORS if not each.startswith("click."))}


def is_run_elsewhere(values: Values, module: Module, function: FunctionNode) -> bool:
    """Whether a body runs later than its call, or where a decorator starts it."""
    if isinstance(function, ast.Lambda):
        return False
    if function in module.scopes.generators:
        return True
    for decorator in function.decorator_list:
        maker = values.of(module, without_call(decorator))
        if isinstance(maker, Foreign) and maker.name in _TASKS:
            return True
        if isinstance(maker, Function) and _starts_something(values, maker):
            return True
    return False


def _starts_something(values: Values, function: Function) -> bool:
    calls = (node for node in ast.walk(function.node) if isinstance(node, ast.Call))
    called = (values.of(function.module, call.func) for call in calls)
    return any(isinstance(value, Foreign) and value.name in STARTERS for value in called)


def _makers(project: Project, values: Values, module: Module) -> frozenset[ast.AST]:
    """Return what holds the calls of a module that make an application."""
    names = {local for local, _ in project.flask_locals(module).get("Flask", ())}
    names.add("Flask")  # as an attribute, or imported with a star
    return frozenset(
        parent
        for call in module.scopes.calls_of(names)
        if values.of(module, call.func) == Foreign("flask.Flask")
        for parent in module.scopes.ancestors(call)
    )
