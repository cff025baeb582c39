"""Calls that leave something with the process: receivers, log handlers, jobs, exit functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.aliases import known_as_any
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Function, Partial, Value
from flask_ctxfix.flask_facts import (
    EVENT_DECORATORS,
    LISTING,
    LISTS_OF_FUNCTIONS,
    LOGGERS,
    SIGNAL_OBJECTS,
    spelled,
)
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.started_once import asks_what_changes, conditions
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import way_out
from flask_ctxfix.syntax import arguments_of, last_name

_PLACES = ast.Name | ast.Attribute | ast.Subscript
_CONNECTS = frozenset({"connect", "connect_via"})
_SOCKETS = "flask_socketio.SocketIO()."
_LISTENING = frozenset({"sqlalchemy.event.listen", "sqlalchemy.event.listens_for"})
_CLASSES_OF_HANDLERS = "logging.handlers"
_SCHEDULERS = "apscheduler.schedulers."
_REPEATING = frozenset({"cron", "interval"})
_ADVICE_LIST = "use `after_this_request`, or register the function once at startup"
_ADVICE_LOG = "add the handler once at startup, or remove it when the request ends"
_ADVICE_JOB = "add the job once at startup, or pass an `id` and `replace_existing=True`"
_LIST_NAMES = spelled(LISTS_OF_FUNCTIONS)
_UNDONE_BY = {
    "addHandler": frozenset({"removeHandler", "handlers"}),
    "add_job": frozenset({"remove_job", "remove_all_jobs"}),
    "append": frozenset({"clear", "pop", "remove"}),
    "connect": frozenset({"disconnect"}),
    "connect_via": frozenset({"disconnect"}),
    "do": frozenset({"cancel_job", "clear"}),
    "extend": frozenset({"clear", "pop", "remove"}),
    "insert": frozenset({"clear", "pop", "remove"}),
    "listen": frozenset({"remove"}),
    "listens_for": frozenset({"remove"}),
    "register": frozenset({"unregister"}),
}


_REGISTERING = frozenset(_UNDONE_BY.keys() - LISTING) | EVENT_DECORATORS
_REGISTERING |= {"on_event"}


class Registration(NamedTuple):
    """What `node` leaves with the process; `named` is the expression that does so."""

    node: ast.AST
    named: ast.expr
    message: str
    advice: str


def registrations_in(module: Module, project: Project) -> Iterator[Registration]:
    """Yield what the functions of a module register each time they run, and take back nowhere."""
    if module.names.isdisjoint(known_as_any(project, _REGISTERING) | _LIST_NAMES):
        return
    for node, call in _calls(module):
        name = last_name(call.func)
        found = _registration(module, project, node, call)
        if found is not None and not _is_undone(module, project, _UNDONE_BY.get(name, frozenset())):
            yield found


def is_made_here(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether an expression is a function that each call of the code around makes anew."""
    value: Value | None = ContextFlow.of(project).values.of(module, node)
    if isinstance(value, Partial):
        return True
    around = module.scopes.function_of(node)
    if around is None or not isinstance(value, Function):
        return False
    return around in value.module.scopes.ancestors(value.node)


def is_made_once(module: Module, project: Project, registration: Registration) -> bool:
    """Whether a test of what outlives the request decides if something is registered.

    It may ask for a mark that is left then, what the thing is registered with, or a function.
    """
    owner = getattr(registration.named, "value", None)
    return any(
        asks_what_changes(module, test, project, by_key=True)
        or _asks_another(module, project, test, owner)
        for test in conditions(module, registration.node)
    )


def is_tested_and_set(module: Module, node: ast.AST) -> bool:
    """Whether code runs where a test of something holds that its function sets, as a flag."""
    function = module.scopes.function_of(node)
    shared = {
        name for e in ast.walk(function or node) if isinstance(e, ast.Global) for name in e.names
    }
    places = [e for e in ast.walk(function or node) if isinstance(e, _PLACES)]
    kept = [e for e in places if not isinstance(e, ast.Name) or e.id in shared]
    written = {ast.unparse(each) for each in kept if isinstance(each.ctx, ast.Store)}
    tests = (p.test for p, c in way_out(module, node) if isinstance(p, ast.If) and c is not p.test)
    tested = (each for test in tests for each in ast.walk(test) if isinstance(each, _PLACES))
    return any(ast.unparse(each) in written for each in tested)


def _asks_another(module: Module, project: Project, test: ast.expr, owner: ast.expr | None) -> bool:
    """Whether a test asks `owner`, or a function of the project, which may know what is there."""
    values = ContextFlow.of(project).values
    asked = values.of(module, owner) if owner is not None else None
    for each in ast.walk(test):
        if isinstance(each, ast.Call) and isinstance(values.of(module, each.func), Function):
            return True
        if asked is not None and isinstance(each, ast.expr) and values.of(module, each) == asked:
            return True
    return False


