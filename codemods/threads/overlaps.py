"""Whether tasks that code starts may run at the same time."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.waiting import pool_of, waiting_for
from flask_ctxfix.project import Project
from flask_ctxfix.statements import REPEATING, block_of
from flask_ctxfix.syntax import LOOPS

_LEAVING = (ast.Return, ast.Raise)
_WORKERS = frozenset({"max_workers", "processes", "size"})


def is_repeated(start: Start, made: ast.AST, project: Project) -> bool:
    """Whether one loop may start tasks that overlap and share what is made outside of it."""
    module = start.module
    around = module.scopes.ancestors(start.call)
    loop = next((node for node in around if isinstance(node, REPEATING)), None)
    if isinstance(loop, LOOPS):
        ends = isinstance(loop.body[-1], (*_LEAVING, ast.Break))
        if ends or _leaves(module, start.call, loop):
            return False
    waiting = waiting_for(start, project)
    if loop is not None and waiting is not None and loop in module.scopes.ancestors(waiting):
        return False
    return start.is_repeated(made)


def exclude_each_other(one: Start, other: Start, project: Project) -> bool:
    """Whether of two starts only one happens, or what one starts has run before the other."""
    module, first, second = one.module, one.call, other.call
    if _is_awaited_before(one, second, project) or _is_awaited_before(other, first, project):
        return True
    if _share_worker(one, other):
        return True
    above = [first, *module.scopes.ancestors(first)]
    beyond = [second, *module.scopes.ancestors(second)]
    common = next(each for each in above if each in beyond)
    ways = [way[way.index(common) - 1] for way in (above, beyond)]
    if isinstance(common, ast.If | ast.IfExp | ast.Match):
        branches = {_branch(common, way) for way in ways}
        return len(branches) == 2 and "" not in branches
    if isinstance(common, ast.Try) and _is_tried_instead(common, *ways):
        return True
    return _leaves(module, first, common) or _leaves(module, second, common)


def _branch(node: ast.If | ast.IfExp | ast.Match, child: ast.AST) -> str:
    """Return what tells the branch that `child` is, or is in, from the others."""
    if isinstance(node, ast.Match):
        return str(node.cases.index(child)) if isinstance(child, ast.match_case) else ""
    for name in ("body", "orelse"):
        branch = getattr(node, name)
        if branch is child or (isinstance(branch, list) and child in branch):
            return name
    return ""


def _leaves(module: Module, node: ast.AST, outer: ast.AST) -> bool:
    """Whether nothing below `outer` runs behind the blocks there that hold a node."""
    child, breaks = node, False
    for parent in module.scopes.ancestors(node):
        if parent is outer:
            break
        last = block_of(parent, child)[-1:]
        if any(isinstance(each, _LEAVING) for each in last):
            return True
        breaks |= any(isinstance(each, ast.Break) for each in last)
        breaks &= not isinstance(parent, REPEATING)
        child = parent
    return breaks


def _is_tried_instead(common: ast.Try, one: ast.AST, other: ast.AST) -> bool:
    """Whether a handler does what the last statement of the body failed to do."""
    last = common.body[-1]
    return any(
        first is last and second in common.handlers
        for first, second in ((one, other), (other, one))
    )


def _share_worker(one: Start, other: Start) -> bool:
    """Whether two tasks are for the one worker of the same pool."""
    first, second = pool_of(one), pool_of(other)
    if not isinstance(first, ast.Name) or not isinstance(second, ast.Name):
        return False
    home_of = one.module.scopes.home_of
    is_same = first.id == second.id and home_of(first) is home_of(second)
    return is_same and has_one_worker(one)


def _is_awaited_before(start: Start, other: ast.AST, project: Project) -> bool:
    waiting = waiting_for(start, project)
    return waiting is not None and start.module.span(waiting).end <= start.module.span(other).start


def has_one_worker(start: Start) -> bool:
    """Whether a start hands its task to a pool that runs one after the other."""
    pool = pool_of(start)
    if isinstance(pool, ast.Name):
        bindings = start.module.scopes.home_of(pool).bindings.get(pool.id, [])
        made = (each.value or getattr(each.node, "context_expr", None) for each in bindings)
        return bool(bindings) and all(map(_is_of_one, made))
    return _is_of_one(pool)


def _is_of_one(pool: ast.AST | None) -> bool:
    """Whether a call makes a pool with one worker."""
    if not isinstance(pool, ast.Call):
        return False
    given = {each.arg: each.value for each in pool.keywords}
    counts = [*pool.args[:1], *(given[name] for name in _WORKERS & given.keys())]
    return [getattr(each, "value", None) for each in counts] == [1]
