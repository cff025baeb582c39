"""Facts about Flask's names, as data: what each is, and when it came and went.

Versions are (major, minor) of Flask. Sources: Flask's change log and the releases themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Literal, NamedTuple

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

# Packages whose users may write for Flask without naming it, since they hand on what is Flask's.
BUILT_ON_FLASK = frozenset(
    {"airflow", "ckan", "connexion", "dash", "eve", "flasgger", "indico", "octoprint", "superset"}
)

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
    | FIRST_REQUEST
    | {"_find_app", "has_request", PRESERVE_PROPERTY}
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


def spelled(names: Iterable[str]) -> frozenset[str]:
    """Return the last parts of qualified names: what code spells that uses one of them."""
    return frozenset(name.rpartition(".")[2] for name in names)


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

# Functions whose result is their argument in another form. (Standard library; pandas and Pillow
# read what they are given.)
DERIVING_CALLS = frozenset(
    {
        *(
            f"builtins.{name}"
            for name in (
                *("bool", "bytes", "dict", "float", "frozenset", "int", "len", "list", "max"),
                *("min", "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple"),
            )
        ),
        "copy.copy",
        "copy.deepcopy",
        "datetime.datetime.strptime",
        "datetime.date.fromisoformat",
        "datetime.datetime.fromisoformat",
        "html.escape",
        "json.dumps",
        "json.loads",
        "markupsafe.escape",
        "os.path.basename",
        "os.path.join",
        "pandas.read_csv",
        "pandas.read_excel",
        "pandas.read_json",
        "urllib.parse.quote",
        "urllib.parse.unquote",
        "urllib.parse.urlparse",
        "uuid.UUID",
        "werkzeug.utils.secure_filename",
    }
)

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

# What reads its arguments one by one, as it is read itself.
LAZY_WRAPPERS = frozenset(
    {
        "builtins.enumerate",
        "builtins.filter",
        "builtins.iter",
        "builtins.map",
        "builtins.zip",
        "itertools.chain",
        "itertools.chain.from_iterable",
        "itertools.islice",
        "itertools.takewhile",
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


class Starter(NamedTuple):
    """How a callable runs a function elsewhere.

    `position` and `keyword` say which argument is the function; its arguments are given as a tuple
    and a dict ("tuple", at `arguments` and behind it), or as the rest of the call ("rest"), or one
    by one out of an iterable ("each").
    """

    kind: Literal["thread", "timer", "pool", "greenlet", "delayed", "process", "job"]
    noun: str
    position: int
    keyword: str
    passing: Literal["tuple", "rest", "each"]
    arguments: int = 0


def _starters(
    owners: Iterable[str], methods: Iterable[str], starter: Starter
) -> dict[str, Starter]:
    return {f"{owner}.{method}": starter for owner in owners for method in methods}


_EXECUTORS = ("concurrent.futures.ThreadPoolExecutor()", "concurrent.futures.Executor()")
_POOLS = ("multiprocessing.pool.ThreadPool()", "multiprocessing.dummy.Pool()")
_GREEN_POOLS = ("gevent.pool.Pool()", "gevent.pool.Group()", "gevent.threadpool.ThreadPool()")
_MAPS = ("imap", "imap_unordered", "map", "map_async", "starmap", "starmap_async")

# Whatever runs a function where the context of the caller is not: checked against signatures.
STARTERS: dict[str, Starter] = {
    "threading.Thread": Starter("thread", "thread", 1, "target", "tuple", 3),
    "threading.Timer": Starter("timer", "timer", 1, "function", "tuple", 2),
    "_thread.start_new_thread": Starter("thread", "thread", 0, "function", "tuple", 1),
    "multiprocessing.Process": Starter("process", "process", 1, "target", "tuple", 3),
    **_starters(_EXECUTORS, ("submit",), Starter("pool", "pool thread", 0, "fn", "rest")),
    **_starters(_EXECUTORS, ("map",), Starter("pool", "pool thread", 0, "fn", "each")),
    **_starters(
        ("concurrent.futures.ProcessPoolExecutor()",),
        ("submit",),
        Starter("process", "process", 0, "fn", "rest"),
    ),
    **_starters(
        ("concurrent.futures.ProcessPoolExecutor()",),
        ("map",),
        Starter("process", "process", 0, "fn", "each"),
    ),
    "joblib.delayed": Starter("process", "task of joblib", 0, "function", "each"),
    **_starters(
        _POOLS,
        ("apply", "apply_async"),
        Starter("pool", "pool thread", 0, "func", "tuple", 1),
    ),
    **_starters(_POOLS, _MAPS, Starter("pool", "pool thread", 0, "func", "each")),
    **_starters(
        ("gevent",), ("spawn", "spawn_raw"), Starter("greenlet", "greenlet", 0, "", "rest")
    ),
    "gevent.spawn_later": Starter("delayed", "greenlet", 1, "", "rest"),
    "gevent.Greenlet": Starter("greenlet", "greenlet", 0, "run", "rest"),
    "gevent.Greenlet.spawn": Starter("greenlet", "greenlet", 0, "", "rest"),
    **_starters(_GREEN_POOLS, ("spawn",), Starter("greenlet", "greenlet", 0, "", "rest")),
    **_starters(
        _GREEN_POOLS,
        ("imap", "imap_unordered", "map"),
        Starter("greenlet", "greenlet", 0, "func", "each"),
    ),
    **_starters(
        ("eventlet",),
        ("spawn", "spawn_n"),
        Starter("greenlet", "greenlet", 0, "func", "rest"),
    ),
    "eventlet.spawn_after": Starter("delayed", "greenlet", 1, "func", "rest"),
    **_starters(
        ("eventlet.GreenPool()",),
        ("spawn", "spawn_n"),
        Starter("greenlet", "greenlet", 0, "function", "rest"),
    ),
    "flask_socketio.SocketIO().start_background_task": Starter(
        "thread", "background task", 0, "target", "rest"
    ),
}

# Classes of what runs its method `run` elsewhere.
STARTED_CLASSES = {
    name: STARTERS[name]
    for name in ("threading.Thread", "multiprocessing.Process", "gevent.Greenlet")
}

# Calls of asyncio that run a function in a thread, and those that make a task of a coroutine.
_LOOPS = ("asyncio.get_event_loop()", "asyncio.get_running_loop()")
EXECUTOR_CALLS = frozenset(f"{loop}.run_in_executor" for loop in _LOOPS)
TASK_MAKERS = frozenset(
    {
        "asyncio.create_task",
        "asyncio.ensure_future",
        *(f"{loop}.create_task" for loop in _LOOPS),
    }
)

# Methods of signals that take a sender first.
SENDING = frozenset({"send", "send_async"})

# What runs a function elsewhere and takes the context along.
CARRIERS = frozenset(
    {
        "asyncio.create_task",
        "asyncio.ensure_future",
        "asyncio.run",
        "asyncio.to_thread",
        "flask_executor.Executor().submit",
        "flaskthreads.AppContextThread",
    }
)

Runner = Literal["APScheduler", "Celery", "Dramatiq", "Flask-APScheduler", "Huey", "RQ"]

_SCHEDULERS = tuple(
    f"apscheduler.schedulers.{kind}Scheduler()"
    for kind in (
        "asyncio.AsyncIO",
        "background.Background",
        "blocking.Blocking",
        "gevent.Gevent",
        "tornado.Tornado",
        "twisted.Twisted",
    )
)
_HUEYS = tuple(
    f"huey.{kind}Huey()"
    for kind in (
        "",
        "BlackHole",
        "CySqlite",
        "File",
        "Memory",
        "Postgres",
        "PriorityRedis",
        "PriorityRedisExpire",
        "Redis",
        "RedisExpire",
        "Sqlite",
    )
)
_RQ_SCHEDULER = "rq_scheduler.Scheduler()"

# Decorators of what a runner calls in its worker. Sources of this and of the next tables: the
# signatures of Celery 5.7, RQ 3.0, Dramatiq 2.2, Huey 3.5, APScheduler 3.11 and
# Flask-APScheduler 1.13, whose jobs the cases of the tests run; those of rq-scheduler were not run.
JOB_DECORATORS: dict[str, Runner] = {
    "celery.Celery().task": "Celery",
    "celery.shared_task": "Celery",
    "celery.task": "Celery",
    "dramatiq.actor": "Dramatiq",
    "flask_apscheduler.APScheduler().task": "Flask-APScheduler",
    "rq.decorators.job": "RQ",
    **{f"{scheduler}.scheduled_job": "APScheduler" for scheduler in _SCHEDULERS},
    **{f"{huey}.{kind}": "Huey" for huey in _HUEYS for kind in ("periodic_task", "task")},
}

# Classes whose `run` is a job.
JOB_BASES: dict[str, Runner] = {"celery.Task": "Celery", "celery.Celery().Task": "Celery"}


def _enqueued(
    runner: Runner,
    position: int,
    keyword: str,
    passing: Literal["tuple", "rest", "each"],
    arguments: int = 0,
) -> tuple[Runner, Starter]:
    starter = Starter("job", f"job of {runner}", position, keyword, passing, arguments)
    return runner, starter


# Calls that hand a function, or the name of one, to a runner.
JOB_STARTERS: dict[str, tuple[Runner, Starter]] = {
    "celery.Celery().send_task": _enqueued("Celery", 0, "name", "tuple", 1),
    "flask_apscheduler.APScheduler().add_job": _enqueued(
        "Flask-APScheduler", 1, "func", "tuple", 99
    ),
    "rq.Queue().enqueue": _enqueued("RQ", 0, "f", "rest"),
    "rq.Queue().enqueue_at": _enqueued("RQ", 1, "f", "rest"),
    "rq.Queue().enqueue_call": _enqueued("RQ", 0, "func", "tuple", 1),
    "rq.Queue().enqueue_in": _enqueued("RQ", 1, "func", "rest"),
    f"{_RQ_SCHEDULER}.cron": _enqueued("RQ", 1, "func", "tuple", 2),
    f"{_RQ_SCHEDULER}.enqueue_at": _enqueued("RQ", 1, "func", "rest"),
    f"{_RQ_SCHEDULER}.enqueue_in": _enqueued("RQ", 1, "func", "rest"),
    f"{_RQ_SCHEDULER}.schedule": _enqueued("RQ", 1, "func", "tuple", 2),
    **{
        f"{scheduler}.add_job": _enqueued("APScheduler", 0, "func", "tuple", 2)
        for scheduler in _SCHEDULERS
    },
}

# Methods of a job that hand it to its runner, and how they take its arguments; an empty name stands
# for the call of the job itself.
JOB_METHODS: dict[Runner, dict[str, Literal["tuple", "rest"]]] = {
    "Celery": {
        "apply_async": "tuple",
        "delay": "rest",
        "s": "rest",
        "si": "rest",
        "signature": "tuple",
        "subtask": "tuple",
    },
    "Dramatiq": {"message": "rest", "send": "rest", "send_with_options": "tuple"},
    "Huey": {"": "rest", "s": "rest", "schedule": "tuple"},
    "RQ": {"delay": "rest"},
}

# Packages that give jobs a context, or replace what runs them.
JOB_INTEGRATIONS: dict[Runner, frozenset[str]] = {
    "APScheduler": frozenset(),
    "Celery": frozenset({"flask_celery", "flask_celeryext"}),
    "Dramatiq": frozenset({"flask_dramatiq", "flask_melodramatiq"}),
    "Flask-APScheduler": frozenset(),
    "Huey": frozenset({"flask_huey"}),
    "RQ": frozenset({"flask_rq", "flask_rq2"}),
}


LOG_METHODS = frozenset(
    {"critical", "debug", "error", "exception", "fatal", "info", "log", "warn", "warning"}
)
_REPORTERS = (
    *(
        f"{logger}.{name}"
        for name in sorted(LOG_METHODS)
        for logger in ("logging", "loguru.logger")
    ),
    "builtins.print",
    "click.echo",
    "click.secho",
    "pprint.pprint",
    "traceback.print_",
    "warnings.warn",
    *(f"{sentry}.capture_" for sentry in ("sentry_sdk", "raven.Client()")),
)
_LOGGERS = (
    "celery.utils.log.get_task_logger()",
    "flask.Flask().logger",
    "flask.current_app.logger",
    "logging.getLogger()",
    "structlog.get_logger()",
)


def is_report(name: str) -> bool:
    """Whether a function only tells people what has happened."""
    owner, _, method = name.rpartition(".")
    return name.startswith(_REPORTERS) or (owner in _LOGGERS and method in LOG_METHODS)


# What registers a function for the end of each context.
TEARDOWNS = frozenset({"teardown_app_request", "teardown_appcontext", "teardown_request"})

# Decorators of other packages that have one instance made of a class.
SINGLETON_DECORATORS = frozenset({"injector.singleton", "singleton_decorator.singleton"})

# Managers behind whose block code goes on although it has raised.
HIDING_MANAGERS = frozenset(
    {
        "contextlib.AsyncExitStack()",
        "contextlib.ExitStack()",
        "contextlib.suppress()",
        "pytest.raises()",
    }
)


def is_well_known(name: str) -> bool:
    """Whether a name is one of Python's, Flask's or Werkzeug's, of which the facts are here."""
    package = name.partition(".")[0]
    return package in {"flask", "werkzeug"} or package in sys.stdlib_module_names


