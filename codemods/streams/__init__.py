"""Streams that run after their request: CTX601 and CTX602."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.codemods.streams.hazards import StreamWithContextHazard
from flask_ctxfix.codemods.streams.late_reads import GeneratorReadsRequest

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
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "StreamsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
