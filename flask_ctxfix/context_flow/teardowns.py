"""Functions of a project that run at the end of contexts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.flask_facts import TEARDOWNS
from flask_ctxfix.project import Module, Project
from flask_ctxfix.syntax import last_name


def teardowns(project: Project) -> Iterator[tuple[Module, ast.FunctionDef]]:
    """Yield the functions of a project that run at the end of contexts."""
    paths = {path for name in TEARDOWNS for path in project.naming(name)}
    for module in project.parsed(sorted(paths)):
        for function in module.scopes.nodes(ast.FunctionDef):
            if _tears_down(module, function):
                yield module, function


def _tears_down(module: Module, function: ast.FunctionDef) -> bool:
    """Whether a function is registered, by a decorator or a call, for the end of contexts."""
    if any(last_name(each) in TEARDOWNS for each in function.decorator_list):
        return True
    parents = (module.scopes.parents.get(each) for each in _reads_of(module, function))
    calls = (each.func for each in parents if isinstance(each, ast.Call))
    return any(last_name(called) in TEARDOWNS for called in calls)


def _reads_of(module: Module, function: ast.FunctionDef) -> list[ast.Name]:
    return module.scopes.scope_of(function).reads.get(function.name, [])
