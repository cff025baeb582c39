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
from flask_ctxfix.codemods.manual_contexts.texts import said, with_code, with_of, with_yield
from flask_ctxfix.codemods.manual_contexts.unclosed import REMOVE, fix_for, keeps_values
from flask_ctxfix.codemods.manual_contexts.ways_out import returns_pushed, starts_safely
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.flask_facts import MANAGER_DECORATORS
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import never_ends
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import is_handling, nodes_of
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import without_call

_LEAKS = "may leave its {} open for later code on the same thread"
_RAISED = "an exception before the `pop()` leaves the context pushed"
_LEFT = "a `return` before the `pop()` leaves the context pushed"
_NEVER = "never pops its {}, whose teardown functions never run"
_FAILS = "never pops its {}, so the request fails after the view returns"
_BY_HAND = "this `push()` and `pop()` can be a `with` block"
_SIMPLER = "use {} instead"
_USE_WITH = "use {}, which pops the context on every path"
_GETS_ERROR = "in a `with` block, teardown functions also run after an exception, and receive it"
_KEPT = "the function stores values elsewhere that may still need the context"
_SUSPENDED = "an exception at the `yield` then pops the context too"
_TOLD = "teardown functions then get the exception, which `pop()` does not pass on Flask 3.2"
_HANDLING = "teardown functions then no longer get the exception that is being handled"
_RETURNED = "the caller may need the context, which then ends at the `return`"
_OUTLIVED = "code that handles the exception may need the context that is left pushed"
_INITIALIZER = "this initializer"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_AROUND = "use {} around the code that needs the context"
_ADVICE: dict[Role, str] = {
    "set-up": "use a fixture with {} and a `yield` inside it",
    "initializer": "use {} in each task",
}
# What unittest calls has its own ways, each with the one that Python has had for longer.
_CLEANUP = "add `{}({}.pop)` after the push"
_ENTERED = "from Python 3.11 on, `{}()` can push and pop the context"
_OF_UNITTEST = {
    "asyncSetUp": ("self.addCleanup", "self.enterContext"),
    "setUp": ("self.addCleanup", "self.enterContext"),
    "setUpClass": ("cls.addClassCleanup", "cls.enterClassContext"),
    "setUpModule": ("unittest.addModuleCleanup", "unittest.enterModuleContext"),
}
_IN_TURNS = "in an endless loop, open a new context in each iteration"
_NOT_CLOSED = "what teardown functions close, such as a database session, stays open"
_NOTES: dict[Role, str] = {
    "test": "later tests run in this context",
    "view": "Flask raises an error when it finds this context instead of the request's own",
    "job": "each job leaves one more context on its worker",
}


