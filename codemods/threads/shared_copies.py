"""CTX104: one copy of the request's context that several tasks share."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Advice, Finding, Fix, RemoveDecorator, ReplaceExpression, Rule
from flask_ctxfix.codemods.threads.maps import map_fix
from flask_ctxfix.codemods.threads.moved_copies import can_be_moved, maker_place
from flask_ctxfix.codemods.threads.overlaps import exclude_each_other, has_one_worker, is_repeated
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.start_paths import path_over
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.context_flow.values import Copied, Foreign
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import why_lasting, withheld
from flask_ctxfix.obligations.same_value import is_repeatable
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.steps import step_at
from flask_ctxfix.wording import fitting, is_short

_ADVICE = "wrap the function again in each call that starts a task, so that no tasks share a copy"
_ADVICE_SUBMIT = "submit the tasks one by one, so that each task gets its own copy"
_MADE_ONCE = "makes one copy"
_SHARING_ITEMS = "overlapping items share one context copy"
_EXECUTOR = "flask_executor.Executor().map"


class SharedContextCopy(Rule):
    """Several tasks run in one and the same copy of a request context.

    Who is hurt

    The user whose request it was: the result of a task is lost, though the task has run. Other
    users may be hurt as well, since a thread of a pool can keep the context and let a later task
    see this request.

    How it fails

    A copy of the context can be active once at a time. When tasks overlap, one of them ends the
    context that another one has entered:

        ValueError: <Token ...> was created in a different Context

    It depends on the order in which the tasks end, so it may show under load only.
    `copy_current_request_context` gives one copy, and so do `map` of a pool and of Flask-Executor.

    Before

        from concurrent.futures import ThreadPoolExecutor

        from flask import Flask, copy_current_request_context, request

        app = Flask(__name__)


        @app.get("/prices")
        def prices():
            def fetch(n):
                return f"{n} for {request.path}"

            copied = copy_current_request_context(fetch)
            with ThreadPoolExecutor() as pool:
                answers = [pool.submit(copied, n) for n in range(2)]
            return [answer.result() for answer in answers]

    After

        from concurrent.futures import ThreadPoolExecutor

        from flask import Flask, copy_current_request_context, request

        app = Flask(__name__)


        @app.get("/prices")
        def prices():
            def fetch(n):
                return f"{n} for {request.path}"

            with ThreadPoolExecutor() as pool:
                answers = [pool.submit(copy_current_request_context(fetch), n) for n in range(2)]
            return [answer.result() for answer in answers]

    What the fix changes

    Each task gets a copy of its own, with a `g` of its own. For a `map`, each item becomes a task.

    When there is no fix

    Call `copy_current_request_context` once for each task, where that is started. With
    Flask-Executor, submit the tasks one by one.

    Safe or unsafe

    Safe if the copy is made in the same function, by code that can run again, and if the tasks are
    started one by one. Unsafe for `map`, because all items are then read before the first result is
    used.

    Versions

    Flask 2.2 to 3.1 raise ValueError, Flask 3.2 raises RuntimeError.

    Sources

    Flask's documentation of copy_current_request_context; pallets/flask issue 5252; Flask-Executor
    issue 48.
    """

    code = "CTX104"
    name = "shared-context-copy"
    message = "several tasks share one copy of the request's context"
    levels = ("error",)

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the starts that share a copy."""
        every = list(_copied_starts(module, project))
        for each in every:
            if _is_shared(each, every, project):
                lasting = why_lasting(each.start, project)
                fix = _fix(each, every, project) if lasting is None else None
                advice: Advice | str = fix.message if fix is not None else _ADVICE
                advice = withheld(lasting) if lasting is not None else advice
                message = _message(each, _error(target))
                made = step_at(module, each.copied.maker, "call", message=_MADE_ONCE)
                path = path_over(each.start, project, made)
                yield self.finding(module, "error", each.node, message, advice, fix, path)
        for call in _mapped_by_executors(module, project):
            message = f"{_SHARING_ITEMS}, so an item may raise {_error(target)}"
            reach = ContextFlow.of(project).reachability.of(module, call)
            path = path_to(reach, step_at(module, call, "boundary", "pool thread"))
            given = call.args[0]
            yield self.finding(module, "error", given, message, _ADVICE_SUBMIT, None, path)


class _CopiedStart(NamedTuple):
    """A start of a copied function; `node` is the expression for it, in the target or all of it."""

    start: Start
    node: ast.expr
    copied: Copied


def _copied_starts(module: Module, project: Project) -> Iterator[_CopiedStart]:
    """Yield the starts of copied functions, also of those with some arguments given."""
    values = ContextFlow.of(project).values
    for start in starts_in(module, project):
        node = start.callable
        if start.starter.kind == "process" or not isinstance(node, ast.expr):
            continue
        value = values.of(module, node)
        if isinstance(value, Copied) and _is_made_in_function(module, value.maker):
            yield _CopiedStart(start, node, value)


