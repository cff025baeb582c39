"""CTX101 and CTX102: work that is started elsewhere and needs the context of its caller."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Fix, Level, Rule, Step
from flask_ctxfix.codemods.threads.app_contexts import app_context_fix
from flask_ctxfix.codemods.threads.captured_proxies import are_of_aliases
from flask_ctxfix.codemods.threads.copies import copy_fix, why_not
from flask_ctxfix.codemods.threads.hoists import before_start, values_fix
from flask_ctxfix.codemods.threads.processes import Inherited, inherited
from flask_ctxfix.context_flow import ContextFlow, Need, Reach, Summary, Where
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.context_flow.proxies import proxy_of
from flask_ctxfix.context_flow.said_uses import failing, of_function, sentence
from flask_ctxfix.context_flow.start_paths import path_over
from flask_ctxfix.context_flow.starts import Start, is_deferred, starts_in
from flask_ctxfix.context_flow.summaries import Use
from flask_ctxfix.context_flow.uses import left_on_g, writes_session
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import may_go_on, why_lasting, withheld
from flask_ctxfix.project import Project
from flask_ctxfix.statements import own_nodes, way_out


class ThreadReadsRequest(Rule):
    """A thread, pool task, greenlet or process reads the request of the view that started it.

    Who is hurt

    The user whose request it was. The view has answered as if all went well, but the mail is not
    sent or the export not written. The error is raised in the thread, so that no user sees it and,
    in a pool, often no log does. A process pool that is kept and forked does not fail: it answers
    with the data of the request that was active when its processes were started, which may be
    another user's.

    How it fails

    A new thread has no context of Flask, so the first use of `request`, `session`, `url_for` or
    `flash` in it, or in what it calls, fails:

        RuntimeError: Working outside of request context.

    `current_user` is None there, and its attributes raise AttributeError. A process has the
    contexts of its parent only if it is forked, which is the default on Linux up to Python 3.13.

    Before

        from threading import Thread

        from flask import Flask, request

        app = Flask(__name__)


        @app.post("/export")
        def export():
            def work():
                print(request.path)

            Thread(target=work).start()
            return "", 202

    After

        from threading import Thread

        from flask import Flask, copy_current_request_context, request

        app = Flask(__name__)


        @app.post("/export")
        def export():
            @copy_current_request_context
            def work():
                print(request.path)

            Thread(target=work).start()
            return "", 202

    What the fix changes

    The function runs in a copy of the request context. In the copy `g` starts empty, and teardown
    functions run a second time when it ends. Session changes that are made after the response has
    been sent are not saved. The other fix reads the values before the start; `--thread-fix` chooses
    between the two.

    When there is no fix

    Read the values in the view and pass them as arguments. A copy is known to be wrong for timers,
    processes, generators and coroutines, for a request body that nobody has read yet, uploaded
    files, values that a view left on `g`, and session changes that the view does not wait for. What
    runs for as long as the process, starts itself again or is started only once must not keep one
    request: pass it the values with each task, for example through a queue. A value for the session
    is best returned, and set in the view.

    Safe or unsafe

    Safe if only views, or other functions that Flask calls in a request, start the function, if
    every run of it reads the request, and if nothing in the project notices a second teardown or
    uses uploaded files. Unsafe if it may be started outside a request, if some runs do not need the
    request, or if a value that is read earlier may be missing or different then.

    Versions

    The same on Flask 2.2 to 3.2. A free-threaded Python 3.14, and any 3.14 with `-X
    thread_inherit_context=1`, gives a thread the contexts of the code that starts it.

    Sources

    Flask's documentation of copy_current_request_context; pallets/flask issue 2812.
    """

    code = "CTX101"
    name = "thread-reads-request"
    message = "a thread, task or process reads the request, but has no request context"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the starts of what needs a request."""
        for start, summary, reach in _losing(module, project, Need.REQUEST):
            use = _first(summary, Need.REQUEST)
            level, message, steps = _loss(start, project, use, Need.REQUEST)
            fix = request_fix(start, project, summary, reach.where)
            advice = _advice(start, project, summary, reach, fix)
            path = path_over(start, project, then=steps)
            yield self.finding(module, level, start.target, message, advice, fix, path)


