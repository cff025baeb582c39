"""Code that runs late: what an expression makes runs when that is read, not where it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.context_flow import ContextFlow, Summary
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Known
from flask_ctxfix.flask_facts import LAZY_WRAPPERS
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode

_DEEPEST = 4
MAKING = (ast.Call, ast.GeneratorExp, ast.IfExp, ast.Name)


class Late(NamedTuple):
    """Code that runs as long as a stream is read.

    `node` is the expression that makes it, in `module`. `function` is the generator that it calls,
    the method of what it makes, or what a `map` calls for each item; a generator expression has
    none.
    """

    module: Module
    node: ast.expr
    function: Function | None
    summary: Summary

    @property
    def code(self) -> ast.AST:
        """The function or the expression that runs late."""
        return self.function.node if self.function is not None else self.node


def parts_of(module: Module, project: Project, node: ast.expr) -> tuple[Late, ...]:
    """Return the code that runs when what `node` makes is read."""
    return tuple(_parts(ContextFlow.of(project), module, node, (), 0))


def made_at(module: Module, node: ast.expr) -> ast.expr | None:
    """Return the expression that makes what `node` stands for, if nothing else reads it."""
    if not isinstance(node, ast.Name):
        return node
    home = module.scopes.home_of(node)
    bindings = home.bindings.get(node.id, [])
    if len(bindings) != 1 or not isinstance(home.node, FunctionNode):
        return None
    if home.reads.get(node.id, []) != [node] or home is not module.scopes.scope_of(node):
        return None
    value = bindings[0].value
    return value if isinstance(value, MAKING) and not isinstance(value, ast.Name) else None


def _parts(
    flow: ContextFlow, module: Module, node: ast.expr, given: Known, depth: int
) -> Iterator[Late]:
    """Yield the code that runs when what `node` makes is read."""
    made = made_at(module, node)
    if made is None or depth > _DEEPEST:
        return
    if isinstance(made, ast.GeneratorExp):
        yield Late(module, made, None, flow.needs.of_expression(module, made))
        yield from _parts(flow, module, made.generators[0].iter, given, depth + 1)
    elif isinstance(made, ast.IfExp):
        yield from _parts(flow, module, made.body, given, depth + 1)
        yield from _parts(flow, module, made.orelse, given, depth + 1)
    elif isinstance(made, ast.Call):
        yield from _parts_of_call(flow, module, made, given, depth)


def _parts_of_call(
    flow: ContextFlow, module: Module, call: ast.Call, given: Known, depth: int
) -> Iterator[Late]:
    values = flow.values
    called = values.of(module, call.func, given)
    if isinstance(called, Foreign) and called.name in LAZY_WRAPPERS:
        first = values.of(module, call.args[0], given) if call.args else None
        if called.name in ("builtins.map", "builtins.filter") and isinstance(first, Function):
            yield Late(module, call, first, flow.needs.of(first))
        for argument in call.args:
            yield from _parts(flow, module, argument, given, depth + 1)
    elif isinstance(called, Class):
        for name in ("__iter__", "__next__"):
            method = values.member(called, name, of_instance=True)
            if isinstance(method, Function):
                yield Late(module, call, method, flow.needs.of(method))
    elif isinstance(called, Function):
        bound = (*called.given, *values.arguments(module, call, called, given))
        yield from _parts_of_function(flow, module, call, called._replace(given=bound), depth)


def _parts_of_function(
    flow: ContextFlow, module: Module, call: ast.Call, function: Function, depth: int
) -> Iterator[Late]:
    node = function.node
    if isinstance(node, ast.AsyncFunctionDef):
        return
    if function.is_generator:
        yield Late(module, call, function, flow.needs.of(function))
        return
    returned = [node.body] if isinstance(node, ast.Lambda) else _returned_by(function)
    if len(returned) == 1 and isinstance(returned[0], MAKING):
        home = function.module
        yield from _parts(flow, home, returned[0], function.given, depth + 1)


def is_stream(module: Module, project: Project, node: ast.expr, depth: int = 0) -> bool:
    """Whether what `node` makes, which makes a stream somehow, is one whatever happens."""
    made = made_at(module, node)
    if isinstance(made, ast.IfExp):
        branches = (made.body, made.orelse)
        return all(is_stream(module, project, each, depth + 1) for each in branches)
    if not isinstance(made, ast.Call):
        return isinstance(made, ast.GeneratorExp)
    called = ContextFlow.of(project).values.of(module, made.func)
    if isinstance(called, Foreign):
        return called.name in LAZY_WRAPPERS
    if not isinstance(called, Function) or called.is_generator:
        return called is not None
    home, function = called.module, called.node
    if isinstance(function, ast.Lambda):
        returned = [function.body]
    else:
        own = [e for e in home.scopes.nodes(ast.Return) if home.scopes.function_of(e) is function]
        last = function.body[-1]
        is_only = isinstance(last, ast.Return) and own == [last]
        returned = _returned_by(called) if is_only else []
    is_one = len(returned) == 1 and depth < _DEEPEST
    return is_one and is_stream(home, project, returned[0], depth + 1)


def _returned_by(function: Function) -> list[ast.expr]:
    module = function.module
    returns = module.memo("returns by function", lambda: _returns(module))
    return returns.get(function.node, [])


def _returns(module: Module) -> dict[ast.AST | None, list[ast.expr]]:
    found: dict[ast.AST | None, list[ast.expr]] = {}
    for node in module.scopes.nodes(ast.Return):
        if node.value is not None:
            found.setdefault(module.scopes.function_of(node), []).append(node.value)
    return found