# What makes an object that lets one in at a time, or a few. Sources: the references of threading,
# multiprocessing, asyncio, gevent.lock, eventlet.semaphore, filelock, redis-py, fasteners and
# portalocker.
_LOCKS = ("BoundedSemaphore", "Condition", "Lock", "RLock", "Semaphore")
LOCKS = frozenset(
    {
        "_thread.allocate_lock()",
        "_thread.RLock()",
        *(
            f"{owner}.{name}()"
            for owner in (
                "asyncio",
                "multiprocessing",
                "multiprocessing.Manager()",
                "multiprocessing.dummy",
                "multiprocessing.get_context()",
                "multiprocessing.managers.SyncManager()",
                "multiprocessing.synchronize",
                "threading",
            )
            for name in _LOCKS
        ),
        *(f"gevent.lock.{name}()" for name in ("BoundedSemaphore", "RLock", "Semaphore")),
        *(f"eventlet.semaphore.{name}()" for name in ("BoundedSemaphore", "Semaphore")),
        *(f"filelock.{name}()" for name in ("FileLock", "SoftFileLock", "UnixFileLock")),
        *(f"redis.{name}().lock()" for name in ("Redis", "StrictRedis", "from_url")),
        "redis.Redis.from_url().lock()",
        "redis.lock.Lock()",
        "fasteners.InterProcessLock()",
        "fasteners.ReaderWriterLock().read_lock()",
        "fasteners.ReaderWriterLock().write_lock()",
        "portalocker.Lock()",
        "portalocker.RLock()",
    }
)


