"""The calls of a function by one of its names, and what they pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import (
    Class,
    Function,
    Instance,
    has_decorator,
    passed_arguments,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


def calls_of(
    project: Project, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[tuple[Module, ast.Call]]:
    """Yield the calls of a function, also of a method of an object that nobody knows."""
    for home, named in ContextFlow.of(project).reachability.references(module, function):
        call = home.scopes.call_of(named)
        if call is not None:
            yield home, call


def passed_by(
    project: Project, home: Module, call: ast.Call, called: Function
) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters that may hold what a call passes; of `called` if nothing tells better.

    That may be one of several things that a parameter holds: see `passed_arguments`.
    """
    value = ContextFlow.of(project).values.of(home, call.func)
    return passed_arguments(call, value if isinstance(value, Function) else called)


def as_called(module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    """Return a function as an attribute of an instance is, if it is a method with a receiver."""
    owner = module.scopes.parents.get(function)
    if not isinstance(owner, ast.ClassDef) or has_decorator(function, "staticmethod"):
        return Function(module, function)
    return Function(module, function, Instance(Class(module, owner)))
