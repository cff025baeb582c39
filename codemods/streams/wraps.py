"""The fix that keeps the context of the view for its stream."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import AddDecorator, Fix, ReplaceExpression, Step
from flask_ctxfix.codemods.streams.late_code import is_stream
from flask_ctxfix.codemods.streams.streamed import Stream
from flask_ctxfix.context_flow import Reach, Where
from flask_ctxfix.context_flow.said_uses import quoted, written
from flask_ctxfix.context_flow.summaries import Summary
from flask_ctxfix.context_flow.uses import left_on_g, writes_session
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.teardown import torn_down
from flask_ctxfix.project import Project
from flask_ctxfix.source import Span
from flask_ctxfix.spelling import flask_name_at
from flask_ctxfix.steps import function_at
from flask_ctxfix.wording import is_short

WITH_CONTEXT = "stream_with_context"
_ENDS_LATE = ("the stream then has the request context until it ends",)
_EARLY = "on Flask 3.1.2 and 3.1.3 teardown functions run before the stream, and again after it"
_LATER = "what the context holds, such as a database session, stays open until the stream ends"
_BREAKS_EARLY = (3, 1)
_ENDS_ANYWHERE = (3, 1)  # from 3.1.2 on


def context_fix(
    stream: Stream, project: Project, target: TargetVersion, reach: Reach
) -> Fix | None:
    """Return the fix that wraps the stream, if nothing is known to make that wrong."""
    if why_not(stream, project, target, reach) is not None:
        return None
    spelled = flask_name_at(stream.module, project, stream.root, WITH_CONTEXT)
    if spelled is None:
        return None
    name, needs = spelled
    doubt = _EARLY if tears_down_early(target) else _LATER
    if isinstance(stream.root, ast.FunctionDef):
        decorated = AddDecorator(stream.module.span(stream.root), name, is_innermost=True)
        changes = f"decorate `{stream.root.name}` with `{name}`"
        return Fix(changes, (decorated,), needs, notes=_ENDS_LATE, unsafe_reason=doubt)
    made = list(_streams_at(stream.module, project, stream.root))
    if not made:
        return None
    spans = [_span(stream.module, each) for each in made]
    wrapped = (ReplaceExpression(each, f"{name}(stream)", (("stream", each),)) for each in spans)
    changes = _wrapping(name, [stream.module.text[each.start : each.end] for each in spans])
    return Fix(changes, tuple(wrapped), needs, notes=_ENDS_LATE, unsafe_reason=doubt)


def _wrapping(name: str, codes: list[str]) -> str:
    """Return what keeps the context for some streams, in words."""
    code = f"{name}({codes[0]})"
    is_shown = len(codes) == 1 and is_short(code)
    return f"wrap the stream: {quoted(code)}" if is_shown else f"wrap the stream in `{name}()`"


def _streams_at(module: Module, project: Project, node: ast.expr) -> Iterator[ast.expr]:
    """Yield what is a stream whatever happens: an expression, or branches of an ``if``."""
    if is_stream(module, project, node):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from _streams_at(module, project, node.body)
        yield from _streams_at(module, project, node.orelse)


def _span(module: Module, node: ast.expr) -> Span:
    """Return where an expression stands, without parentheses that are those of a call."""
    span = module.span(node)
    call = module.scopes.parents[node]
    if not isinstance(node, ast.GeneratorExp) or not isinstance(call, ast.Call):
        return span
    if span.end != module.span(call).end:
        return span
    inner = module.text[span.start + 1 : span.end - 1]
    start = span.start + 1 + len(inner) - len(inner.lstrip())
    return Span(start, start + len(inner.strip()))


def why_not(stream: Stream, project: Project, target: TargetVersion, reach: Reach) -> str | None:
    """Return why the context of the view would not do for a stream."""
    if reach.where not in (Where.REQUEST, Where.UNKNOWN):
        return "it is not certain that a request is active"
    if any(map(writes_session, stream.uses)):
        return "the session is saved before the stream runs, so its changes would be lost"
    if fails_in_async(target) and is_async(stream.module, project, stream.root, reach.steps):
        return "`stream_with_context` raises ValueError in an async view before Flask 3.1.2"
    if tears_down_early(target) and closed_early(stream, project):
        return "Flask 3.1.2 and 3.1.3 tear down what the stream uses before the stream runs"
    return None


def fails_in_async(target: TargetVersion) -> bool:
    """Whether stream_with_context raises ValueError in an async view of a targeted Flask."""
    return target.oldest < ONE_CONTEXT


def stays_with_thread(target: TargetVersion) -> bool:
    """Whether only the thread that has opened the context of a stream can end it."""
    return target.oldest < _ENDS_ANYWHERE


def tears_down_early(target: TargetVersion) -> bool:
    """Whether a targeted Flask runs functions for teardown before a stream with a context."""
    return target.oldest <= _BREAKS_EARLY <= target.newest


def is_async(module: Module, project: Project, node: ast.AST, steps: tuple[Step, ...]) -> bool:
    """Whether code runs in an async function, or one on the way to it is one."""
    if any(isinstance(each, ast.AsyncFunctionDef) for each in module.scopes.ancestors(node)):
        return True
    functions = (step.function for step in steps if step.function is not None)
    found = (function_at(module, project, function) for function in functions)
    return any(each is not None and isinstance(each[1], ast.AsyncFunctionDef) for each in found)


def closed_early(stream: Stream, project: Project) -> list[str]:
    """Return what a stream reads that is on `g`, or is a file, and that teardown may close."""
    summary = Summary(tuple(stream.uses))
    closed = torn_down(project)
    of_g = {written(use) for use in left_on_g(summary) if use.attribute in closed}
    files = [written(use) for use in stream.uses if use.attribute == "files"]
    return sorted(of_g) + files
