"""Streams that run after their request: CTX601 and CTX602."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.flask_facts import RESPONSE_MAKERS, VIEW_DECORATORS, VIEW_METHODS, spelled

NAME = "streams"

CODEMOD = Codemod(
    name=NAME,
    home=f"{__name__}.rules",
    names=spelled((*RESPONSE_MAKERS, *VIEW_DECORATORS)) | VIEW_METHODS | {"stream_with_context"},
    in_tests=False,
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "StreamsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
