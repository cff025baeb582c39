"""Code that may run though no call of the project names it: properties, callbacks, generators.

A block that does something with an object which nobody knows may run any of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Foreign, Function, Property, Proxy
from flask_ctxfix.flask_facts import ALIKE_IN_APP_CONTEXTS, NEEDS, PROXIES
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.overriding import may_be_called_unseen
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.source import SourceError
from flask_ctxfix.statements import nodes_of
from flask_ctxfix.syntax import is_decorator

_ONLY_DECORATES = QuestionKind("only decorates", True, lambda one, other: one and other)
_SEES = QuestionKind("sees another context", False, lambda one, other: one or other)
_WITH_CONTEXT = frozenset({Where.REQUEST, Where.APP, Where.ENDING})
_MAKING = frozenset({"__init__", "__new__"})

Asks = Callable[[Module, FunctionNode], bool]


def sees_another_context(project: Project) -> bool:
    """Whether code that may run unseen can tell one app context of an application from another."""

    def compute() -> bool:
        flow = ContextFlow.of(project)
        return _any_unseen(project, lambda module, node: _sees(flow, module, node))

    return project.memo("unseen code sees another context", compute)


def needs_a_context(project: Project) -> bool:
    """Whether code that may run unseen, and outside of requests and commands, needs a context."""

    def compute() -> bool:
        needs = ContextFlow.of(project).needs
        return _any_unseen(
            project, lambda module, node: bool(needs.of(Function(module, node)).uses)
        )

    return project.memo("unseen code needs a context", compute)


def _any_unseen(project: Project, asks: Asks) -> bool:
    """Whether a function that may run unseen does what is asked; yes where one is not readable."""
    for path in (path for path in sorted(project.paths) if not project.is_test(path)):
        try:
            module = project.module(path)
            functions = [*functions_of(module), *module.scopes.nodes(ast.Lambda)]
        except SourceError:
            return True
        if any(asks(module, each) and _runs_unseen(module, project, each) for each in functions):
            return True
    return False


def _runs_unseen(module: Module, project: Project, function: FunctionNode) -> bool:
    if not is_open(module, project, function):
        return False
    if not isinstance(function, ast.Lambda) and not _is_named_openly(module, project, function):
        return True
    if isinstance(function, ast.Lambda) and not _is_seen(module, project, function):
        return True
    where = ContextFlow.of(project).every_caller.of_function(module, function).where
    return not (where.is_inside or where is Where.ENDING)


def is_open(module: Module, project: Project, function: FunctionNode) -> bool:
    """Whether something else than a call by its name may run a function."""
    if isinstance(function, ast.Lambda) or function in module.scopes.generators:
        return True
    values = ContextFlow.of(project).values
    if not isinstance(values.definition(module, function), Function):
        return True
    if function.name not in _MAKING and may_be_called_unseen(module, project, function):
        return True
    return not _is_named_openly(module, project, function)


def _is_named_openly(
    module: Module, project: Project, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> bool:
    """Whether all that names a function calls it, or has Flask do so."""
    return all(
        _is_seen(other, project, reference)
        for other, reference in ContextFlow.of(project).every_caller.references(module, function)
        if not project.is_test(other.path)
    )


def _is_seen(module: Module, project: Project, reference: ast.expr) -> bool:
    """Whether a name of a function calls it, or only puts it around what Flask calls."""
    parent = module.scopes.parents.get(reference)
    if isinstance(parent, ast.Call) and parent.func is reference:
        decorated = module.scopes.parents.get(parent)
        return not is_decorator(parent, decorated) or _is_entry(module, project, decorated)
    if is_decorator(reference, parent):
        return _is_entry(module, project, parent)
    if isinstance(parent, ast.keyword):
        parent = module.scopes.parents.get(parent)
    if isinstance(parent, ast.Call):
        entry = ContextFlow.of(project).entries.given(module, parent)
        return entry is not None and entry.where in _WITH_CONTEXT
    if not isinstance(parent, ast.Return):
        return False
    around = module.scopes.function_of(parent)
    return isinstance(around, ast.FunctionDef) and _only_decorates(module, project, around)


def _only_decorates(module: Module, project: Project, function: ast.FunctionDef) -> bool:
    """Whether all that names a function puts what it returns around what Flask calls."""
    flow = ContextFlow.of(project)

    def compute() -> bool:
        return all(
            _is_decorating(other, each) and _is_seen(other, project, each)
            for other, each in flow.every_caller.references(module, function)
        )

    return flow.table.ask(module, _ONLY_DECORATES, ("only decorates", function), compute)


def _is_decorating(module: Module, reference: ast.expr) -> bool:
    parents = module.scopes.parents
    parent = parents.get(reference)
    if isinstance(parent, ast.Call) and parent.func is reference:
        return is_decorator(parent, parents.get(parent))
    return is_decorator(reference, parent) or isinstance(parent, ast.Return)


def _is_entry(module: Module, project: Project, function: ast.AST | None) -> bool:
    if not isinstance(function, FunctionNode):
        return False
    return ContextFlow.of(project).every_caller.of_function(module, function).where.is_inside


def _sees(flow: ContextFlow, module: Module, function: FunctionNode) -> bool:
    """Whether a function, or one that it names, uses what each app context has of its own."""

    body = function.body if isinstance(function.body, list) else [function.body]

    def compute() -> bool:
        return any(
            _is_of_context(flow, module, node)
            for node in nodes_of(body)
            if isinstance(node, ast.Name | ast.Attribute)
        )

    return flow.table.ask(module, _SEES, ("sees", function), compute)


def _is_of_context(flow: ContextFlow, module: Module, node: ast.Name | ast.Attribute) -> bool:
    value = flow.values.of(module, node)
    if isinstance(value, Proxy):
        value = value.function
    if isinstance(value, Property):
        value = value.function
    if isinstance(value, Function):
        return _sees(flow, value.module, value.node)
    if not isinstance(value, Foreign):
        return False
    differing = (PROXIES.keys() | NEEDS.keys()) - ALIKE_IN_APP_CONTEXTS
    return value.name in differing or value.name.startswith("flask_sqlalchemy.")
