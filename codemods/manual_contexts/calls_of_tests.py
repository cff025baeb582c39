"""Whether tests call, without a context, what the rest of the project calls in one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow, Reach
from flask_ctxfix.project import Module, Project
from flask_ctxfix.source import SourceError


def is_called_by_tests(module: Module, project: Project, node: ast.AST, reach: Reach) -> bool:
    """Whether a test may run `node` where no context is active.

    The functions that are looked at are the one around it and those on the way there.
    """
    reachability = ContextFlow.of(project).every_caller
    for home, function in _on_the_way(module, project, node, reach):
        for other, reference in reachability.references(home, function):
            if not project.is_test(other.path) or not _is_call(home, function, other, reference):
                continue
            if not reachability.of(other, reference).where.is_inside:
                return True
    return False


def _on_the_way(
    module: Module, project: Project, node: ast.AST, reach: Reach
) -> Iterator[tuple[Module, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            yield module, parent
    for step in reach.steps:
        try:
            home = project.module(step.path)
            functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [
                *home.scopes.nodes(ast.FunctionDef),
                *home.scopes.nodes(ast.AsyncFunctionDef),
            ]
        except SourceError:
            continue
        yield from ((home, f) for f in functions if (f.name, f.lineno) == (step.text, step.row))


def _is_call(home: Module, function: ast.AST, other: Module, reference: ast.expr) -> bool:
    """Whether a reference calls a function; what has its name may be a method of another class."""
    owner = home.scopes.parents.get(function)
    if isinstance(owner, ast.ClassDef) and owner.name not in other.text:
        return False
    parent = other.scopes.parents.get(reference)
    return isinstance(parent, ast.Call) and parent.func is reference
