"""What Flask and the libraries around it call, and in which context: one row a name.

`X()` is an instance of X, as elsewhere. Sources: Flask 2.2 to 3.1; Flask-Admin 1.6 and 2.0,
Flask-AppBuilder 4.5, Flask-RESTful 0.3, Flask-RESTX 1.3, Flask-Smorest 0.44, Flask-Classful 0.16,
APIFlask 2.3, Flask-JWT-Extended 4.6, Flask-HTTPAuth 4.8, Flask-Login 0.6, Flask-Limiter 3.8,
Flask-SocketIO 5.3, Flask-WTF 1.2, Flask-Principal 0.4, Dash 2.18, SQLAlchemy 2.0, blinker 1.8,
pytest 8, click 8.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

EntryKind = Literal[
    "view",
    "hook",
    "error handler",
    "teardown",
    "loader",
    "template",
    "command",
    "socket event",
    "callback",
    "job",
    "thread",
    "receiver",
    "listener",
    "exit",
    "set-up",
    "fixture",
]

# "caller": it is called at once, where it is given. "signal": wherever the signal is sent.
EntryContext = Literal["request", "app", "ending", "outside", "caller", "signal", "unknown"]


class EntryFact(NamedTuple):
    """How a library calls what it is given, or what it decorates; `why` says why it is unknown."""

    kind: EntryKind
    context: EntryContext
    why: str = ""


_BY_TEMPLATES = "run by templates, wherever one is rendered"
_BY_SQLALCHEMY = "run by SQLAlchemy, wherever the session is used"
_WHERE_TOKENS_ARE_MADE = "run wherever a token is made"

VIEW = EntryFact("view", "request")
_HOOK = EntryFact("hook", "request")
_HANDLER = EntryFact("error handler", "request")
_LOADER = EntryFact("loader", "request")
_SOCKET = EntryFact("socket event", "request")
_CALLBACK = EntryFact("callback", "request")
_TEMPLATE = EntryFact("template", "unknown", _BY_TEMPLATES)
_LISTENER = EntryFact("listener", "unknown", _BY_SQLALCHEMY)
_TOKEN = EntryFact("callback", "unknown", _WHERE_TOKENS_ARE_MADE)
_SET_UP = EntryFact("set-up", "outside")
_FIXTURE = EntryFact("fixture", "unknown", "run by tests")
_HERE = EntryFact("callback", "caller")
_RECEIVER = EntryFact("receiver", "signal")
_RECEIVER_IN_REQUESTS = EntryFact("receiver", "request")


def _of(owners: Iterable[str], methods: Iterable[str], fact: EntryFact) -> dict[str, EntryFact]:
    return {f"{owner}.{method}": fact for owner in owners for method in methods}


_FLASKS = ("flask.Flask()", "flask.Blueprint()", "flask.current_app")
# Classes that inherit from Flask's, outside of the project, and add routes of their own.
_MORE_FLASKS = ("apiflask.APIFlask()", "apiflask.APIBlueprint()", "flask_smorest.Blueprint()")
_ROUTES = ("route", "get", "post", "put", "patch", "delete")
_HOOKS = ("after_request", "before_request", "before_app_request", "after_app_request")

# Decorators, and functions and methods that are given a function or a class.
CALLING: dict[str, EntryFact] = {
    **_of(_FLASKS, ("add_url_rule", "endpoint"), VIEW),
    **_of(_FLASKS, ("register_error_handler",), _HANDLER),
    **_of(_MORE_FLASKS, (*_ROUTES, "add_url_rule"), VIEW),
    **_of(_MORE_FLASKS, _HOOKS, _HOOK),
    **_of(_MORE_FLASKS, ("errorhandler", "app_errorhandler"), _HANDLER),
    "flask.after_this_request": _HOOK,
    **_of(("flask_restful.Api()", "flask_restx.Api()"), ("add_resource", "representation"), VIEW),
    **_of(("flask_restx.Namespace()",), ("add_resource",), VIEW),
    **_of(("flask_restx.Api()", "flask_restx.Namespace()"), ("route",), VIEW),
    **_of(("flask_restx.Api()", "flask_restx.Namespace()"), ("errorhandler",), _HANDLER),
    "flask_admin.actions.action": VIEW,
    "flask_appbuilder.action": VIEW,
    "flask_appbuilder.actions.action": VIEW,
    **_of(
        ("flask_jwt_extended.JWTManager()",),
        (
            *("expired_token_loader", "invalid_token_loader", "needs_fresh_token_loader"),
            *("revoked_token_loader", "token_in_blocklist_loader", "token_verification_loader"),
            *("token_verification_failed_loader", "unauthorized_loader"),
            "user_lookup_error_loader",
        ),
        _LOADER,
    ),
    **_of(
        ("flask_jwt_extended.JWTManager()",),
        ("additional_claims_loader", "additional_headers_loader", "user_identity_loader"),
        _TOKEN,
    ),
    **_of(
        ("flask_httpauth.HTTPBasicAuth()", "flask_httpauth.HTTPDigestAuth()"),
        ("get_password", "get_user_roles", "hash_password"),
        _LOADER,
    ),
    **_of(
        (
            *("flask_httpauth.HTTPBasicAuth()", "flask_httpauth.HTTPDigestAuth()"),
            *("flask_httpauth.HTTPTokenAuth()", "flask_httpauth.MultiAuth()"),
        ),
        ("error_handler",),
        _HANDLER,
    ),
    "flask_httpauth.HTTPTokenAuth().get_user_roles": _LOADER,
    "flask_login.LoginManager().needs_refresh_handler": _LOADER,
    "flask_limiter.Limiter().request_filter": _HOOK,
    "flask_principal.Principal().identity_loader": _LOADER,
    "flask_socketio.SocketIO().on_error": _HANDLER,
    "flask_socketio.SocketIO().on_error_default": _HANDLER,
    "flask_socketio.SocketIO().on_event": _SOCKET,
    "flask_wtf.CSRFProtect().error_handler": _HANDLER,
    "dash.callback": _CALLBACK,
    "dash.Dash().callback": _CALLBACK,
    **_of(
        _FLASKS,
        (
            *("add_template_filter", "add_template_global", "add_template_test"),
            *("add_app_template_filter", "add_app_template_global", "add_app_template_test"),
            *("app_context_processor", "app_template_filter", "app_template_global"),
            *("app_template_test", "context_processor", "template_filter", "template_global"),
            "template_test",
        ),
        _TEMPLATE,
    ),
    **_of(_FLASKS, ("record", "record_once"), _SET_UP),
    **_of(_FLASKS, ("shell_context_processor",), EntryFact("command", "app")),
    **_of(
        ("sqlalchemy.event", "flask_sqlalchemy.SQLAlchemy().event"),
        ("listen", "listens_for"),
        _LISTENER,
    ),
    "sqlalchemy.orm.validates": _LISTENER,
    "sqlalchemy.orm.reconstructor": _LISTENER,
    "pytest.fixture": _FIXTURE,
    "pytest.yield_fixture": _FIXTURE,
    "click.Group().command": EntryFact("command", "outside"),
    "click.Group().group": EntryFact("command", "outside"),
    "click.Group().result_callback": EntryFact("command", "outside"),
    **_of(
        (
            *("flask.request_started", "flask.request_finished", "flask.got_request_exception"),
            *("flask.message_flashed", "flask_login.user_logged_in", "flask_login.user_logged_out"),
            *("flask_login.user_unauthorized", "flask_principal.identity_loaded"),
        ),
        ("connect", "connect_via"),
        _RECEIVER_IN_REQUESTS,
    ),
    **_of(
        (
            *("blinker.signal()", "blinker.Signal()", "blinker.NamedSignal()"),
            *("blinker.Namespace().signal()", "flask.signals.Namespace().signal()"),
        ),
        ("connect", "connect_via"),
        _RECEIVER,
    ),
    **_of(
        ("builtins",),
        ("all", "any", "filter", "list", "map", "max", "min", "set", "sorted", "sum", "tuple"),
        _HERE,
    ),
    "builtins.next": _HERE,
    "functools.reduce": _HERE,
    "itertools.groupby": _HERE,
    "re.sub": _HERE,
}

# What gives back what it is given, or something that calls it.
HOLDING = frozenset(
    {
        *("builtins.classmethod", "builtins.dict", "builtins.enumerate", "builtins.iter"),
        *("builtins.list", "builtins.reversed", "builtins.set", "builtins.staticmethod"),
        *("builtins.tuple", "builtins.zip", "collections.OrderedDict", "functools.cache"),
        *("functools.lru_cache", "functools.lru_cache()", "functools.partial", "functools.wraps()"),
        *("itertools.chain", "contextlib.contextmanager", "typing.cast"),
        "flask_cors.cross_origin()",
        "flask_login.login_required",
    }
)
# What only looks at what it is given.
LOOKING = frozenset(
    f"builtins.{name}"
    for name in (
        *("bool", "callable", "delattr", "getattr", "hasattr", "hash", "id", "isinstance"),
        *("issubclass", "len", "print", "repr", "setattr", "str", "type", "vars"),
    )
) | {"functools.wraps", "functools.update_wrapper", "inspect.isclass", "inspect.signature"}

# Attributes of applications, and of what they hold, whose functions are called so.
LISTS: dict[str, EntryFact] = {
    **_of(
        _FLASKS,
        ("after_request_funcs", "before_request_funcs", "url_value_preprocessors"),
        _HOOK,
    ),
    **_of(_FLASKS, ("view_functions",), VIEW),
    **_of(_FLASKS, ("error_handler_spec",), _HANDLER),
    **_of(_FLASKS, ("template_context_processors",), _TEMPLATE),
    **_of(
        _FLASKS,
        ("teardown_appcontext_funcs", "teardown_request_funcs"),
        EntryFact("teardown", "ending"),
    ),
    **_of(
        [f"{each}.jinja_env" for each in _FLASKS],
        ("filters", "globals", "tests"),
        _TEMPLATE,
    ),
}

_FLASK_ADMIN = (
    *("after_model_change", "after_model_delete", "create_form", "create_model", "delete_form"),
    *("delete_model", "edit_form", "get_count_query", "get_list", "get_list_form", "get_one"),
    *("get_query", "handle_action", "inaccessible_callback", "is_accessible", "is_visible"),
    *("on_form_prefill", "on_model_change", "on_model_delete", "render", "update_model"),
    *("validate_form", "_handle_view"),
)
_APPBUILDER = (
    *("post_add", "post_delete", "post_update", "pre_add", "pre_delete", "pre_update"),
    *("prefill_form", "post_add_redirect", "post_delete_redirect", "post_edit_redirect"),
    *("form_get", "form_post", "pre_get", "pre_get_list"),
)
_HTTP_METHODS = ("delete", "get", "head", "options", "patch", "post", "put")

# Methods of these names that classes with these bases have.
BASES: dict[str, tuple[frozenset[str], EntryFact]] = {
    **{
        name: (frozenset(_FLASK_ADMIN), _HOOK)
        for name in (
            *("flask_admin.BaseView", "flask_admin.AdminIndexView", "flask_admin.base.BaseView"),
            *("flask_admin.contrib.sqla.ModelView", "flask_admin.contrib.mongoengine.ModelView"),
            *("flask_admin.contrib.peewee.ModelView", "flask_admin.contrib.pymongo.ModelView"),
            *("flask_admin.contrib.fileadmin.FileAdmin", "flask_admin.model.BaseModelView"),
        )
    },
    **{
        name: (frozenset(_APPBUILDER), _HOOK)
        for name in (
            *("flask_appbuilder.ModelRestApi", "flask_appbuilder.ModelView"),
            *("flask_appbuilder.CompactCRUDMixin", "flask_appbuilder.MasterDetailView"),
            *("flask_appbuilder.SimpleFormView", "flask_appbuilder.PublicFormView"),
        )
    },
    "flask_smorest.MethodView": (frozenset(_HTTP_METHODS), VIEW),
    "apiflask.views.MethodView": (frozenset(_HTTP_METHODS), VIEW),
    "flask.sessions.SessionInterface": (frozenset({"open_session", "save_session"}), _HOOK),
    "flask.sessions.SecureCookieSessionInterface": (
        frozenset({"open_session", "save_session"}),
        _HOOK,
    ),
}

# Classes that call no methods of those that inherit from them, but what Python itself calls.
PASSIVE = frozenset(
    {
        *("collections.OrderedDict", "collections.UserDict", "collections.defaultdict"),
        *("flask_sqlalchemy.SQLAlchemy().Model", "sqlalchemy.ext.declarative.declarative_base()"),
        *("sqlalchemy.orm.declarative_base()", "sqlalchemy.orm.DeclarativeBase"),
        *("flask_login.UserMixin", "flask_login.AnonymousUserMixin", "threading.local"),
        *("werkzeug.exceptions.HTTPException", "pydantic.BaseModel"),
    }
)

# Commands of these groups run in an app context.
GROUPS_WITH_CONTEXT = frozenset({"flask.cli.AppGroup", "flask.cli.FlaskGroup"})
# Decorators that make a group of a function: what its commands are then decorated with.
GROUPS = {
    "click.group": "click.Group()",
    "click.Group().group": "click.Group()",
    "flask.Flask().cli.group": "flask.cli.AppGroup()",
    "flask.Blueprint().cli.group": "flask.cli.AppGroup()",
    "flask.cli.AppGroup().group": "flask.cli.AppGroup()",
}

# How what is registered is spelled, where nothing tells what it is registered with.
BY_NAME: dict[str, EntryFact] = {
    **dict.fromkeys(("add_url_rule", "route"), VIEW),
    **dict.fromkeys(("after_request", "before_app_request", "before_request"), _HOOK),
    **dict.fromkeys(("app_errorhandler", "errorhandler", "register_error_handler"), _HANDLER),
    **dict.fromkeys(
        ("teardown_appcontext", "teardown_app_request", "teardown_request"),
        EntryFact("teardown", "ending"),
    ),
    **dict.fromkeys(("add_done_callback", "call_on_close"), EntryFact("callback", "outside")),
    **dict.fromkeys(("record", "record_once"), _SET_UP),
}
