"""CTX302: contexts that are pushed by hand and not popped on every path."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Fix, Level, Rule
from flask_ctxfix.codemods.manual_contexts.closings import (
    Closing,
    closing_of,
    popping,
    rewritten,
)
from flask_ctxfix.codemods.manual_contexts.pushes import (
    Push,
    context_made,
    pops_the_stack,
    pushes_in,
)
from flask_ctxfix.codemods.manual_contexts.roles import Role, main_guard, role_of
from flask_ctxfix.codemods.manual_contexts.startup import asks_for_context
from flask_ctxfix.codemods.manual_contexts.unclosed import fix_for, keeps_values
from flask_ctxfix.codemods.manual_contexts.ways_out import returns_pushed, starts_safely
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.flask_facts import MANAGER_DECORATORS
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import is_handling, nodes_of
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import without_call

_LEAKS = "a context is pushed and not popped on every path"
_NEVER = "a context is pushed and never popped"
_BY_HAND = "a context is pushed and popped by hand, which is right here"
_SIMPLER = "use `with`, which is simpler, and pops it whatever a later change may raise"
_USE_WITH = "use `with`, which pops it on every path and gives an exception to teardown functions"
_KEPT = "what it stores elsewhere may need the context, which would have ended"
_SUSPENDED = "an exception at the `yield` ends the context too"
_TOLD = "teardown functions get the exception, which they did not"
_HANDLING = "teardown functions no longer see the exception that is being handled"
_RETURNED = "what is returned is made before the context ends"
_OUTLIVED = "what handles an exception may need the context that was left"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ADVICE: dict[Role, str] = {
    "fixture": "open it with `with` and `yield` inside",
    "set-up": "use a fixture that opens it with `with` and `yield` inside",
    "test": "use `with`",
    "view": "take it out",
    "thread": "open it with `with` around the work",
    "job": "open it with `with` around the work",
    "initializer": "open one with `with` in each task",
    "script": "use `with`",
    "other": "use `with` around what needs it",
}
# What unittest calls has its own ways, each with the one that Python has had for longer.
_OF_UNITTEST = "add `{0}(context.pop)` right behind the push, or use `{1}(…)` from Python 3.11 on"
_ADVICE_SET_UP = {
    "asyncSetUp": _OF_UNITTEST.format("self.addCleanup", "self.enterContext"),
    "setUp": _OF_UNITTEST.format("self.addCleanup", "self.enterContext"),
    "setUpClass": _OF_UNITTEST.format("cls.addClassCleanup", "cls.enterClassContext"),
    "setUpModule": _OF_UNITTEST.format("unittest.addModuleCleanup", "unittest.enterModuleContext"),
}
_NOTES: dict[Role, str] = {
    "test": "the tests that come after run in this context",
    "view": "a request has its contexts; Flask fails when it pops them after this one",
    "thread": "what never ends needs one in each turn",
    "job": "the worker keeps one more context for each job",
    "initializer": "that of the thread is never torn down",
    "script": "teardown functions never run",
}


class PushWithoutPop(Rule):
    """A context is pushed by hand, and some path does not pop it.

    What it finds

    `push()` of an app context or a request context without a `pop()` in a `finally`: in functions,
    jobs, threads, views, fixtures and test cases.

    What goes wrong

    The context stays on its thread when something between the two raises, or after each call:
    later work there sees its `g` and its database session, and teardown functions do not run, so
    connections are not returned until the pool has none left.

    Before

        from flask import Flask, request

        app = Flask(__name__)


        def path_of(url):
            ctx = app.test_request_context(url)
            ctx.push()
            path = request.path
            ctx.pop()
            return path

    After

        from flask import Flask, request

        app = Flask(__name__)


        def path_of(url):
            with app.test_request_context(url):
                path = request.path
            return path

    When the fix is safe

    Where `pop()` stands in the same block, and where only threads or jobs run the function and
    nothing that is made in the context gets out of it. Then all that changes is a leak. `try` and
    `finally` around it are the same as `with` up to Flask 3.1. Unsafe in views and fixtures, in
    generators, where a `return` leaves the context pushed, and where code behind the leak may live
    on the context. Reported where the push is conditional, another function would have to pop, or a
    thread or job stores elsewhere what the end of the context may close. Where every path pops the
    context, as in a `finally` or around the `yield` of a fixture, the finding is information.

    What changes

    Teardown functions run on every path, and get the exception, if there is one.

    Sources

    Flask's documentation of the application context; the source of Flask 2.2 to 3.1.
    """

    code = "CTX302"
    name = "push-without-pop"
    message = "a context is pushed and not popped on every path"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the contexts that a module pushes and that may stay."""
        for push in pushes_in(module, project):
            if all(use != "escape" for use, _ in push.uses()):
                found = self._closed(push, project, target) or self._unclosed(push, project)
                yield from [found] if found is not None else []
        yield from self._lambdas(module, project)

    def _closed(self, push: Push, project: Project, target: TargetVersion) -> Finding | None:
        """Return the finding for a push whose block pops the context."""
        closing = closing_of(push, project)
        if closing is None or not _are_paired(push, project):
            return None
        edits = rewritten(push, closing)
        is_right = _pops_always(push, closing) or _only_yields(push, closing, project)
        if is_right and edits is None:
            return None
        advice = _SIMPLER if is_right else _USE_WITH
        fix = None
        is_apart = _is_apart(push, closing, project)
        if edits is not None and is_apart and not _is_left_suspended(push, closing, project):
            doubt = _doubt(push, closing, project, target)
            fix = Fix(advice, edits, unsafe_reason=doubt)
        if is_right and fix is None:
            return None
        message = _BY_HAND if is_right else _LEAKS
        level: Level = "info" if is_right else "warning"
        path = push.path(project, step_at(push.module, closing.pops[0], "call"))
        return self.finding(push.module, level, push.statement, message, advice, fix, path)

    def _unclosed(self, push: Push, project: Project) -> Finding | None:
        """Return the finding for a push that nothing in its block pops."""
        module, function = push.module, push.function
        if closing_of(push, project) is not None and _are_paired(push, project):
            return None
        pops = [node for use, node in push.uses() if use == "pop"]
        if any(is_handling(module, node) for node in pops):
            return None
        if push.is_popped_elsewhere(project) or pops_the_stack(push, project):
            return None
        following = push.block[push.block.index(push.statement) + 1 :]
        if following and popping(push, following[0]) is not None:
            return None
        if pops:
            calls = (module.scopes.parents[module.scopes.parents[pop]] for pop in pops)
            later = (each for each in calls if module.span(each) > module.span(push.statement))
            path = push.path(project, *(step_at(module, each, "call") for each in [*later][:1]))
            return self.finding(module, "warning", push.statement, _LEAKS, _USE_WITH, None, path)
        if function is None:
            return None
        role = role_of(module, project, function)
        if role == "factory":
            return None
        fix = fix_for(push, project, role)
        is_quiet = role in ("script", "test") or main_guard(module, push.statement)
        level: Level = "info" if is_quiet else "error" if role == "view" else "warning"
        path = push.path(project)
        advice = _advice_for(role, getattr(function, "name", ""))
        if role in ("thread", "job") and isinstance(function, ast.FunctionDef):
            if keeps_values(push, project, function):
                advice = advice._replace(no_fix_reason=_KEPT)
        return self.finding(module, level, push.statement, _NEVER, advice, fix, path)

    def _lambdas(self, module: Module, project: Project) -> Iterator[Finding]:
        """Yield what a pool runs at the start of each thread, written as a lambda or a method."""
        for keyword in module.scopes.nodes(ast.keyword):
            pool = module.scopes.parents[keyword]
            if keyword.arg != "initializer" or not isinstance(pool, ast.Call):
                continue
            if project.is_test(module.path):
                continue
            node = keyword.value
            if isinstance(node, ast.Lambda) and isinstance(node.body, ast.Call):
                node = node.body.func
            if isinstance(node, ast.Attribute) and node.attr == "push":
                if context_made(module, project, node.value) is not None:
                    advice = _advice_for("initializer")
                    reach = ContextFlow.of(project).reachability.of(module, pool)
                    made = step_at(module, pool, "boundary", "pool thread")
                    pushed = step_at(module, keyword.value, "boundary", "app context")
                    path = path_to(reach, made, then=(pushed,))
                    yield self.finding(module, "warning", keyword.value, _NEVER, advice, None, path)


