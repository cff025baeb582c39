"""Streams that run after their request: CTX601 and CTX602."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.flask_facts import RESPONSE_MAKERS, VIEW_DECORATORS, VIEW_METHODS, spelled
from flask_ctxfix.lazy_commands import giving_command

NAME = "streams"

CODEMOD = Codemod(
    name=NAME,
    home=f"{__name__}.rules",
    names=spelled((*RESPONSE_MAKERS, *VIEW_DECORATORS)) | VIEW_METHODS | {"stream_with_context"},
    in_tests=False,
)

__getattr__ = giving_command(CODEMOD)
