"""What functions of Python, and of libraries that people use with it, do with what they take."""

from __future__ import annotations

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
