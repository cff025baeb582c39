"""Code that runs late: what an expression makes runs when that is read, not where it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flask_ctxfix.context_flow import ContextFlow, Summary
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Known
from flask_ctxfix.flask_facts import LAZY_WRAPPERS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode

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


_LATE: QuestionKind[tuple[Late, ...]] = QuestionKind(
    "late code", (), lambda one, other: tuple(dict.fromkeys((*one, *other)))
)
_IS_STREAM = QuestionKind("is stream", True, lambda one, other: one and other)


def parts_of(module: Module, project: Project, node: ast.expr) -> tuple[Late, ...]:
    """Return the code that runs when what `node` makes is read."""
    return _parts(ContextFlow.of(project), module, node, ())


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


def _parts(flow: ContextFlow, module: Module, node: ast.expr, given: Known) -> tuple[Late, ...]:
    """Return the code that runs when what `node` makes is read."""
    made = made_at(module, node)
    if not isinstance(made, MAKING):
        return ()

    def compute() -> tuple[Late, ...]:
        return tuple(dict.fromkeys(_parts_of_made(flow, module, made, given)))

    return flow.table.ask(module, _LATE, ("late code", made, given), compute)


def _parts_of_made(
    flow: ContextFlow, module: Module, made: ast.expr, given: Known
) -> Iterator[Late]:
    if isinstance(made, ast.GeneratorExp):
        yield Late(module, made, None, flow.needs.of_expression(module, made))
        yield from _parts(flow, module, made.generators[0].iter, given)
    elif isinstance(made, ast.IfExp):
        yield from _parts(flow, module, made.body, given)
        yield from _parts(flow, module, made.orelse, given)
    elif isinstance(made, ast.Call):
        yield from _parts_of_call(flow, module, made, given)


def _parts_of_call(
    flow: ContextFlow, module: Module, call: ast.Call, given: Known
) -> Iterator[Late]:
    values = flow.values
    called = values.of(module, call.func, given)
    if isinstance(called, Foreign) and called.name in LAZY_WRAPPERS:
        first = values.of(module, call.args[0], given) if call.args else None
        if called.name in ("builtins.map", "builtins.filter") and isinstance(first, Function):
            yield Late(module, call, first, flow.needs.of(first))
        for argument in call.args:
            yield from _parts(flow, module, argument, given)
    elif isinstance(called, Class):
        for name in ("__iter__", "__next__"):
            method = values.member(called, name, of_instance=True)
            if isinstance(method, Function):
                yield Late(module, call, method, flow.needs.of(method))
    elif isinstance(called, Function):
        bound = (*called.given, *values.arguments(module, call, called, given))
        yield from _parts_of_function(flow, module, call, called._replace(given=bound))


def _parts_of_function(
    flow: ContextFlow, module: Module, call: ast.Call, function: Function
) -> Iterator[Late]:
    if isinstance(function.node, ast.AsyncFunctionDef):
        return
    if function.is_generator:
        yield Late(module, call, function, flow.needs.of(function))
        return
    returned = _returned_by(function)
    if len(returned) == 1:
        yield from _parts(flow, function.module, returned[0], function.given)


def is_stream(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether what `node` makes, which makes a stream somehow, is one whatever happens."""
    made = made_at(module, node)
    if not isinstance(made, ast.Call | ast.IfExp):
        return isinstance(made, ast.GeneratorExp)
    table = ContextFlow.of(project).table
    key = ("is stream", made)
    return table.ask(module, _IS_STREAM, key, lambda: _makes_stream(module, project, made))


def _makes_stream(module: Module, project: Project, made: ast.Call | ast.IfExp) -> bool:
    if isinstance(made, ast.IfExp):
        return all(is_stream(module, project, each) for each in (made.body, made.orelse))
    called = ContextFlow.of(project).values.of(module, made.func)
    if isinstance(called, Foreign):
        return called.name in LAZY_WRAPPERS
    if not isinstance(called, Function) or called.is_generator:
        return called is not None
    returned = _returned_by(called)
    return _only_returns(called) and is_stream(called.module, project, returned[0])


def _returned_by(function: Function) -> Sequence[ast.expr]:
    if isinstance(function.node, ast.Lambda):
        return [function.node.body]
    return function.module.scopes.returned.get(function.node, ())


def _only_returns(function: Function) -> bool:
    """Whether a function returns one value, at its end, and nothing otherwise."""
    if isinstance(function.node, ast.Lambda):
        return True
    last = function.node.body[-1]
    is_only = function.module.scopes.returns.get(function.node) == [last]
    return is_only and isinstance(last, ast.Return) and last.value is not None
