"""What there is to know of Flask, its extensions and the libraries that call back, as data.

The rows stand in the other modules of this package: one a name, with its roles and its source. What
code asks of them is made here, once, when the package is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from flask_ctxfix.flask_facts import called, extensions, flask, jobs, python, removed, threads
from flask_ctxfix.flask_facts.flask import APPLICATIONS as APPLICATIONS
from flask_ctxfix.flask_facts.names import is_well_known as is_well_known
from flask_ctxfix.flask_facts.names import spelled as spelled
from flask_ctxfix.flask_facts.names import without_private_modules, without_vendor
from flask_ctxfix.flask_facts.removed import PRESERVE_ENVIRON_KEY as PRESERVE_ENVIRON_KEY
from flask_ctxfix.flask_facts.removed import PRESERVE_PROPERTY as PRESERVE_PROPERTY
from flask_ctxfix.flask_facts.removed import PRESERVE_SETTING as PRESERVE_SETTING
from flask_ctxfix.flask_facts.rows import CacheKey as CacheKey
from flask_ctxfix.flask_facts.rows import Calls as Calls
from flask_ctxfix.flask_facts.rows import (
    CallsHeld,
    CallsMethods,
    Facts,
    Integrates,
    KeepsOnG,
    MakesGroup,
    Owns,
    Role,
    Roles,
    Says,
    TakesContext,
    ToldBy,
)
from flask_ctxfix.flask_facts.rows import ContextKind as ContextKind
from flask_ctxfix.flask_facts.rows import Runner as Runner
from flask_ctxfix.flask_facts.rows import Starter as Starter

FACTS: tuple[Facts, ...] = (
    *flask.ROWS,
    *removed.ROWS,
    *extensions.ROWS,
    *called.ROWS,
    *threads.ROWS,
    *jobs.ROWS,
    *python.ROWS,
)


def rows() -> Iterator[tuple[str, Roles]]:
    """Yield every name that is known here with its roles."""
    for facts in FACTS:
        yield from facts.rows.items()


_BY_ROLE: dict[object, list[str]] = {}
_DETAILED: list[tuple[str, object]] = []
for _name, _roles in rows():
    for _role in _roles:
        if isinstance(_role, str):
            _BY_ROLE.setdefault(_role, []).append(_name)
        else:
            _DETAILED.append((_name, _role))


def named(*roles: Role) -> frozenset[str]:
    """Return the qualified names that have one of the roles."""
    return frozenset().union(*[_BY_ROLE[role] for role in roles])


def methods(*roles: Role) -> frozenset[str]:
    """Return what code spells that uses something with one of the roles."""
    return spelled(named(*roles))


def through_proxy(names: frozenset[str]) -> frozenset[str]:
    """Return names, those of the application also as code has them from ``current_app``."""
    return names | {
        f"flask.current_app.{name[len('flask.Flask().') :]}"
        for name in names
        if name.startswith("flask.Flask().")
    }


def _of_proxy(facts: dict[str, Calls]) -> dict[str, Calls]:
    """Return facts, those of the application also as code has them from ``current_app``."""
    owner = "flask.Flask()."
    return facts | {
        f"flask.current_app.{name[len(owner) :]}": how
        for name, how in facts.items()
        if name.startswith(owner)
    }


def _kinds(app: Role, request: Role) -> dict[str, ContextKind]:
    kinds: dict[str, ContextKind] = dict.fromkeys(named(app), "app")
    kinds.update(dict.fromkeys(named(request), "request"))
    return kinds


def _spelled_kinds(app: Role, request: Role) -> dict[str, ContextKind]:
    return {name.rpartition(".")[2]: kind for name, kind in _kinds(app, request).items()}


def _runner(name: str) -> Runner:
    return jobs.RUNNERS[name.partition(".")[0]]


# What needs a context, and what gives one.
PROXIES = _kinds("app proxy", "request proxy")
NEEDS = _kinds("needs app", "needs request")
# Those that need only the application if their call has an argument of each of these groups.
TOLD_BY = {name: e.groups for name, e in _DETAILED if isinstance(e, ToldBy)}
# Those whose values are of a request, or kept for one, and those that stand for its user; Flask's
# own, as code spells them.
REQUEST_PROXIES = PROXIES.keys() - {"flask.current_app"}
USERS = named("stands for user")
USER_GETTERS = named("gives user")
# Decorators of what only users may see.
LETTING_IN = named("lets users in")
NONE_WITHOUT_REQUEST = named("none without request")
FLASK_PROXIES = spelled(name for name in PROXIES if name.startswith("flask."))
REQUEST_CONTEXT_MAKERS = methods("makes request context")
CONTEXT_MAKERS = methods("makes app context", "makes request context")
# Those that make one, or keep that of what they ask for, by the context; and those that tell
# whether there is one.
CONTEXTS_BY_METHOD = {
    **_spelled_kinds("makes app context", "makes request context"),
    **dict.fromkeys(methods("keeps request context"), "request"),
}
CONTEXT_PROBES = _kinds("proves app context", "proves request context")
# What is the same, or does the same, in each app context of an application; what notices that a
# context comes or goes, beside functions for teardown, or is asked for each URL.
ALIKE_IN_APP_CONTEXTS = through_proxy(named("alike in app contexts"))
NOTICING_CONTEXTS = methods("notices contexts")
CLASSES = methods("context class")
# What runs a function elsewhere and takes the context along.
CARRIERS = named("takes context along")
# What runs a function in a context of Python, here and now.
RUNNING_IN_CONTEXT = named("runs in context")

# Attributes of the request: those whose reading has no effect and does not fail, and those that
# read its body.
PURE_READS = methods("reads purely")
BODY_READS = methods("reads body")
WHOLE_BODY_READS = methods("reads whole body")
FORM_READS = methods("reads form")
# Those that a path tells, and those that it tells with the query; what a file tells once it is
# closed.
TOLD_BY_PATH = methods("told by path")
TOLD_BY_QUERY = methods("told by query")
TOLD_WHEN_CLOSED = methods("told when closed")
# Attributes of an application that are the same wherever they are read.
SAME_ANYWHERE = methods("same anywhere")
# Functions of extensions that return data of the request; forms that fill themselves with it.
REQUEST_GETTERS = named("request data")
FORM_BASES = named("request form")
# What writes to the session, or takes something out of it.
SESSION_WRITERS = named("session writer")
# Names on `g` that extensions use for themselves, by package.
KEPT_ON_G = {name: frozenset(e.names) for name, e in _DETAILED if isinstance(e, KeepsOnG)}
# Attributes that every application has by itself.
NAMES_OF_APPLICATION = frozenset[str]().union(
    *(e.names for _, e in _DETAILED if isinstance(e, Owns))
)

# Decorators of what Flask, or an extension, calls while it serves a request; of what runs whenever
# a context begins or ends, a copy or one of a thread too; of what runs in an app context, or in no
# context at all, and never in a request.
ENTRY_DECORATORS = named("entry")
ENDING_DECORATORS = named("ending")
EXPOSING_DECORATORS = named("exposes")
APP_DECORATORS = named("app command")
OUTSIDE_DECORATORS = named("outside")
# How what they are given, or decorate, is called; how the functions are that attributes hold, and
# which methods of classes, by what these inherit from; what decorates the commands of a group.
CALLING = _of_proxy({name: e for name, e in _DETAILED if isinstance(e, Calls)})
LISTS = _of_proxy({name: e.how for name, e in _DETAILED if isinstance(e, CallsHeld)})
CALLED_METHODS = {name: (e.names, e.how) for name, e in _DETAILED if isinstance(e, CallsMethods)}
GROUPS = {name: e.group for name, e in _DETAILED if isinstance(e, MakesGroup)}
GROUPS_WITH_CONTEXT = named("gives context to commands")
# What gives back what it is given, or something that calls it; what only looks at that.
HOLDING = named("gives back")
LOOKING = named("only looks")
# Those whose functions give what Flask makes a response of, and classes whose methods do.
VIEW_DECORATORS = named("answers")
VIEW_BASES = named("view class")
# Methods that set an application or a blueprint up, as code spells them: all but those that are
# named as HTTP methods are, or `route`; those that register a view; those that only what answers
# requests has a use for; those whose functions run when the hooks before a request have run.
SETTING_UP = methods("sets up")
VIEW_REGISTRATIONS = methods("registers view")
GIVING_VIEWS = methods("gives views")
BEHIND_HOOKS = methods("behind hooks")
# What registers handlers of events, which make no response.
EVENT_DECORATORS = methods("event handler")
# Attributes that hold functions which Flask calls.
LISTS_OF_FUNCTIONS = through_proxy(named("list of functions"))
# Those of hooks and of handlers of errors.
BEFORE_REQUEST = methods("before request")
AFTER_REQUEST = methods("after request")
ERROR_HANDLERS = named("error handler")
# What registers a function for the end of each context.
TEARDOWNS = methods("teardown")
# Those that run the function as it is, in the context of the caller.
TRANSPARENT_DECORATORS = named("transparent", "entry", "exposes")
# Those that make a property; those whose function runs once for all, or for what it is given; those
# that keep what it returns, and by what.
PROPERTIES = named("property")
ONCE_DECORATORS = named("runs once")
CACHES: dict[str, CacheKey] = {
    **dict.fromkeys(named("cached by arguments"), "arguments"),
    **dict.fromkeys(named("cached by path"), "path"),
    **dict.fromkeys(named("cached by object"), "nothing"),
}
# What keeps a value in a cache: its arguments are a key and the value.
CACHE_SETTERS = named("cache setter")
# Decorators of other packages that have one instance made of a class.
SINGLETON_DECORATORS = named("one instance")

_HTTP_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})
# Classes whose methods of these names serve requests; None stands for every `on_…`.
ENTRY_BASES: dict[str, frozenset[str] | None] = {
    **dict.fromkeys(named("resource"), _HTTP_METHODS),
    **dict.fromkeys(named("dispatching view"), frozenset({"dispatch_request"})),
    **dict.fromkeys(named("namespace of events")),
}
# Classes that call no methods of those that inherit from them.
PLAIN_BASES = named("plain class")
# Those that call no others than Python itself does.
PASSIVE_BASES = named("passive class")
# Classes whose objects have other attributes in each thread or context.
KEPT_BY_THREAD = named("kept by thread")
# Methods of views whose result Flask makes a response of.
VIEW_METHODS = _HTTP_METHODS - {"head", "options"} | {"dispatch_request"}

# What makes a response of its first argument, `response`, and reads it after the request; methods
# and attributes that read a response's body, or let it be read, in the request.
RESPONSE_MAKERS = through_proxy(named("makes response"))
BODY_CONSUMERS = methods("reads response")
# Functions that make a response, or what becomes one, and have no other use; what runs a server.
ANSWERING = named("only made for responses")
SERVING = methods("serves")

# Whatever runs a function where the context of the caller is not.
STARTERS = {name: e for name, e in _DETAILED if isinstance(e, Starter) and e.kind != "job"}
# Classes of what runs its method `run` elsewhere.
STARTED_CLASSES = {name: STARTERS[name] for name in named("class of run")}
# Calls of asyncio that run a function in a thread, and those that make a task of a coroutine.
EXECUTOR_CALLS = named("runs in executor")
TASK_MAKERS = named("makes task")
# Those that start the coroutines which they are given, and wait for them where that is awaited.
COROUTINE_STARTERS = named("starts coroutines")
# Methods of signals that take a sender first.
SENDING = methods("sends to receivers")
# What makes a signal, by which code sends to receivers.
SIGNAL_OBJECTS = named("signal")
# What makes an object that lets one in at a time, or a few, and what makes a flag of the process.
LOCKS = named("lock")
FLAGS = LOCKS | named("event")

# Decorators of what a runner calls in its worker, and classes whose `run` is a job.
JOB_DECORATORS = {name: _runner(name) for name in named("job decorator")}
JOB_BASES = {name: _runner(name) for name in named("job class")}
# Calls that hand a function, or the name of one, to a runner.
JOB_STARTERS = {
    name: (_runner(name), e) for name, e in _DETAILED if isinstance(e, Starter) and e.kind == "job"
}
# Methods of a job that hand it to its runner, and how they take its arguments; an empty name stands
# for the call of the job itself.
JOB_METHODS: dict[Runner, dict[str, Literal["tuple", "rest"]]] = {}
for _name in _BY_ROLE["hands over arguments"]:
    _method = _name.rpartition(".")[2]
    JOB_METHODS.setdefault(_runner(_name), {})["" if _method == "__call__" else _method] = "rest"
for _name in _BY_ROLE["hands over a tuple"]:
    JOB_METHODS.setdefault(_runner(_name), {})[_name.rpartition(".")[2]] = "tuple"
# What a job of a runner is called.
JOB_NOUNS = jobs.JOB_NOUNS
# Packages that give jobs a context, or replace what runs them.
JOB_INTEGRATIONS: dict[Runner, frozenset[str]] = dict.fromkeys(jobs.RUNNERS.values(), frozenset())
for _name, _detail in _DETAILED:
    if isinstance(_detail, Integrates):
        JOB_INTEGRATIONS[_detail.runner] |= {_name}

# Methods of containers: those that put something in, that take something out, that change them in
# any way, and that give an item by its key. Methods of lists that put something in.
ADDING = methods("adds")
TAKING = methods("takes out")
TAKING_OUT = named("takes out of argument")
CHANGING = ADDING | TAKING | methods("changes order")
ITEM_READERS = methods("gives item")
# Those that may hold ever more.
GROWING = named("grows")
# Methods of objects that keep what they are told, and answer later calls by it.
REMEMBERING = named("remembers")
LISTING = spelled(name for name in named("adds") if name.startswith("builtins.list()."))

# Classes of tests.
TEST_CASES = named("test case")
# What sends a visitor elsewhere, or an error.
TURNING_AWAY = methods("turns away")
# What raises, whatever it is given; methods that give a row of a database, or raise.
NEVER_RETURNING = named("never returns")
FINDING = methods("finds or fails")
# What stands for a database; methods of cursors that run a query, and that give the rows of it.
DATABASES = tuple(sorted(named("database")))
QUERYING = methods("runs query")
ROWS_GIVING = methods("gives rows")

# Methods of `g` that are given the name of an attribute.
METHODS_OF_G = methods("method of g")
# Functions that use up what they are given, at once.
READING_AT_ONCE = named("reads at once")
CONSUMING = spelled(READING_AT_ONCE)

# Methods and functions that wait until what was started has run; and those of them that have their
# name for themselves, while dictionaries have a `get`, and loggers an `exception`.
WAITING = methods("waits")
ONLY_WAITING = WAITING - ITEM_READERS - methods("logs")
# What starts work and returns when that has run; and pools whose block ends only then. The pools of
# multiprocessing are terminated at the end of theirs: what they run by then goes on.
WAITING_STARTERS = named("waits for its work")
WAITING_POOLS = named("waits at its end")

# Functions whose result is their argument in another form; what reads its arguments one by one, as
# it is read itself.
DERIVING_CALLS = named("derives")
MAKING_NUMBERS = named("makes number")
RANDOM = named("gives random")
GIVING_NOTHING = named("only looks", "logs", "reports") - DERIVING_CALLS
LAZY_WRAPPERS = named("reads lazily")
# Functions that are given the name of an attribute, and those that see all names of their caller.
ATTRIBUTE_FUNCTIONS = methods("attribute by name")
SEEING_NAMES = methods("sees all names")
# Functions that run any code, and those that may show the error which is handled.
RUNNING_ANY_CODE = named("runs any code")
SHOWING_ERRORS = named("shows caught error", "sees all names")
# Functions that are given the name of a package, and tell its version.
VERSION_TELLERS = named("tells package version")
# What makes a manager of a function; objects that managers are entered into, and their methods for
# that.
MANAGER_DECORATORS = named("makes manager")
EXIT_STACKS = named("exit stack")
ENTERING = methods("enters argument")
# Classes of errors that every error is of.
EVERY_ERROR = named("catches all")
BROAD_ERRORS = spelled(EVERY_ERROR)
# Methods of loggers, and what they are called on; functions that only tell people what happened.
LOG_METHODS = methods("logs")
LOGGERS = through_proxy(named("logger"))
_LOGS = named("logs")
_REPORTS = named("reports")
# Managers behind whose block code goes on although it has raised.
HIDING_MANAGERS = named("hides errors")

# Packages whose users may write for Flask without naming it, since they hand on what is Flask's,
# and extensions that do nothing when an app context ends.
BUILT_ON_FLASK = named("built on Flask")
WITHOUT_TEARDOWN = named("without teardown")

# What Flask has removed or changed, as code spells it.
REMOVED_STACKS = _spelled_kinds("stack of apps", "stack of requests")
STACK_TOPS = {f"{n}.top": kind for n, kind in _kinds("stack of apps", "stack of requests").items()}
LOOKUPS = _spelled_kinds("lookup in app", "lookup in request")
ERROR_MESSAGES = {n.rpartition(".")[2]: e.text for n, e in _DETAILED if isinstance(e, Says)}
GLOBALS = methods("global")
SIGNALS = methods("signal flag")
# What ran functions before the first request, and told whether it had come; what took them.
FIRST_REQUEST = methods("first request")
FIRST_REQUEST_HOOKS = spelled(named("first request") & ONCE_DECORATORS)
# What tells the routes of an application, or leads to its blueprints.
ROUTES = methods("holds routes")
REQUEST_CONTEXT_ATTRIBUTES = methods("request context attribute")
APP_CONTEXT_ATTRIBUTES = methods("app context attribute")
CONTEXT_ATTRIBUTES = {"request": REQUEST_CONTEXT_ATTRIBUTES, "app": APP_CONTEXT_ATTRIBUTES}
REMOVED_CONTEXT_ATTRIBUTES = methods("removed context attribute")
# Methods that take a context first since Flask 3.2, with how many arguments they took before.
DISPATCH_METHODS = {
    n.rpartition(".")[2]: e.arguments for n, e in _DETAILED if isinstance(e, TakesContext)
}
# Names whose presence tells which Flask is there; code asks for them with hasattr().
TELLING = methods("tells version")

# What `import *` gives of Flask's modules.
_STARRED = {"flask": methods("exported"), "flask.globals": methods("starred")}
# Names of Flask's own modules that are known by themselves, whichever module they are taken from.
_KNOWN = (
    *(_STARRED["flask"], GLOBALS, CLASSES, SIGNALS),
    *(REMOVED_STACKS, LOOKUPS, ERROR_MESSAGES, {"_find_app"}),
)
_KNOWN_NAMES = frozenset().union(*_KNOWN)
_MODULES = frozenset(
    {
        *("app", "blueprints", "cli", "ctx", "globals", "helpers", "json", "sansio", "sessions"),
        *("signals", "templating", "testing", "views", "wrappers"),
    }
)
# Names whose packages have private modules, from which code may also take them.
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
    part
    for name in _PUBLIC
    for head, call, _ in [name.partition("()")]
    for part in (head, head if call else head.rpartition(".")[0])
)


def name_of(origin: str) -> str | None:
    """Return the name that a qualified name of Flask's own modules ends in, if it is known here."""
    package, *modules = origin.split(".")
    name = modules.pop() if modules else ""
    known = package == "flask" and name in _KNOWN_NAMES and _MODULES.issuperset(modules)
    return name if known else None


def canonical_name(origin: str) -> str:
    """Return the one name that is used here for what has several qualified names."""
    origin = without_vendor(origin)
    name = name_of(origin)
    return f"flask.{name}" if name is not None else without_private_modules(origin, _PUBLIC_HEADS)


def is_exported(module: str, name: str) -> bool:
    """Whether ``from <module> import *`` gives Flask's `name`."""
    return name in _STARRED.get(module, frozenset())


def is_transparent(decorator: str) -> bool:
    """Whether a decorator runs its function as it is, in the context of the caller."""
    return decorator in TRANSPARENT_DECORATORS


def is_log(name: str) -> bool:
    """Whether a function writes a log."""
    owner, _, method = name.rpartition(".")
    return name in _LOGS or (owner in LOGGERS and method in LOG_METHODS)


def is_report(name: str) -> bool:
    """Whether a function only tells people what has happened."""
    return name in _REPORTS or is_log(name)
