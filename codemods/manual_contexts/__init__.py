"""Contexts that are opened by hand: CTX301 to CTX305."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.codemods.manual_contexts.import_time import ImportTimeContextRead
from flask_ctxfix.codemods.manual_contexts.nested_contexts import NestedAppContext
from flask_ctxfix.codemods.manual_contexts.process_wide import ContextPushedForProcess
from flask_ctxfix.codemods.manual_contexts.test_contexts import TestContextInProduction
from flask_ctxfix.codemods.manual_contexts.unpopped import PushWithoutPop

CODEMOD = Codemod(
    name="manual_contexts",
    rules=(
        ContextPushedForProcess(),
        PushWithoutPop(),
        NestedAppContext(),
        ImportTimeContextRead(),
        TestContextInProduction(),
    ),
    words=(
        b".push(",
        b".push)",
        b"app_context",
        b"current_app",
        b"current_user",
        b"flask.g",
        b"request",
        b"session",
    ),
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "ManualContextsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
