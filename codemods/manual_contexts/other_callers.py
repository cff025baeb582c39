"""Whether something may call, without a context, what the known callers call in one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow, Reach
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.named_in_strings import may_be_starred, strings_naming
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionDefinition, FunctionNode
from flask_ctxfix.steps import function_at


def is_called_by_tests(module: Module, project: Project, node: ast.AST, reach: Reach) -> bool:
    """Whether a test runs `node` without a context, by one of the functions on the way there."""
    every = _on_the_way(module, project, node, reach)
    return any(_is_called_by_test(project, home, function) for home, function in every)


def has_unseen_callers(module: Module, project: Project, node: ast.AST, reach: Reach) -> bool:
    """Whether a star import or a name in a string may run `node` without a context.

    The functions that are looked at are the one around it and those on the way there.
    """
    return any(
        function.name != _entry(reach) and _is_named_loosely(project, home, function)
        for home, function in _on_the_way(module, project, node, reach)
    )


def _on_the_way(
    module: Module, project: Project, node: ast.AST, reach: Reach
) -> Iterator[tuple[Module, FunctionDefinition]]:
    for parent in module.scopes.ancestors(node) if reach.steps else ():
        if isinstance(parent, FunctionDefinition):
            yield module, parent
    for definition in dict.fromkeys(step.function for step in reach.steps):
        found = function_at(module, project, definition) if definition is not None else None
        if found is not None and not isinstance(found[1], ast.Lambda):
            yield found[0], found[1]


def _entry(reach: Reach) -> str | None:
    """Return the name of what is called first on the way."""
    function = reach.steps[0].function
    return function.name if function is not None else None


def _is_called_by_test(project: Project, home: Module, function: FunctionDefinition) -> bool:
    reachability = ContextFlow.of(project).every_caller
    for other, reference in reachability.references(home, function):
        if not project.is_test(other.path) or not _is_call(home, function, other, reference):
            continue
        if not reachability.of(other, reference).where.is_inside:
            return True
    return False


def _is_call(home: Module, function: ast.AST, other: Module, reference: ast.expr) -> bool:
    """Whether a reference calls a function; what has its name may be a method of another class."""
    owner = home.scopes.parents.get(function)
    if isinstance(owner, ast.ClassDef) and owner.name not in other.names:
        return False
    return other.scopes.call_of(reference) is not None


def _is_named_loosely(project: Project, home: Module, function: FunctionDefinition) -> bool:
    """Whether a file names a function in a string, or may have it from a star import."""
    if isinstance(home.scopes.parents.get(function), FunctionNode):
        return False
    for other in project.parsed(project.naming(function.name)):
        if any(strings_naming(function.name, other)) or may_be_starred(
            function.name, other, project
        ):
            return True
    return False
