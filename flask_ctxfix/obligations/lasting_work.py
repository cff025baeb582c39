"""Work that is not that of one request: it does not end, repeats, or is there once for all."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from flask_ctxfix.codemod import Advice
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.context_flow.values import Copied, Foreign, Function, Partial, Value
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_places import outlives_requests
from flask_ctxfix.obligations.started_once import is_flag, is_once
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import has_way_out, is_endless, own_nodes

_ADVICE = "start the function once, and send it the values of each request through a queue"
_ENDLESS = "the function runs for as long as the process, and would keep one request's data"
_REPEATED = "the function starts itself again, and would keep one request's data"
_ONCE = "the function is started only once, and would keep the first request's data"
_QUEUES = frozenset(
    Foreign(f"{package}.{kind}()")
    for package in ("gevent.queue", "multiprocessing", "queue")
    for kind in ("JoinableQueue", "LifoQueue", "PriorityQueue", "Queue", "SimpleQueue")
)
_TAKING = frozenset({"get", "get_nowait"})
_WITHOUT_END = frozenset({"itertools.count()", "itertools.cycle()"})


def why_lasting(start: Start, project: Project) -> str | None:
    """Return why a target must not take the request along that happens to start it."""
    return why_lasting_at(start.module, start.call, start.value, project)


def why_lasting_at(
    module: Module, call: ast.AST, value: Value | None, project: Project
) -> str | None:
    """Return why what `value` stands for must not take the request along where `call` starts it."""
    function = function_run_by(value)
    if function is not None and never_ends(function, project):
        return _ENDLESS
    if function is not None and _starts_itself(function, project):
        return _REPEATED
    return _ONCE if is_once(module, call, project) else None


def withheld(reason: str) -> Advice:
    """Return the help for work that lasts: what to do, and why there is no fix."""
    return Advice(_ADVICE, reason)


def never_ends(function: Function, project: Project) -> bool:
    """Whether a function, or one that it calls, runs as long as the program."""
    return any(_has_endless_loop(each, project) for each in with_called(function, project))


def with_called(function: Function, project: Project) -> Iterable[Function]:
    """Return a function and all that run in the same thread when it does, as far as is known."""
    return _graph(function, lambda each: _called(each, project))


def may_go_on(start: Start, project: Project) -> bool:
    """Whether the target may run as long as the program, where one context would be kept open."""
    function = start.function
    if function is None:
        return False
    has_loop = any(isinstance(each, ast.While) for each in own_nodes(function.node))
    return has_loop or never_ends(function, project)


def function_run_by(value: Value | None) -> Function | None:
    """Return the function that runs when a value is called, behind copies and partials."""
    while isinstance(value, Copied | Partial):
        value = value.function
    return value if isinstance(value, Function) else None


def _called(function: Function, project: Project) -> Iterator[Value | None]:
    """Yield what a function calls, in the same thread."""
    values = ContextFlow.of(project).values
    for node in own_nodes(function.node):
        if isinstance(node, ast.Call):
            yield values.of(function.module, node.func, function.given)


def _started(function: Function, project: Project) -> Iterator[Value | None]:
    """Yield what a function starts elsewhere."""
    module = function.module

    def compute() -> dict[FunctionNode | None, list[Value | None]]:
        found: dict[FunctionNode | None, list[Value | None]] = {}
        for start in starts_in(module, project):
            if isinstance(start.call, ast.Call):
                found.setdefault(module.scopes.function_of(start.call), []).append(start.value)
        return found

    yield from module.memo("started by function", compute).get(function.node, ())


_Graph = dict[Function, list[Function]]


def _graph(function: Function, following: Callable[[Function], Iterable[Value | None]]) -> _Graph:
    """Return a function and all that follow it, with those that follow each at once."""
    graph: _Graph = {function: []}
    left = [function]
    while left:
        current = left.pop()
        for value in following(current):
            other = function_run_by(value)
            if other is None:
                continue
            graph[current].append(other)
            if other not in graph:
                graph[other] = []
                left.append(other)
    return graph


def _starts_itself(function: Function, project: Project) -> bool:
    """Whether a function starts what comes back to start the same again."""

    def following(each: Function) -> Iterator[Value | None]:
        yield from _called(each, project)
        yield from _started(each, project)

    graph = _graph(function, following)
    for each in graph:
        for target in filter(None, map(function_run_by, _started(each, project))):
            after = _graph(target, graph.__getitem__)
            if any(other.node is each.node for other in after):
                return True
    return False


def _has_endless_loop(function: Function, project: Project) -> bool:
    loops = (node for node in own_nodes(function.node) if isinstance(node, ast.For | ast.While))
    return any(is_endless(loop) or _has_no_end(loop, function.module, project) for loop in loops)


def _has_no_end(loop: ast.For | ast.While, module: Module, project: Project) -> bool:
    """Whether a loop serves the process: its items never run out, or are those of all requests.

    So it is where only a flag of the process ends it.
    """
    if _takes_from_a_queue(loop, module, project):
        return True
    values = ContextFlow.of(project).values
    if isinstance(loop, ast.For):
        items = values.of(module, loop.iter)
        is_counting = isinstance(items, Foreign) and items.name in _WITHOUT_END
        return is_counting and not has_way_out(loop)
    asked = [node for node in ast.walk(loop.test) if isinstance(node, ast.Name | ast.Attribute)]
    if any(
        is_flag(values.of(module, node)) and outlives_requests(module, node, project)
        for node in asked
    ):
        return True
    return _is_flag(loop.test, module, project) and not has_way_out(loop)


def _is_flag(test: ast.expr, module: Module, project: Project) -> bool:
    """Whether a test is a variable, or an attribute, that is one for all requests."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    return isinstance(test, ast.Name | ast.Attribute) and outlives_requests(module, test, project)


def _takes_from_a_queue(loop: ast.For | ast.While, module: Module, project: Project) -> bool:
    """Whether a loop takes what it works on from a queue that is one for all requests."""
    values = ContextFlow.of(project).values
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in _TAKING
        and values.of(module, node.value) in _QUEUES
        and outlives_requests(module, node.value, project)
        for node in ast.walk(loop)
    )
