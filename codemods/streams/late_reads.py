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
    """A generator that a response streams uses the request, whose context is gone when it runs.

    Who is hurt

    The client: it gets status 500, or status 200 and then half an answer, such as a download that
    breaks off.

    How it fails

    The server reads the stream after the view has returned, when its context is gone. `request`,
    `session`, `g`, `current_app` or the database fail in the generator, or in what it calls:

        RuntimeError: Working outside of request context.

    If the stream has already yielded something, the headers with status 200 have been sent, and the
    server can only close the connection. Generator expressions and `map` are such streams, too.

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

    What the fix changes

    The view reads the values, into a variable or as arguments of the generator. Where something
    else than values is needed, `stream_with_context` keeps the request context until the stream
    ends.

    When there is no fix

    Read what the stream needs in the view and pass it to the generator. Change the session in the
    view, as it is saved before the stream runs.

    Safe or unsafe

    Safe if the stream only needs values that the view can read just as well, if the view certainly
    serves a request, and if reading the values cannot fail. Unsafe if a value may be missing, since
    the view would then fail instead of the stream, and wherever `stream_with_context` is used.

    Versions

    The same on Flask 2.2 to 3.2. `stream_with_context` is not: Flask 3.1.2 and 3.1.3 run teardown
    functions before the stream and again after it, and Flask 2.2 to 3.1.1 raise ValueError in an
    async view.

    Sources

    Flask's documentation of streaming; pallets/quart issue 361; pallets/flask issue 5804.
    """

    code = "CTX601"
    name = "generator-reads-request"
    message = "a stream reads the request after its view has returned"
    levels = ("error",)

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


_ADVICE = "read what the stream needs in the view, and pass the values to the generator"


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
