"""Request data that outlives the request: CTX501 to CTX506."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.codemods.stored_requests.app_state import RequestInAppState
from flask_ctxfix.codemods.stored_requests.cached_reads import CachedFunctionReadsRequest
from flask_ctxfix.codemods.stored_requests.handlers import HandlerRegisteredInView
from flask_ctxfix.codemods.stored_requests.retained import RequestObjectRetained
from flask_ctxfix.codemods.stored_requests.shared_slots import (
    NAME,
    RequestInClassAttribute,
    RequestInGlobal,
    survey,
)

CODEMOD = Codemod(
    name=NAME,
    rules=(
        RequestInGlobal(),
        RequestInClassAttribute(),
        RequestInAppState(),
        RequestObjectRetained(),
        CachedFunctionReadsRequest(),
        HandlerRegisteredInView(),
    ),
    words=(
        b"global ",
        b"current_user",
        b"get_jwt",
        b"request",
        b"session",
        b"except ",
        b"cache",
        b"memoize",
        b".config",
        b"extensions",
        b"jinja_env",
        b"environ",
        b"putenv",
        b"current_app",
        b"app.",
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
    in_tests=False,
    survey=survey,
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "StoredRequestsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