def _advice_for(role: Role, name: str = "") -> Advice:
    is_set_up = role == "set-up" and name in _ADVICE_SET_UP
    advice = _ADVICE_SET_UP[name] if is_set_up else _ADVICE[role]
    return Advice(advice, notes=(_NOTES[role],) if role in _NOTES else ())


def _pops_always(push: Push, closing: Closing) -> bool:
    if closing.kind not in ("finally", "handler") or returns_pushed(push, closing):
        return False
    return starts_safely(push, closing)


def _are_paired(push: Push, project: Project) -> bool:
    """Whether each push of the variable has its own pop, and none is left."""
    same = [
        each
        for each in pushes_in(push.module, project)
        if each.function is push.function and push.is_same(each.receiver)
    ]
    closings = [closing_of(each, project) for each in same]
    pops = [call for closing in closings if closing is not None for call in closing.pops]
    every = [node for use, node in push.uses() if use == "pop"]
    return None not in closings and len({*pops}) == len(pops) == len(every)


def _is_apart(push: Push, closing: Closing, project: Project) -> bool:
    """Whether what comes under the ``with`` can stand there.

    Other contexts have to be popped on the side of its border that they are pushed on, and what a
    module defines stays at its top level.
    """
    module = push.module
    start, end = module.span(push.statement).start, module.span(closing.last).end
    if push.function is None and any(isinstance(each, _DEFINITIONS) for each in closing.inside):
        return False
    for other in pushes_in(module, project):
        if other is push or other.function is not push.function:
            continue
        closed = closing_of(other, project)
        first = module.span(other.statement).start
        last = module.span(closed.last).end if closed is not None else first
        if (closed is None and start < first < end) or (start < first < end < last):
            return False
        if first < start < last < end:
            return False
    return True


