"""CTX103: proxies that are handed to work that runs elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Fix, Rule, Step
from flask_ctxfix.codemods.threads.captured_proxies import (
    APP,
    alias_fix,
    are_of_aliases,
    lasting_proxy_of,
    real_application,
    runs_only_elsewhere,
)
from flask_ctxfix.codemods.threads.handed_arguments import (
    Handed,
    any_unwraps,
    handed_to,
    is_carried,
    is_certainly_used,
    unwraps,
    unwraps_first,
    uses_of,
)
from flask_ctxfix.codemods.threads.signals import senders_in
from flask_ctxfix.context_flow import ContextFlow, Use, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.proxies import proxy_of
from flask_ctxfix.context_flow.said_uses import failing, of_function, quoted
from flask_ctxfix.context_flow.start_paths import path_over
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.flask_facts import NONE_WITHOUT_REQUEST
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.ending_objects import INSTEAD, INSTEAD_OF_USER, ending_of
from flask_ctxfix.obligations.same_context import is_in_same_context
from flask_ctxfix.obligations.waiting import may_wait
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at
from flask_ctxfix.wording import fitting

_ADVICE_PASS = "pass `current_app._get_current_object()`, and use this argument in {}"
_ADVICE_ALIAS = (
    "before the start, set `app = current_app._get_current_object()`, and use `app` in {}",
    "before the start, set `app = current_app._get_current_object()`, and use `app`",
)
_ADVICE_SENDER = "send the signal with `current_app._get_current_object()`"
_ADVICE_PROCESS = "create the Flask app in the new process"
_LOOKS_UP = ("a proxy holds no object, but looks the object up each time the proxy is used",)
_NEW_RECEIVERS = "receivers that were never called before will run"
_UNCERTAIN_START = "this start may run outside an app context, where the fix raises RuntimeError"
_UNCERTAIN_USE = "some runs of {} may not use the application, and work without the fix"


class ProxyPassedToThread(Rule):
    """A thread, pool task or greenlet gets a proxy, or an object that ends with the request.

    Who is hurt

    The user whose request it was: what the thread should do is not done, and the view has answered
    by then. For a signal, the receivers that are connected to the application are not called.

    How it fails

    `current_app`, `request`, `session` and `g` are proxies: they look their object up whenever they
    are used. Passing one passes no object, and in the thread there is none to find:

        RuntimeError: Working outside of application context.

    `current_user` is None there. Uploaded files and streams are closed when the request ends. A
    signal compares its sender by identity, so a proxy is not the application that a receiver is
    connected to. An attribute such as `request.path` is read before the start, and is right.

    Before

        from threading import Thread

        from flask import Flask, current_app


        def send(app, text):
            with app.app_context():
                print(app.name, text)


        def notify(text):
            Thread(target=send, args=(current_app, text)).start()

    After

        from threading import Thread

        from flask import Flask, current_app


        def send(app, text):
            with app.app_context():
                print(app.name, text)


        def notify(text):
            Thread(target=send, args=(current_app._get_current_object(), text)).start()

    What the fix changes

    The thread gets the application itself. Outside of a context, the start fails, and not the
    thread. Receivers that are connected to the application get the signals that they missed.

    When there is no fix

    For `request`, `session`, `g` and `current_user`, pass the values that are needed. Read an
    uploaded file in the view and pass its content. Pass the id of a user, and load the user again.
    Code that unwraps a proxy itself, with `_get_current_object()`, has to be changed together with
    its callers.

    Safe or unsafe

    Safe for `current_app` if an application is certainly active at the start, and if the function
    certainly uses it, since with its proxy it failed there. Unsafe if either is not certain, and
    for the sender of a signal, because receivers run that were never called before.

    Versions

    The same on Flask 2.2 to 3.2.

    Sources

    Flask's documentation, "Visibility of the Context", "Notes On Proxies" and "Sending Signals".
    """

    code = "CTX103"
    name = "proxy-passed-to-thread"
    message = "a thread, task or process gets a proxy, but has no context to look it up in"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what is handed over, and lost: in starts, in their targets, and to signals."""
        seen: set[ast.AST] = set()
        for start in starts_in(module, project):
            if is_carried(start):
                continue
            for node, finding in (*self._handed(start, project), *self._captured(start, project)):
                if node not in seen:
                    seen.add(node)
                    yield finding
        if not project.is_test(module.path):
            yield from self._senders(module, project)

    def _handed(self, start: Start, project: Project) -> Iterator[tuple[ast.AST, Finding]]:
        """Yield a finding for each expression that a target is given and that is no use to it."""
        module, noun = start.module, start.starter.noun
        for handed in handed_to(start):
            node = handed.node
            name = lasting_proxy_of(module, project, node)
            written = quoted(module.segment(node))
            if name is not None:
                uses = uses_of(start, project, handed)
                is_known = start.function is not None and handed.name is not None
                if is_known and not uses and not unwraps_first(start, handed.name):
                    continue
                message = f"{written} is {_lost_proxy(name, start)}"
                fix = _passing_fix(start, project, handed, uses) if name == APP else None
                advice = fix.message if fix is not None else _advice(name, start)
                steps = _failing(start, uses[:1])
                path = path_over(start, project, then=steps)
                yield node, self.finding(module, "error", node, message, advice, fix, path)
            elif proxy_of(module, project, node) is None and not may_wait(
                module, project, start.call
            ):
                ending = ending_of(module, project, node)
                if ending is not None:
                    may = f"a {noun} may use {written} after the request"
                    message = fitting(f"{may}, when {ending.after}", f"{may} has ended")
                    path = path_over(start, project)
                    advice = ending.advice
                    yield node, self.finding(module, "error", node, message, advice, None, path)

    def _captured(self, start: Start, project: Project) -> Iterator[tuple[ast.AST, Finding]]:
        summary = ContextFlow.of(project).needs.of(start.value)
        if not are_of_aliases(start, project, summary):
            return
        reach = start.reach(project)
        name = summary.uses[0].name.partition(".")[0]
        message = f"`{name}` is {_lost_proxy(APP, start)}"
        is_changeable = start.function is not None and not unwraps(start.function, project)
        fix = alias_fix(start, project, summary, reach.where) if is_changeable else None
        advice = fix.message if fix is not None else of_function(start.function, *_ADVICE_ALIAS)
        path = path_over(start, project, then=_failing(start, summary.uses[:1]))
        yield (
            start.target,
            self.finding(start.module, "error", start.target, message, advice, fix, path),
        )

    def _senders(self, module: Module, project: Project) -> Iterator[Finding]:
        for sender in senders_in(module, project):
            written = quoted(module.segment(sender))
            message = (
                f"the sender {written} is a proxy, so receivers of the app itself are not called"
            )
            reach = ContextFlow.of(project).every_caller.of(module, sender)
            fix = None
            if reach.where is not Where.OUTSIDE and not any_unwraps(project):
                fix = _fix(module, sender, _NEW_RECEIVERS)
            advice = fix.message if fix is not None else _ADVICE_SENDER
            path = path_to(reach, step_at(module, module.scopes.parents[sender], "call"))
            yield self.finding(module, "warning", sender, message, advice, fix, path)