def _calls(module: Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Yield the calls in functions, with the function that one decorates, which stands outside."""
    for call in module.scopes.nodes(ast.Call):
        parent = module.scopes.parents[call]
        node = parent if call in getattr(parent, "decorator_list", ()) else call
        if module.scopes.function_of(node) is not None:
            yield node, call


def _may_register(module: Module, project: Project, called: ast.expr) -> bool:
    """Whether what is called has one of the names, or is a variable of a function: any may."""
    is_variable = isinstance(called, ast.Name) and isinstance(
        module.scopes.home_of(called).node, FunctionNode
    )
    return is_variable or last_name(called) in known_as_any(project, _REGISTERING)


def _registration(
    module: Module, project: Project, node: ast.AST, call: ast.Call
) -> Registration | None:
    functions = _list_of_handlers(module, project, call.func)
    if functions is not None:
        written = module.segment(functions)
        message = f"each request adds a function to `{written}`, and all later ones run it"
        return Registration(node, call.func, message, _ADVICE_LIST)
    if not _may_register(module, project, call.func):
        return None
    name = ContextFlow.of(project).values.name_of(module, call.func)
    owner, _, method = name.rpartition(".")
    written = module.segment(call.func)
    if method in _CONNECTS and _is_signal(owner) and _stays_connected(module, project, node, call):
        message = f"`{written}` adds a receiver in each request, and none is disconnected"
        return Registration(node, call.func, message, "connect a function of the module once")
    if method == "addHandler" and owner in LOGGERS and _is_new(module, project, call):
        message = f"`{written}` adds a handler in each request, so log lines may repeat"
        return Registration(node, call.func, message, _ADVICE_LOG)
    if method == "add_job" and name.startswith(_SCHEDULERS) and _is_repeated(call):
        message = f"`{written}` adds a job in each request, and each of them runs repeatedly"
        return Registration(node, call.func, message, _ADVICE_JOB)
    if name in _LISTENING and _is_of_call(module, project, node, call):
        message = f"`{written}` adds a listener in each request, and all of them are called"
        return Registration(node, call.func, message, "add one listener at startup")
    if name.startswith(_SOCKETS) and method in EVENT_DECORATORS | {"on_event"}:
        message = f"`{written}` registers a handler in each request, for all clients"
        return Registration(node, call.func, message, "register the handler once at startup")
    if name.startswith("schedule.") and method == "do":
        message = "each request adds a job here, and each of them runs repeatedly"
        return Registration(node, call.func, message, "add the job once at startup")
    if name == "atexit.register":
        message = f"`{written}` keeps a function of each request until the process ends"
        return Registration(
            node,
            call.func,
            message,
            "register one function at startup, without values of a request",
        )
    return None


def _is_of_call(module: Module, project: Project, node: ast.AST, call: ast.Call) -> bool:
    """Whether what is registered is made anew each time: what is decorated, or an argument."""
    if node is not call:
        return True
    return any(is_made_here(module, project, each) for each in arguments_of(call))


def _is_signal(name: str) -> bool:
    is_ready = name.startswith(("flask.", "flask_")) and "()" not in name
    return name in SIGNAL_OBJECTS or (is_ready and name.rpartition(".")[2] != "current_app")


def _stays_connected(module: Module, project: Project, node: ast.AST, call: ast.Call) -> bool:
    """Whether a signal holds a receiver that is made anew by each call of the code around."""
    weak = next((each.value for each in call.keywords if each.arg == "weak"), None)
    is_weak = getattr(weak, "value", None) if weak is not None else True
    if getattr(call.func, "attr", "") == "connect_via":
        return node is not call and (weak is None or is_weak is False)
    if is_weak is not False or not call.args:
        return False
    return is_made_here(module, project, call.args[0])


def _is_new(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether what is added is an object that the code around makes."""
    if not call.args:
        return False
    added = call.args[0]
    if isinstance(added, ast.Name):
        home = module.scopes.home_of(added)
        made = [each.value for each in home.bindings.get(added.id, [])]
        return home.parent is not None and all(isinstance(each, ast.Call) for each in made)
    return isinstance(added, ast.Call)


def _is_repeated(call: ast.Call) -> bool:
    """Whether a job runs by an interval or a calendar, and is a new one each time."""
    given = {each.arg: each.value for each in call.keywords}
    trigger = call.args[1] if len(call.args) > 1 else given.get("trigger")
    is_repeating = getattr(trigger, "value", None) in _REPEATING
    return is_repeating and not given.keys() & {"id", "replace_existing", None, "end_date"}


def _list_of_handlers(module: Module, project: Project, called: ast.expr) -> ast.expr | None:
    """Return which of the lists that an application calls the functions of a call adds to."""
    if not isinstance(called, ast.Attribute) or called.attr not in LISTING:
        return None
    for each in ast.walk(called):
        if isinstance(each, ast.Attribute) and each.attr in _LIST_NAMES:
            name = ContextFlow.of(project).values.name_of(module, each)
            return each if name in LISTS_OF_FUNCTIONS else None
    return None


def _is_undone(module: Module, project: Project, names: frozenset[str]) -> bool:
    """Whether something in the module may take back what is registered.

    The handlers of a logger may be looked at; those of the package `logging.handlers` are classes.
    """
    values = ContextFlow.of(project).values
    return any(
        each.attr in names and values.name_of(module, each) != _CLASSES_OF_HANDLERS
        for each in module.scopes.nodes(ast.Attribute)
    )
