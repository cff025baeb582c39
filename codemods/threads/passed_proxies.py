"""CTX103: proxies that are handed to work that runs elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.codemod import Applicability, Finding, Fix, Rule
from flask_ctxfix.codemods.threads.captured_proxies import (
    APP,
    alias_fix,
    are_of_aliases,
    proxy_of,
    real_application,
    source_of,
)
from flask_ctxfix.codemods.threads.ending_objects import advice_on, is_waited_for
from flask_ctxfix.codemods.threads.signals import senders_in
from flask_ctxfix.codemods.threads.starts import Start, starts_in
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project

_ADVICE_ALIAS = "hand over the application, `current_app._get_current_object()`, and use that"
_ADVICE_SENDER = "send with the application itself"
_ADVICE = "pass the values that the work needs; what a proxy stands for is gone by then"


class ProxyPassedToThread(Rule):
    """A proxy is an argument of work that runs in a thread, a pool or a greenlet.

    What it finds

    `current_app`, `request`, `session`, `g` or `current_user` themselves among the arguments of
    what is started, or as the default of its parameter; an alias of `current_app` that it opens the
    context of; `current_app` as the sender of a signal. Also what stands behind the proxies where a
    request ends it: the request itself, its files and streams, the user. An attribute such as
    `request.path` is read before the start, and is right.

    What goes wrong

    A proxy looks its object up whenever it is used: in the thread there is none, so that the first
    use raises RuntimeError, or AttributeError for `current_user`. Files are closed when the request
    is over. A signal compares its sender by identity: receivers that were connected to the
    application are not called for its proxy.

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

    When the fix is safe

    It is for `current_app`: the application itself does in the thread what its proxy failed to do.
    An alias is safe to change where there certainly is a context. The sender of a signal is unsafe.
    All the rest is only reported.

    What changes

    Nothing where the start is inside a context; outside of one it fails at once. Receivers that are
    connected to the application get the signals that they missed.

    Sources

    Flask's documentation, "Visibility of the Context", "Notes On Proxies" and "Sending Signals".
    """

    code = "CTX103"
    name = "proxy-passed-to-thread"
    message = "a proxy is passed to work that runs without its context"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what is handed over, and lost: in starts, in their targets, and to signals."""
        seen: set[ast.AST] = set()
        for start in starts_in(module, project):
            handed = (*_arguments(start), *_defaults(start))
            found = (*self._handed_over(start, project, handed), *self._captured(start, project))
            for node, finding in found:
                if node not in seen:
                    seen.add(node)
                    yield finding
        if not project.is_test(module.path):
            yield from self._senders(module, project)

    def _handed_over(
        self, start: Start, project: Project, handed: Iterable[tuple[ast.expr, ast.AST]]
    ) -> Iterator[tuple[ast.AST, Finding]]:
        """Yield a finding for each expression that is no use to a task; it is evaluated at `at`."""
        module, noun = start.module, start.starter.noun
        for node, at in handed:
            name = proxy_of(module, project, node)
            written = f"`{module.segment(node)}`"
            if name is not None:
                message = f"{written} is a proxy, and stands for nothing in a {noun}"
                has_fix = name == APP and start.starter.kind != "process" and not _unwraps(start)
                fix = _real(module, project, node, at) if has_fix else None
                advice = fix.message if fix is not None else _ADVICE
                yield node, self.finding(module, "error", node, message, advice, fix)
            elif not is_waited_for(start):
                advised = advice_on(module, project, node)
                if advised is not None:
                    message = f"{written} is of no use to a {noun} when the request is over"
                    yield node, self.finding(module, "error", node, message, advised)

    def _captured(self, start: Start, project: Project) -> Iterator[tuple[ast.AST, Finding]]:
        flow = ContextFlow.of(project)
        summary = flow.needs.of(start.value)
        if not are_of_aliases(start, project, summary):
            return
        reach = start.reach(project)
        name = summary.uses[0].name.partition(".")[0]
        message = f"`{name}` is a proxy, and stands for nothing in a {start.starter.noun}"
        fix = alias_fix(start, project, summary, reach.where)
        advice = fix.message if fix is not None else _ADVICE_ALIAS
        steps = (*reach.steps, *summary.uses[0].steps)
        yield (
            start.target,
            self.finding(start.module, "error", start.target, message, advice, fix, steps),
        )

    def _senders(self, module: Module, project: Project) -> Iterator[Finding]:
        for sender in senders_in(module, project):
            written = module.segment(sender)
            message = f"`{written}` is a proxy: what is connected to the application is not called"
            fix = _real(module, project, sender, sender, "unsafe")
            advice = fix.message if fix is not None else _ADVICE_SENDER
            yield self.finding(module, "warning", sender, message, advice, fix)


def _arguments(start: Start) -> Iterator[tuple[ast.expr, ast.AST]]:
    for argument in start.arguments:
        yield argument, argument


def _defaults(start: Start) -> Iterator[tuple[ast.expr, ast.AST]]:
    """Yield the defaults of the parameters that a start leaves out, and their function."""
    function, given = start.function, list(start.arguments)
    if function is None or function.module is not start.module or start.starter.passing == "each":
        return
    if any(isinstance(each, ast.Starred) for each in given):
        return
    arguments = function.node.args
    names = [*arguments.posonlyargs, *arguments.args]
    first = max(len(names) - len(arguments.defaults), len(given) + (function.receiver is not None))
    left_out = arguments.defaults[first - len(names) :] if first < len(names) else []
    for default in (*left_out, *arguments.kw_defaults):
        if default is not None:
            yield default, function.node


def _real(
    module: Module,
    project: Project,
    node: ast.expr,
    at: ast.AST,
    applicability: Applicability | None = None,
) -> Fix | None:
    """Return the fix that hands over the application itself, if there is one to take."""
    source = source_of(module, node)
    if source is None:
        return None
    is_here = source is node
    place = at if is_here else source
    where = ContextFlow.of(project).reachability.of(module, place).where
    if where is Where.OUTSIDE:
        return None
    edit = real_application(module, source)
    is_safe = where.is_inside or (is_here and at is node)
    return Fix(applicability or ("safe" if is_safe else "unsafe"), f"pass `{edit.code}`", (edit,))


def _unwraps(start: Start) -> bool:
    """Whether the target itself asks for what stands behind a proxy."""
    if start.function is None:
        return False
    nodes = (each for each in ast.walk(start.function.node) if isinstance(each, ast.Attribute))
    return any(each.attr == "_get_current_object" for each in nodes)
