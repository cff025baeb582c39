"""What extensions of Flask, and the libraries around it, call, and in which context."""

from __future__ import annotations

from flask_ctxfix.flask_facts.rows import (
    HANDLER,
    HOOK,
    VIEW,
    Calls,
    CallsMethods,
    Facts,
    MakesGroup,
    Roles,
    members,
)

_HTTP_METHODS = CallsMethods(
    frozenset({"delete", "get", "head", "options", "patch", "post", "put"}), VIEW
)
_SESSIONS = CallsMethods(frozenset({"open_session", "save_session"}), HOOK)
_FLASK_ADMIN = CallsMethods(
    frozenset(
        {
            *("after_model_change", "after_model_delete", "create_form", "create_model"),
            *("delete_form", "delete_model", "edit_form", "get_count_query", "get_list"),
            *("get_list_form", "get_one", "get_query", "handle_action", "inaccessible_callback"),
            *("is_accessible", "is_visible", "on_form_prefill", "on_model_change"),
            *("on_model_delete", "render", "update_model", "validate_form", "_handle_view"),
        }
    ),
    HOOK,
)
_APPBUILDER = CallsMethods(
    frozenset(
        {
            *("post_add", "post_delete", "post_update", "pre_add", "pre_delete", "pre_update"),
            *("prefill_form", "post_add_redirect", "post_delete_redirect", "post_edit_redirect"),
            *("form_get", "form_post", "pre_get", "pre_get_list"),
        }
    ),
    HOOK,
)
_IN_ITS_LOOP = Calls("callback", "outside")
_TORNADO = CallsMethods(
    frozenset(
        {
            *("compute_etag", "data_received", "delete", "get", "get_current_user", "head"),
            *("initialize", "log_exception", "on_connection_close", "on_finish", "options"),
            *("patch", "post", "prepare", "put", "set_default_headers", "write_error"),
        }
    ),
    _IN_ITS_LOOP,
)
_WEBSOCKET = CallsMethods(
    frozenset(
        {
            *("check_origin", "get_compression_options", "on_close", "on_message", "on_ping"),
            *("on_pong", "open", "select_subprotocol"),
        }
    ),
    _IN_ITS_LOOP,
)
_WATCHDOG = CallsMethods(
    frozenset(
        {
            *("dispatch", "on_any_event", "on_closed", "on_closed_no_write", "on_created"),
            *("on_deleted", "on_modified", "on_moved", "on_opened"),
        }
    ),
    _IN_ITS_LOOP,
)
_CLICK = CallsMethods(
    frozenset(
        {
            *("collect_usage_pieces", "format_commands", "format_epilog", "format_help"),
            *("format_help_text", "format_options", "format_usage", "get_command", "get_help"),
            *("get_params", "get_short_help_str", "invoke", "list_commands", "main"),
            *("make_context", "parse_args", "resolve_command"),
        }
    ),
    Calls("command", "outside"),
)
_PARAMETER = CallsMethods(
    frozenset(
        {
            *("consume_value", "convert", "get_default", "get_help_record", "get_metavar"),
            *("handle_parse_result", "process_value", "prompt_for_value", "type_cast_value"),
        }
    ),
    Calls("command", "outside"),
)
_VIEW: Roles = (VIEW,)
_HOOK: Roles = (HOOK,)
_HANDLER: Roles = (HANDLER,)
_LOADER: Roles = (Calls("loader", "request"),)
_TOKEN: Roles = (Calls("callback", "unknown", "run wherever a token is made"),)
_VIEW_OF_DASH: Roles = (Calls("view", "request"),)
_COMMAND: Roles = (Calls("command", "outside"),)
_FIXTURE: Roles = (Calls("fixture", "unknown", "run by tests"),)
_LISTENER: Roles = (
    Calls("listener", "unknown", "run by SQLAlchemy, wherever the session is used"),
)
_RECEIVER: Roles = (Calls("receiver", "signal"),)
_RECEIVER_IN_REQUESTS: Roles = (Calls("receiver", "request"),)
_PASSIVE: Roles = ("passive class",)
_CONNECTS = ("connect", "connect_via")

