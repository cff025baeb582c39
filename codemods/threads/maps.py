"""The fix that gives each item of a `map` a copy of the request's context of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from flask_ctxfix.codemod import (
    Edit,
    Fix,
    InsertStatement,
    Need,
    ReplaceExpression,
    ReplaceStatement,
)
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.context_flow.values import parameters_of
from flask_ctxfix.insertion_points import is_first_on_line
from flask_ctxfix.module import Module
from flask_ctxfix.moved_code import has_lines_of_its_own, moved
from flask_ctxfix.obligations.same_value import is_repeatable
from flask_ctxfix.project import Project
from flask_ctxfix.source import Span
from flask_ctxfix.spelling import is_free
from flask_ctxfix.statements import statement_of
from flask_ctxfix.syntax import arguments_of, last_name, root_of

CHANGES = "run each item in its own copy of the request context"
_AT_ONCE = "all items are read, and all copies are made, before the first result is used"
_EACH_WAITS = "all items are read before the first result is used, and each has its own timeout"
_VARIABLES = ("x", "y", "z", "item", "second", "third")
_STATEMENTS = (ast.For, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)
_CALLED = "called"
_METHODS = frozenset({"imap", "map"})
# Takes all items of what it is given, so that a list does as well as an iterator.
_MAKES_ANEW = frozenset({"all", "any", "dict", "max", "min", "set", "sorted", "sum", "tuple"})
_TAKES_ALL = _MAKES_ANEW | {"extend", "join"}


class _Pool(NamedTuple):
    """How a kind of pool is given one task, and what waits for the result of a task.

    `one` and `many` are what a task is called. A pool that `is_lazy` gives the results of its `map`
    one by one.
    """

    submit: str
    wait: str
    one: str
    many: str
    is_lazy: bool


_POOLS = {
    "concurrent": _Pool("submit({0}, {1})", "result", "future", "futures", True),
    "multiprocessing": _Pool("apply_async({0}, ({1},))", "get", "result", "results", False),
    "gevent": _Pool("spawn({0}, {1})", "get", "greenlet", "greenlets", False),
}


class _Map(NamedTuple):
    """A call of `map`: the pool, the code for it, and what the items are taken from.

    `is_lazy` says that results come one by one: errors in those that nobody takes are not seen.
    `waiting` is given to what waits for a result.
    """

    pool: _Pool
    owner: str
    call: ast.Call
    iterables: list[ast.expr]
    is_lazy: bool
    waiting: str


def map_fix(
    start: Start,
    project: Project,
    edits: tuple[ReplaceExpression, ...],
    needs: tuple[Need, ...] = (),
) -> Fix | None:
    """Return the fix for a `map`; `edits`, with `needs`, would give one task its own copy."""
    mapped, module = _map_of(start, project), start.module
    if mapped is None:
        return None
    statement = statement_of(module, mapped.call)
    names = next(filter(partial(_are_free, module, mapped), _names(mapped.pool)), None)
    if names is None or not _is_first_in(module, statement, mapped):
        return None
    mapped = mapped._replace(pool=mapped.pool._replace(one=names[0], many=names[1]))
    target = _edited(module, start.target, edits)
    variables = _variables(start, mapped, target)
    if variables is None:
        return None
    given = ", ".join(variables)
    task = f"{mapped.owner}.{mapped.pool.submit.format(target, given)}"
    items = ", ".join(_iterated(module, each) for each in mapped.iterables)
    loop = f"for {given} in {f'zip({items})' if len(variables) > 1 else items}"
    written = _written(module, mapped, statement, task, loop)
    if not written:
        return None
    reason = _EACH_WAITS if mapped.waiting else _AT_ONCE
    return Fix(CHANGES, written, needs, unsafe_reason=reason)


def _names(pool: _Pool) -> tuple[tuple[str, str], ...]:
    """Return what a task of a pool, and all of them, may be called."""
    return (pool.one, pool.many), ("task", "tasks")


def _are_free(module: Module, mapped: _Map, names: tuple[str, str]) -> bool:
    return all(is_free(module, mapped.call, each) for each in names)


def _iterated(module: Module, node: ast.expr) -> str:
    """Return the code of what is iterated over, in parentheses where its lines need some."""
    code = moved(module, node, "")
    return f"({code})" if has_lines_of_its_own(code) else code


def can_have_copies(start: Start, project: Project) -> bool:
    """Whether each item of a `map` can be given a copy of its own."""
    return _map_of(start, project) is not None


def _written(
    module: Module, mapped: _Map, statement: ast.stmt, task: str, loop: str
) -> tuple[Edit, ...]:
    """Return the edits that start all tasks before a statement, and wait for each in its place."""
    one, many, span = mapped.pool.one, mapped.pool.many, module.span(statement)
    started = f"{many} = [{task} {loop}]"
    result = f"{one}.{mapped.pool.wait}({mapped.waiting})"
    if isinstance(statement, ast.Expr) and statement.value is mapped.call:
        if mapped.is_lazy:
            return (ReplaceStatement(span, f"{loop}:\n    {task}"),)
        return (ReplaceStatement(span, f"{started}\nfor {one} in {many}:\n    {result}"),)
    place, is_list = _place(module, mapped)
    results = f"{result} for {one} in {many}"
    code = f"[{results}]" if is_list else f"({results})"
    around = module.scopes.parents[place]
    holes: tuple[tuple[str, Span], ...] = ()
    if isinstance(around, ast.Call) and arguments_of(around) == [place]:
        place, holes = around, ((_CALLED, module.span(around.func)),)
        if last_name(around.func) in _MAKES_ANEW:
            is_list, code = False, f"({results})"
        code = f"{_CALLED}{f'({code})' if is_list else code}"
    if "#" in module.segment(place):
        return ()
    return InsertStatement(span, started, "before"), ReplaceExpression(
        module.span(place), code, holes
    )


def _place(module: Module, mapped: _Map) -> tuple[ast.expr, bool]:
    """Return what the results stand in the place of, and whether they may be a list."""
    parent = module.scopes.parents[mapped.call]
    if isinstance(parent, ast.Call) and mapped.call in parent.args:
        called = last_name(parent.func)
        if called == "list" and len(parent.args) == 1:
            return parent, True
        return mapped.call, not mapped.is_lazy or called in _TAKES_ALL
    return mapped.call, not mapped.is_lazy or isinstance(parent, ast.Starred)


def _map_of(start: Start, project: Project) -> _Map | None:
    """Return the `map` of a start; None for one that cannot be given copies."""
    module, call = start.module, start.call
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    if start.starter.passing != "each" or call.args[:1] != [start.target]:
        return None
    called = ContextFlow.of(project).values.name_of(module, call.func)
    package, _, method = called.partition(".")
    pool, given = _POOLS.get(package), call.args[1:]
    is_executor = package == "concurrent"
    method = method.rpartition(".")[2]
    if pool is None or method not in _METHODS or not 1 <= len(given) <= (3 if is_executor else 1):
        return None
    if any(each.arg != "timeout" or not is_executor for each in call.keywords):
        return None
    if "#" in module.segment(call) or not all(_can_be_iterated(each) for each in given):
        return None
    repeated = (start.target, call.func.value)
    if not all(is_repeatable(each, module, project) for each in repeated):
        return None
    is_lazy = pool.is_lazy or method == "imap"
    waiting = ", ".join(module.segment(each) for each in call.keywords)
    return _Map(pool, module.segment(call.func.value), call, given, is_lazy, waiting)


def _is_first_in(module: Module, statement: ast.stmt, mapped: _Map) -> bool:
    """Whether a statement runs the `map` always, once, and before all else that it does."""
    if not isinstance(statement, _STATEMENTS) or not _has_own_lines(module, statement):
        return False
    if module.scopes.scope_of(mapped.call).is_class:
        return False  # comprehensions do not see the names of a class body
    if len(mapped.iterables) > 1 and module.scopes.scope_of(mapped.call).home("zip").binds("zip"):
        return False
    child: ast.AST = mapped.call
    for parent in module.scopes.ancestors(mapped.call):
        if parent is statement:
            return not isinstance(statement, ast.For) or child is statement.iter
        if not _runs_first(parent, child):
            return False
        child = parent
    return False


def _has_own_lines(module: Module, statement: ast.stmt) -> bool:
    """Whether nothing else stands on the lines of a statement, comments aside."""
    end = module.span(statement).end
    rest = module.text[end : module.line_span(module.position(end)[0]).end].strip()
    is_alone = isinstance(statement, ast.For) or not rest or rest.startswith("#")
    return is_alone and is_first_on_line(module, statement)


def _runs_first(parent: ast.AST, child: ast.AST) -> bool:
    """Whether a node evaluates one of its children before it does anything that matters."""
    if isinstance(parent, ast.Call):
        if child is parent.func:
            return True
        is_plain = isinstance(root_of(parent.func), ast.Name | ast.Constant)
        before = takewhile(lambda each: each is not child, parent.args)
        return is_plain and child in parent.args and all(map(_is_still, before))
    if isinstance(parent, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return child is parent.generators[0]
    if isinstance(parent, ast.comprehension):
        return child is parent.iter
    if isinstance(parent, ast.List | ast.Tuple):
        return parent.elts[0] is child
    return isinstance(parent, ast.Attribute | ast.Starred)


def _is_still(node: ast.expr) -> bool:
    """Whether an expression does nothing, and has the value later that it has now."""
    if isinstance(node, ast.List | ast.Tuple):
        return all(map(_is_still, node.elts))
    return isinstance(node, ast.Constant | ast.Name)


def _variables(start: Start, mapped: _Map, target: str) -> list[str] | None:
    """Return a name for each item: that of the parameter which gets it, where it is free."""
    module, function = start.module, start.function
    own = parameters_of(function) if function is not None and function is start.value else []
    if function is not None and function.receiver is not None:
        own = own[1:]
    written = (target, mapped.owner, *map(module.segment, mapped.iterables))
    used = set(re.findall(r"\w+", " ".join(written))) | {mapped.pool.one, mapped.pool.many}
    count = len(mapped.iterables)
    is_kept = isinstance(module.scopes.parents[mapped.call], ast.Expr)
    for names in (own[:count], list(_VARIABLES)):
        free = [
            each
            for each in names
            if each not in used and not (is_kept and not is_free(module, mapped.call, each))
        ]
        if len(free) >= count:
            return free[:count]
    return None


def _can_be_iterated(node: ast.expr) -> bool:
    """Whether an argument may stand behind the `in` of a comprehension as it is."""
    if isinstance(node, ast.Starred | ast.IfExp | ast.Lambda):
        return False
    own = (ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)
    return not any(isinstance(each, own) for each in ast.walk(node))


def _edited(module: Module, node: ast.AST, edits: Iterable[ReplaceExpression]) -> str:
    """Return the code of a node after edits of expressions in it."""
    whole, code = module.span(node), module.segment(node)
    for edit in sorted(edits, key=lambda each: each.span.start, reverse=True):
        begin, end = edit.span.start - whole.start, edit.span.end - whole.start
        code = code[:begin] + _filled(module, edit) + code[end:]
    return code


def _filled(module: Module, edit: ReplaceExpression) -> str:
    """Return the code of an edit with what its holes stand for."""
    held = {name: module.text[span.start : span.end] for name, span in edit.holes}
    return re.sub(r"\w+", lambda found: held.get(found[0], found[0]), edit.code)
