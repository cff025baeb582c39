"""Code that takes away, or refuses, what other code left on `g`.

In a context of its own it finds `g` empty; in the one around it, it meets what is there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.aliases import known_as
from flask_ctxfix.codemods.manual_contexts.unseen import is_open
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.values import Foreign, Function, Property, Proxy
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import nodes_of, own_nodes
from flask_ctxfix.syntax import last_name

_G = Foreign("flask.g")
_ABSENT = ast.NotIn | ast.Is | ast.Eq


def takes_from_g(module: Module, project: Project, statement: ast.With) -> bool:
    """Whether a block, or code that it may run, takes from `g` or refuses what is on it."""
    nodes = [*nodes_of(statement.body)]
    if _takes(module, project, nodes):
        return True
    names = _names_used(module, project, nodes)
    return any(
        is_unseen or getattr(function, "name", "") in names
        for function, is_unseen in _takers(project)
    )


def _takers(project: Project) -> list[tuple[FunctionNode, bool]]:
    """Return the functions that take from `g`, and whether they may run unseen."""

    def compute() -> list[tuple[FunctionNode, bool]]:
        return list(_find_takers(project))

    return project.memo("functions that take from g", compute)


def _find_takers(project: Project) -> Iterator[tuple[FunctionNode, bool]]:
    reachability = ContextFlow.of(project).every_caller
    names = known_as(project, "g")
    paths = {path for name in names for path in project.naming_outside_tests(name)}
    for module in project.parsed(sorted(paths)):
        uses = project.uses_of(module, {"g"})
        functions = dict.fromkeys(map(module.scopes.function_of, uses))
        for each in functions:
            if each is None or not _takes(module, project, own_nodes(each)):
                continue
            if reachability.of_function(module, each).where is not Where.ENDING:
                yield each, is_open(module, project, each)


def _names_used(module: Module, project: Project, nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that code uses, with those of the functions that it is known to run."""
    values = ContextFlow.of(project).values
    names: set[str] = set()
    seen: set[ast.AST] = set()
    left = [(module, nodes)]
    while left:
        home, nodes = left.pop()
        for node in nodes:
            if not isinstance(node, ast.Name | ast.Attribute):
                continue
            names.add(last_name(node))
            value = values.of(home, node)
            if isinstance(value, Proxy | Property):
                value = value.function
            if isinstance(value, Function) and value.node not in seen:
                seen.add(value.node)
                names.add(value.name)
                left.append((value.module, own_nodes(value.node)))
    return names


def _takes(module: Module, project: Project, nodes: Iterable[ast.AST]) -> bool:
    return any(_takes_here(module, project, node) for node in nodes)


def _takes_here(module: Module, project: Project, node: ast.AST) -> bool:
    values = ContextFlow.of(project).values
    if isinstance(node, ast.Delete):
        owners = (each.value for each in node.targets if isinstance(each, ast.Attribute))
        return any(values.of(module, each) == _G for each in owners)
    if isinstance(node, ast.Call):
        called = values.of(module, node.func)
        if called == Foreign("builtins.delattr"):
            return bool(node.args) and values.of(module, node.args[0]) == _G
        return called == Foreign("flask.g.pop")
    if isinstance(node, ast.If) and any(isinstance(each, ast.Raise) for each in node.body):
        return _asks_g(module, project, node.test) and not _is_for_absence(node.test)
    if isinstance(node, ast.Assert):
        return _asks_g(module, project, node.test) and _is_for_absence(node.test)
    return False


def _asks_g(module: Module, project: Project, test: ast.expr) -> bool:
    values = ContextFlow.of(project).values
    names = (each for each in ast.walk(test) if isinstance(each, ast.Name))
    return any(values.of(module, each) == _G for each in names)


def _is_for_absence(test: ast.expr) -> bool:
    """Whether a test holds where something is not on `g`."""
    if isinstance(test, ast.Compare):
        return isinstance(test.ops[0], _ABSENT)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
