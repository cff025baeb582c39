"""What Flask and the libraries around it call, and with which context.

A function is an entry by its decorators, as a method of its class, or since it is given to what
registers or starts it. The rows are in `flask_facts`; this finds the one that code means.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from flask_ctxfix.applications import imported_packages
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Value
from flask_ctxfix.flask_facts import (
    APP_DECORATORS,
    CALLED_METHODS,
    CALLING,
    CARRIERS,
    ENDING_DECORATORS,
    ENTRY_BASES,
    ENTRY_DECORATORS,
    EXPOSING_DECORATORS,
    GROUPS,
    GROUPS_WITH_CONTEXT,
    JOB_BASES,
    JOB_DECORATORS,
    LISTS,
    OUTSIDE_DECORATORS,
    PASSIVE_BASES,
    STARTED_CLASSES,
    STARTERS,
    Calls,
)
from flask_ctxfix.flask_facts.rows import HANDLER, HOOK, VIEW, EntryKind
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import without_call


class Where(Enum):
    """Where code certainly runs."""

    REQUEST = "inside a request"
    APP = "inside an app context"
    ENDING = "whenever a context ends"
    OUTSIDE = "outside of a request"
    UNKNOWN = "unknown"

    @property
    def is_inside(self) -> bool:
        """Whether there certainly is an application."""
        return self in (Where.REQUEST, Where.APP)


class Entry(NamedTuple):
    """How something else than the project comes to call a function.

    `where` is None where it is called as if by the code that gives it, at once or with the context
    that it had. `reason` says why it is unknown.
    """

    kind: EntryKind
    where: Where | None
    reason: str = ""
    sender: ast.expr | None = None

    @property
    def gives_data(self) -> bool:
        """Whether the arguments that it gives are data of a request."""
        return self.kind in _GIVEN_DATA


_GIVEN_DATA = frozenset({"loader", "socket event", "view"})
_WHERE = {
    "request": Where.REQUEST,
    "app": Where.APP,
    "ending": Where.ENDING,
    "outside": Where.OUTSIDE,
    "caller": None,
    "signal": Where.UNKNOWN,
    "unknown": Where.UNKNOWN,
}
_BY_METHOD: dict[str, Calls] = {
    **dict.fromkeys(("route", "get", "post", "put", "patch", "delete", "expose"), VIEW),
    **dict.fromkeys(("errorhandler", "app_errorhandler"), HANDLER),
    **dict.fromkeys(("event", "on"), Calls("socket event", "request")),
    **dict.fromkeys(
        (
            *("request_loader", "unauthorized_handler", "user_loader", "user_lookup_loader"),
            *("verify_password", "verify_token"),
        ),
        Calls("loader", "request"),
    ),
}
_COMMAND = Calls("command", "outside")
_MIGRATION_IN_APP = Calls("command", "app")
_MIGRATION = Calls("command", "unknown", "run by Alembic, in any context")


def _kept_as(names: frozenset[str], fact: Calls) -> dict[str, Calls]:
    """Return the rows of decorators, by what the last part of each says."""
    return {name: _BY_METHOD.get(name.rpartition(".")[2], fact) for name in names}


# How what is registered is spelled, where nothing tells what it is registered with.
_BY_NAME: dict[str, Calls] = {
    **dict.fromkeys(("add_url_rule", "route"), VIEW),
    **dict.fromkeys(("after_request", "before_app_request", "before_request"), HOOK),
    **dict.fromkeys(("app_errorhandler", "errorhandler", "register_error_handler"), HANDLER),
    **dict.fromkeys(
        ("teardown_appcontext", "teardown_app_request", "teardown_request"),
        Calls("teardown", "ending"),
    ),
    **dict.fromkeys(("add_done_callback", "call_on_close"), Calls("callback", "outside")),
    **dict.fromkeys(("record", "record_once"), Calls("set-up", "outside")),
}

_FACTS: dict[str, Calls] = {
    **_kept_as(ENTRY_DECORATORS | EXPOSING_DECORATORS, HOOK),
    **dict.fromkeys(OUTSIDE_DECORATORS, _COMMAND),
    **dict.fromkeys(JOB_DECORATORS, Calls("job", "outside")),
    "atexit.register": Calls("exit", "outside"),
    **dict.fromkeys(ENDING_DECORATORS, Calls("teardown", "ending")),
    **dict.fromkeys(APP_DECORATORS, Calls("command", "app")),
    **CALLING,
}
_GIVEN: dict[str, Calls] = {
    **_FACTS,
    **dict.fromkeys(STARTERS, Calls("thread", "outside")),
    **dict.fromkeys(CARRIERS, Calls("thread", "caller")),
}
_STARTED = {**STARTED_CLASSES, **JOB_BASES}
# Frameworks whose applications also have a `route`.
_FRAMEWORKS = {"aiohttp", "bottle", "fastapi", "quart", "sanic", "starlette"}
# Called wherever what registers it stands, whatever that is a method of.
_ALWAYS_BY_NAME = frozenset({"add_done_callback", "call_on_close", "record", "record_once"})
_AS_ARGUMENT = frozenset(
    {"add_url_rule", "after_request", "before_app_request", "before_request"}
    | {"register_error_handler", "teardown_appcontext", "teardown_app_request", "teardown_request"}
)

# The last names of what registers functions that are given data of a request.
GIVING_DATA = frozenset(
    name.rpartition(".")[2]
    for name, fact in (*_GIVEN.items(), *_BY_NAME.items())
    if fact.kind in _GIVEN_DATA
)


class Entries:
    """Tells what libraries call in a project."""

    def __init__(self, project: Project, values: Values) -> None:
        self._project = project
        self._values = values

    def of(self, module: Module, function: FunctionNode) -> list[Entry]:
        """Return how a function is called by its decorators or as a method of its class."""
        return module.memo(("entries", function), lambda: self._of(module, function))

    def _of(self, module: Module, function: FunctionNode) -> list[Entry]:
        decorators = getattr(function, "decorator_list", ())
        found = [entry for each in decorators if (entry := self.by_decorator(module, each))]
        owner = module.scopes.parents.get(function)
        if not found and isinstance(owner, ast.Module):
            return self._by_module(module, getattr(function, "name", ""))
        if not found and isinstance(owner, ast.ClassDef):
            entry = self._by_class(Class(module, owner), getattr(function, "name", ""))
            return [] if entry is None else [entry]
        return found

    def by_decorator(self, module: Module, decorator: ast.expr) -> Entry | None:
        """Return how what is decorated so is called, if the decorator tells."""
        called = without_call(decorator)
        value = self._values.of(module, called)
        name = _name_in(self._names_of(value) or self._of_group(module, called), _FACTS)
        attribute = getattr(called, "attr", "")
        if name:
            fact = _FACTS[name]
            if name in APP_DECORATORS and _opens_no_context(decorator):
                return Entry(fact.kind, Where.UNKNOWN, "a command that may open no context")
            return _entry(fact, called)
        if attribute in _ALWAYS_BY_NAME or value is None:
            fact = _BY_NAME.get(attribute)  # type: ignore[assignment]
            return None if fact is None else _entry(fact, called)
        return None

    def is_doubtful(self, module: Module, function: FunctionNode) -> bool:
        """Whether a function may be the view of another framework, by how it is registered."""
        if imported_packages(module).isdisjoint(_FRAMEWORKS):
            return False
        called = [without_call(each) for each in getattr(function, "decorator_list", ())]
        return any(
            getattr(each, "attr", "") in _BY_NAME and self._values.of(module, each) is None
            for each in called
        )

    def given(self, module: Module, call: ast.Call) -> Entry | None:
        """Return how a call has what it is given called: as an entry, elsewhere, or at once."""
        if isinstance(call.func, ast.Call):
            return self.by_decorator(module, call.func)
        value = self._values.of(module, call.func)
        name = _name_in(self._names_of(value), _GIVEN)
        if name:
            return _entry(_GIVEN[name], call.func)
        attribute = getattr(call.func, "attr", "")
        is_named = attribute in _AS_ARGUMENT and (
            value is None or (isinstance(value, Foreign) and attribute in _NAMED_OF_ANY)
        )
        if attribute in _ALWAYS_BY_NAME or is_named:
            return _entry(_BY_NAME[attribute], call.func)
        return None

    def kept_in(self, value: Value | None) -> Entry | None:
        """Return how the functions are called that an attribute of an application holds."""
        name = _name_in(self._names_of(value), LISTS)
        return _entry(LISTS[name]) if name else None

    def may_be_called_unseen(self, owner: Class) -> bool:
        """Whether a class from elsewhere, or one that is not known, may call methods of a class."""
        classes = (owner, *(e for e in self._values.bases(owner) if isinstance(e, Class)))
        bases = (self._values.of(e.module, base) for e in classes for base in e.node.bases)
        return not all(
            isinstance(base, Class) or (isinstance(base, Foreign) and _calls_nothing(base.name))
            for base in bases
        )

    def _by_class(self, owner: Class, name: str) -> Entry | None:
        for base in self._values.bases(owner):
            if not isinstance(base, Foreign):
                continue
            if base.name in ENTRY_BASES:
                methods = ENTRY_BASES[base.name]
                if name in methods if methods is not None else name.startswith("on_"):
                    return _entry(VIEW if methods is not None else _BY_METHOD["event"])
            methods, fact = CALLED_METHODS.get(base.name, _NOTHING)
            if name in methods:
                return _entry(fact)
            if name == "run" and base.name in _STARTED:
                return _entry(Calls("thread", "outside"))
        return None

    def _by_module(self, module: Module, name: str) -> list[Entry]:
        """Return how the functions of a migration are called: in the context that its runner has.

        The runner executes `env.py` first, which fails without a context if it uses one.
        """
        if name not in {"downgrade", "upgrade"} or not self._project.is_migration(module.path):
            return []
        environments = self._project.memo("environments of migrations", self._environments)
        for folder in Path(module.path).resolve().parents:
            if folder in environments:
                return [_entry(environments[folder])]
        return [_entry(_MIGRATION)]

    def _environments(self) -> dict[Path, Calls]:
        """Return how migrations are called, by the folder of the `env.py` of their runner."""
        found = {}
        for path in self._project.paths:
            if Path(path).name == "env.py" and self._project.is_migration(path):
                module = self._project.module(path)
                uses = module.scopes.names.get("current_app", ())
                is_used = Foreign("flask.current_app") in (self._values.of(module, e) for e in uses)
                found[Path(path).resolve().parent] = _MIGRATION_IN_APP if is_used else _MIGRATION
        return found

    def _names_of(self, value: Value | None) -> list[str]:
        """Return the names that something has outside of the project, or of what it overrides."""
        if isinstance(value, Foreign):
            return [value.name]
        if not isinstance(value, Function):
            return []
        owner = value.module.scopes.parents.get(value.node)
        if not isinstance(owner, ast.ClassDef):
            return []
        bases = self._values.bases(Class(value.module, owner))
        return [f"{each.name}().{value.name}" for each in bases if isinstance(each, Foreign)]

    def _of_group(self, module: Module, called: ast.expr) -> list[str]:
        """Return the name of a decorator of commands of a group that is a function itself."""
        if not isinstance(called, ast.Attribute):
            return []
        if called.attr not in {"command", "group", "result_callback"}:
            return []
        return [f"{group}.{called.attr}" for group in self._groups(module, called.value, ())]

    def _groups(self, module: Module, node: ast.expr, seen: tuple[ast.AST, ...]) -> Iterator[str]:
        for owner, binding in self._project.bindings(module, node):
            for decorator in getattr(binding.node, "decorator_list", ()):
                called = without_call(decorator)
                names = self._names_of(self._values.of(owner, called))
                if not names and isinstance(called, ast.Attribute) and binding.node not in seen:
                    outer = self._groups(owner, called.value, (*seen, binding.node))
                    names = [f"{each}.{called.attr}" for each in outer]
                for name in names:
                    if name in GROUPS:
                        yield self._class_of_group(owner, decorator) or GROUPS[name]

    def _class_of_group(self, module: Module, decorator: ast.expr) -> str | None:
        """Return which group a decorator makes that is given a class; "" if nobody knows."""
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "cls":
                value = self._values.of(module, keyword.value)
                classes = [value]
                if isinstance(value, Class):
                    classes += self._values.bases(value)
                names = {each.name for each in classes if isinstance(each, Foreign)}
                return "click.Group()" if names.isdisjoint(GROUPS_WITH_CONTEXT) else _APP_GROUP
        return None


_APP_GROUP = "flask.cli.AppGroup()"
_NOTHING: tuple[frozenset[str], Calls] = (frozenset(), _COMMAND)
_PASSIVE_PACKAGES = ("abc.", "builtins.", "enum.", "typing.")
_NAMED_OF_ANY = frozenset({"add_url_rule", "register_error_handler"})


def _entry(fact: Calls, called: ast.expr | None = None) -> Entry:
    sender = None
    if fact.context == "signal" and isinstance(called, ast.Attribute):
        sender = called.value
    return Entry(fact.kind, _WHERE[fact.context], fact.why, sender)


def _name_in(names: list[str], facts: dict[str, object] | dict[str, Calls]) -> str:
    return next((each for each in names if each in facts), "")


def _calls_nothing(name: str) -> bool:
    """Whether a class from elsewhere calls no methods but what is known here."""
    return name in PASSIVE_BASES or name in ENTRY_BASES or name.startswith(_PASSIVE_PACKAGES)


def _opens_no_context(decorator: ast.expr) -> bool:
    """Whether a command is registered with another ``with_appcontext`` than True."""
    given = decorator.keywords if isinstance(decorator, ast.Call) else []
    return any(
        each.arg in (None, "with_appcontext")
        and not (isinstance(each.value, ast.Constant) and each.value.value is True)
        for each in given
    )
