"""Request data that outlives the request: CTX501 to CTX506."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod

NAME = "stored_requests"

# A module may keep what it is given, under any name, without a word of Flask.
CODEMOD = Codemod(name=NAME, home=f"{__name__}.rules", names=None, in_tests=False)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "StoredRequestsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