class ThreadNeedsApp(Rule):
    """A thread, pool task, greenlet or process uses the application without an app context.

    Who is hurt

    Everyone who relies on what the function does: the mail is not sent, the row is not written. The
    view has answered by then, and the error is raised in the thread, where no user sees it.

    How it fails

    A new thread has no context of Flask, so `current_app`, the database, mail or templates fail in
    it, or in what it calls:

        RuntimeError: Working outside of application context.

    A process has the contexts of its parent only if it is forked, which is the default on Linux up
    to Python 3.13.

    Before

        from threading import Thread

        from flask import Flask, current_app

        app = Flask(__name__)


        def work():
            current_app.logger.info("working")


        @app.post("/jobs")
        def start():
            Thread(target=work).start()
            return "", 202

    After

        from threading import Thread

        from flask import Flask, current_app

        app = Flask(__name__)


        def work():
            with app.app_context():
                current_app.logger.info("working")


        @app.post("/jobs")
        def start():
            Thread(target=work).start()
            return "", 202

    What the fix changes

    The function runs in an app context of its own. Teardown functions run when that context ends.
    Where the function does not see the application, the code that starts it passes
    `current_app._get_current_object()`, or starts a function around it.

    When there is no fix

    Pass the application to the function, and run its body in `with app.app_context():`. An endless
    loop should open one in each iteration, since what is opened around the loop is never closed. A
    process that is spawned has to create its application itself, which cannot be pickled.

    Safe or unsafe

    Safe if the application is one of the module, or is certainly active at the start, and if every
    run of the function uses it. Unsafe if some runs need no context, if what a task returns of the
    database session may be used after the context has ended, or if a forked process may have a
    context already.

    Versions

    The same on Flask 2.2 to 3.2. A free-threaded Python 3.14, and any 3.14 with `-X
    thread_inherit_context=1`, gives a thread the contexts of the code that starts it.

    Sources

    Flask's documentation of the application context; flask-mail issue 63.
    """

    code = "CTX102"
    name = "thread-needs-app"
    message = "a thread, task or process uses the application, but has no app context"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the starts of what needs no more than the application."""
        for start, summary, reach in _losing(module, project, Need.APP):
            if are_of_aliases(start, project, summary):
                continue
            use = _first(summary, Need.APP)
            level, message, steps = _loss(start, project, use, Need.APP)
            fix = app_context_fix(start, project, summary, reach.where)
            advice: Advice | str = _advice_for_app(start, project, reach)
            if fix is not None:
                advice = fix.message
            path = path_over(start, project, then=steps)
            yield self.finding(module, level, start.target, message, advice, fix, path)


_ADVICE_APP = (
    "pass the Flask app to {}, and put the body of {} in `with app.app_context():`",
    "pass the Flask app to {}, and put its body in `with app.app_context():`",
)
_TAKE_APP = "the Flask app is `current_app._get_current_object()` in the code that starts {}"
_NO_APP = "no app context is open when {} is started, so `current_app` cannot give the app"
_ADVICE_LOOP = "pass the Flask app to {}, and open `with app.app_context():` in each loop iteration"
_LOOP = "an app context around the whole loop in {} might never be closed"
_ADVICE_PROCESS = "create the Flask app in {}, and open `with app.app_context():` with it"
_PROCESS = "a Flask app cannot be pickled, which starting a process may require"
_FOR_BOTH = "the start also runs without a request, when no request context exists to copy"
_ADVICE_SESSION = "return the value, and set the session in the view before the view responds"
_ADVICE_VALUES = "read the values while a request is active, and pass them to {}"
_ADVICE_BEFORE = "read the values {}, and pass them to {{}}"
_CONTEXTS = {Need.APP: "app context", Need.REQUEST: "request context"}


def _advice_for_app(start: Start, project: Project, reach: Reach) -> Advice | str:
    function = start.function
    if start.starter.kind == "process":
        return Advice(of_function(function, _ADVICE_PROCESS), _PROCESS)
    if may_go_on(start, project):
        return Advice(of_function(function, _ADVICE_LOOP), of_function(function, _LOOP))
    advice = of_function(function, *_ADVICE_APP)
    if start.may_be_in_context(reach.where):
        return Advice(advice, notes=(of_function(function, _TAKE_APP),))
    return Advice(advice, of_function(function, _NO_APP))


def _losing(module: Module, project: Project, need: Need) -> Iterator[tuple[Start, Summary, Reach]]:
    """Yield the starts of a module whose target needs that context, and not more."""
    flow = ContextFlow.of(project)
    for start in starts_in(module, project):
        function = start.function
        if function is not None and is_deferred(function):
            continue
        summary = flow.needs.of(start.value)
        is_process = start.starter.kind == "process"
        if is_process and inherited(start, project) is Inherited.YES:
            continue
        if _lost(summary) is need:
            yield start, summary, start.reach(project)


def _loss(
    start: Start, project: Project, use: Use, need: Need
) -> tuple[Level, str, tuple[Step, ...]]:
    """Return how certain it is that a use lacks its context, how to say it, and the way to it."""
    lacks = f"has no {_CONTEXTS[need]}" if use.need is need else "does not have the request's `g`"
    if start.starter.kind != "process":
        place = f"in a {start.starter.noun}"
        said = sentence(use, f"{place}, which {lacks}", f"{place} without its context")
        return "error", said, failing(use)
    found = inherited(start, project)
    if found is Inherited.NO:
        return "error", sentence(use, f"in another process, which {lacks}"), failing(use)
    if found is Inherited.STALE and need is Need.REQUEST:
        rest = "in a pool process, and fails or sees another user's request"
        return "error", sentence(use, rest), use.steps
    level: Level = "error" if found is Inherited.STALE else "warning"
    rest = f"in another process, which may have no {_CONTEXTS[need]}"
    return level, sentence(use, rest), use.steps


def _lost(summary: Summary) -> Need:
    """Return which context must be given: what a view left on `g` is in its request's only."""
    return Need.REQUEST if left_on_g(summary) else summary.need


