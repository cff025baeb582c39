"""What runs at the end of contexts, what it takes from `g`, and who else watches contexts end."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import NOTICING_CONTEXTS, TEARDOWNS, WITHOUT_TEARDOWN
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.source import SourceError
from flask_ctxfix.statements import own_nodes
from flask_ctxfix.syntax import is_constant_none

_OF_APP_CONTEXTS = TEARDOWNS - {"teardown_request"}
_G = Foreign("flask.g")


def torn_down(project: Project) -> frozenset[str]:
    """Return the names that functions for teardown of a project mention."""

    def compute() -> Iterator[str]:
        for function in _teardowns(project, TEARDOWNS):
            for each in ast.walk(function.node) if function is not None else ():
                if isinstance(each, ast.Attribute):
                    yield each.attr
                elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value

    return project.memo("torn down", lambda: frozenset(compute()))


def fails_at_teardown(project: Project) -> bool:
    """Whether a function for teardown takes something from `g` that a new one does not have."""
    values = ContextFlow.of(project).values
    return any(
        each is not None and _expects_more(values, each.module, each.node)
        for each in _teardowns(project, TEARDOWNS)
    )


def ends_unnoticed(project: Project) -> bool:
    """Whether nothing happens at the end of an app context on whose `g` nothing was put."""
    return project.memo("contexts end unnoticed", lambda: _nobody_watches(project))


def _nobody_watches(project: Project) -> bool:
    if any(project.naming_outside_tests(name) for name in NOTICING_CONTEXTS):
        return False
    for path in project.index.naming_part("flask"):
        if not project.is_test(path) and _imports_watcher(project, path):
            return False
    values = ContextFlow.of(project).values
    return all(
        each is not None
        and isinstance(each.node, ast.FunctionDef)
        and _is_idle(values, each.module, each.node)
        for each in _teardowns(project, _OF_APP_CONTEXTS)
    )


def _teardowns(project: Project, names: Iterable[str]) -> Iterator[Function | None]:
    """Yield what a project, but for its tests, has run at the end of contexts; None if unknown."""
    for name in sorted(names):
        for path in project.naming_outside_tests(name):
            try:
                module = project.module(path)
                registered = module.scopes.attributes.get(name, ())
            except SourceError:
                yield None
                continue
            yield from (_registered_by(module, project, each) for each in registered)


def _registered_by(module: Module, project: Project, node: ast.Attribute) -> Function | None:
    parent = module.scopes.parents[node]
    if isinstance(parent, FunctionNode):
        return Function(module, parent)
    if isinstance(parent, ast.Call) and parent.func is node and len(parent.args) == 1:
        value = ContextFlow.of(project).values.of(module, parent.args[0])
        if isinstance(value, Function):
            return value
    return None


def _imports_watcher(project: Project, path: str) -> bool:
    """Whether a file imports an extension that may do something at the end of contexts.

    That is one of Flask, or what another package has for Flask; the project's own code is searched.
    """
    try:
        scopes = project.module(path).scopes
    except SourceError:
        return True
    sources = (node for node in scopes.nodes(ast.ImportFrom) if node.level == 0)
    names = {f"{node.module}.{alias.name}" for node in sources for alias in node.names}
    names |= {alias.name for node in scopes.nodes(ast.Import) for alias in node.names}
    return any(
        _may_watch(name) and project.find_module(name.partition(".")[0], path) is None
        for name in names
    )


def _may_watch(name: str) -> bool:
    package, *parts = name.split(".")
    if package == "flask" or package in WITHOUT_TEARDOWN:
        return False
    return "flask" in package or not {"flask", "flask_utils"}.isdisjoint(parts)


def _is_idle(values: Values, module: Module, function: ast.FunctionDef) -> bool:
    """Whether a function does nothing unless it finds on `g` what it asks for."""
    asked: set[str] = set()
    for statement in function.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            if not _asks_g(values, module, statement.value):
                return False
            asked.add(statement.targets[0].id)
        elif isinstance(statement, ast.If) and not statement.orelse:
            if not _is_found(values, module, statement.test, asked):
                return False
        elif not isinstance(statement, ast.Pass) and not (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            return False
    return True


def _is_found(values: Values, module: Module, test: ast.expr, asked: set[str]) -> bool:
    """Whether a test is false where nothing was found on `g`."""
    if isinstance(test, ast.Name):
        return test.id in asked
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(test.ops[0], ast.IsNot):
            is_none = is_constant_none(right)
            return is_none and isinstance(left, ast.Name) and left.id in asked
        if isinstance(test.ops[0], ast.In):
            return values.of(module, right) == _G
    return isinstance(test, ast.Call) and _asks_g(values, module, test)


def _asks_g(values: Values, module: Module, node: ast.expr) -> bool:
    """Whether `node` is a look at `g` that gives None, or False, where there is nothing."""
    if not isinstance(node, ast.Call) or node.keywords or not node.args:
        return False
    default = node.args[-1]
    is_none = is_constant_none(default)
    called = values.of(module, node.func)
    if called in (Foreign("flask.g.pop"), Foreign("flask.g.get")):
        is_short = len(node.args) == 1 and called == Foreign("flask.g.get")
        return is_short or (len(node.args) == 2 and is_none)
    if values.of(module, node.args[0]) != _G:
        return False
    is_asked = called == Foreign("builtins.getattr") and len(node.args) == 3 and is_none
    return is_asked or called == Foreign("builtins.hasattr")


def _expects_more(values: Values, module: Module, function: FunctionNode) -> bool:
    """Whether a function takes something from `g` that need not be there."""
    keys = {each.value for each in ast.walk(function) if isinstance(each, ast.Constant)}
    for node in own_nodes(function):
        if isinstance(node, ast.Attribute) and values.of(module, node.value) == _G:
            call = module.scopes.parents[node]
            if isinstance(call, ast.Call) and call.func is node:
                is_more = node.attr == "pop" and len(call.args) + len(call.keywords) == 1
            else:
                is_more = isinstance(node.ctx, ast.Load | ast.Del) and node.attr not in keys
            if is_more:
                return True
    return False
