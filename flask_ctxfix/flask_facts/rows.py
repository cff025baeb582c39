"""How facts are written: one row a name, with all that it is to this tool, below its source.

`X()` is what calling X gives, an instance of a class; ``X().y`` is a member of it. What stands in
several modules has the name that its documentation uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from flask_ctxfix.records import Record

ContextKind = Literal["app", "request"]
CacheKey = Literal["arguments", "path", "nothing"]
Runner = Literal["APScheduler", "Celery", "Dramatiq", "Flask-APScheduler", "Huey", "RQ"]

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

Role = Literal[
    # What needs a context, or gives one: functions when they are called, classes when they are
    # instantiated, attributes when they are read. Each use of a proxy needs its context.
    "app proxy",
    "request proxy",
    "stands for user",
    "gives user",
    "lets users in",
    "none without request",
    "needs app",
    "needs request",
    "makes app context",
    "makes request context",
    "keeps request context",
    "same anywhere",
    "proves app context",
    "proves request context",
    "alike in app contexts",
    "notices contexts",
    "runs in context",
    "context class",
    "takes context along",
    # What holds data of a request.
    "request data",
    "request form",
    "reads body",
    "reads whole body",
    "reads form",
    "reads purely",
    "told by path",
    "told by query",
    "told when closed",
    "session writer",
    # What Flask, an extension or another library calls, as decorators unless it says otherwise.
    "entry",
    "exposes",
    "answers",
    "event handler",
    "sets up",
    "registers view",
    "gives views",
    "behind hooks",
    "list of functions",
    "before request",
    "after request",
    "error handler",
    "ending",
    "teardown",
    "app command",
    "outside",
    "transparent",
    "one instance",
    "property",
    "runs once",
    "cached by arguments",
    "cached by path",
    "cached by object",
    "cache setter",
    # Classes whose methods serve requests: those named as HTTP methods, as events, or the one.
    "resource",
    "namespace of events",
    "dispatching view",
    "view class",
    "plain class",
    "test case",
    "passive class",
    # Classes whose objects keep other attributes for each thread or context, or stand for others.
    "kept by thread",
    # Groups whose commands run in an app context.
    "gives context to commands",
    # What makes a response, and what reads the body of one.
    "makes response",
    "reads response",
    "turns away",
    "only made for responses",
    "serves",
    # What runs a function elsewhere.
    "class of run",
    "runs in executor",
    "makes task",
    "starts coroutines",
    "sends to receivers",
    "lock",
    "event",
    "waits",
    "waits for its work",
    "waits at its end",
    "signal",
    # What makes a function a job, and what hands a job over with its arguments: as they are, or as
    # a tuple and a dict.
    "job decorator",
    "job class",
    "hands over arguments",
    "hands over a tuple",
    # Methods of containers.
    "adds",
    "takes out",
    "takes out of argument",
    "changes order",
    "gives item",
    "grows",
    "method of g",
    # What functions of libraries do with what they take.
    "derives",
    "makes number",
    "gives random",
    "never returns",
    "remembers",
    "finds or fails",
    "runs query",
    "gives rows",
    "database",
    "gives back",
    "only looks",
    "reads at once",
    "reads lazily",
    "catches all",
    "attribute by name",
    "sees all names",
    "runs any code",
    "shows caught error",
    "tells package version",
    "makes manager",
    "exit stack",
    "enters argument",
    "logs",
    "logger",
    "reports",
    "hides errors",
    # What Flask has removed or changed.
    "exported",
    "starred",
    "stack of requests",
    "stack of apps",
    "lookup in request",
    "lookup in app",
    "global",
    "signal flag",
    "first request",
    "holds routes",
    "request context attribute",
    "app context attribute",
    "removed context attribute",
    "tells version",
    # Packages.
    "built on Flask",
    "without teardown",
]


class Starter(Record):
    """How a callable runs a function elsewhere.

    `position` and `keyword` say which argument is the function; its arguments are given as a tuple
    and a dict ("tuple", at `arguments` and behind it), or as the rest of the call ("rest"), or one
    by one out of an iterable ("each"). `is_fresh` says of a process that it never is a fork.
    """

    kind: Literal["thread", "timer", "pool", "greenlet", "delayed", "process", "job"]
    noun: str
    position: int
    keyword: str
    passing: Literal["tuple", "rest", "each"]
    arguments: int = 0
    is_fresh: bool = False


class TakesContext(Record):
    """A method that takes a context first since Flask 3.2: how many arguments it took before."""

    arguments: int


class KeepsOnG(Record):
    """A package that uses names on `g` for itself."""

    names: tuple[str, ...]


class Owns(Record):
    """A class whose objects have these attributes from the library itself."""

    names: frozenset[str]


class ToldBy(Record):
    """What needs a request only for what its call leaves out: one argument of each group tells."""

    groups: tuple[frozenset[str], ...]


class Integrates(Record):
    """A package that gives jobs of a runner a context, or replaces what runs them."""

    runner: Runner


class Says(Record):
    """A constant, and its text."""

    text: str


class Calls(Record):
    """How a library calls what it is given, or what it decorates; `why` says why it is unknown."""

    kind: EntryKind
    context: EntryContext
    why: str = ""


class CallsHeld(Record):
    """An attribute of something whose functions are called so."""

    how: Calls


class CallsMethods(Record):
    """A class that has methods of these names called, of what inherits from it."""

    names: frozenset[str]
    how: Calls


class MakesGroup(Record):
    """A decorator that makes a group of commands of a function: what these are decorated with."""

    group: str


VIEW = Calls("view", "request")
HOOK = Calls("hook", "request")
HANDLER = Calls("error handler", "request")
TEMPLATE = Calls("template", "unknown", "run by templates, wherever they are rendered")
HERE = Calls("callback", "caller")

Roles = tuple[
    Role
    | Starter
    | TakesContext
    | KeepsOnG
    | Owns
    | ToldBy
    | Integrates
    | Says
    | Calls
    | CallsHeld
    | CallsMethods
    | MakesGroup,
    ...,
]
Version = tuple[int, int]


class Facts(Record):
    """Rows that rest on one source.

    `since` and `until` are versions of the package that the names are of: the first that has them,
    and the first that has not.
    """

    source: str
    rows: Mapping[str, Roles]
    since: Version | None = None
    until: Version | None = None


def members(owners: tuple[str, ...], rows: Mapping[str, Roles]) -> dict[str, Roles]:
    """Return rows for what each of several owners has under the same names."""
    return {f"{owner}.{name}": roles for owner in owners for name, roles in rows.items()}
