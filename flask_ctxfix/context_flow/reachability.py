"""Where a piece of code runs: in a request, in an app context, outside of both, or nobody knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from flask_ctxfix.applications import imported_packages, makes_application
from flask_ctxfix.codemod import Definition, Step
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance
from flask_ctxfix.flask_facts import (
    APP_DECORATORS,
    CARRIERS,
    ENDING_DECORATORS,
    ENTRY_BASES,
    ENTRY_DECORATORS,
    EXPOSING_DECORATORS,
    JOB_DECORATORS,
    OUTSIDE_DECORATORS,
    STARTERS,
)
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import definition_of, entry_step, name_of, step_at
from flask_ctxfix.syntax import last_name, without_call

_NAMED_ENTRIES = {
    "after_request",
    "app_errorhandler",
    "before_app_request",
    "before_request",
    "errorhandler",
    "route",
}
_NAMED_ENDINGS = {"teardown_appcontext", "teardown_app_request", "teardown_request"}
_NAMED_OUTSIDE = {"add_done_callback", "call_on_close", "record", "record_once"}
# Frameworks whose applications also have a `route`.
_FRAMEWORKS = {"aiohttp", "bottle", "fastapi", "quart", "sanic", "starlette"}
# Decorators that also let something else than Flask call the function.
_TASKS = {*JOB_DECORATORS, *(each for each in OUTSIDE_DECORATORS if not each.startswith("click."))}
_ROUTES = {"delete", "expose", "get", "patch", "post", "put", "route"}
_NAMED_REGISTRATIONS = {"add_url_rule", "register_error_handler"}


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


class Reach(NamedTuple):
    """Where code runs, and the steps that lead there: an entry, and the calls from it on."""

    where: Where
    steps: tuple[Step, ...] = ()


class _Caller(NamedTuple):
    """What calls a function: where it runs, and the expression that names the function there."""

    reach: Reach
    module: Module
    reference: ast.AST

    @property
    def functions(self) -> list[Definition]:
        """The functions on the way to the call, as far as steps lead there."""
        function = self.module.scopes.function_of(self.reference)
        if not self.reach.steps or function is None:
            return []
        before = [each.function for each in self.reach.steps[1:] if each.function is not None]
        return [*before, definition_of(self.module, function)]

    def steps_to(self, module: Module, function: FunctionNode) -> tuple[Step, ...]:
        """Return the way to the body of the function that is called."""
        functions, steps = self.functions, self.reach.steps
        here = definition_of(module, function)
        if here in functions:
            return steps[: functions.index(here) + 1]
        call = self.module.scopes.parents[self.reference]
        if isinstance(call, ast.keyword):
            call = self.module.scopes.parents[call]
        if steps:
            return (*steps, step_at(self.module, call, "call"))
        is_called = isinstance(call, ast.Call) and call.func is self.reference
        return (entry_step(module, function, "" if is_called else "view"),)


_UNKNOWN = Reach(Where.UNKNOWN)
_OUTSIDE = Reach(Where.OUTSIDE)
_REACH: QuestionKind[Reach | None] = QuestionKind("reach", None, lambda one, other: _UNKNOWN)


class Reachability:
    """Follows the callers of functions up to what Flask, or nothing, calls.

    A function that Flask calls may have other callers, and decorators that run it elsewhere; they
    count only where `is_thorough`.
    """

    def __init__(
        self,
        project: Project,
        values: Values,
        guards: Guards,
        table: Table,
        *,
        is_thorough: bool = False,
    ) -> None:
        self._project = project
        self._values = values
        self._guards = guards
        self._table = table
        self._is_thorough = is_thorough

    def of(self, module: Module, node: ast.AST) -> Reach:
        """Return where the code `node` of a module runs."""
        return self._of(module, node) or _UNKNOWN

    def of_function(self, module: Module, function: FunctionNode) -> Reach:
        """Return where the body of a function runs, as far as all its callers tell."""
        return self._of_function(module, function) or _UNKNOWN

    def _of(self, module: Module, node: ast.AST) -> Reach | None:
        """Return where the code `node` runs; None as long as only calls of itself lead to it."""
        proven = self._guards.at(module, node)
        function = module.scopes.function_of(node)
        if proven is Need.REQUEST:
            return Reach(Where.REQUEST)
        if function is None:
            return _OUTSIDE
        reach = self._of_function(module, function)
        if proven is Need.APP and reach is not None and reach.where is not Where.REQUEST:
            return Reach(Where.APP)
        return reach

    def _of_function(self, module: Module, function: FunctionNode) -> Reach | None:
        registered = self._registered(module, function)
        if registered is not None and not self._is_thorough:
            return registered
        place = (module.key, name_of(function), function.lineno, function.col_offset)
        key = ("reach", self._is_thorough, place)

        return self._table.ask(
            self._project, _REACH, key, lambda: self._called(module, function, registered)
        )

    def _registered(self, module: Module, function: FunctionNode) -> Reach | None:
        """Return where a function runs by its decorators or as a method of its class."""
        decorators = getattr(function, "decorator_list", ())
        found = [where for each in decorators if (where := self._where_of(module, each))]
        step = entry_step(module, function, _kind_of(found, decorators)) if found else None
        if step is not None and Where.APP in found:  # a command that asks for the context
            return Reach(Where.APP, (step,))
        if step is not None:
            where = Where.ENDING if Where.ENDING in found else found[0]
            return Reach(where, (step,))
        owner = module.scopes.parents.get(function)
        if isinstance(owner, ast.ClassDef) and self._is_entry_method(module, owner, function):
            return Reach(Where.REQUEST, (entry_step(module, function, "view"),))
        return None

    def _where_of(self, module: Module, decorator: ast.expr) -> Where | None:
        """Return where what is decorated so is called, if the decorator tells."""
        called = without_call(decorator)
        value = self._values.of(module, called)
        name = value.name if isinstance(value, Foreign) else ""
        attribute = getattr(called, "attr", "")
        if name in ENDING_DECORATORS or (value is None and attribute in _NAMED_ENDINGS):
            return Where.ENDING
        if name in ENTRY_DECORATORS or name in EXPOSING_DECORATORS:
            return Where.REQUEST
        if name in APP_DECORATORS:
            return Where.UNKNOWN if _opens_no_context(decorator) else Where.APP
        if name in OUTSIDE_DECORATORS or attribute in _NAMED_OUTSIDE:
            return Where.OUTSIDE
        if value is not None or attribute not in _NAMED_ENTRIES:
            return None
        is_doubtful = self._is_thorough and imported_packages(module) & _FRAMEWORKS
        return Where.UNKNOWN if is_doubtful else Where.REQUEST

    def _is_entry_method(self, module: Module, owner: ast.ClassDef, function: FunctionNode) -> bool:
        name = name_of(function)
        for base in self._values.bases(Class(module, owner)):
            if isinstance(base, Foreign) and base.name in ENTRY_BASES:
                methods = ENTRY_BASES[base.name]
                if name in methods if methods is not None else name.startswith("on_"):
                    return True
        return False

    def _called(
        self, module: Module, function: FunctionNode, registered: Reach | None
    ) -> Reach | None:
        """Return where the callers of a function run, with Flask where it is `registered`."""
        if isinstance(function, ast.Lambda):
            return self._of_reference(module, function)
        if self._is_thorough and self._is_run_elsewhere(module, function):
            return _UNKNOWN
        if registered is not None and (
            registered.where is Where.APP  # commands carry their context with them
            or isinstance(module.scopes.parents[function], ast.ClassDef)
        ):
            return registered
        if makes_application(module, self._project, function):  # that is before any request
            return _OUTSIDE
        known = [] if registered is None else [_Caller(registered, module, function.body[0])]
        is_named = False
        paths = self._project.naming_outside_tests(function.name)
        is_test = self._project.is_test(module.path)
        for home, reference in self._references(module, function, paths):
            if is_test and home is module:
                continue
            reach = self._of_reference(home, reference)
            if reach == _UNKNOWN and not self._is_thorough:
                return _UNKNOWN  # the other callers, and theirs, are not worth the search
            if reach is not None:
                known.append(_Caller(reach, home, reference))
            is_named = True
        return self._joined(module, function, known) if known or not is_named else None

    def _joined(self, module: Module, function: FunctionNode, found: list[_Caller]) -> Reach:
        kinds = {caller.reach.where for caller in found}
        if Where.ENDING in kinds:
            return Reach(Where.ENDING)
        if self._is_thorough and Where.OUTSIDE in kinds:
            return _OUTSIDE
        if not kinds or Where.UNKNOWN in kinds:
            return _UNKNOWN
        if len(kinds) > 1:
            is_inside = kinds <= {Where.REQUEST, Where.APP}
            return Reach(Where.APP) if is_inside else _UNKNOWN
        first = min(found, key=lambda caller: (len(caller.reach.steps), caller.functions))
        return Reach(first.reach.where, first.steps_to(module, function))

    def _is_run_elsewhere(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> bool:
        """Whether a body runs later than its call, or where a decorator starts it."""
        if function in module.scopes.generators:
            return True
        for decorator in function.decorator_list:
            called = without_call(decorator)
            maker = self._values.of(module, called)
            if isinstance(maker, Foreign) and maker.name in _TASKS:
                return True
            if isinstance(maker, Function) and self._starts_something(maker):
                return True
        return False

    def _starts_something(self, function: Function) -> bool:
        calls = (node for node in ast.walk(function.node) if isinstance(node, ast.Call))
        values = (self._values.of(function.module, call.func) for call in calls)
        return any(isinstance(value, Foreign) and value.name in STARTERS for value in values)

    def _of_reference(self, module: Module, reference: ast.expr) -> Reach | None:
        """Return where a function runs that is named here, as far as that is known."""
        parent = module.scopes.parents.get(reference)
        if isinstance(parent, ast.Call) and parent.func is reference:
            return self._of(module, parent)
        if isinstance(parent, ast.keyword):
            parent = module.scopes.parents.get(parent)
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name | ast.Attribute):
            value = self._values.of(module, parent.func)
            name = value.name if isinstance(value, Foreign) else ""
            attribute = getattr(parent.func, "attr", "")
            if name in ENDING_DECORATORS or (value is None and attribute in _NAMED_ENDINGS):
                return Reach(Where.ENDING)
            if name in STARTERS or attribute in _NAMED_OUTSIDE:
                return _OUTSIDE
            is_known = name in ENTRY_DECORATORS or name.rpartition(".")[2] in _NAMED_REGISTRATIONS
            if is_known or (value is None and attribute in _NAMED_REGISTRATIONS):
                return Reach(Where.REQUEST)
            if name in CARRIERS:
                return self._of(module, parent)
        return _UNKNOWN

    def references(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield the expressions of the project that name a function."""
        yield from self._references(module, function, self._project.naming(function.name))

    def _references(
        self,
        module: Module,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        paths: Sequence[str],
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield the expressions in the module and the files at `paths` that name a function."""
        owner = module.scopes.parents.get(function)
        if isinstance(owner, ast.ClassDef):
            yield from self._method_references(module, owner, function, paths)
            return
        home = module.scopes.scope_of(function)
        for read in home.reads.get(function.name, ()):
            yield module, read
        if home.parent is None:
            yield from self._outer_references(module, function, paths)

    def _outer_references(
        self,
        module: Module,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        paths: Sequence[str],
    ) -> Iterator[tuple[Module, ast.expr]]:
        for other in self._project.parsed(paths):
            if other is module:
                continue
            for node in _named(other, function.name):
                for owner, binding in self._project.bindings(other, node):
                    if owner.path == module.path and _same(binding.node, function):
                        yield other, node

    def _method_references(
        self,
        module: Module,
        owner: ast.ClassDef,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        paths: Sequence[str],
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what may call a method; calls of something else with that name do no harm."""
        for other in self._project.parsed(paths):
            for node in other.scopes.attribute_reads.get(function.name, ()):
                if self._may_be_method(other, node, module, owner):
                    yield other, node

    def _may_be_method(
        self, module: Module, node: ast.Attribute, home: Module, owner: ast.ClassDef
    ) -> bool:
        value = self._values.of(module, node)
        if isinstance(value, Foreign):
            return False
        if isinstance(value, Function):
            return value.module.path == home.path and _same(
                value.module.scopes.parents.get(value.node), owner
            )
        receiver = self._values.of(module, node.value)
        if isinstance(receiver, Instance | Class):
            return True
        return value is None


def _opens_no_context(decorator: ast.expr) -> bool:
    """Whether a command is registered with another ``with_appcontext`` than True."""
    given = decorator.keywords if isinstance(decorator, ast.Call) else []
    return any(
        each.arg in (None, "with_appcontext")
        and not (isinstance(each.value, ast.Constant) and each.value.value is True)
        for each in given
    )


def _named(module: Module, name: str) -> Iterator[ast.expr]:
    """Yield what may read something of this name that another module defines."""
    names = module.memo("imported names", lambda: _imported_names(module)).get(name)
    if names:
        reads = module.memo("names read", lambda: _reads(module))
        for local in sorted(names):
            yield from reads.get(local, ())
    yield from module.scopes.attribute_reads.get(name, ())


def _imported_names(module: Module) -> dict[str, set[str]]:
    """Return the names that ``from`` imports bind, by that of what they import."""
    found: dict[str, set[str]] = {}
    for node in module.scopes.nodes(ast.ImportFrom):
        for alias in node.names:
            found.setdefault(alias.name, set()).add(alias.asname or alias.name)
    return found


def _reads(module: Module) -> dict[str, list[ast.Name]]:
    """Return the expressions that read a name, by that name."""
    found: dict[str, list[ast.Name]] = {}
    for node in module.scopes.nodes(ast.Name):
        if isinstance(node.ctx, ast.Load):
            found.setdefault(node.id, []).append(node)
    return found


def _same(one: ast.AST | None, other: ast.AST) -> bool:
    """Whether two nodes are the same definition, also if its file was parsed twice."""
    if one is other:
        return True
    return type(one) is type(other) and getattr(one, "lineno", 0) == getattr(other, "lineno", 1)


def _kind_of(found: list[Where], decorators: Sequence[ast.expr]) -> str:
    """Return what a function is called as that is decorated so."""
    if Where.APP in found:
        return "command"
    if Where.ENDING in found:
        return "teardown function"
    names = {last_name(without_call(each)) for each in decorators}
    return "view" if names & _ROUTES else "hook"
