"""Streams that run after their request: CTX601 and CTX602."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod, Survey
from flask_ctxfix.codemods.streams.hazards import StreamWithContextHazard
from flask_ctxfix.codemods.streams.late_reads import GeneratorReadsRequest
from flask_ctxfix.codemods.streams.streamed import streamed_parameters
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Lead to the files that may give a stream to a helper of this one."""
    names = (getattr(each, "name", "") for each in streamed_parameters(module, project))
    return Survey(None, frozenset(frozenset({name}) for name in names if name))


CODEMOD = Codemod(
    name="streams",
    rules=(GeneratorReadsRequest(), StreamWithContextHazard()),
    words=(
        b"Response(",
        b"response_class",
        b"make_response",
        b"stream_with_context",
        b"yield",
    ),
    in_tests=False,
    survey=survey,
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "StreamsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
