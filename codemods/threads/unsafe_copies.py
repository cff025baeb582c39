"""CTX105: copies of a request's context that cannot do what the code asks of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Advice, Finding, Fix, Level, Rule, Step
from flask_ctxfix.codemods.threads.copy_repairs import (
    body_read_before,
    has_read_body,
    moved_decorator,
    values_of_g,
    without_app_context,
)
from flask_ctxfix.codemods.threads.made_copies import (
    Copy,
    app_contexts_in,
    captured_files,
    copies_in,
)
from flask_ctxfix.context_flow import ContextFlow, Summary, Use, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.said_uses import sentence
from flask_ctxfix.context_flow.start_paths import path_over
from flask_ctxfix.context_flow.starts import is_deferred, starts_in
from flask_ctxfix.context_flow.uses import left_on_g, writes_session
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import BODY_READS, RUNNING_IN_CONTEXT
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import why_lasting_at, withheld
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.source import Span
from flask_ctxfix.steps import name_of, step_at

_CARRIED = {Foreign(name) for name in RUNNING_IN_CONTEXT}
_ADVICE_PASS = "read the value in the view, and pass the value as an argument"
_ADVICE_BODY = Advice(
    "read `request.get_data()`, or `request.form` for a form, before the thread starts",
    notes=("the request caches what was read",),
)
_ADVICE_TASK = Advice(
    "remove the copy", notes=("a task runs in the context of the code that creates it",)
)
_ADVICE_SESSION = "change the session in the view, before the view responds"
_ADVICE_FILES = "read the file before the thread starts, and pass its bytes"
_ADVICE_MADE = "copy the context inside a request, for each start"
_ADVICE_KEPT = "keep the values that the function needs, not the copy"
_ADVICE_APP = Advice(
    "remove the `with`, and keep its block", notes=("the copied context includes an app context",)
)


class _Work(NamedTuple):
    """A function, and the copies of contexts that a module makes for it."""

    module: Module
    function: Function
    copies: list[Copy]


class _Reason(NamedTuple):
    """One thing that copies lack. `says` is what comes of a use of it in one.

    `each` says that every use is a finding of its own.
    """

    level: Level
    says: str
    advice: Advice | str
    each: bool


_G = _Reason("error", "in a copied context, whose `g` starts empty", _ADVICE_PASS, False)
_BODY = _Reason("warning", "in a copied context, when the body may be gone", _ADVICE_BODY, False)
_SESSION = _Reason(
    "warning", "in a copied context, which may be too late to be saved", _ADVICE_SESSION, True
)
_FILES = _Reason(
    "error", "in a copied context, but the files close with the request", _ADVICE_FILES, True
)


class UnsafeContextCopy(Rule):
    """A function that runs in a copy of the request context uses what the copy does not have.

    Who is hurt

    The user whose request it was: the function fails after the view has answered, gets an empty
    form, or changes a session that is not saved. A copy that is kept hurts the server: its request
    stays in memory.

    How it fails

    In another thread the copy has a `g` of its own, which lacks what the view stored there:

        AttributeError: tenant

    When the response has been sent, uploaded files are closed, the cookie of the session has left,
    and a body that nobody has read may be gone. A copy that is made while no request is active,
    such as by a decorator at the top of a module, raises RuntimeError. So does a copied coroutine
    function inside a running event loop. As information, the rule lists threads that use a database
    or the session in a `contextvars.copy_context()`, since no teardown function cleans up after
    them.

    Before

        from threading import Thread

        from flask import Flask, copy_current_request_context, g, request

        app = Flask(__name__)


        @app.before_request
        def load_tenant():
            g.tenant = request.headers["X-Tenant"]


        @app.post("/export")
        def export():
            @copy_current_request_context
            def work():
                print(g.tenant, request.path)

            Thread(target=work).start()
            return "", 202

    After

        from threading import Thread

        from flask import Flask, copy_current_request_context, g, request

        app = Flask(__name__)


        @app.before_request
        def load_tenant():
            g.tenant = request.headers["X-Tenant"]


        @app.post("/export")
        def export():
            tenant = g.tenant

            @copy_current_request_context
            def work():
                print(tenant, request.path)

            Thread(target=work).start()
            return "", 202

    What the fix changes

    Values of `g`, and the body, are read in the view. A decorator of a module's function becomes a
    copy for each start. An app context inside the copy is removed, with its teardown functions and
    its own `g`.

    When there is no fix

    Read what the function needs in the view and pass it: the value, or the bytes of an uploaded
    file. Change the session in the view, before it responds. Make the copy inside a request, once
    for each start, and do not store it.

    Safe or unsafe

    Always unsafe: values are read at another time, the view waits for the body, or the function
    runs in another context than before.

    Versions

    An app context inside of a copy hides the request from Flask 3.2 on. All else is the same on
    Flask 2.2 to 3.2.

    Sources

    Flask's documentation of `copy_current_request_context`; flask issues 3306 and 2812; werkzeug's
    handling of input streams.
    """

    code = "CTX105"
    name = "unsafe-context-copy"
    message = "a copy of the request context lacks something that its function needs"
    levels = ("error", "warning", "info")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what copies cannot do, and contexts that are carried by hand."""
        works: dict[ast.AST, _Work] = {}
        for copy in copies_in(module, project):
            where = copy.reach(project).where
            if where is Where.OUTSIDE or (where is Where.APP and target.oldest < ONE_CONTEXT):
                if not copy.is_tried(project):
                    lasting = _why_lasting([copy], project)
                    yield _withheld(self._made_outside(copy, project), lasting)
                continue
            yield from self._stored_copies(copy, project)
            if copy.function is not None:
                new = _Work(module, copy.function, [])
                works.setdefault(copy.function.node, new).copies.append(copy)
        for work in works.values():
            if is_deferred(work.function):
                yield from self._deferred(work, project)
                continue
            lasting = _why_lasting(work.copies, project)
            yield from (
                _withheld(finding, lasting)
                for finding in (
                    *self._app_contexts(work, project, target),
                    *self._missing(work, project),
                )
            )
        yield from self._carried(module, project)

    def _made_outside(self, copy: Copy, project: Project) -> Finding:
        message = "the context is copied while no request is active, which raises RuntimeError"
        fix = moved_decorator(copy, project)
        advice = fix.message if fix else _ADVICE_MADE
        *before, made = _path(copy, project)
        path = (*before, made._replace(error="RuntimeError"))
        return self.finding(copy.module, "error", copy.maker, message, advice, fix, path)

    def _stored_copies(self, copy: Copy, project: Project) -> Iterator[Finding]:
        keeper = copy.keeper(project)
        if keeper is not None:
            message = f"`{keeper.id}` keeps this context copy, so its request is never freed"
            path = _path(copy, project, step_at(copy.module, keeper, "write"))
            advised = _ADVICE_KEPT
            yield self.finding(copy.module, "warning", copy.maker, message, advised, None, path)

    def _deferred(self, work: _Work, project: Project) -> Iterator[Finding]:
        """Yield copies of functions whose calls only make a generator or a coroutine."""
        is_async = isinstance(work.function.node, ast.AsyncFunctionDef)
        uses = ContextFlow.of(project).needs.of(work.function).uses
        for copy in work.copies:
            if is_async and copy.is_called_in_loop():
                message = "a copied coroutine function cannot run inside a running event loop"
                advice = _ADVICE_TASK
                yield self.finding(work.module, "error", copy.maker, message, advice)
            elif not is_async and uses and copy.leaves(project):
                name = name_of(work.function.node)
                message = f"`{name}` is a generator, and runs after its copied context has ended"
                path = _path(copy, project, *uses[0].steps)
                yield self.finding(
                    work.module, "error", copy.maker, message, _ADVICE_PASS, None, path
                )

    def _app_contexts(
        self, work: _Work, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        if work.function.module is not work.module:
            return
        level: Level = "error" if target.newest >= ONE_CONTEXT else "warning"
        for node in app_contexts_in(work.function):
            when = "hides" if level == "error" else "will hide"
            since = "" if level == "error" else " on Flask 3.2"
            message = f"this app context {when} the request of the copied context{since}"
            fix = without_app_context(work.function, node, project)
            advice = fix.message if fix else _ADVICE_APP
            opened = node.items[0].context_expr
            path = _path(work.copies[0], project, step_at(work.module, opened, "call"))
            yield self.finding(work.module, level, opened, message, advice, fix, path)

    def _missing(self, work: _Work, project: Project) -> Iterator[Finding]:
        """Yield what a function uses that none of the copies that leave the view has."""
        leaving = work._replace(copies=[each for each in work.copies if each.leaves(project)])
        if not leaving.copies:
            return
        summary = ContextFlow.of(project).needs.of(work.function)
        of_g = _expected_on_g(summary)
        own = [use for use in of_g if _stands_in(use, work)]
        fix = values_of_g(work.function, work.copies, own, project)
        yield from self._at_uses(_G, leaving, own, project, fix)
        elsewhere = [use for use in of_g if use not in own]
        yield from self._in_callees(_G, leaving, elsewhere, project, None)
        late = [each for each in leaving.copies if not each.is_awaited(project)]
        if late:
            yield from self._gone(leaving._replace(copies=late), summary, project)

    def _gone(self, work: _Work, summary: Summary, project: Project) -> Iterator[Finding]:
        """Yield uses of what is gone, or of no effect, once the response is on its way."""
        of_request = [use for use in summary.uses if use.of == "flask.request"]
        bodies = [use for use in of_request if use.attribute in BODY_READS - {"files"}]
        unread = {use.attribute for use in bodies}
        waiting = [each for each in work.copies if not has_read_body(each, project, unread)]
        if bodies and waiting:
            fix = body_read_before(waiting, project, unread)
            yield from self._uses(_BODY, work._replace(copies=waiting), bodies, project, fix)
        writes = [use for use in summary.uses if writes_session(use)]
        yield from self._uses(_SESSION, work, writes, project)
        files = [use for use in of_request if use.attribute == "files"]
        yield from self._uses(_FILES, work, files, project)
        for read in captured_files(work.function, project):
            if work.function.module is work.module:
                message = f"the upload `{read.id}` is used after the request, when it is closed"
                path = _path(work.copies[0], project, step_at(work.module, read, "read"))
                yield self.finding(
                    work.module, _FILES.level, read, message, _FILES.advice, None, path
                )

    def _uses(
        self,
        reason: _Reason,
        work: _Work,
        uses: list[Use],
        project: Project,
        fix: Fix | None = None,
    ) -> Iterator[Finding]:
        """Yield findings at the uses of the function; if there are none, at the copies."""
        own = [use for use in uses if _stands_in(use, work)]
        if own:
            yield from self._at_uses(reason, work, own, project, fix)
        else:
            yield from self._in_callees(reason, work, uses, project, fix)

    def _at_uses(
        self, reason: _Reason, work: _Work, uses: list[Use], project: Project, fix: Fix | None
    ) -> Iterator[Finding]:
        ordered = sorted(uses, key=_span)
        for use in ordered if reason.each else ordered[:1]:
            message = sentence(use, reason.says)
            advice = fix.message if fix is not None else reason.advice
            maker = work.copies[0].maker
            found = self.finding(work.module, reason.level, maker, message, advice, fix)
            path = _path(work.copies[0], project, *_steps(reason, use))
            yield replace(found, span=_span(use), path=path)

    def _in_callees(
        self, reason: _Reason, work: _Work, uses: list[Use], project: Project, fix: Fix | None
    ) -> Iterator[Finding]:
        for copy in work.copies if uses else ():
            message = sentence(uses[0], reason.says)
            advice = fix.message if fix is not None else reason.advice
            path = _path(copy, project, *_steps(reason, uses[0]))
            yield self.finding(work.module, reason.level, copy.maker, message, advice, fix, path)

    def _carried(self, module: Module, project: Project) -> Iterator[Finding]:
        flow = ContextFlow.of(project)
        for start in starts_in(module, project):
            work = next(iter(start.arguments), None) if start.value in _CARRIED else None
            summary = flow.needs.of(flow.values.of(module, work)) if work else Summary()
            shared = next((use for use in summary.uses if _is_shared(use)), None)
            if shared is not None:
                message = sentence(shared, "on another thread, in the request's own context")
                advice = Advice(
                    "run the function in an app context of its own, or in a copy of this context",
                    notes=("no teardown function cleans up what it opens after the request",),
                )
                path = path_over(start, project, then=shared.steps)
                yield self.finding(module, "info", start.target, message, advice, None, path)


def _path(copy: Copy, project: Project, *then: Step) -> tuple[Step, ...]:
    """Return the path to where a copy is made, and to what is done in it."""
    made = step_at(copy.module, copy.maker, "boundary", "copy of the context", verb="makes")
    return path_to(copy.reach(project), made, then=then, there="request")


def _steps(reason: _Reason, use: Use) -> tuple[Step, ...]:
    """Return the steps to a use in a copy, the last with the error of what is not on its `g`."""
    *before, last = use.steps
    is_missed = reason is _G and use.access == "read" and use.attribute
    error = f"AttributeError: {use.attribute}" if is_missed else ""
    return (*before, last._replace(error=error))


def _why_lasting(copies: list[Copy], project: Project) -> str | None:
    """Return why what runs in copies must not have what belongs to one request."""
    reasons = (
        why_lasting_at(copy.module, place, copy.function, project)
        for copy in copies
        for place in [start.call for start in copy.starts(project)] or [copy.maker]
    )
    return next((reason for reason in reasons if reason is not None), None)


def _withheld(finding: Finding, lasting: str | None) -> Finding:
    """Return a finding without its fix where the work is not that of one request."""
    if lasting is None:
        return finding
    advice = withheld(lasting)
    no_fix = {"fix": None, "no_fix_reason": advice.no_fix_reason, "notes": advice.notes}
    return replace(finding, help=advice.help, **no_fix)


def _expected_on_g(summary: Summary) -> list[Use]:
    """Return the uses of what a function expects on `g`, also where it asks for it with `get`."""
    of_g = [use for use in summary.uses if use.of == "flask.g"]
    is_filled = any(use.access == "write" or use.attribute == "setdefault" for use in of_g)
    asked = [use for use in of_g if use.access == "probe" and use.attribute == "get" and use.span]
    return [*left_on_g(summary), *(asked if not is_filled else ())]


def _stands_in(use: Use, work: _Work) -> bool:
    """Whether a use stands in the function itself, and that in the module."""
    return use.span is not None and work.function.module is work.module


def _span(use: Use) -> Span:
    assert use.span is not None
    return use.span


def _is_shared(use: Use) -> bool:
    """Whether a use is one of a database or of the session."""
    return use.of.startswith("flask_sqlalchemy.") or use.of == "flask.session"