def is_transparent(decorator: str) -> bool:
    """Whether a decorator runs its function as it is, in the context of the caller."""
    return decorator in TRANSPARENT_DECORATORS


_PUBLIC = frozenset(
    {
        *PROXIES,
        *NEEDS,
        *STARTERS,
        *ENTRY_DECORATORS,
        *ENTRY_BASES,
        *OUTSIDE_DECORATORS,
        *APP_DECORATORS,
        *CARRIERS,
        *JOB_DECORATORS,
        *JOB_BASES,
        *JOB_STARTERS,
    }
)
_PUBLIC_HEADS = frozenset(
    head.rpartition(".")[0] if "()" not in name else head
    for name in _PUBLIC
    for head in [name.partition("()")[0]]
) | frozenset(name.partition("()")[0] for name in _PUBLIC)


def public_name(origin: str) -> str:
    """Return a qualified name without the private modules of its package, if that is known here."""
    head, call, rest = origin.partition("()")
    parts = head.split(".")
    while len(parts) > 2:
        if ".".join(parts) in _PUBLIC_HEADS:
            return ".".join(parts) + call + rest
        shorter = [*parts[:-2], parts[-1]]
        parts = shorter
    public = ".".join(parts)
    return public + call + rest if public in _PUBLIC_HEADS else origin


def canonical_name(origin: str) -> str:
    """Return the one name that is used here for what has several qualified names."""
    name = name_of(origin)
    return f"flask.{name}" if name is not None else public_name(origin)