class PushWithoutPop(Rule):
    """A function pushes a context by hand, and does not pop it on every path.

    Who is hurt

    Whoever is served next on the same thread: later code runs in the context that was left, and
    reads its `g`, its request and its database session. Teardown functions do not run, so
    connections stay checked out until the pool has none left. A view that leaves a context pushed
    loses its own request.

    How it fails

    A view's request ends with an error after the view has returned:

        AssertionError: Popped wrong app context. …

    Elsewhere nothing is raised at first. In a service that uses a database, later requests fail:

        sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, …

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

    What the fix changes

    A `with` block pops the context on every path. Teardown functions run then, and get the
    exception if there is one.

    When there is no fix

    The push is under a condition, another function would have to pop the context, or a thread or
    job stores values elsewhere that the end of the context may close. Move the code that needs the
    context into a `with` block. In a test case of unittest, register the `pop` with `addCleanup`.

    Safe or unsafe

    Safe where the `pop()` is in the same block, and where only threads or jobs run the function and
    nothing that is made in the context leaves it: the only change is that the leak is gone. Unsafe
    in views, in fixtures without a `pop()`, in other generators, where a `return` leaves the
    context pushed, and where code that runs after the leak may rely on the context.

    Versions

    The error of a view is an AssertionError up to Flask 3.1, and on Flask 3.2 a RuntimeError,
    "Cannot pop this context". Up to Flask 3.1 `pop()` in a `finally` passes the exception to
    teardown functions, as `with` does; on Flask 3.2 only `with` does. Where every path pops the
    context already, the finding is information, and only suggests the shorter `with`.

    Sources

    Flask's documentation of the application context; the source of Flask 2.2 to 3.1; run on Flask
    2.2, 2.3, 3.1 and the development version of 3.2.
    """

    code = "CTX302"
    name = "push-without-pop"
    message = "a context is pushed by hand, and may never be popped"
    levels = ("error", "warning", "info")

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
        help_ = (_SIMPLER if is_right else _USE_WITH).format(with_of(push))
        fix = None
        is_apart = _is_apart(push, closing, project)
        if edits is not None and is_apart and not _is_left_suspended(push, closing, project):
            doubt = _doubt(push, closing, project, target)
            fix = Fix(help_, edits, unsafe_reason=doubt)
        if is_right and fix is None:
            return None
        message = _BY_HAND if is_right else said(push.function, _LEAKS.format(push.kind))
        level: Level = "info" if is_right else "warning"
        notes = (
            () if is_right else (_LEFT if returns_pushed(push, closing) else _RAISED, _GETS_ERROR)
        )
        advice = Advice(help_, notes=notes)
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
            message = said(function, _LEAKS.format(push.kind))
            help_ = _USE_WITH.format(with_of(push))
            return self.finding(module, "warning", push.statement, message, help_, None, path)
        if function is None:
            return None
        role = role_of(module, project, function)
        if role == "factory":
            return None
        fix = fix_for(push, project, role)
        is_quiet = role in ("script", "test") or main_guard(module, push.statement)
        level: Level = "info" if is_quiet else "error" if role == "view" else "warning"
        path = push.path(project)
        advice = _advice_for(push, role) if fix is None else Advice(fix.message, notes=_notes(role))
        if role in ("thread", "job") and isinstance(function, ast.FunctionDef):
            if keeps_values(push, project, function):
                advice = advice._replace(no_fix_reason=_KEPT)
            if never_ends(Function(module, function), project):
                advice = advice._replace(notes=(*advice.notes, _IN_TURNS))
        message = said(function, (_FAILS if role == "view" else _NEVER).format(push.kind))
        return self.finding(module, level, push.statement, message, advice, fix, path)

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
                context = context_made(module, project, node.value)
                if context is not None:
                    help_ = _ADVICE["initializer"].format(with_code(module, context))
                    advice = Advice(help_, notes=_notes("initializer"))
                    reach = ContextFlow.of(project).reachability.of(module, pool)
                    made = step_at(module, pool, "boundary", "pool thread")
                    pushed = step_at(module, keyword.value, "boundary", "app context", verb="opens")
                    path = path_to(reach, made, then=(pushed,))
                    message = f"{_INITIALIZER} {_NEVER.format('app context')}"
                    yield self.finding(
                        module, "warning", keyword.value, message, advice, None, path
                    )


def _advice_for(push: Push, role: Role) -> Advice:
    """Return what to do about a push that nothing pops, and that no fix mends."""
    name = getattr(push.function, "name", "")
    if role == "set-up" and name in _OF_UNITTEST:
        cleanup, entering = _OF_UNITTEST[name]
        context = "context" if push.is_chained else push.module.segment(push.receiver)
        return Advice(_CLEANUP.format(cleanup, context), notes=(_ENTERED.format(entering),))
    if role == "fixture":
        return Advice(with_yield(push), notes=_notes(role))
    if role == "view" and push.kind == "app context":
        return Advice(REMOVE, notes=_notes(role))
    return Advice(_ADVICE.get(role, _AROUND).format(with_of(push)), notes=_notes(role))


def _notes(role: Role) -> tuple[str, ...]:
    return (_NOTES.get(role, _NOT_CLOSED),)


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
    if _yields_inside(push, closing) and not _is_fixture(push, project):
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
    if not _is_fixture(push, project):
        return False
    (first, *others) = closing.inside
    return not others and isinstance(first, ast.Expr) and isinstance(first.value, ast.Yield)


def _is_fixture(push: Push, project: Project) -> bool:
    function = push.function
    return function is not None and role_of(push.module, project, function) == "fixture"


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
