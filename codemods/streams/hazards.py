"""CTX602: streams that keep their context, and go wrong all the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.aliases import may_know
from flask_ctxfix.codemod import Finding, Level, Rule, Step
from flask_ctxfix.codemods.streams.late_code import Late, parts_of
from flask_ctxfix.codemods.streams.streamed import Stream
from flask_ctxfix.codemods.streams.wraps import (
    WITH_CONTEXT,
    closed_early,
    fails_in_async,
    is_async,
    stays_with_thread,
    tears_down_early,
)
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.said_uses import sentence
from flask_ctxfix.context_flow.uses import writes_session
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import STARTERS
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.waiting import is_read_at_once
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at

_CONTAINERS = ast.Tuple | ast.List | ast.Dict | ast.keyword


class StreamWithContextHazard(Rule):
    """A stream keeps its context with `stream_with_context`, but still fails or loses data.

    Who is hurt

    The client, who gets an error or a broken response, or the user, whose session change is lost.
    On another thread it is the next user: the thread of the view serves their request with this
    one's `g`.

    How it fails

    The session is saved when the response starts, so a change in the stream is lost without an
    error. In an async view the response fails before Flask 3.1.2:

        ValueError: <Token ...> was created in a different Context

    A thread that runs the stream cannot close its context before Flask 3.1.2: the stream raises an
    error at its end, and the next request on the thread of the view reads what this one stored on
    `g`. Flask 3.1.2 and 3.1.3 run teardown functions before the stream, which may find its database
    connection closed.

    Before

        from flask import Flask, Response, session, stream_with_context

        app = Flask(__name__)


        @app.get("/export")
        def export():
            def rows():
                yield "one"
                session["exported"] = True

            return Response(stream_with_context(rows()))

    When there is no fix

    Only you know what the stream is for, so this is only reported. Read what the stream needs in
    the view and pass it, change the session in the view, and open in the generator what teardown
    functions close.

    Versions

    An async view fails on Flask 2.2 to 3.1.1. On another thread, a stream leaks `g` on Flask 2.2 to
    3.1.1. Teardown functions run before the stream on Flask 3.1.2 and 3.1.3. Session changes are
    lost on all.

    Sources

    Flask's documentation of streaming; pallets/flask issues 5804 and 6123.
    """

    code = "CTX602"
    name = "stream-with-context-hazard"
    message = "a stream keeps its context, but still fails or loses data"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what is wrong with the streams of a module that keep their context."""
        if project.is_test(module.path):
            return
        for node, stream in _streams_with_context(module, project):
            reach = ContextFlow.of(project).reachability.of(module, node)
            step = step_at(module, node, "boundary", "stream")
            for hazard in _hazards(node, stream, project, target):
                path = path_to(reach, step, then=hazard.steps, there="request")
                yield self.finding(
                    module, hazard.level, node, hazard.message, hazard.advice, None, path
                )


class _Hazard(NamedTuple):
    level: Level
    message: str
    advice: str
    steps: tuple[Step, ...] = ()


_READ = "read what the stream needs in the view, and pass the values to the generator"


def _streams_with_context(module: Module, project: Project) -> Iterator[tuple[ast.expr, Stream]]:
    """Yield what keeps the context for a stream, with that stream: calls, and decorators."""
    if not may_know(module, project, frozenset({WITH_CONTEXT})):
        return
    values = ContextFlow.of(project).values
    name = Foreign(f"flask.{WITH_CONTEXT}")
    for call in module.scopes.nodes(ast.Call):
        if call.args and _may_be(module, call.func) and values.of(module, call.func) == name:
            root = call.args[0]
            yield call, Stream(module, root, parts_of(module, project, root))
    for function in module.scopes.nodes(ast.FunctionDef):
        for decorator in function.decorator_list:
            if _may_be(module, decorator) and values.of(module, decorator) == name:
                value = Function(module, function)
                summary = ContextFlow.of(project).needs.of(value)
                part = Late(module, decorator, value, summary)
                yield decorator, Stream(module, function, (part,))


def _may_be(module: Module, node: ast.expr) -> bool:
    """Whether an expression may name `stream_with_context`, for a quick look."""
    if isinstance(node, ast.Attribute):
        return node.attr == WITH_CONTEXT
    return isinstance(node, ast.Name) and (
        node.id == WITH_CONTEXT or module.scopes.home_of(node).binds(node.id)
    )


def _hazards(
    node: ast.expr, stream: Stream, project: Project, target: TargetVersion
) -> Iterator[_Hazard]:
    module = stream.module
    reach = ContextFlow.of(project).reachability.of(module, node)
    if fails_in_async(target) and is_async(module, project, node, reach.steps):
        message = f"`{WITH_CONTEXT}` raises ValueError in an async view before Flask 3.1.2"
        yield _Hazard("error", message, _READ)
    is_late = not is_read_at_once(module, node)
    for use in filter(writes_session, stream.uses if is_late else ()):
        lost = "this change" if use.of == "flask.session" else "what the stream adds"
        message = sentence(use, f"after the session has been saved, so {lost} is lost")
        yield _Hazard("error", message, "change the session in the view", use.steps)
        break
    if is_late and tears_down_early(target):
        for name in closed_early(stream, project)[:1]:
            message = f"on Flask 3.1.2 and 3.1.3 `{name}` may be closed before this stream uses it"
            yield _Hazard("warning", message, f"open `{name}` in the generator")
    noun = _given_to(module, project, node) if stays_with_thread(target) else None
    if noun is not None:
        message = (
            f"before Flask 3.1.2, a {noun} that runs this stream leaks `g` to the next request"
        )
        yield _Hazard("error", message, _READ)


def _given_to(module: Module, project: Project, node: ast.expr) -> str | None:
    """Return what a stream is given to that runs elsewhere."""
    values = ContextFlow.of(project).values
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.Call):
            starter = STARTERS.get(values.name_of(module, parent.func))
            return starter.noun if starter is not None else None
        if not isinstance(parent, _CONTAINERS):
            return None
    return None
