"""What Flask removed, or changed, of its contexts: the names, and when they came and went.

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

# Methods that take a context first since Flask 3.2, with how many arguments they took before.
DISPATCH_METHODS = {
    "dispatch_request": 0,
    "do_teardown_appcontext": 1,
    "do_teardown_request": 1,
    "finalize_request": 2,
    "full_dispatch_request": 0,
    "make_default_options_response": 0,
    "preprocess_request": 0,
    "process_response": 1,
    "update_template_context": 1,
}

REQUEST_CONTEXT_MAKERS = frozenset({"request_context", "test_request_context"})
CONTEXT_MAKERS = REQUEST_CONTEXT_MAKERS | {"app_context"}

CLASSES = frozenset({"AppContext", "RequestContext"})

SIGNALS = frozenset({"signals_available"})


# What ran functions before the first request, and told whether it had come.
FIRST_REQUEST = frozenset(
    {
        "before_app_first_request",
        "before_first_request",
        "before_first_request_funcs",
        "got_first_request",
        "try_trigger_before_first_request_functions",
    }
)

# What kept a context after its request: a setting, a property of the application that read it, and
# what the test client put into the environ.
PRESERVE_SETTING = "PRESERVE_CONTEXT_ON_EXCEPTION"
PRESERVE_PROPERTY = "preserve_context_on_exception"
PRESERVE_ENVIRON_KEY = "flask._preserve_context"


# Names whose presence tells which Flask is there; code asks for them with hasattr().
TELLING = (
    frozenset(REMOVED_STACKS)
    | frozenset(LOOKUPS)
    | GLOBALS
    | SIGNALS
    | FIRST_REQUEST
    | {"_find_app", "has_request", PRESERVE_PROPERTY}
)
