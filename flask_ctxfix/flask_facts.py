"""Facts about Flask's names, as data: what each is, and when it came and went.

Versions are (major, minor) of Flask. Sources: Flask's change log and the releases themselves.
"""

from __future__ import annotations

from typing import Literal

REMOVED_STACKS = {"_request_ctx_stack": "request", "_app_ctx_stack": "app"}

LOOKUPS: dict[str, Literal["request", "app"]] = {
    "_lookup_req_object": "request",
    "_lookup_app_object": "app",
}

ERROR_MESSAGES = {
    "_request_ctx_err_msg": "Working outside of request context.",
    "_app_ctx_err_msg": "Working outside of application context.",
}

REQUEST_CONTEXT_ATTRIBUTES = frozenset(
    {
        "_after_request_functions",
        "_preserved_exc",
        "app",
        "auto_pop",
        "copy",
        "flashes",
        "g",
        "match_request",
        "pop",
        "preserved",
        "push",
        "request",
        "session",
        "url_adapter",
    }
)

APP_CONTEXT_ATTRIBUTES = frozenset({"app", "g", "pop", "push", "url_adapter"})

CONTEXT_ATTRIBUTES = {"request": REQUEST_CONTEXT_ATTRIBUTES, "app": APP_CONTEXT_ATTRIBUTES}

REMOVED_CONTEXT_ATTRIBUTES = frozenset(
    {"_implicit_app_ctx_stack", "_preserved_exc", "_refcnt", "auto_pop", "preserved"}
)

EXPORTED = frozenset(
    {
        "Blueprint",
        "Flask",
        "Request",
        "Response",
        "after_this_request",
        "copy_current_request_context",
        "current_app",
        "g",
        "has_app_context",
        "has_request_context",
        "request",
        "session",
        "stream_with_context",
        "url_for",
    }
)

GLOBALS = frozenset({"app_ctx", "request_ctx", "_cv_app", "_cv_request"})

DISPATCH_METHODS = frozenset(
    {
        "dispatch_request",
        "do_teardown_appcontext",
        "do_teardown_request",
        "finalize_request",
        "full_dispatch_request",
        "make_default_options_response",
        "preprocess_request",
        "process_response",
        "update_template_context",
    }
)

CONTEXT_MAKERS = frozenset({"app_context", "request_context", "test_request_context"})

CLASSES = frozenset({"AppContext", "RequestContext"})

SIGNALS = frozenset({"signals_available"})

_KNOWN = (
    frozenset(REMOVED_STACKS)
    | frozenset(LOOKUPS)
    | frozenset(ERROR_MESSAGES)
    | EXPORTED
    | GLOBALS
    | CLASSES
    | SIGNALS
    | {"_find_app"}
)


# Names whose presence tells which Flask is there; code asks for them with hasattr().
TELLING = (
    frozenset(REMOVED_STACKS)
    | frozenset(LOOKUPS)
    | GLOBALS
    | SIGNALS
    | {
        "_find_app",
        "before_app_first_request",
        "before_first_request",
        "before_first_request_funcs",
        "got_first_request",
        "has_request",
        "preserve_context_on_exception",
        "try_trigger_before_first_request_functions",
    }
)

_MODULES = frozenset(
    {
        "app",
        "blueprints",
        "cli",
        "ctx",
        "globals",
        "helpers",
        "json",
        "sansio",
        "sessions",
        "signals",
        "templating",
        "testing",
        "views",
        "wrappers",
    }
)


def name_of(origin: str) -> str | None:
    """Return the name that a qualified name of Flask's own modules ends in, if it is known here."""
    package, *modules = origin.split(".")
    name = modules.pop() if modules else ""
    known = package == "flask" and name in _KNOWN and _MODULES.issuperset(modules)
    return name if known else None


_STARRED = {
    "flask": EXPORTED,
    "flask.globals": frozenset(
        {"app_ctx", "current_app", "g", "request", "request_ctx", "session"}
    ),
}


def is_exported(module: str, name: str) -> bool:
    """Whether ``from <module> import *`` gives Flask's `name`."""
    return name in _STARRED.get(module, frozenset())
