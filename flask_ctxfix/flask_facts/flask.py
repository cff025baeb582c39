"""What needs a context, what gives one, and what Flask and its extensions call."""

from __future__ import annotations

from typing import Literal

# What runs code elsewhere, needs a context, or gives one. `X()` is what calling X gives, an
# instance of a class. Sources: Flask 2.2 to 3.1 executed in bare threads, in app contexts and in
# requests; the sources of Flask-Login 0.6, Flask-SQLAlchemy 3.1, Flask-WTF 1.2, Flask-Babel 4,
# Flask-JWT-Extended 4.6, Flask-Mail 0.10, Flask-SocketIO 5.3, Flask-Principal 0.4, Flask-Limiter 3.

ContextKind = Literal["app", "request"]

# Each use of one of these needs the context: attributes, items, membership, iteration, calls.
PROXIES: dict[str, ContextKind] = {
    "flask.current_app": "app",
    "flask.g": "app",
    "flask.request": "request",
    "flask.session": "request",
    "flask_jwt_extended.current_user": "request",
    "flask_login.current_user": "request",
    "flask_security.current_user": "request",
}

# Functions when they are called, classes when they are instantiated, attributes when they are read.
NEEDS: dict[str, ContextKind] = {
    "flask.after_this_request": "request",
    "flask.copy_current_request_context": "request",
    "flask.flash": "request",
    "flask.get_flashed_messages": "request",
    "flask.get_template_attribute": "app",
    "flask.jsonify": "app",
    "flask.make_response": "app",
    "flask.render_template": "app",
    "flask.render_template_string": "app",
    "flask.send_file": "request",
    "flask.send_from_directory": "request",
    "flask.stream_template": "app",
    "flask.stream_template_string": "app",
    "flask.stream_with_context": "request",
    "flask.url_for": "request",
    "flask.Flask().url_for": "request",
    "flask_babel.format_date": "app",
    "flask_babel.format_datetime": "app",
    "flask_babel.format_time": "app",
    "flask_httpauth.HTTPBasicAuth().current_user": "app",
    "flask_httpauth.HTTPBasicAuth().username": "request",
    "flask_httpauth.HTTPTokenAuth().current_user": "app",
    "flask_jwt_extended.create_access_token": "app",
    "flask_jwt_extended.create_refresh_token": "app",
    "flask_jwt_extended.decode_token": "app",
    "flask_jwt_extended.get_current_user": "request",
    "flask_jwt_extended.get_jwt": "request",
    "flask_jwt_extended.get_jwt_identity": "request",
    "flask_jwt_extended.verify_jwt_in_request": "request",
    "flask_limiter.util.get_remote_address": "request",
    "flask_login.login_fresh": "request",
    "flask_login.login_user": "request",
    "flask_login.logout_user": "request",
    "flask_mail.Mail().send": "app",
    "flask_mail.Mail().connect": "app",
    "flask_principal.Permission().can": "app",
    "flask_socketio.close_room": "app",
    "flask_socketio.disconnect": "request",
    "flask_socketio.emit": "app",
    "flask_socketio.join_room": "request",
    "flask_socketio.leave_room": "request",
    "flask_socketio.rooms": "request",
    "flask_socketio.send": "app",
    "flask_sqlalchemy.SQLAlchemy().create_all": "app",
    "flask_sqlalchemy.SQLAlchemy().drop_all": "app",
    "flask_sqlalchemy.SQLAlchemy().engine": "app",
    "flask_sqlalchemy.SQLAlchemy().engines": "app",
    "flask_sqlalchemy.SQLAlchemy().get_or_404": "app",
    "flask_sqlalchemy.SQLAlchemy().first_or_404": "app",
    "flask_sqlalchemy.SQLAlchemy().paginate": "app",
    "flask_sqlalchemy.SQLAlchemy().session": "app",
    "flask_sqlalchemy.SQLAlchemy().Model.query": "app",
    "flask_wtf.FlaskForm": "request",
    "flask_wtf.csrf.generate_csrf": "request",
    "flask_wtf.csrf.validate_csrf": "request",
}

# Attributes of the request whose reading has no effect and does not fail.
PURE_READS = frozenset(
    {
        "args",
        "base_url",
        "blueprint",
        "cookies",
        "endpoint",
        "full_path",
        "headers",
        "host",
        "host_url",
        "is_secure",
        "method",
        "mimetype",
        "path",
        "query_string",
        "referrer",
        "remote_addr",
        "remote_user",
        "root_url",
        "scheme",
        "script_root",
        "url",
        "url_root",
        "url_rule",
        "user_agent",
        "view_args",
    }
)