def _yields_inside(push: Push, closing: Closing) -> bool:
    """Whether a generator is suspended with its context pushed."""
    function = push.function
    generates = function is not None and function in push.module.scopes.generators
    return generates and any(
        isinstance(each, ast.Yield | ast.YieldFrom) for each in nodes_of(closing.inside)
    )


def _is_left_suspended(push: Push, closing: Closing, project: Project) -> bool:
    """Whether a generator may never go on behind its ``yield``, so that no ``with`` would end."""
    return _yields_inside(push, closing) and not _is_resumed(push, project, push.function)


def _doubt(push: Push, closing: Closing, project: Project, target: TargetVersion) -> str | None:
    """Return what a ``with`` may change other than a leak."""
    if _yields_inside(push, closing):
        return _SUSPENDED
    tells_nothing = closing.kind != "straight" and not closing.pops[0].args
    if tells_nothing and target.newest >= ONE_CONTEXT:  # there `pop()` gives no exception
        return _TOLD
    if is_handling(push.module, push.statement, finally_=False):
        return _HANDLING
    if returns_pushed(push, closing):
        return _RETURNED
    return None if _pops_always(push, closing) or not _outlives(push, project) else _OUTLIVED


def _only_yields(push: Push, closing: Closing, project: Project) -> bool:
    """Whether nothing but the ``yield`` of a fixture, which never raises, comes before the pop."""
    function = push.function
    if function is None or role_of(push.module, project, function) != "fixture":
        return False
    (first, *others) = closing.inside
    return not others and isinstance(first, ast.Expr) and isinstance(first.value, ast.Yield)


def _is_resumed(push: Push, project: Project, function: FunctionNode | None) -> bool:
    """Whether a generator is one that always goes on after its ``yield``."""
    if not isinstance(function, ast.FunctionDef):
        return False
    values = ContextFlow.of(project).values
    makers = {values.name_of(push.module, without_call(each)) for each in function.decorator_list}
    return (
        not MANAGER_DECORATORS.isdisjoint(makers)
        or role_of(push.module, project, function) == "fixture"
    )


def _outlives(push: Push, project: Project) -> bool:
    """Whether what handles an exception in the function may need the context that was left."""
    child: ast.AST = push.statement
    for parent in push.module.scopes.ancestors(push.statement):
        if isinstance(parent, FunctionNode):
            break
        if isinstance(parent, ast.Try) and child in parent.body:
            handled = [each for handler in parent.handlers for each in handler.body]
            asked = [*handled, *parent.finalbody]
            if any(asks_for_context(push.module, project, each) != "no" for each in asked):
                return True
        child = parent
    return False
