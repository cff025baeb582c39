"""What Flask removed of its contexts, and the version that it came with or went with.

Sources: Flask's change log and the releases themselves.
"""

from __future__ import annotations

from flask_ctxfix.flask_facts.rows import Facts, Roles, Says, members

_TELLING: Roles = ("first request", "tells version")

ROWS = (
    Facts(
        "Flask 2.3, globals.py; deprecated in 2.2, gone in 3.0",
        {
            "flask._request_ctx_stack": ("stack of requests", "tells version"),
            "flask._app_ctx_stack": ("stack of apps", "tells version"),
        },
        until=(3, 0),
    ),
    Facts(
        "Flask 2.1, globals.py; gone in 2.2",
        {
            "flask.globals._lookup_req_object": ("lookup in request", "tells version"),
            "flask.globals._lookup_app_object": ("lookup in app", "tells version"),
            "flask.globals._find_app": ("tells version",),
            "flask.globals._request_ctx_err_msg": (Says("Working outside of request context."),),
            "flask.globals._app_ctx_err_msg": (Says("Working outside of application context."),),
        },
        until=(2, 2),
    ),
    Facts(
        "Flask 2.3, signals.py; deprecated there, gone in 3.0",
        {"flask.signals.signals_available": ("signal flag", "tells version")},
        until=(3, 0),
    ),
    Facts(
        "Flask 2.2, app.py and blueprints.py: what ran functions before the first request; "
        "deprecated there, gone in 2.3",
        {
            "flask.Flask().before_first_request": (*_TELLING, "runs once"),
            "flask.Flask().before_first_request_funcs": _TELLING,
            "flask.Blueprint().before_app_first_request": (*_TELLING, "runs once"),
        },
        until=(2, 3),
    ),
    Facts(
        "Flask 2.1, app.py: what triggered them; gone in 2.2",
        {"flask.Flask().try_trigger_before_first_request_functions": _TELLING},
        until=(2, 2),
    ),
    Facts(
        "Flask 2.3, app.py: what told whether the first request had come; gone in 3.0",
        {"flask.Flask().got_first_request": _TELLING},
        until=(3, 0),
    ),
    Facts(
        "Flask 2.1, ctx.py; gone in 2.2",
        {
            **members(
                ("flask.ctx.RequestContext()",),
                {
                    "_implicit_app_ctx_stack": ("removed context attribute",),
                    "_preserved_exc": ("request context attribute", "removed context attribute"),
                    "g": ("request context attribute",),
                    "auto_pop": ("request context attribute", "removed context attribute"),
                    "preserved": ("request context attribute", "removed context attribute"),
                },
            ),
            "flask.ctx.AppContext()._refcnt": ("removed context attribute",),
        },
        until=(2, 2),
    ),
    Facts(
        "Flask 2.1, app.py: a property of the application that read a setting; gone in 2.2",
        {"flask.Flask().preserve_context_on_exception": ("tells version",)},
        until=(2, 2),
    ),
)

# What kept a context after its request: a setting, the property that read it, and what the test
# client put into the environ.
PRESERVE_SETTING = "PRESERVE_CONTEXT_ON_EXCEPTION"
PRESERVE_PROPERTY = "preserve_context_on_exception"
PRESERVE_ENVIRON_KEY = "flask._preserve_context"