# Attributes of the request that read its body.
BODY_READS = frozenset(
    {"data", "files", "form", "get_data", "get_json", "input_stream", "json", "stream", "values"}
)

_HOOKS = frozenset(
    {
        "after_request",
        "before_request",
        "delete",
        "errorhandler",
        "get",
        "patch",
        "post",
        "put",
        "route",
        "url_value_preprocessor",
    }
)
_APP_HOOKS = frozenset(
    {
        "after_app_request",
        "app_errorhandler",
        "app_url_value_preprocessor",
        "before_app_request",
    }
)

# Decorators of what Flask, or an extension, calls while it serves a request.
ENTRY_DECORATORS = (
    frozenset(f"flask.Flask().{hook}" for hook in _HOOKS)
    | frozenset(f"flask.Blueprint().{hook}" for hook in _HOOKS | _APP_HOOKS)
    | {
        "flask_httpauth.HTTPBasicAuth().verify_password",
        "flask_httpauth.HTTPTokenAuth().verify_token",
        "flask_jwt_extended.JWTManager().user_lookup_loader",
        "flask_login.LoginManager().request_loader",
        "flask_login.LoginManager().unauthorized_handler",
        "flask_login.LoginManager().user_loader",
        "flask_socketio.SocketIO().event",
        "flask_socketio.SocketIO().on",
    }
)
# Decorators of what runs whenever a context begins or ends, a copy or one of a thread too.
ENDING_DECORATORS = frozenset(
    {
        "flask.Flask().teardown_appcontext",
        "flask.Flask().teardown_request",
        "flask.Blueprint().teardown_app_request",
        "flask.Blueprint().teardown_request",
        *(
            f"flask.{signal}.{method}"
            for signal in (
                "appcontext_popped",
                "appcontext_pushed",
                "appcontext_tearing_down",
                "request_tearing_down",
            )
            for method in ("connect", "connect_via")
        ),
    }
)
EXPOSING_DECORATORS = frozenset({"flask_admin.expose", "flask_appbuilder.expose"})

_HTTP_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})

# Classes whose methods of these names serve requests; None stands for every `on_…`.
ENTRY_BASES: dict[str, frozenset[str] | None] = {
    "flask.views.MethodView": _HTTP_METHODS,
    "flask.views.View": frozenset({"dispatch_request"}),
    "flask_apispec.MethodResource": _HTTP_METHODS,
    "flask_restful.Resource": _HTTP_METHODS,
    "flask_restplus.Resource": _HTTP_METHODS,
    "flask_restx.Resource": _HTTP_METHODS,
    "flask_socketio.Namespace": None,
}

# Names on `g` that extensions use for themselves, by package. Sources: `flask_wtf/csrf.py` and
# `flask_principal.py`, `flask_appbuilder/security/manager.py`, `flask_oidc/__init__.py`,
# `flask_limiter/extension.py`.
KEPT_ON_G: dict[str, frozenset[str]] = {
    "flask_appbuilder": frozenset({"user"}),
    "flask_limiter": frozenset({"view_rate_limit"}),
    "flask_oidc": frozenset({"oidc_id_token", "oidc_user"}),
    "flask_principal": frozenset({"identity"}),
    "flask_wtf": frozenset({"csrf_token", "csrf_valid"}),
}

# Decorators of functions whose parameters hold data of the request.
FED_DECORATORS = (
    frozenset(
        f"flask.{owner}().{method}"
        for owner in ("Flask", "Blueprint")
        for method in ("route", "get", "post", "put", "patch", "delete")
    )
    | EXPOSING_DECORATORS
    | {
        "flask_httpauth.HTTPBasicAuth().verify_password",
        "flask_httpauth.HTTPTokenAuth().verify_token",
        "flask_login.LoginManager().user_loader",
        "flask_socketio.SocketIO().event",
        "flask_socketio.SocketIO().on",
    }
)

