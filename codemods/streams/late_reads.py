"""CTX601: streams that read the request after it is over."""

from __future__ import annotations

from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Fix, Rule
from flask_ctxfix.codemods.streams.hoists import values_fix
from flask_ctxfix.codemods.streams.streamed import Stream, streams_in
from flask_ctxfix.codemods.streams.wraps import context_fix, why_not
from flask_ctxfix.context_flow import Need, Reach, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.said_uses import failing, sentence
from flask_ctxfix.context_flow.summaries import Use
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


class GeneratorReadsRequest(Rule):
    """A generator that a response streams uses the request, which is over when it runs.

    What it finds

    Generators, generator expressions and calls of `map` that are given to a response, or returned
    by a view, and use `request`, `session`, `g`, `current_app`, the database or what else needs a
    context, themselves or in what they call.

    What goes wrong

    A stream is read after the view has returned and its context is gone. Status 200 has been sent;
    then RuntimeError breaks the connection, and the client has half an answer.

    Before

        from flask import Flask, Response, request

        app = Flask(__name__)


        @app.get("/export")
        def export():
            def rows():
                yield request.args.get("page", "1")

            return Response(rows(), mimetype="text/csv")

    After

        from flask import Flask, Response, request

        app = Flask(__name__)


        @app.get("/export")
        def export():
            page = request.args.get("page", "1")

            def rows():
                yield page

            return Response(rows(), mimetype="text/csv")

    When the fix is safe

    When all that the stream needs are values, which the view, that certainly serves a request, can
    read just as well, and reading them cannot fail. Values go into a variable, or become parameters
    of a generator whose every call is for a stream. Where one may be missing the view would fail
    where only the stream did, and where the stream handles the error it went on: that is unsafe.
    So is `stream_with_context`, which is put around the stream where something else is needed, or
    where the view goes on to what may set the values.

    What changes

    Values are read when the view makes the stream. A stream with a context keeps it until it ends;
    Flask 3.1.2 and 3.1.3 run functions for teardown before it, and again after it.

    Sources

    Flask's documentation of streaming; pallets/quart issue 361; pallets/flask issue 5804.
    """

    code = "CTX601"
    name = "generator-reads-request"
    message = "a stream reads the request after its view has returned"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the streams of a module that need a context."""
        for stream in streams_in(module, project):
            use = _first(stream)
            if use is None:
                continue
            reach = stream.reach(project)
            if reach.where is Where.OUTSIDE or (reach.where is Where.APP and reach.steps):
                continue
            late = "after the view has returned"
            then = ("which breaks the response", "breaking the response", "and fails")
            rests = (f"{late}, {each}" for each in then)
            message = sentence(use, *rests, user=_reader(stream, use))
            fix = values_fix(stream, project)
            fix = fix or context_fix(stream, project, target, reach)
            advice = _advice(stream, project, target, reach, fix)
            path = path_to(reach, stream.step, then=failing(use))
            yield self.finding(module, "error", stream.root, message, advice, fix, path)


_ADVICE = "read what the stream needs in the view, and pass it to the generator"


def _reader(stream: Stream, use: Use) -> str | None:
    """Return what a sentence names for a use that stands in no function of the stream."""
    own = (part.summary.uses for part in stream.parts if part.function is None)
    return "the stream" if use.span is not None and any(use in uses for uses in own) else None


def _first(stream: Stream) -> Use | None:
    """Return the use that best shows that a stream needs a context."""
    uses = sorted(stream.uses, key=lambda use: (use.need is not Need.REQUEST, not use.is_certain))
    return uses[0] if uses else None


def _advice(
    stream: Stream, project: Project, target: TargetVersion, reach: Reach, fix: Fix | None
) -> Advice:
    if fix is not None:
        return Advice(fix.message)
    return Advice(_ADVICE, why_not(stream, project, target, reach))
