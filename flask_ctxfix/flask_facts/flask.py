"""Flask and Werkzeug: what needs a context, what gives one, what is called, what holds data."""

from __future__ import annotations

from flask_ctxfix.flask_facts.rows import (
    HANDLER,
    HOOK,
    TEMPLATE,
    VIEW,
    Calls,
    CallsHeld,
    Facts,
    Owns,
    Roles,
    TakesContext,
    members,
)

_BOTH = ("flask.Flask()", "flask.Blueprint()")
_VIEW: Roles = ("entry", "answers", "registers view")
_TEMPLATE: Roles = ("sets up", TEMPLATE)
_TEARDOWNS: Roles = ("list of functions", CallsHeld(Calls("teardown", "ending")))
_HOOKS: Roles = ("list of functions", CallsHeld(HOOK))
_OF_TEMPLATES: Roles = (CallsHeld(TEMPLATE),)
_ENDS: Roles = ("ending",)

# fmt: off
_OF_APPLICATION = frozenset((
    "aborter", "aborter_class", "add_template_filter", "add_template_global", "add_template_test",
    "add_url_rule", "after_request", "after_request_funcs", "app_context",
    "app_ctx_globals_class", "async_to_sync", "auto_find_instance_path", "before_first_request",
    "before_first_request_funcs", "before_request", "before_request_funcs", "blueprints", "cli",
    "config", "config_class", "context_processor", "create_global_jinja_loader",
    "create_jinja_environment", "create_url_adapter", "debug", "default_config", "delete",
    "dispatch_request", "do_teardown_appcontext", "do_teardown_request", "endpoint",
    "ensure_sync", "env", "error_handler_spec", "errorhandler", "extensions", "finalize_request",
    "full_dispatch_request", "get", "get_send_file_max_age", "got_first_request",
    "handle_exception", "handle_http_exception", "handle_url_build_error",
    "handle_user_exception", "has_static_folder", "import_name", "inject_url_defaults",
    "instance_path", "iter_blueprints", "jinja_env", "jinja_environment", "jinja_loader",
    "jinja_options", "json", "json_decoder", "json_encoder", "json_provider_class",
    "log_exception", "logger", "make_aborter", "make_config", "make_default_options_response",
    "make_response", "make_shell_context", "name", "open_instance_resource", "open_resource",
    "patch", "permanent_session_lifetime", "post", "preprocess_request", "process_response",
    "propagate_exceptions", "put", "raise_routing_exception", "redirect", "register_blueprint",
    "register_error_handler", "request_class", "request_context", "response_class", "root_path",
    "route", "run", "secret_key", "select_jinja_autoescape", "send_file_max_age_default",
    "send_static_file", "session_cookie_name", "session_interface", "shell_context_processor",
    "shell_context_processors", "should_ignore_error", "static_folder", "static_url_path",
    "subdomain_matching", "teardown_appcontext", "teardown_appcontext_funcs", "teardown_request",
    "teardown_request_funcs", "template_context_processors", "template_filter", "template_folder",
    "template_global", "template_test", "templates_auto_reload", "test_cli_runner",
    "test_cli_runner_class", "test_client", "test_client_class", "test_request_context",
    "testing", "trap_http_exception", "update_template_context", "url_build_error_handlers",
    "url_default_functions", "url_defaults", "url_for", "url_map", "url_map_class",
    "url_rule_class", "url_value_preprocessor", "url_value_preprocessors", "use_x_sendfile",
    "view_functions", "wsgi_app",
))
# fmt: on

