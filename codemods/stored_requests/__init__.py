"""Request data that outlives the request: CTX501 to CTX506."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.codemods.stored_requests.handlers import HandlerRegisteredInView

CODEMOD = Codemod(
    name="stored_requests",
    rules=(HandlerRegisteredInView(),),
    words=(
        b"global ",
        b"_request",
        b"_context",
        b"errorhandler",
        b"add_url_rule",
        b"register_blueprint",
        b"connect_via",
        b"weak=False",
        b"addHandler",
        b"add_job",
        b"atexit",
    ),
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "StoredRequestsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
