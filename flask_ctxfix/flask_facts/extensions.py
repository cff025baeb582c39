"""Extensions of Flask: what they need, call, keep, and leave alone."""

from __future__ import annotations

from flask_ctxfix.flask_facts.rows import Facts, KeepsOnG, Roles, ToldBy, members

_PACKAGE: Roles = ("without teardown",)
_LOGIN_USER: Roles = ("request proxy", "stands for user", "none without request")
_GIVING_USER: Roles = ("request data", "gives user")
_NAMESPACE = frozenset({"namespace"})
_OF_CLIENT = ToldBy((_NAMESPACE, frozenset({"sid"})))
_TO_CLIENTS = ToldBy((_NAMESPACE, frozenset({"to", "room", "broadcast"})))

ROWS = (
    Facts(
        "Documentation of Flask-HTTPAuth 4, Flask-JWT-Extended 4 and Flask-Security 5",
        {
            **dict.fromkeys(
                (
                    "flask_jwt_extended.jwt_required",
                    "flask_security.auth_required",
                    "flask_security.auth_token_required",
                    "flask_security.http_auth_required",
                    "flask_security.login_required",
                    "flask_security.permissions_required",
                    "flask_security.roles_accepted",
                    "flask_security.roles_required",
                ),
                ("lets users in",),
            ),
            **dict.fromkeys(
                (
                    "flask_httpauth.HTTPBasicAuth().login_required",
                    "flask_httpauth.HTTPDigestAuth().login_required",
                    "flask_httpauth.HTTPTokenAuth().login_required",
                ),
                ("lets users in",),
            ),
        },
    ),
    Facts(
        "Flask-Login 0.6, utils.py and login_manager.py",
        {
            "flask_login": ("without teardown",),
            "flask_login.current_user": _LOGIN_USER,
            "flask_login.login_fresh": ("needs request",),
            "flask_login.login_required": ("transparent", "gives back", "lets users in"),
            "flask_login.login_user": ("needs request", "session writer"),
            "flask_login.logout_user": ("needs request", "session writer"),
            "flask_login.LoginManager().request_loader": ("entry",),
            "flask_login.LoginManager().unauthorized_handler": ("entry",),
            "flask_login.LoginManager().user_loader": ("entry",),
        },
    ),
    Facts(
        "Flask-Security 5.5, decorators.py; its user is Flask-Login's",
        {"flask_security.current_user": _LOGIN_USER},
    ),
    Facts(
        "Flask-JWT-Extended 4.6, utils.py, view_decorators.py and jwt_manager.py",
        {
            "flask_jwt_extended": ("without teardown",),
            "flask_jwt_extended.current_user": ("request proxy", "stands for user"),
            "flask_jwt_extended.create_access_token": ("needs app",),
            "flask_jwt_extended.create_refresh_token": ("needs app",),
            "flask_jwt_extended.decode_token": ("needs app",),
            "flask_jwt_extended.get_current_user": ("needs request", *_GIVING_USER),
            "flask_jwt_extended.get_jwt": ("needs request", "request data"),
            "flask_jwt_extended.get_jwt_identity": ("needs request", *_GIVING_USER),
            "flask_jwt_extended.verify_jwt_in_request": ("needs request",),
            "flask_jwt_extended.JWTManager().user_lookup_loader": ("entry",),
        },
    ),
    Facts(
        "Flask-HTTPAuth 4.8, flask_httpauth.py",
        {
            "flask_httpauth": ("without teardown",),
            "flask_httpauth.HTTPBasicAuth().current_user": (
                "needs app",
                "request data",
                "gives user",
            ),
            "flask_httpauth.HTTPBasicAuth().username": (
                "needs request",
                "request data",
                "gives user",
            ),
            "flask_httpauth.HTTPBasicAuth().verify_password": ("entry",),
            "flask_httpauth.HTTPTokenAuth().current_user": (
                "needs app",
                "request data",
                "gives user",
            ),
            "flask_httpauth.HTTPTokenAuth().verify_token": ("entry",),
        },
    ),
    Facts(
        "Flask-Principal 0.4, flask_principal.py",
        {
            "flask_principal": (KeepsOnG(("identity",)),),
            "flask_principal.Permission().can": ("needs app",),
        },
    ),
    Facts("Flask-OIDC 2, __init__.py", {"flask_oidc": (KeepsOnG(("oidc_id_token", "oidc_user")),)}),
    Facts(
        "Flask-Limiter 3, extension.py and util.py",
        {
            "flask_limiter": (KeepsOnG(("view_rate_limit",)),),
            "flask_limiter.util.get_remote_address": ("needs request", "request data"),
        },
    ),
    Facts(
        "Flask-WTF 1.2, form.py and csrf.py",
        {
            "flask_wtf": (KeepsOnG(("csrf_token", "csrf_valid")), "without teardown"),
            "flask_wtf.FlaskForm": ("needs request", "request form"),
            "flask_wtf.Form": ("request form",),
            "flask_wtf.form.FlaskForm": ("request form",),
            "flask_wtf.csrf.generate_csrf": ("needs request",),
            "flask_wtf.csrf.validate_csrf": ("needs request",),
        },
    ),
    Facts(
        "Documentation of Flask-MySQLdb 2, Flask-PyMongo 3 and Flask-SQLAlchemy 3.1",
        dict.fromkeys(
            ("flask_mysqldb.MySQL", "flask_pymongo.PyMongo", "flask_sqlalchemy.SQLAlchemy"),
            ("database",),
        ),
    ),
    Facts(
        "Flask-SQLAlchemy 3.1, extension.py and model.py; its queries are those of the session",
        members(
            ("flask_sqlalchemy.SQLAlchemy()",),
            {
                "create_all": ("needs app",),
                "drop_all": ("needs app",),
                "engine": ("needs app",),
                "engines": ("needs app",),
                "first_or_404": ("needs app", "finds or fails"),
                "get_or_404": ("needs app", "finds or fails"),
                "one_or_404": ("needs app", "finds or fails"),
                "paginate": ("needs app",),
                "session": ("needs app",),
                "Model.query": ("needs app",),
            },
        ),
    ),
    Facts(
        "SQLAlchemy 2.0, ORM, Query and Result",
        {
            "sqlalchemy.orm.Query().one": ("finds or fails",),
            "sqlalchemy.engine.Result().scalar_one": ("finds or fails",),
        },
    ),
    Facts(
        "Flask-Babel 4, __init__.py",
        {
            "flask_babel": ("without teardown",),
            "flask_babel.format_date": ("needs app",),
            "flask_babel.format_datetime": ("needs app",),
            "flask_babel.format_time": ("needs app",),
        },
    ),
    Facts(
        "Flask-Mail 0.10, flask_mail/__init__.py",
        {
            "flask_mail": ("without teardown",),
            "flask_mail.Mail().connect": ("needs app",),
            "flask_mail.Mail().send": ("needs app",),
        },
    ),
    Facts(
        "Flask-SocketIO 5.3, __init__.py and namespace.py",
        {
            "flask_socketio.close_room": ("needs request", ToldBy((_NAMESPACE,))),
            "flask_socketio.disconnect": ("needs request", _OF_CLIENT),
            "flask_socketio.emit": ("needs request", _TO_CLIENTS),
            "flask_socketio.join_room": ("needs request", _OF_CLIENT),
            "flask_socketio.leave_room": ("needs request", _OF_CLIENT),
            "flask_socketio.rooms": ("needs request", _OF_CLIENT),
            "flask_socketio.send": ("needs request", _TO_CLIENTS),
            "flask_socketio.Namespace": ("namespace of events",),
            "flask_socketio.SocketIO().event": ("entry", "event handler"),
            "flask_socketio.SocketIO().on": ("entry", "event handler"),
        },
    ),
    Facts(
        "Flask-Admin 1.6, base.py, and Flask-AppBuilder 4, baseviews.py and security/manager.py",
        {
            "flask_admin.expose": ("exposes",),
            "flask_appbuilder": (KeepsOnG(("user",)),),
            "flask_appbuilder.expose": ("exposes",),
        },
    ),
    Facts(
        "Flask-RESTful 0.3, Flask-RESTX 1.3 and Flask-RESTPlus 0.13, __init__.py and reqparse.py",
        {
            "flask_restful": ("without teardown",),
            "flask_restful.Resource": ("resource",),
            "flask_restful.reqparse.RequestParser().parse_args": ("needs request", "request data"),
            "flask_restplus.Resource": ("resource",),
            "flask_restx.Resource": ("resource",),
            "flask_restx.reqparse.RequestParser().parse_args": ("needs request", "request data"),
        },
    ),
    Facts("Flask-apispec 0.11, views.py", {"flask_apispec.MethodResource": ("resource",)}),
    Facts(
        "Flask-Caching 2.3, __init__.py",
        {
            "flask_caching": ("without teardown",),
            "flask_caching.Cache().cached": ("cached by path",),
            "flask_caching.Cache().memoize": ("cached by arguments",),
            "flask_caching.Cache().add": ("cache setter",),
            "flask_caching.Cache().set": ("cache setter",),
        },
    ),
    Facts(
        "cachelib 0.13, simple.py, file.py and redis.py",
        members(
            ("cachelib.FileSystemCache()", "cachelib.RedisCache()", "cachelib.SimpleCache()"),
            dict.fromkeys(("add", "set"), ("cache setter",)),
        ),
    ),
    Facts(
        "Their sources of 2025: what runs a function elsewhere and takes the context along",
        {
            "flask_executor.Executor().submit": ("takes context along",),
            "flaskthreads.AppContextThread": ("takes context along",),
        },
    ),
    Facts(
        "Their sources of 2025 register no function for the end of an app context, and listen to "
        "none of its signals",
        dict.fromkeys(
            ("flask_bcrypt", "flask_cors", "flask_migrate", "flask_moment"),
            _PACKAGE,
        ),
    ),
    Facts(
        "Their documentation: users write for Flask without naming it, and get what is Flask's",
        dict.fromkeys(
            (
                *("airflow", "ckan", "connexion", "dash", "eve", "flasgger", "indico"),
                *("octoprint", "superset"),
            ),
            ("built on Flask",),
        ),
    ),
    Facts(
        "Google's reference of google.generativeai and vertexai, ChatSession: it collects what is "
        "sent; its page on moving to google.genai: a chat is a stateful object",
        dict.fromkeys(
            (
                "google.genai.Client().chats.create().send_message",
                "google.genai.Client().chats.create().send_message_stream",
                "google.generativeai.ChatSession().send_message",
                "google.generativeai.GenerativeModel().start_chat().send_message",
                "vertexai.generative_models.ChatSession().send_message",
                "vertexai.generative_models.GenerativeModel().start_chat().send_message",
            ),
            ("remembers",),
        ),
    ),
    Facts(
        "LangChain's source, chains/conversation/base.py: a chain has a memory if none is given",
        {
            f"{package}.ConversationChain().{method}": ("remembers",)
            for package in ("langchain", "langchain.chains", "langchain_classic.chains")
            for method in ("invoke", "predict", "run")
        },
    ),
)
