"""CTX106: work of async views that loses their context, or ends with them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.aliases import known_as_any
from flask_ctxfix.codemod import Advice, Finding, Fix, RemoveArgument, ReplaceExpression, Rule
from flask_ctxfix.context_flow import ContextFlow, Need, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.said_uses import failing, sentence
from flask_ctxfix.context_flow.starts import is_deferred
from flask_ctxfix.context_flow.values import Function, Partial
from flask_ctxfix.flask_facts import (
    ADDING,
    COROUTINE_STARTERS,
    EXECUTOR_CALLS,
    TASK_MAKERS,
    spelled,
)
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import why_lasting_at, withheld
from flask_ctxfix.project import Project
from flask_ctxfix.spelling import standard_name_at
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import is_constant_none

_NAMES = spelled((*EXECUTOR_CALLS, *TASK_MAKERS))
# Methods of a task that do not wait for it, and those of a collection that only keep it.
_NOT_WAITING = frozenset({"add_done_callback", "set_name"})
_CHANGES = "use `asyncio.to_thread`, which keeps the context"
_SHARED = "the function shares `g` with the view, and may still run when the view has ended"
_ADVICE_THREAD = (
    "read the values first and pass the values as arguments, or await `asyncio.to_thread`"
)
_ADVICE_TASK = "await the task before the view returns, or use a task queue"


class TaskLostInAsyncView(Rule):
    """An async view starts a function without its context, or a task that it never awaits.

    Who is hurt

    The user whose request it was. A function in an executor fails, and so does a view that awaits
    it. A task that is never awaited is cancelled when the view returns: the user gets an answer,
    but what the task should do is not done.

    How it fails

    `loop.run_in_executor` does not copy the context, so a function that uses the request or the
    application fails:

        RuntimeError: Working outside of request context.

    The event loop of an async view ends with the view. Tasks of `create_task` and `ensure_future`
    that are still running then are cancelled, without an error that anybody sees.

    Before

        import asyncio

        from flask import Flask, request

        app = Flask(__name__)


        def fetch():
            return request.path


        @app.get("/")
        async def index():
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(None, fetch)

    After

        import asyncio

        from flask import Flask, request

        app = Flask(__name__)


        def fetch():
            return request.path


        @app.get("/")
        async def index():
            loop = asyncio.get_running_loop()
            return await asyncio.to_thread(fetch)

    What the fix changes

    `asyncio.to_thread` takes the place of `run_in_executor`. The function then runs in a copy of
    the caller's context variables, and sees the same request, `g` and session.

    When there is no fix

    An executor of your own may be there for a reason: read the values in the view and pass them as
    arguments. Await a task before the view returns, or use a task queue for what should outlive it.

    Safe or unsafe

    Always unsafe: the function shares the view's `g` and session, and may outlive the view. There
    is a fix only for calls that use the default executor and are awaited at once.

    Versions

    The same on Flask 2.2 to 3.2. `asyncio.to_thread` needs Python 3.9.

    Sources

    Flask's documentation, "Using async and await"; Python's, `asyncio.to_thread`.
    """

    code = "CTX106"
    name = "task-lost-in-async-view"
    message = "an async view starts a function that loses its context or is cancelled"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the functions given to executors, and the tasks that nobody awaits."""
        if project.is_test(module.path):
            return
        values = ContextFlow.of(project).values
        for call in module.scopes.calls_of(known_as_any(project, _NAMES)):
            name = values.name_of(module, call.func)
            if name in EXECUTOR_CALLS:
                yield from self._in_executor(module, project, call)
            elif name in TASK_MAKERS and _is_lost(module, project, call):
                yield self._lost_task(module, project, call)

    def _in_executor(self, module: Module, project: Project, call: ast.Call) -> Iterator[Finding]:
        if len(call.args) < 2 or any(isinstance(each, ast.Starred) for each in call.args[:2]):
            return
        flow = ContextFlow.of(project)
        target = call.args[1]
        value = flow.values.of(module, target)
        function = value.function if isinstance(value, Partial) else value
        if isinstance(function, Function) and is_deferred(function):
            return
        summary = flow.needs.of(value)
        if summary.need is Need.NONE:
            return
        use = next(use for use in summary.uses if use.need is summary.need)
        lacks = "request" if use.need is Need.REQUEST else "app"
        message = sentence(use, f"in a thread of an executor, which has no {lacks} context")
        reach = flow.reachability.of(module, call)
        lasting = why_lasting_at(module, call, value, project)
        fix = _to_thread(module, project, call, reach.where, summary.need) if not lasting else None
        advice: Advice | str = fix.message if fix is not None else _ADVICE_THREAD
        advice = withheld(lasting) if lasting is not None else advice
        start = step_at(module, call, "boundary", "thread")
        path = path_to(reach, start, then=failing(use))
        yield self.finding(module, "error", target, message, advice, fix, path)

    def _lost_task(self, module: Module, project: Project, call: ast.Call) -> Finding:
        message = "this task is never awaited, so it is cancelled when the view returns"
        reach = ContextFlow.of(project).reachability.of(module, call)
        path = path_to(reach, step_at(module, call, "boundary", "task"))
        return self.finding(module, "warning", call, message, _ADVICE_TASK, None, path)


