"""CTX203: proxies, requests and users that are handed to jobs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain

from flask_ctxfix.codemod import Finding, Rule
from flask_ctxfix.codemods.jobs.jobs import hand_overs_in
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.proxies import proxy_of
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.ending_objects import advice_on
from flask_ctxfix.project import Project

_ADVICE = {
    "flask.current_app": "leave it out: the worker has an application of its own",
    "flask.g": "pass the values of `g` that the job needs",
    "flask.request": "pass the values that the job needs, such as `request.path`",
    "flask.session": 'pass the values that the job needs, such as `session["user"]`',
}
_ADVICE_USER = "pass `current_user.id`, and load the user in the job"


def _values_in(node: ast.expr) -> Iterator[ast.expr]:
    """Yield an argument, or what a list, tuple or dictionary that is written there holds."""
    if isinstance(node, ast.Dict | ast.List | ast.Tuple):
        for each in node.values if isinstance(node, ast.Dict) else node.elts:
            yield from _values_in(each)
    else:
        yield node


class ProxyAsJobArgument(Rule):
    """A proxy, a request or a user is an argument of a job.

    What it finds

    `request`, `session`, `g`, `current_app` or `current_user` themselves among the arguments of
    `.delay`, `.apply_async`, `.s`, `.send`, `enqueue` or `add_job`, and what stands behind them:
    the request, its files and streams, the user. Values such as `current_user.id` are right.

    What goes wrong

    Arguments are written to a broker or a store: the call raises TypeError or PicklingError. A
    scheduler of the same process keeps the proxy, which stands for nothing when the job runs.

    Before

        from celery import shared_task
        from flask import Flask, request

        app = Flask(__name__)


        @shared_task
        def audit(who):
            print(who)


        @app.post("/audit")
        def start():
            audit.delay(request)
            return "", 202

    After

        from celery import shared_task
        from flask import Flask, request

        app = Flask(__name__)


        @shared_task
        def audit(who):
            print(who)


        @app.post("/audit")
        def start():
            audit.delay(request)
            return "", 202

    When the fix is safe

    There is none: which values the job needs only its author knows.

    What changes

    Nothing; this is only reported.

    Sources

    Flask's documentation, "Passing Data to Tasks".
    """

    code = "CTX203"
    name = "proxy-as-job-argument"
    message = "a proxy is an argument of a job"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the arguments of jobs that are of no use to them."""
        for runner, start in hand_overs_in(module, project):
            for argument in chain.from_iterable(map(_values_in, start.arguments)):
                written = module.segment(argument)
                proxy = proxy_of(module, project, argument)
                if proxy is not None:
                    message = f"`{written}` is a proxy, and stands for nothing in a job of {runner}"
                    advice = _ADVICE.get(proxy, _ADVICE_USER)
                    path = path_to(start.reach(project), start.step)
                    yield self.finding(module, "error", argument, message, advice, None, path)
                    continue
                advised = advice_on(module, project, argument)
                if advised is not None:
                    message = f"`{written}` cannot be handed to a job of {runner}"
                    path = path_to(start.reach(project), start.step)
                    yield self.finding(module, "error", argument, message, advised, None, path)
