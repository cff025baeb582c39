"""What targets are given, and what they do with the proxies among it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.threads.captured_proxies import APP, UNWRAP
from flask_ctxfix.context_flow import ContextFlow, Use
from flask_ctxfix.context_flow.starts import Start, is_deferred
from flask_ctxfix.context_flow.values import (
    Copied,
    Foreign,
    Function,
    Given,
    Known,
    Partial,
)
from flask_ctxfix.flask_facts import RUNNING_IN_CONTEXT
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.source import SourceError
from flask_ctxfix.syntax import arguments_of, defaults_of


class Handed(NamedTuple):
    """An expression that a target is given; `name` is the parameter that gets it, if that is known.

    It is evaluated where `place` stands.
    """

    node: ast.expr
    place: ast.AST
    name: str | None


def is_carried(start: Start) -> bool:
    """Whether a start takes the context of its caller along."""
    value = start.value.function if isinstance(start.value, Partial) else start.value
    name = value.name if isinstance(value, Foreign) else ""
    return isinstance(value, Copied) or name in RUNNING_IN_CONTEXT


def handed_to(start: Start) -> Iterator[Handed]:
    """Yield the arguments of a target, and the defaults of the parameters that get none."""
    call, function, names = start.handed, start.function, start.parameters
    for node in arguments_of(call):
        yield Handed(node, node, names.get(node))
    if function is None or function.module is not start.module:
        return
    if start.starter.passing == "each" or not isinstance(start.call, ast.Call):
        return
    if not any(isinstance(each, ast.Starred) for each in call.args):
        given = set(names.values()).union(each.arg for each in call.keywords if each.arg)
        for parameter, default in defaults_of(function.node.args):
            if parameter.arg not in given:
                yield Handed(default, function.node, parameter.arg)


def uses_of(start: Start, project: Project, handed: Handed) -> tuple[Use, ...]:
    """Return what a target needs a context for only because it is given a proxy."""
    flow, function = ContextFlow.of(project), start.function
    if function is None or handed.name is None:
        return ()
    proxy = flow.values.of(start.module, handed.node)
    known = flow.values.arguments(start.module, start.handed, function, ())
    rest = tuple(each for each in known if each.name != handed.name)
    assert isinstance(proxy, Foreign)
    given = Given(function.node, handed.name, proxy)
    without = flow.needs.of(_given(function, rest)).uses
    found = flow.needs.of(_given(function, (*rest, given))).uses
    # Of the application without an attribute there is no more than its repr.
    return tuple(
        each for each in found if each not in without and (each.attribute or proxy.name != APP)
    )


def is_certainly_used(start: Start, uses: tuple[Use, ...]) -> bool:
    """Whether every run of a target fails at one of the uses."""
    function = start.function
    return (
        function is not None and not is_deferred(function) and any(each.is_certain for each in uses)
    )


def unwraps_first(start: Start, name: str | None) -> bool:
    """Whether a target replaces its parameter by what stands behind the proxy, whenever it runs."""
    node = start.function.node if start.function is not None else None
    body = [] if node is None or isinstance(node, ast.Lambda) else node.body
    values = (each.value for each in body if isinstance(each, ast.Assign))
    called = (each.func for each in values if isinstance(each, ast.Call))
    return any(
        isinstance(each, ast.Attribute)
        and each.attr == UNWRAP
        and isinstance(each.value, ast.Name)
        and each.value.id == name
        for each in called
    )


def unwraps(function: Function, project: Project) -> bool:
    """Whether a function, or one that it calls, asks something for what stands behind it.

    The application itself would have no answer.
    """
    values = ContextFlow.of(project).values
    seen = {function}
    left = [function]
    while left:
        current = left.pop()
        for each in ast.walk(current.node):
            if _is_unwrapping(current.module, each):
                return True
            if isinstance(each, ast.Call):
                called = values.of(current.module, each.func, current.given)
                if isinstance(called, Function) and called not in seen:
                    seen.add(called)
                    left.append(called)
    return False


def any_unwraps(project: Project) -> bool:
    """Whether any code of the project asks something for what stands behind it."""

    def compute() -> bool:
        return any(_has_unwrapping(project, path) for path in project.naming(UNWRAP))

    return project.memo("unwraps", compute)


def _has_unwrapping(project: Project, path: str) -> bool:
    try:
        module = project.module(path)
        nodes = (*module.scopes.attributes.get(UNWRAP, ()), *module.scopes.nodes(ast.Constant))
    except SourceError:
        return True
    return any(_is_unwrapping(module, each) for each in nodes)


def _is_unwrapping(module: Module, node: ast.AST) -> bool:
    """Whether code unwraps something else than the proxies that it imports."""
    if isinstance(node, ast.Constant):
        return node.value == UNWRAP
    if not isinstance(node, ast.Attribute) or node.attr != UNWRAP:
        return False
    if isinstance(node.value, ast.Name):
        bindings = module.scopes.home_of(node.value).bindings.get(node.value.id, [])
        return any(each.kind != "import" for each in bindings)
    return not (isinstance(node.value, ast.Attribute) and isinstance(node.value.value, ast.Name))


def _given(function: Function, known: Known) -> Function:
    return function._replace(given=(*function.given, *known))