def _is_made_in_function(module: Module, maker: ast.AST) -> bool:
    return module.scopes.function_of(maker_place(module, maker)) is not None


def _mapped_by_executors(module: Module, project: Project) -> Iterator[ast.Call]:
    """Yield the calls of `map` of Flask-Executor that are given a function."""
    if project.is_test(module.path):
        return
    values = ContextFlow.of(project).values
    for call in module.scopes.calls.get("map", ()):
        if isinstance(call.func, ast.Attribute) and call.args:
            if values.of(module, call.func) == Foreign(_EXECUTOR):
                yield call


def _message(each: _CopiedStart, error: str) -> str:
    """Return a sentence that says what shares a copy, and what that raises."""
    texts = [f"overlapping tasks share this context copy, so a task may raise {error}"]
    if isinstance(each.node, ast.Name):
        name = f"`{each.node.id}`"
        texts.insert(0, f"{name} is wrapped once but run by several tasks, which may raise {error}")
    return fitting(*texts)


def _error(target: TargetVersion) -> str:
    """Return what a task raises that ends a context which another one has entered."""
    if target.oldest >= ONE_CONTEXT:
        return "RuntimeError"
    return "ValueError" if target.newest < ONE_CONTEXT else "an error"


def _is_shared(each: _CopiedStart, every: list[_CopiedStart], project: Project) -> bool:
    """Whether the copy serves more than this one task, and these may overlap."""
    start, maker = each.start, each.copied.maker
    is_several = start.starter.passing == "each" or is_repeated(start, maker, project)
    if is_several and not has_one_worker(start):
        return True
    others = (other.start for other in every if other.copied.maker is maker)
    return any(
        other.call is not start.call and not exclude_each_other(start, other, project)
        for other in others
    )


def _fix(each: _CopiedStart, every: list[_CopiedStart], project: Project) -> Fix | None:
    """Return the fix that makes a copy where the task is started."""
    start, node, maker = each.start, each.node, each.copied.maker
    if node is maker:
        return map_fix(start, project, ()) if is_repeatable(maker, start.module, project) else None
    if not isinstance(node, ast.Name) or not _can_be_made_at(each, project):
        return None
    module = start.module
    bindings = module.scopes.home_of(node).bindings[node.id]
    binding = bindings[0] if len(bindings) == 1 else None
    if binding is None:
        return None
    if binding.value is maker:
        fix = _copying(each, module.segment(maker), project)
        alone = not isinstance(binding.node, ast.Assign) or len(binding.node.targets) == 1
        retires = (module.span(binding.node),) if alone else ()
        return replace(fix, retires=retires) if fix is not None else None
    is_decorated = isinstance(binding.node, ast.FunctionDef)
    return _undecorated(binding.node, each, every, project) if is_decorated else None


def _undecorated(
    function: ast.AST, each: _CopiedStart, every: list[_CopiedStart], project: Project
) -> Fix | None:
    """Return the fix that takes the decorator off a function, and makes copies at all starts."""
    maker, module = each.copied.maker, each.start.module
    assert isinstance(function, ast.FunctionDef)
    starts = [other for other in every if other.copied.maker is maker]
    reads = module.scopes.scope_of(function).reads.get(function.name, [])
    if function.decorator_list != [maker] or {*reads} != {other.node for other in starts}:
        return None
    code = f"{module.segment(maker)}({function.name})"
    fixes = [
        _copying(other, code, project) if _can_be_made_at(other, project) else None
        for other in starts
    ]
    made = [fix for fix in fixes if fix is not None]
    if len(made) < len(starts):
        return None
    edits = (edit for fix in made for edit in fix.edits)
    needs = dict.fromkeys(need for fix in made for need in fix.needs)
    worst = max(made, key=lambda fix: fix.applicability == "unsafe")
    return replace(worst, edits=(RemoveDecorator(module.span(maker)), *edits), needs=tuple(needs))


def _copying(each: _CopiedStart, code: str, project: Project) -> Fix | None:
    """Return the fix that puts what makes a copy in the place of one that was made before."""
    edit = ReplaceExpression(each.start.module.span(each.node), code)
    if each.start.starter.passing == "each":
        return map_fix(each.start, project, (edit,))
    return Fix(f"wrap the function for each task: `{code}`" if is_short(code) else _ADVICE, (edit,))


def _can_be_made_at(each: _CopiedStart, project: Project) -> bool:
    """Whether what makes a copy gives the same where its task is started."""
    maker, call = each.copied.maker, each.start.call
    assert isinstance(maker, ast.expr)
    return can_be_moved(maker, each.node, call, each.start.module, project)