def _lost_proxy(name: str, start: Start) -> str:
    """Return how a sentence ends that says of a proxy what a start makes of it."""
    if start.starter.kind == "process":
        return "a proxy, which may fail in another process"
    noun = start.starter.noun
    if name in NONE_WITHOUT_REQUEST:
        return f"a proxy, which holds no user when a {noun} looks it up"
    return f"a proxy, which raises RuntimeError when a {noun} uses it"


def _failing(start: Start, uses: tuple[Use, ...]) -> tuple[Step, ...]:
    """Return the way to the use of a proxy, if there is one, with the error that it ends in."""
    is_process = start.starter.kind == "process"
    return next((use.steps if is_process else failing(use) for use in uses), ())


def _advice(name: str, start: Start) -> Advice:
    """Return what to pass instead of a proxy."""
    if name == APP:
        is_process = start.starter.kind == "process"
        passing = of_function(start.function, _ADVICE_PASS)
        return Advice(_ADVICE_PROCESS if is_process else passing, notes=_LOOKS_UP)
    return Advice(INSTEAD.get(name, INSTEAD_OF_USER), notes=_LOOKS_UP)


def _passing_fix(
    start: Start, project: Project, handed: Handed, uses: tuple[Use, ...]
) -> Fix | None:
    """Return the fix that hands over the application itself."""
    module, function = start.module, start.function
    is_default = handed.place is not handed.node
    where = start.reach(project).where
    if is_default:
        where = ContextFlow.of(project).every_caller.of(module, handed.place).where
        if not runs_only_elsewhere(start, project):
            return None
        if not is_in_same_context(handed.place, start.call, module, project):
            return None
    if where is Where.OUTSIDE or start.starter.kind == "process" or start.runs_late:
        return None
    if unwraps(function, project) if function is not None else any_unwraps(project):
        return None
    if not where.is_inside:
        return _fix(module, handed.node, _UNCERTAIN_START)
    doubt = None if is_certainly_used(start, uses) else of_function(function, _UNCERTAIN_USE)
    return _fix(module, handed.node, doubt)


def _fix(module: Module, node: ast.expr, doubt: str | None) -> Fix:
    edit = real_application(module, node)
    return Fix(f"pass `{edit.code}`", (edit,), notes=_LOOKS_UP, unsafe_reason=doubt)
