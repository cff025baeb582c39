"""CTX103: proxies that are handed to work that runs elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Finding, Fix, ReplaceExpression, Rule
from flask_ctxfix.codemods.threads.starts import Start, starts_in
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project

_APP = "flask.current_app"
_ADVICE = "pass the values that the work needs; what a proxy stands for is gone by then"


class ProxyPassedToThread(Rule):
    """A proxy is an argument of work that runs in a thread, a pool or a greenlet.

    What it finds

    `current_app`, `request`, `session`, `g` or `current_user` themselves among the arguments of
    what is started. An attribute such as `request.path` is read before the start, and is right.

    What goes wrong

    A proxy looks its object up whenever it is used: in the thread there is none, so that the first
    use raises RuntimeError, or AttributeError for `current_user`.

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
    The other proxies are only reported.

    What changes

    Nothing where the start is inside a context; outside of one it fails at once.

    Sources

    Flask's documentation, "Visibility of the Context" and "Notes On Proxies".
    """

    code = "CTX103"
    name = "proxy-passed-to-thread"
    message = "a proxy is passed to work that runs without its context"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the arguments of starts that are proxies."""
        flow = ContextFlow.of(project)
        for start in starts_in(module, project):
            for argument in start.arguments:
                value = flow.values.of(module, argument)
                if isinstance(value, Foreign) and value.name in PROXIES:
                    yield self._passed(start, project, argument, value.name)

    def _passed(self, start: Start, project: Project, argument: ast.expr, name: str) -> Finding:
        module = start.module
        written = module.segment(argument)
        message = f"`{written}` is a proxy, and stands for nothing in a {start.starter.noun}"
        where = ContextFlow.of(project).reachability.of(module, start.call).where
        if name != _APP or where is Where.OUTSIDE or _unwraps(start):
            return self.finding(module, "error", argument, message, _ADVICE)
        real = f"{written}._get_current_object()"
        fix = Fix("safe", f"pass `{real}`", (ReplaceExpression(module.span(argument), real),))
        return self.finding(module, "error", argument, message, fix.message, fix)


def _unwraps(start: Start) -> bool:
    """Whether the target itself asks for what stands behind a proxy."""
    if not isinstance(start.value, Function):
        return False
    nodes = (each for each in ast.walk(start.value.node) if isinstance(each, ast.Attribute))
    return any(each.attr == "_get_current_object" for each in nodes)
