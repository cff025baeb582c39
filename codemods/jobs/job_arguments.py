"""CTX203: proxies, requests and users that are handed to jobs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Rule, Step
from flask_ctxfix.codemods.jobs.jobs import A_JOB, hand_overs_in
from flask_ctxfix.context_flow.proxies import proxy_of
from flask_ctxfix.context_flow.said_uses import quoted
from flask_ctxfix.context_flow.start_paths import path_over
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.flask_facts import NONE_WITHOUT_REQUEST, Runner
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.ending_objects import INSTEAD, INSTEAD_OF_USER, ending_of
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at

_ADVICE = {
    **INSTEAD,
    "flask.current_app": "remove this argument, and use the worker's own application",
}
_LOOKS_UP = ("a proxy holds no object, but looks the object up each time the proxy is used",)
# Schedulers may keep their jobs in memory, arguments and all.
_KEEPING: frozenset[Runner] = frozenset({"APScheduler", "Flask-APScheduler"})


def _values_in(node: ast.expr) -> Iterator[ast.expr]:
    """Yield an argument, or what a list, tuple or dictionary that is written there holds."""
    if isinstance(node, ast.Dict | ast.List | ast.Tuple):
        for each in node.values if isinstance(node, ast.Dict) else node.elts:
            yield from _values_in(each)
    else:
        yield node


class ProxyAsJobArgument(Rule):
    """A job gets a proxy, a request, an uploaded file or a user as an argument.

    Who is hurt

    The user whose request it is: the call that enqueues the job raises an error, so the view fails
    with status 500. A scheduler that keeps its jobs in memory takes the proxy, and the job fails
    later.

    How it fails

    The arguments of a job are written to a broker or a store, and a proxy cannot be serialized.
    With Celery:

        kombu.exceptions.EncodeError: Object of type Request is not JSON serializable

    Values such as `request.path` and `current_user.id` are right.

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

    When there is no fix

    Only you know which values the job needs, so this is only reported. Pass these values, the
    content of a file, or the id of a user that the job loads again. Remove `current_app` from the
    arguments: the worker has its own application.

    Versions

    The same on Flask 2.2 to 3.2.

    Sources

    Flask's documentation, "Passing Data to Tasks".
    """

    code = "CTX203"
    name = "proxy-as-job-argument"
    message = "a job gets a proxy as an argument, which cannot be serialized"
    levels = ("error",)

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the arguments of jobs that are of no use to them."""
        for runner, start in hand_overs_in(module, project):
            for given in start.arguments:
                for argument in _values_in(given):
                    found = _lost(module, project, argument, runner)
                    if found is not None:
                        message, advice = found
                        then = _read_by_job(start, given)
                        path = path_over(start, project, then=then)
                        yield self.finding(module, "error", argument, message, advice, None, path)


def _lost(
    module: Module, project: Project, argument: ast.expr, runner: Runner
) -> tuple[str, Advice | str] | None:
    """Return what to say of an argument that a job can do nothing with, and the advice."""
    written = quoted(module.segment(argument))
    proxy = proxy_of(module, project, argument)
    if proxy is not None:
        lost = f"{written} cannot be serialized for {A_JOB[runner]}, so this call raises an error"
        if runner in _KEEPING:
            raised = "holds no user" if proxy in NONE_WITHOUT_REQUEST else "raises RuntimeError"
            lost = f"{written} is a proxy, which {raised} when {A_JOB[runner]} uses it"
        return lost, Advice(_ADVICE.get(proxy, INSTEAD_OF_USER), notes=_LOOKS_UP)
    ending = ending_of(module, project, argument)
    if ending is None:
        return None
    message = f"{written} belongs to the request, so passing it to {A_JOB[runner]} may fail"
    return message, ending.advice


def _read_by_job(start: Start, argument: ast.expr) -> Iterator[Step]:
    """Yield the first read, in the function of a job, of the parameter that gets an argument."""
    function, name = start.function, start.parameters.get(argument)
    if function is not None and name is not None:
        scope = function.module.scopes.opened_by(function.node)
        yield from (
            step_at(function.module, read, "read") for read in scope.reads.get(name, [])[:1]
        )