def _to_thread(
    module: Module, project: Project, call: ast.Call, where: Where, need: Need
) -> Fix | None:
    """Return the fix for a call that is awaited at once, where the caller may have the context."""
    executor = call.args[0]
    has_context = where in (Where.REQUEST, Where.UNKNOWN) or (
        where is Where.APP and need is Need.APP
    )
    is_default = is_constant_none(executor)
    if not has_context or not is_default or call.keywords:
        return None
    behind = module.text[module.span(executor).end : module.span(call.args[1]).start]
    if "#" in behind:  # the comment would go with the executor
        return None
    if not isinstance(module.scopes.function_of(call), ast.AsyncFunctionDef):
        return None
    spelled = standard_name_at(module, call, "asyncio", "to_thread")
    if spelled is None or not _is_started(module, project, call):
        return None
    edits = (
        ReplaceExpression(module.span(call.func), spelled[0]),
        RemoveArgument(module.span(executor)),
    )
    return Fix(_CHANGES, edits, spelled[1], unsafe_reason=_SHARED)


def _is_started(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a coroutine that stands in the place of a call runs at once."""
    node: ast.AST = call
    for parent in module.scopes.ancestors(call):
        if isinstance(parent, ast.Await):
            return True
        if isinstance(parent, ast.Call):
            name = ContextFlow.of(project).values.name_of(module, parent.func)
            if name != "asyncio.wait_for":
                return name in COROUTINE_STARTERS
        is_made = isinstance(parent, ast.ListComp | ast.GeneratorExp) and parent.elt is node
        if not is_made and not isinstance(parent, ast.Call | ast.List | ast.Tuple | ast.Starred):
            return False
        node = parent
    return False


def _is_lost(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a task is made in async code of a request, and nothing awaits it there."""
    around = module.scopes.function_of(call)
    if not isinstance(around, ast.AsyncFunctionDef):
        return False
    if ContextFlow.of(project).reachability.of(module, call).where is not Where.REQUEST:
        return False
    parent = module.scopes.parents[call]
    if isinstance(parent, ast.Expr):
        return True
    if isinstance(parent, ast.Attribute):
        return parent.attr in _NOT_WAITING
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return False
    task = parent.targets[0]
    if not isinstance(task, ast.Name):
        return False
    home = module.scopes.home_of(task)
    if home.node is not around:
        return False
    return all(_only_keeps(module, read) for read in home.reads.get(task.id, ()))


def _only_keeps(module: Module, read: ast.Name) -> bool:
    """Whether the use of a task does not wait for it: it sets something, or keeps it for good."""
    parent = module.scopes.parents[read]
    if isinstance(parent, ast.Attribute):
        return parent.attr in _NOT_WAITING
    if not isinstance(parent, ast.Call) or not isinstance(parent.func, ast.Attribute):
        return False
    kept = parent.func.value
    if parent.func.attr not in ADDING or not isinstance(kept, ast.Name):
        return False
    return module.scopes.home_of(kept) is module.scopes.module