ROWS = (
    Facts(
        "Flask 3.1, app.py, signals.py, cli.py and sessions.py: what is called, and when",
        {
            **members(
                ("flask.request_started", "flask.request_finished", "flask.message_flashed"),
                dict.fromkeys(_CONNECTS, _RECEIVER_IN_REQUESTS),
            ),
            **members(
                ("flask.got_request_exception",), dict.fromkeys(_CONNECTS, _RECEIVER_IN_REQUESTS)
            ),
            "flask.Flask().cli.group": (MakesGroup("flask.cli.AppGroup()"),),
            "flask.Blueprint().cli.group": (MakesGroup("flask.cli.AppGroup()"),),
            "flask.cli.AppGroup": ("gives context to commands",),
            "flask.cli.AppGroup().group": (MakesGroup("flask.cli.AppGroup()"),),
            "flask.cli.FlaskGroup": ("gives context to commands",),
            "flask.sessions.SecureCookieSessionInterface": (_SESSIONS,),
            "flask.sessions.SessionInterface": (_SESSIONS,),
        },
    ),
    Facts(
        "APIFlask 2.3 and Flask-Smorest 0.44: their applications and blueprints are Flask's",
        {
            **members(
                ("apiflask.APIFlask()", "apiflask.APIBlueprint()", "flask_smorest.Blueprint()"),
                {
                    **dict.fromkeys(
                        ("add_url_rule", "route", "get", "post", "put", "patch", "delete"), _VIEW
                    ),
                    **dict.fromkeys(("after_request", "before_request"), _HOOK),
                    "errorhandler": _HANDLER,
                },
            ),
            **members(
                ("apiflask.APIBlueprint()", "flask_smorest.Blueprint()"),
                {
                    **dict.fromkeys(("after_app_request", "before_app_request"), _HOOK),
                    "app_errorhandler": _HANDLER,
                },
            ),
            "apiflask.views.MethodView": (_HTTP_METHODS,),
            "flask_smorest.MethodView": (_HTTP_METHODS,),
        },
    ),
    Facts(
        "Flask-RESTful 0.3 and Flask-RESTX 1.3, api.py and namespace.py",
        {
            **members(
                ("flask_restful.Api()", "flask_restx.Api()"),
                {"add_resource": (VIEW, "gives views"), "representation": _VIEW},
            ),
            "flask_restx.Namespace().add_resource": (VIEW, "gives views"),
            **members(
                ("flask_restx.Api()", "flask_restx.Namespace()"),
                {"errorhandler": _HANDLER, "route": _VIEW},
            ),
        },
    ),
    Facts(
        "Flask-Admin 1.6 and 2.0, base.py, actions.py and model/base.py",
        {
            "flask_admin.actions.action": _VIEW,
            **dict.fromkeys(
                (
                    *("flask_admin.AdminIndexView", "flask_admin.BaseView"),
                    *("flask_admin.base.BaseView", "flask_admin.contrib.fileadmin.FileAdmin"),
                    "flask_admin.contrib.mongoengine.ModelView",
                    *("flask_admin.contrib.peewee.ModelView", "flask_admin.model.BaseModelView"),
                    "flask_admin.contrib.pymongo.ModelView",
                    "flask_admin.contrib.sqla.ModelView",
                ),
                (_FLASK_ADMIN,),
            ),
        },
    ),
    Facts(
        "Flask-AppBuilder 4.5, actions.py, api/__init__.py and views.py",
        {
            "flask_appbuilder.action": _VIEW,
            "flask_appbuilder.actions.action": _VIEW,
            **dict.fromkeys(
                (
                    *("flask_appbuilder.CompactCRUDMixin", "flask_appbuilder.MasterDetailView"),
                    *("flask_appbuilder.ModelRestApi", "flask_appbuilder.ModelView"),
                    *("flask_appbuilder.PublicFormView", "flask_appbuilder.SimpleFormView"),
                ),
                (_APPBUILDER,),
            ),
        },
    ),
    Facts(
        "Flask-JWT-Extended 4.6, jwt_manager.py",
        members(
            ("flask_jwt_extended.JWTManager()",),
            {
                **dict.fromkeys(
                    (
                        *("expired_token_loader", "invalid_token_loader"),
                        *("needs_fresh_token_loader", "revoked_token_loader"),
                        *("token_in_blocklist_loader", "token_verification_loader"),
                        *("token_verification_failed_loader", "unauthorized_loader"),
                        "user_lookup_error_loader",
                    ),
                    _LOADER,
                ),
                **dict.fromkeys(
                    (
                        *("additional_claims_loader", "additional_headers_loader"),
                        "user_identity_loader",
                    ),
                    _TOKEN,
                ),
            },
        ),
    ),
    Facts(
        "Flask-HTTPAuth 4.8, flask_httpauth.py: what it calls",
        {
            **members(
                ("flask_httpauth.HTTPBasicAuth()", "flask_httpauth.HTTPDigestAuth()"),
                {"error_handler": _HANDLER, "get_password": _LOADER, "get_user_roles": _LOADER},
            ),
            "flask_httpauth.HTTPBasicAuth().hash_password": _LOADER,
            "flask_httpauth.HTTPTokenAuth().error_handler": _HANDLER,
            "flask_httpauth.HTTPTokenAuth().get_user_roles": _LOADER,
        },
    ),
    Facts(
        "Flask-Login 0.6 and Flask-Principal 0.4: what they call, and the signals that they send",
        {
            "flask_login.AnonymousUserMixin": _PASSIVE,
            "flask_login.LoginManager().needs_refresh_handler": _LOADER,
            "flask_login.UserMixin": _PASSIVE,
            "flask_principal.Principal().identity_loader": _LOADER,
            **members(
                (
                    *("flask_login.user_logged_in", "flask_login.user_logged_out"),
                    *("flask_login.user_unauthorized", "flask_principal.identity_loaded"),
                ),
                dict.fromkeys(_CONNECTS, _RECEIVER_IN_REQUESTS),
            ),
        },
    ),
    Facts(
        "Flask-Limiter 3.8, Flask-SocketIO 5.3, Flask-WTF 1.2, Flask-Cors 5 and Dash 2.18",
        {
            "dash.Dash().callback": _VIEW_OF_DASH,
            "dash.callback": _VIEW_OF_DASH,
            "flask_cors.cross_origin()": ("gives back",),
            "flask_limiter.Limiter().request_filter": _HOOK,
            "flask_socketio.SocketIO().on_error": _HANDLER,
            "flask_socketio.SocketIO().on_error_default": _HANDLER,
            "flask_socketio.SocketIO().on_event": (Calls("socket event", "request"),),
            "flask_wtf.CSRFProtect().error_handler": _HANDLER,
        },
    ),
    Facts(
        "SQLAlchemy 2.0, event/api.py and orm; Flask-SQLAlchemy 3.1, extension.py",
        {
            "sqlalchemy.event.listen": _LISTENER,
            "sqlalchemy.event.listens_for": _LISTENER,
            "flask_sqlalchemy.SQLAlchemy().Model": _PASSIVE,
            "sqlalchemy.ext.declarative.declarative_base()": _PASSIVE,
            "sqlalchemy.orm.DeclarativeBase": _PASSIVE,
            "sqlalchemy.orm.declarative_base()": _PASSIVE,
            "sqlalchemy.orm.reconstructor": _LISTENER,
            "sqlalchemy.orm.validates": _LISTENER,
        },
    ),
    Facts(
        "Flask-SQLAlchemy 2.5, __init__.py; gone in 3.0",
        {
            "flask_sqlalchemy.SQLAlchemy().event.listen": _LISTENER,
            "flask_sqlalchemy.SQLAlchemy().event.listens_for": _LISTENER,
        },
        until=(3, 0),
    ),
    Facts(
        "blinker 1.8, base.py: what a signal calls where it is sent",
        members(
            (
                *("blinker.signal()", "blinker.Signal()", "blinker.NamedSignal()"),
                *("blinker.Namespace().signal()", "flask.signals.Namespace().signal()"),
            ),
            dict.fromkeys(_CONNECTS, _RECEIVER),
        ),
    ),
    Facts(
        "Tornado 6.5, web.py and websocket.py; sockjs-tornado 1.0, conn.py: what their event loop "
        "calls, around the requests of Flask and never in one",
        {
            "tornado.web.RequestHandler": (_TORNADO,),
            "tornado.websocket.WebSocketHandler": (_WEBSOCKET,),
            "sockjs.tornado.SockJSConnection": (
                CallsMethods(frozenset({"on_close", "on_message", "on_open"}), _IN_ITS_LOOP),
            ),
        },
    ),
    Facts(
        "watchdog 6, events.py and observers/api.py: the thread of an observer calls them",
        {
            "watchdog.events.FileSystemEventHandler": (_WATCHDOG,),
            "watchdog.events.PatternMatchingEventHandler": (_WATCHDOG,),
            "watchdog.events.RegexMatchingEventHandler": (_WATCHDOG,),
        },
    ),
    Facts(
        "click 8.1, core.py and types.py: what reads a command line, before the command runs",
        {
            **dict.fromkeys(("click.Command", "click.Group", "click.MultiCommand"), (_CLICK,)),
            **dict.fromkeys(
                ("click.Argument", "click.Option", "click.ParamType", "click.Parameter"),
                (_PARAMETER,),
            ),
        },
    ),
    Facts(
        "pytest 8, fixtures.py; click 8.1, core.py and decorators.py",
        {
            "click.Group().command": _COMMAND,
            "click.Group().group": (*_COMMAND, MakesGroup("click.Group()")),
            "click.Group().result_callback": _COMMAND,
            "pytest.fixture": _FIXTURE,
            "pytest.yield_fixture": _FIXTURE,
        },
    ),
    Facts(
        "Werkzeug 3.1, exceptions.py; pydantic 2, main.py: they call no methods of a class",
        {"pydantic.BaseModel": _PASSIVE, "werkzeug.exceptions.HTTPException": _PASSIVE},
    ),
)