ROWS = (
    Facts(
        "dir() of an application, on Flask 2.2.5, 2.3.3, 3.0.3 and 3.1.3",
        {"flask.Flask()": (Owns(_OF_APPLICATION),)},
    ),
    Facts(
        "Flask 3.1, globals.py; Flask 2.2 to 3.1 executed without and with each context",
        {
            "flask.current_app": ("app proxy", "exported", "starred", "alike in app contexts"),
            "flask.g": ("app proxy", "exported", "starred"),
            "flask.request": ("request proxy", "exported", "starred", "alike in app contexts"),
            "flask.session": ("request proxy", "exported", "starred"),
        },
    ),
    Facts(
        "Flask 3.1, globals.py",
        {
            "flask.globals.app_ctx": ("global", "starred", "tells version"),
            "flask.globals.request_ctx": ("global", "starred", "tells version"),
            "flask.globals._cv_app": ("global", "tells version"),
        },
        since=(2, 2),
    ),
    Facts(
        "Flask 3.1, globals.py; gone in 3.2",
        {"flask.globals._cv_request": ("global", "tells version")},
        since=(2, 2),
        until=(3, 2),
    ),
    Facts(
        "Flask 3.1, ctx.py; Flask 2.2 to 3.1 executed without and with each context",
        {
            "flask.after_this_request": ("needs request", "exported", HOOK),
            "flask.copy_current_request_context": ("needs request", "exported"),
            "flask.has_app_context": ("exported", "proves app context"),
            "flask.has_request_context": ("exported", "proves request context"),
            "flask.ctx._AppCtxGlobals().get": ("method of g",),
            "flask.ctx._AppCtxGlobals().pop": ("method of g",),
            "flask.ctx._AppCtxGlobals().setdefault": ("method of g",),
            "flask.ctx.AppContext": ("context class",),
            "flask.ctx.RequestContext": ("context class",),
        },
    ),
    Facts(
        "Flask 3.1, ctx.py",
        {
            **members(
                ("flask.ctx.RequestContext()",),
                {
                    "_after_request_functions": ("request context attribute",),
                    "app": ("request context attribute",),
                    "copy": ("request context attribute",),
                    "flashes": ("request context attribute",),
                    "match_request": ("request context attribute",),
                    "pop": ("request context attribute",),
                    "push": ("request context attribute",),
                    "request": ("request context attribute",),
                    "session": ("request context attribute",),
                    "url_adapter": ("request context attribute",),
                },
            ),
            **members(
                ("flask.ctx.AppContext()",),
                {
                    "app": ("app context attribute",),
                    "g": ("app context attribute",),
                    "pop": ("app context attribute",),
                    "push": ("app context attribute",),
                    "url_adapter": ("app context attribute",),
                },
            ),
        },
    ),
    Facts(
        "Flask 3.2, ctx.py",
        {"flask.ctx.AppContext().has_request": ("tells version",)},
        since=(3, 2),
    ),
    Facts(
        "Flask 3.1, helpers.py, templating.py; 2.2 to 3.1 executed without and with each context",
        {
            "flask.flash": ("needs request", "session writer"),
            "flask.get_flashed_messages": ("needs request", "session writer", "request data"),
            "flask.get_template_attribute": ("needs app",),
            "flask.jsonify": (
                "needs app",
                "alike in app contexts",
                "only made for responses",
                "only looks",
            ),
            "flask.make_response": ("needs app", "makes response", "only made for responses"),
            "flask.render_template": ("needs app", "only made for responses"),
            "flask.render_template_string": ("needs app", "only made for responses"),
            "flask.send_file": ("needs request",),
            "flask.send_from_directory": ("needs request",),
            "flask.stream_with_context": ("needs request", "exported"),
            "flask.url_for": ("needs request", "exported", "alike in app contexts"),
        },
    ),
    Facts(
        "Flask 3.1, app.py and templating.py; 2.2 to 3.1 executed without and with each context",
        {
            "flask.Flask().url_for": ("needs request",),
            "flask.stream_template": ("needs app",),
            "flask.stream_template_string": ("needs app",),
        },
        since=(2, 2),
    ),
    Facts(
        "Flask 3.1, helpers.py: they use no more of a context than its application, if any",
        {
            "flask.abort": ("only made for responses", "never returns", "turns away"),
            "flask.redirect": ("alike in app contexts", "only made for responses", "turns away"),
        },
    ),
    Facts(
        "Flask 3.1, app.py",
        {
            "flask.Blueprint": ("exported",),
            "flask.Flask": ("exported",),
            "flask.Request": ("exported",),
            "flask.Response": ("exported", "makes response", "only made for responses"),
            "flask.Flask().app_context": ("makes app context", "alike in app contexts"),
            "flask.Flask().request_context": ("makes request context",),
            "flask.Flask().run": ("serves",),
            "flask.Flask().test_client": ("keeps request context",),
            "flask.Flask().test_request_context": ("makes request context",),
            "flask.Flask().logger": ("logger", "same anywhere"),
            "flask.Flask().make_response": ("makes response",),
            "flask.Flask().response_class": ("makes response",),
            "flask.Flask().dispatch_request": (TakesContext(0),),
            "flask.Flask().do_teardown_appcontext": (TakesContext(1),),
            "flask.Flask().do_teardown_request": (TakesContext(1),),
            "flask.Flask().finalize_request": (TakesContext(2),),
            "flask.Flask().full_dispatch_request": (TakesContext(0),),
            "flask.Flask().make_default_options_response": (TakesContext(0),),
            "flask.Flask().preprocess_request": (TakesContext(0),),
            "flask.Flask().process_response": (TakesContext(1),),
            "flask.Flask().update_template_context": (TakesContext(1),),
        },
    ),
    Facts(
        "Flask 3.1, app.py, sansio/app.py and sansio/scaffold.py: what needs no context",
        members(
            ("flask.Flask()",),
            dict.fromkeys(
                (
                    "config",
                    "debug",
                    "import_name",
                    "instance_path",
                    "name",
                    "open_instance_resource",
                    "open_resource",
                    "root_path",
                    "secret_key",
                    "static_folder",
                    "template_folder",
                    "testing",
                ),
                ("same anywhere",),
            ),
        ),
    ),
    Facts(
        "Flask 3.1, sansio/scaffold.py",
        members(
            _BOTH,
            {
                "add_url_rule": ("sets up", "registers view", "gives views", VIEW),
                "after_request": ("entry", "sets up", "after request", "behind hooks"),
                "after_request_funcs": _HOOKS,
                "before_request": ("entry", "sets up", "answers", "before request"),
                "before_request_funcs": _HOOKS,
                "context_processor": ("sets up", "behind hooks", TEMPLATE),
                "delete": _VIEW,
                "endpoint": (VIEW,),
                "error_handler_spec": (CallsHeld(HANDLER),),
                "errorhandler": (
                    *("entry", "sets up", "answers", "error handler", "behind hooks"),
                    "gives views",
                ),
                "get": _VIEW,
                "patch": _VIEW,
                "post": _VIEW,
                "put": _VIEW,
                "register_error_handler": ("sets up", "behind hooks", HANDLER),
                "register_blueprint": ("sets up", "gives views"),
                "route": (*_VIEW, "gives views"),
                "teardown_request": ("ending", "sets up", "teardown", "behind hooks"),
                "teardown_request_funcs": _TEARDOWNS,
                "template_context_processors": ("list of functions", CallsHeld(TEMPLATE)),
                "url_default_functions": ("list of functions", "notices contexts"),
                "url_defaults": ("sets up", "notices contexts"),
                "url_value_preprocessor": ("entry", "sets up"),
                "url_value_preprocessors": _HOOKS,
                "view_functions": ("holds routes", CallsHeld(VIEW)),
            },
        ),
    ),
    Facts(
        "Flask 3.1, sansio/app.py",
        members(
            ("flask.Flask()",),
            {
                "blueprints": ("holds routes",),
                "iter_blueprints": ("holds routes",),
                "url_map": ("holds routes",),
                "add_template_filter": _TEMPLATE,
                "add_template_global": _TEMPLATE,
                "add_template_test": _TEMPLATE,
                "jinja_env.filters": _OF_TEMPLATES,
                "jinja_env.globals": _OF_TEMPLATES,
                "jinja_env.tests": _OF_TEMPLATES,
                "shell_context_processor": ("sets up", Calls("command", "app")),
                "teardown_appcontext": ("ending", "sets up", "teardown"),
                "teardown_appcontext_funcs": (*_TEARDOWNS, "notices contexts"),
                "template_filter": _TEMPLATE,
                "template_global": _TEMPLATE,
                "template_test": _TEMPLATE,
            },
        ),
    ),
    Facts(
        "Flask 3.1, sansio/blueprints.py",
        members(
            ("flask.Blueprint()",),
            {
                "add_app_template_filter": _TEMPLATE,
                "add_app_template_global": _TEMPLATE,
                "add_app_template_test": _TEMPLATE,
                "after_app_request": ("entry", "sets up", "after request", "behind hooks"),
                "app_context_processor": ("sets up", "behind hooks", TEMPLATE),
                "app_errorhandler": (
                    *("entry", "sets up", "answers", "error handler", "behind hooks"),
                ),
                "app_template_filter": _TEMPLATE,
                "app_template_global": _TEMPLATE,
                "app_template_test": _TEMPLATE,
                "app_url_defaults": ("sets up", "notices contexts"),
                "app_url_value_preprocessor": ("entry", "sets up"),
                "before_app_request": ("entry", "sets up", "answers", "before request"),
                "record": (Calls("set-up", "outside"),),
                "record_once": (Calls("set-up", "outside"),),
                "teardown_app_request": ("ending", "sets up", "teardown", "behind hooks"),
            },
        ),
    ),
    Facts(
        "Flask 3.1, signals.py; ctx.py sends them whenever an app context begins or ends",
        dict.fromkeys(
            ("flask.appcontext_popped", "flask.appcontext_pushed", "flask.appcontext_tearing_down"),
            ("notices contexts",),
        ),
    ),
    Facts(
        "Flask 3.1, signals.py; ctx.py and app.py send them whenever a context begins or ends",
        members(
            (
                "flask.appcontext_popped",
                "flask.appcontext_pushed",
                "flask.appcontext_tearing_down",
                "flask.request_tearing_down",
            ),
            {"connect": _ENDS, "connect_via": _ENDS},
        ),
    ),
    Facts(
        "Flask 3.1, cli.py; commands run in an app context, and never in a request",
        {
            "flask.Blueprint().cli.command": ("app command",),
            "flask.Flask().cli.command": ("app command",),
            "flask.cli.AppGroup().command": ("app command",),
            "flask.cli.with_appcontext": ("app command",),
        },
    ),
    Facts(
        "Flask 3.1, views.py",
        {
            "flask.views.MethodView": ("resource", "view class"),
            "flask.views.View": ("dispatching view", "view class"),
        },
    ),
    Facts(
        "Flask 3.1, wrappers.py and Werkzeug 3.1, wrappers/request.py; each read was executed",
        members(
            ("flask.Request()",),
            {
                "args": ("reads purely", "told by query"),
                "base_url": ("reads purely",),
                "blueprint": ("reads purely", "told by path"),
                "cookies": ("reads purely",),
                "data": ("reads body", "reads whole body"),
                "endpoint": ("reads purely", "told by path"),
                "files": ("reads body",),
                "form": ("reads body", "reads form"),
                "full_path": ("reads purely", "told by query"),
                "get_data": ("reads body", "reads whole body"),
                "get_json": ("reads body", "reads whole body"),
                "headers": ("reads purely",),
                "host": ("reads purely",),
                "host_url": ("reads purely",),
                "input_stream": ("reads body",),
                "is_secure": ("reads purely",),
                "json": ("reads body", "reads whole body"),
                "method": ("reads purely", "told by path"),
                "mimetype": ("reads purely",),
                "path": ("reads purely", "told by path"),
                "query_string": ("reads purely", "told by query"),
                "referrer": ("reads purely",),
                "remote_addr": ("reads purely",),
                "remote_user": ("reads purely",),
                "root_url": ("reads purely",),
                "scheme": ("reads purely",),
                "script_root": ("reads purely",),
                "stream": ("reads body",),
                "url": ("reads purely", "told by query"),
                "url_root": ("reads purely",),
                "url_rule": ("reads purely", "told by path"),
                "user_agent": ("reads purely",),
                "values": ("reads body", "reads form", "told by query"),
                "view_args": ("reads purely", "told by path"),
            },
        ),
    ),
    Facts(
        "Werkzeug 3.1, wrappers/response.py; Flask 2.2 to 3.1 and Werkzeug 2.2 to 3.1 executed",
        {
            "werkzeug.Response": ("makes response",),
            "werkzeug.wrappers.Response": ("makes response",),
            "werkzeug.wrappers.response.Response": ("makes response",),
            **members(
                ("flask.Response()",),
                {
                    "add_etag": ("reads response",),
                    "calculate_content_length": ("reads response",),
                    "data": ("reads response",),
                    "freeze": ("reads response",),
                    "get_data": ("reads response",),
                    "get_json": ("reads response",),
                    "json": ("reads response",),
                    "make_sequence": ("reads response",),
                    "response": ("reads response",),
                },
            ),
        },
    ),
    Facts(
        "Werkzeug 3.1, datastructures/file_storage.py: what a file still tells once it is closed",
        members(
            ("werkzeug.datastructures.FileStorage()",),
            dict.fromkeys(
                ("content_length", "content_type", "filename", "headers", "mimetype", "name"),
                ("told when closed",),
            ),
        ),
    ),
    Facts(
        "Werkzeug 3.1, local.py: each thread, greenlet or context has attributes of its own",
        {
            "werkzeug.local.Local": ("kept by thread",),
            "werkzeug.local.LocalProxy": ("kept by thread",),
            "werkzeug.local.LocalStack": ("kept by thread",),
        },
    ),
    Facts(
        "Werkzeug 2.0, wrappers/base_response.py; gone in 2.1",
        {"werkzeug.wrappers.BaseResponse": ("makes response",)},
        until=(2, 1),
    ),
)

# What stands for the application that made it, or for the one of the context.
APPLICATIONS = ("flask.Flask()", "flask.current_app")