# Functions of extensions that return data of the request.
REQUEST_GETTERS = frozenset(
    {
        "flask.get_flashed_messages",
        "flask_httpauth.HTTPBasicAuth().current_user",
        "flask_httpauth.HTTPBasicAuth().username",
        "flask_httpauth.HTTPTokenAuth().current_user",
        "flask_jwt_extended.get_current_user",
        "flask_jwt_extended.get_jwt",
        "flask_jwt_extended.get_jwt_identity",
        "flask_limiter.util.get_remote_address",
        "flask_restful.reqparse.RequestParser().parse_args",
        "flask_restx.reqparse.RequestParser().parse_args",
    }
)

# Forms that fill themselves from the request.
FORM_BASES = frozenset({"flask_wtf.FlaskForm", "flask_wtf.Form", "flask_wtf.form.FlaskForm"})


# What makes a response of its first argument, `response`, and reads it after the request. Sources:
# Flask 2.2 to 3.1 and Werkzeug 2.2 to 3.1 executed; `make_response` since Flask 2.2.
RESPONSE_MAKERS = frozenset(
    {
        "flask.Flask().make_response",
        "flask.Flask().response_class",
        "flask.Response",
        "flask.current_app.make_response",
        "flask.current_app.response_class",
        "flask.make_response",
        "werkzeug.Response",
        "werkzeug.wrappers.BaseResponse",
        "werkzeug.wrappers.Response",
        "werkzeug.wrappers.response.Response",
    }
)

# Methods and attributes that read a response's body, or let it be read, in the request.
BODY_CONSUMERS = frozenset(
    {
        "add_etag",
        "calculate_content_length",
        "data",
        "freeze",
        "get_data",
        "get_json",
        "json",
        "make_sequence",
        "response",
    }
)


# Decorators of functions whose result Flask makes a response of.
_ANSWERING = _HTTP_METHODS - {"head", "options"} | {"before_request", "errorhandler", "route"}
VIEW_DECORATORS = frozenset(
    f"flask.{owner}().{hook}"
    for owner in ("Blueprint", "Flask")
    for hook in _ANSWERING | {"app_errorhandler", "before_app_request"}
)
VIEW_BASES = frozenset({"flask.views.MethodView", "flask.views.View"})
# Methods of these whose result Flask makes a response of.
VIEW_METHODS = _HTTP_METHODS - {"head", "options"} | {"dispatch_request"}

# Decorators of functions that never run in a request.
OUTSIDE_DECORATORS = frozenset(
    {
        "atexit.register",
        "celery.Celery().task",
        "celery.shared_task",
        "click.command",
        "click.group",
    }
)

# Decorators of functions that run in an app context, and never in a request. (Flask-Script's
# commands run in the context of a test request.)
APP_DECORATORS = frozenset(
    {
        "flask.Blueprint().cli.command",
        "flask.Flask().cli.command",
        "flask.cli.AppGroup().command",
        "flask.cli.with_appcontext",
    }
)

# Extensions that do nothing when an app context ends: their sources of 2025 register no teardown
# function for it, and listen to none of its signals.
WITHOUT_TEARDOWN = frozenset(
    {
        "flask_babel",
        "flask_bcrypt",
        "flask_caching",
        "flask_cors",
        "flask_httpauth",
        "flask_jwt_extended",
        "flask_login",
        "flask_mail",
        "flask_migrate",
        "flask_moment",
        "flask_restful",
        "flask_wtf",
    }
)

# What writes to the session, or takes something out of it.
SESSION_WRITERS = frozenset(
    {
        "flask.flash",
        "flask.get_flashed_messages",
        "flask_login.login_user",
        "flask_login.logout_user",
    }
)

# Decorators that run the function as it is, in the context of the caller.
TRANSPARENT_DECORATORS = (
    ENTRY_DECORATORS
    | EXPOSING_DECORATORS
    | {
        "abc.abstractmethod",
        "builtins.classmethod",
        "builtins.staticmethod",
        "contextlib.asynccontextmanager",
        "contextlib.contextmanager",
        "flask_login.login_required",
        "functools.cache",
        "functools.lru_cache",
        "functools.wraps",
        "typing.no_type_check",
    }
)


# What registers a function for the end of each context.
TEARDOWNS = frozenset({"teardown_app_request", "teardown_appcontext", "teardown_request"})


# Packages whose users may write for Flask without naming it, since they hand on what is Flask's.
BUILT_ON_FLASK = frozenset(
    {"airflow", "ckan", "connexion", "dash", "eve", "flasgger", "indico", "octoprint", "superset"}
)
