"""The path over what starts other work: from what Flask calls, to what that work does."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow, Reach, Where
from flask_ctxfix.context_flow.class_families import families, key_of
from flask_ctxfix.context_flow.direct_calls import calls_of
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.context_flow.values import Class
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at

# Which of several ways to a start is shown: one that a user of the application takes.
_ORDER = (Where.REQUEST, Where.APP, Where.OUTSIDE, Where.UNKNOWN)


def path_over(
    start: Start, project: Project, *made: Step, then: Iterable[Step] = ()
) -> tuple[Step, ...]:
    """Return the path to a start, over the steps `made` before it, and from there over `then`.

    What is defined, a class of threads or a function whose decorator starts it, is started where
    it is called, as far as that is seen.
    """
    reach = start.reach(project)
    if isinstance(start.call, ast.FunctionDef | ast.AsyncFunctionDef):
        ways = [(_reach(project, home, call), home, call) for home, call in _uses(start, project)]
        if ways:
            reach, home, call = min(ways, key=_rank)
            return path_to(reach, *made, _started_by(start, home, call), then=then)
    elif reach.where is Where.UNKNOWN:
        reach = _reach(project, start.module, start.call)
    return path_to(reach, *made, start.step, then=then)


def _reach(project: Project, module: Module, node: ast.AST) -> Reach:
    """Return where code runs if only what is seen to call it does."""
    return ContextFlow.of(project).reachability.of(module, node)


def _rank(way: tuple[Reach, Module, ast.Call]) -> tuple[int, int, str, int, int]:
    reach, module, call = way
    place = (module.path, call.lineno, call.col_offset)
    return (_ORDER.index(reach.where), len(reach.steps), *place)


def _uses(start: Start, project: Project) -> Iterator[tuple[Module, ast.Call]]:
    """Yield the calls that start what is defined: of its decorated function, or of its class."""
    assert isinstance(start.call, ast.FunctionDef | ast.AsyncFunctionDef)
    if start.call is not start.target:
        yield from calls_of(project, start.module, start.call)
        return
    owner = start.module.scopes.parents[start.call]
    if not isinstance(owner, ast.ClassDef):
        return
    flow = ContextFlow.of(project)
    heirs = families(project, flow.values).heirs.get(key_of(start.module, owner), {})
    for each in (Class(start.module, owner), *heirs.values()):
        is_own = each.node is owner
        if is_own or start.call.name not in each.module.scopes.opened_by(each.node).bindings:
            for home, named in flow.callers.references.of_class(each):
                call = home.scopes.call_of(named)
                if call is not None:
                    yield home, call


def _started_by(start: Start, module: Module, call: ast.Call) -> Step:
    """Return the step at which the call of a class or of a function starts the work."""
    kind, scopes = start.starter.noun, module.scopes
    if start.call is not start.target:
        return step_at(module, call, "boundary", kind)
    method = scopes.parents[call]
    is_start = isinstance(method, ast.Attribute) and method.attr == "start"
    started = scopes.call_of(method) if is_start else None
    return step_at(module, started or call, "boundary", kind, verb="" if started else "makes")
