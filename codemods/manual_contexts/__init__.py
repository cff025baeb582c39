"""Contexts that are opened by hand: CTX301 to CTX305."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod

# What is imported may read a proxy through functions of any name.
CODEMOD = Codemod(name="manual_contexts", home=f"{__name__}.rules", names=None)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "ManualContextsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
