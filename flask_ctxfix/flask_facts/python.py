"""What functions of Python, and of libraries that people use with it, do with what they take."""

from __future__ import annotations

from flask_ctxfix.flask_facts.rows import HERE, Facts, MakesGroup, Roles, members

_DERIVES: Roles = ("derives",)
_LAZY: Roles = ("reads lazily",)
_LOGS: Roles = ("logs",)
_ADDS: Roles = ("adds",)
_TAKES: Roles = ("takes out",)
_ORDERS: Roles = ("changes order",)
_REPORTS: Roles = ("reports",)
_LEVELS = ("critical", "debug", "error", "exception", "info", "log", "warning")
_OLD_LEVELS = ("fatal", "warn")

ROWS = (
    Facts(
        "Python 3.14, library reference, built-in functions",
        {
            **members(
                ("builtins",),
                {
                    **dict.fromkeys(
                        ("float", "int", "len", "round"), ("derives", "makes number", "only looks")
                    ),
                    **dict.fromkeys(("bool", "bytes", "repr", "str"), ("derives", "only looks")),
                    "reversed": ("derives", "gives back"),
                    "frozenset": ("derives", "reads at once"),
                    "tuple": ("derives", "reads at once", "gives back", HERE),
                    **dict.fromkeys(
                        ("list", "set"), ("derives", "reads at once", "gives back", "grows", HERE)
                    ),
                    "dict": ("derives", "reads at once", "gives back", "grows"),
                    **dict.fromkeys(
                        ("max", "min", "sorted", "sum"), ("derives", "reads at once", HERE)
                    ),
                    "next": (HERE,),
                    **dict.fromkeys(("all", "any"), ("reads at once", HERE)),
                    **dict.fromkeys(("filter", "map"), ("reads lazily", HERE)),
                    **dict.fromkeys(("enumerate", "iter", "zip"), ("reads lazily", "gives back")),
                },
            ),
            "builtins.BaseException": ("catches all",),
            "builtins.Exception": ("catches all",),
            **dict.fromkeys(
                ("builtins.delattr", "builtins.getattr", "builtins.hasattr", "builtins.setattr"),
                ("attribute by name", "only looks"),
            ),
            **dict.fromkeys(
                ("builtins.eval", "builtins.exec"), ("sees all names", "runs any code")
            ),
            "builtins.__import__": ("runs any code",),
            "builtins.locals": ("sees all names",),
            "builtins.vars": ("sees all names", "only looks"),
            **members(
                ("builtins",),
                dict.fromkeys(
                    ("callable", "hash", "id", "isinstance", "issubclass", "type"),
                    ("only looks",),
                ),
            ),
            "builtins.classmethod": ("transparent", "gives back"),
            "builtins.object": ("plain class",),
            "builtins.print": ("reports", "only looks"),
            "builtins.property": ("property",),
            "builtins.staticmethod": ("transparent", "gives back"),
        },
    ),
    Facts(
        "Python 3.14, library reference, built-in types: list, dict, set and str",
        {
            "builtins.str().join": ("reads at once",),
            **members(
                ("builtins.list()",),
                {
                    **dict.fromkeys(("append", "extend", "insert"), _ADDS),
                    **dict.fromkeys(("clear", "pop", "remove", "__delitem__"), _TAKES),
                    **dict.fromkeys(("reverse", "sort"), _ORDERS),
                },
            ),
            **members(
                ("builtins.dict()",),
                {
                    "clear": ("takes out",),
                    "get": ("gives item",),
                    "pop": ("takes out", "gives item"),
                    "popitem": ("takes out",),
                    "setdefault": ("adds", "gives item"),
                    "update": ("adds",),
                },
            ),
            **members(
                ("builtins.set()",),
                {
                    **dict.fromkeys(("add", "update"), _ADDS),
                    **dict.fromkeys(("clear", "discard", "pop", "remove"), _TAKES),
                    **dict.fromkeys(("difference_update", "intersection_update"), _TAKES),
                    "symmetric_difference_update": ("adds", "takes out"),
                },
            ),
        },
    ),
    Facts(
        "Python 3.14, library reference, collections",
        {
            **members(
                ("collections.deque()",),
                {
                    **dict.fromkeys(
                        ("append", "appendleft", "extend", "extendleft", "insert"), _ADDS
                    ),
                    **dict.fromkeys(("clear", "pop", "popleft", "remove"), _TAKES),
                    **dict.fromkeys(("reverse", "rotate"), _ORDERS),
                },
            ),
            "collections.Counter": ("grows",),
            "collections.OrderedDict": ("gives back", "passive class", "grows"),
            "collections.UserDict": ("passive class",),
            "collections.defaultdict": ("passive class", "grows"),
            "collections.deque": ("grows",),
            "collections.OrderedDict().move_to_end": ("changes order",),
        },
    ),
    Facts(
        "Python 3.14, library reference, heapq",
        members(
            ("heapq",),
            dict.fromkeys(("heappop", "heappushpop", "heapreplace"), ("takes out of argument",)),
        ),
    ),
    Facts(
        "Python 3.14, library reference: what is another form of its argument",
        dict.fromkeys(
            (
                "copy.copy",
                "copy.deepcopy",
                "datetime.datetime.strptime",
                "datetime.date.fromisoformat",
                "datetime.datetime.fromisoformat",
                "html.escape",
                "json.dumps",
                "json.loads",
                "os.path.basename",
                "os.path.join",
                "urllib.parse.quote",
                "urllib.parse.unquote",
                "urllib.parse.urlparse",
                "uuid.UUID",
            ),
            _DERIVES,
        ),
    ),
    Facts(
        "Documentation of MarkupSafe 3, pandas 2 and Werkzeug 3.1: another form of the argument",
        dict.fromkeys(
            (
                "markupsafe.escape",
                "pandas.read_csv",
                "pandas.read_excel",
                "pandas.read_json",
                "werkzeug.utils.secure_filename",
            ),
            _DERIVES,
        ),
    ),
    Facts(
        "Python 3.14, library reference, unittest",
        {
            "unittest.IsolatedAsyncioTestCase": ("test case",),
            "unittest.TestCase": ("test case",),
        },
    ),
    Facts(
        "Python 3.14, library reference, sqlite3, whose cursors are those of PEP 249",
        {
            "sqlite3.connect": ("database",),
            **members(
                ("sqlite3.Cursor()",),
                {
                    **dict.fromkeys(("execute", "executemany"), ("runs query",)),
                    **dict.fromkeys(("fetchall", "fetchmany", "fetchone"), ("gives rows",)),
                },
            ),
        },
    ),
    Facts(
        "Documentation of psycopg, PyMySQL, mysqlclient, MySQL Connector, PyMongo and redis-py",
        dict.fromkeys(
            (
                "MySQLdb.connect",
                "mysql.connector.connect",
                "psycopg.connect",
                "psycopg2.connect",
                "pymongo.MongoClient",
                "pymysql.connect",
                "redis.Redis",
            ),
            ("database",),
        ),
    ),
    Facts(
        "Python 3.14, library reference, random, secrets and uuid; executed: each call differs",
        {
            **members(
                ("random",),
                dict.fromkeys(
                    (
                        *("choice", "choices", "getrandbits", "randint", "random"),
                        *("randrange", "sample", "uniform"),
                    ),
                    ("gives random",),
                ),
            ),
            **members(
                ("secrets",),
                dict.fromkeys(
                    ("choice", "randbelow", "token_bytes", "token_hex", "token_urlsafe"),
                    ("gives random",),
                ),
            ),
            "uuid.uuid1": ("gives random",),
            "uuid.uuid4": ("gives random",),
        },
    ),
    Facts(
        "Python 3.14, library reference, itertools",
        {
            "itertools.chain": ("reads lazily", "gives back"),
            "itertools.groupby": (HERE,),
            **dict.fromkeys(
                (
                    "itertools.chain.from_iterable",
                    "itertools.islice",
                    "itertools.takewhile",
                ),
                _LAZY,
            ),
        },
    ),
    Facts(
        "Python 3.14, library reference: decorators that run the function as it is; executed",
        {
            "abc.abstractmethod": ("transparent",),
            "contextlib.asynccontextmanager": ("transparent", "makes manager"),
            "contextlib.contextmanager": ("transparent", "gives back", "makes manager"),
            "functools.cache": ("transparent", "cached by arguments", "runs once", "gives back"),
            "functools.lru_cache": (
                "transparent",
                "cached by arguments",
                "runs once",
                "gives back",
            ),
            "functools.wraps": ("transparent", "only looks"),
            "typing.no_type_check": ("transparent",),
        },
    ),
    Facts(
        "Python 3.14, library reference, functools; Werkzeug 3.1, utils.py; cachetools 6",
        {
            "functools.cached_property": ("property", "cached by object", "runs once"),
            "werkzeug.utils.cached_property": ("property", "cached by object", "runs once"),
            **dict.fromkeys(
                (
                    "cachetools.cached",
                    "cachetools.func.lfu_cache",
                    "cachetools.func.lru_cache",
                    "cachetools.func.rr_cache",
                    "cachetools.func.ttl_cache",
                ),
                ("cached by arguments",),
            ),
        },
    ),
    Facts(
        "Python 3.14, library reference: what gives back, calls or looks at a function",
        {
            **dict.fromkeys(
                ("functools.lru_cache()", "functools.partial", "functools.wraps()", "typing.cast"),
                ("gives back",),
            ),
            **dict.fromkeys(
                (
                    *("functools.update_wrapper", "inspect.getcallargs", "inspect.isclass"),
                    "inspect.signature",
                ),
                ("only looks",),
            ),
            "functools.reduce": (HERE,),
            "re.compile().sub": (HERE,),
            "re.compile().subn": (HERE,),
            "re.sub": (HERE,),
            "re.subn": (HERE,),
        },
    ),
    Facts(
        "Python 3.14, library reference, abc, typing, threading: they call no methods",
        {
            "abc.ABC": ("plain class",),
            "threading.local": ("passive class", "kept by thread"),
            "typing.Generic": ("plain class",),
            "typing.Protocol": ("plain class",),
        },
    ),
    Facts(
        "Python 3.14, library reference, contextlib; pytest 9, raises.py",
        {
            "contextlib.AsyncExitStack()": ("hides errors", "exit stack"),
            "contextlib.AsyncExitStack().enter_async_context": ("enters argument",),
            "contextlib.AsyncExitStack().enter_context": ("enters argument",),
            "contextlib.ExitStack()": ("hides errors", "exit stack"),
            "contextlib.ExitStack().enter_context": ("enters argument",),
            "contextlib.suppress()": ("hides errors",),
            "pytest.raises()": ("hides errors",),
        },
    ),
    Facts(
        "Python 3.14, library reference, atexit, and click 8, decorators.py: never in a request",
        {
            "atexit.register": ("outside",),
            "click.command": ("outside",),
            "click.group": ("outside", MakesGroup("click.Group()")),
        },
    ),
    Facts(
        "injector 0.22 and singleton-decorator 1.0: one instance is made of the class",
        {
            "injector.singleton": ("one instance",),
            "singleton_decorator.singleton": ("one instance",),
        },
    ),
    Facts(
        "Python 3.14, library reference, logging",
        {
            "logging.getLogger()": ("logger",),
            **members(("logging.Logger()",), dict.fromkeys((*_LEVELS, *_OLD_LEVELS), _LOGS)),
            **members(("logging",), dict.fromkeys((*_LEVELS, *_OLD_LEVELS), _LOGS)),
            "logging.LoggerAdapter()": ("logger",),
        },
    ),
    Facts(
        "Python 3.14, library reference, sys and traceback: what shows the error that is handled",
        {
            "sys.exc_info": ("shows caught error",),
            "traceback.format_exc": ("shows caught error",),
            "traceback.print_exc": ("reports", "shows caught error"),
        },
    ),
    Facts(
        "Python 3.14, library reference, sys: what shows the error since Python 3.11",
        {"sys.exception": ("shows caught error",)},
        since=(3, 11),
    ),
    Facts(
        "Python 3.14, library reference, contextvars",
        dict.fromkeys(
            ("contextvars.Context().run", "contextvars.copy_context().run"), ("runs in context",)
        ),
    ),
    Facts(
        "Python 3.14, library reference, importlib.metadata, and its backport; setuptools 80",
        dict.fromkeys(
            (
                "importlib.metadata.distribution",
                "importlib.metadata.version",
                "importlib_metadata.distribution",
                "importlib_metadata.version",
                "pkg_resources.get_distribution",
                "pkg_resources.parse_version",
            ),
            ("tells package version",),
        ),
    ),
    Facts(
        "Python 3.14, socketserver.py; Werkzeug 3.1, serving.py; waitress 3; gevent 25",
        {
            "gevent.pywsgi.WSGIServer().serve_forever": ("serves",),
            "socketserver.BaseServer().serve_forever": ("serves",),
            "waitress.serve": ("serves",),
            "werkzeug.serving.run_simple": ("serves",),
        },
    ),
    Facts(
        "Python 3.14, library reference, pprint, traceback and warnings: they only tell people",
        dict.fromkeys(
            (
                "pprint.pprint",
                "traceback.print_exception",
                "traceback.print_last",
                "traceback.print_list",
                "traceback.print_stack",
                "traceback.print_tb",
                "warnings.warn",
                "warnings.warn_explicit",
            ),
            _REPORTS,
        ),
    ),
    Facts(
        "click 8, utils.py; loguru 0.7, _logger.py; structlog 25, _config.py; sentry-sdk 2, "
        "api.py; raven 6, base.py",
        {
            "click.echo": ("reports",),
            "click.secho": ("reports",),
            **members(("loguru.logger",), dict.fromkeys((*_LEVELS, "success", "trace"), _REPORTS)),
            "structlog.get_logger()": ("logger",),
            "sentry_sdk.capture_event": ("reports",),
            "sentry_sdk.capture_exception": ("reports",),
            "sentry_sdk.capture_message": ("reports",),
            "raven.Client().captureException": ("reports",),
            "raven.Client().captureMessage": ("reports",),
        },
    ),
)