def _first(summary: Summary, need: Need) -> Use:
    """Return the use that best shows that a function needs a context."""
    of_need = (use for use in summary.uses if use.need is need)
    return next(of_need, None) or left_on_g(summary)[0]


def request_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix for a target that needs the request: values, or a copy of its context."""
    if why_lasting(start, project) is not None or _is_for_both(start, project, where):
        return None
    copied = copy_fix(start, project, summary, where)
    values = values_fix(start, project, summary, where)
    choice = project.thread_fix
    if choice == "wrap":
        return copied or values
    if choice == "values" or copied is None or values is None:
        return values or copied
    takes_copy = copied.applicability == "safe" and (
        values.applicability == "unsafe" or start.starter.passing != "each"
    )
    return copied if takes_copy else values


def _is_for_both(start: Start, project: Project, where: Where) -> bool:
    """Whether what starts the work asks for a context, and goes on to start it without one.

    It is made to run without a request, too, where no copy of one can be made. So is code that
    compares a proxy, which is never None, or opens what may be a context around the start.
    """
    module = start.module
    around = module.scopes.function_of(start.call)
    if where is Where.REQUEST or around is None:
        return False
    if ContextFlow.of(project).guards.is_for_both(module, around):
        return True
    blocks = (each for each, _ in way_out(module, start.call) if isinstance(each, ast.With))
    return any(makes_context(item.context_expr) for each in blocks for item in each.items) or any(
        _compares_proxy(module, project, each) for each in own_nodes(around)
    )


def _compares_proxy(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code asks if a proxy is something, such as None."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Is | ast.IsNot):
        return False
    return proxy_of(module, project, node.left) is not None


def _advice(
    start: Start, project: Project, summary: Summary, reach: Reach, fix: Fix | None
) -> Advice | str:
    if fix is not None:
        return fix.message
    lasting = why_lasting(start, project)
    if lasting is not None:
        return withheld(lasting)
    reason = why_not(start, project, summary)
    if reach.where in (Where.OUTSIDE, Where.APP):
        reason = of_function(start.function, "no request is active when {} is started")
    elif _is_for_both(start, project, reach.where):
        reason = _FOR_BOTH
    if any(map(writes_session, summary.uses)):
        return Advice(_ADVICE_SESSION, reason)
    is_inside = reach.where is Where.REQUEST
    advice = _ADVICE_BEFORE.format(before_start(start)) if is_inside else _ADVICE_VALUES
    return Advice(of_function(start.function, advice), reason)
