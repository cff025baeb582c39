"""How Flask calls views and hooks in a request, and which hooks it calls before."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple

from flask_ctxfix.applications import makes_application
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.values import Class, Foreign, Function
from flask_ctxfix.flask_facts import (
    ANSWERING,
    BEFORE_REQUEST,
    BEHIND_HOOKS,
    ENTRY_BASES,
    ENTRY_DECORATORS,
    EXPOSING_DECORATORS,
    VIEW_REGISTRATIONS,
)
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.obligations.which_application import has_one_application
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.syntax import without_call

_HOOKS: dict[str, Literal["app", "blueprint"]] = {
    "flask.Flask().before_request": "app",
    "flask.Blueprint().before_app_request": "app",
    "flask.Blueprint().before_request": "blueprint",
}
# What binds an application or a blueprint, and its name.
Owner = tuple[NodeKey, str] | None


class FlaskCall(NamedTuple):
    """A way in which Flask calls a function: as a view, or as a hook.

    `has_hooks` says that functions registered with ``before_request`` run before it, `owner` which
    application or blueprint it is registered with.
    """

    is_view: bool
    has_hooks: bool
    owner: Owner


class _Hook(NamedTuple):
    function: Function
    scope: Literal["app", "blueprint"]
    owner: Owner


class ViewsAndHooks:
    """The functions of a project that Flask calls."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._flow = ContextFlow.of(project)
        self._values = self._flow.values
        self._reachability = self._flow.reachability

    def of(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[FlaskCall]:
        """Yield the ways in which Flask calls a function."""
        for decorator in function.decorator_list:
            if self.is_entry_decorator(module, decorator):
                yield self._flask_call(module, decorator)
        owner = module.scopes.parents.get(function)
        if isinstance(owner, ast.ClassDef):
            for base in self._values.base_names(Class(module, owner)):
                methods = ENTRY_BASES.get(base, ())
                if methods is None and function.name.startswith("on_"):
                    yield FlaskCall(False, False, None)
                elif methods and function.name in methods:
                    yield FlaskCall(True, True, None)
        for home, reference in self._reachability.references(module, function):
            if self.is_registration(home, reference):
                call = home.scopes.call_with(reference)
                assert call is not None
                yield self._flask_call(home, call)

    def is_entry_decorator(self, module: Module, decorator: ast.expr) -> bool:
        """Whether a decorator has Flask, or an extension, call the function in requests."""
        called = without_call(decorator)
        value = self._values.of(module, called)
        if isinstance(value, Foreign):
            return value.name in ENTRY_DECORATORS | EXPOSING_DECORATORS
        name = getattr(called, "attr", "")
        return value is None and name in (VIEW_REGISTRATIONS | BEHIND_HOOKS | {"before_request"})

    def is_registration(self, module: Module, reference: ast.expr) -> bool:
        """Whether a function is named as an argument of what has Flask call it."""
        call = module.scopes.call_with(reference)
        if call is None or not isinstance(call.func, ast.Attribute):
            return False
        value = self._values.of(module, call.func)
        name = value.name if isinstance(value, Foreign) else ""
        is_known = name in ENTRY_DECORATORS or name.startswith(
            ("flask.Flask()", "flask.Blueprint()")
        )
        names = {"add_url_rule", "before_request", "register_error_handler"}
        return (is_known or value is None) and call.func.attr in names

    def _flask_call(self, module: Module, registered: ast.expr) -> FlaskCall:
        called = without_call(registered)
        name = self._values.name_of(module, called)
        method = getattr(called, "attr", "")
        is_flask = not name or name.startswith("flask.") or name in EXPOSING_DECORATORS
        is_view = is_flask and (method in VIEW_REGISTRATIONS or name in EXPOSING_DECORATORS)
        has_hooks = is_flask and (is_view or method in BEHIND_HOOKS)
        return FlaskCall(is_view, has_hooks, self._owner(module, called))

    def _owner(self, module: Module, called: ast.expr) -> Owner:
        """Return where the application or blueprint is bound that a method is called on."""
        if not isinstance(called, ast.Attribute):
            return None
        bindings = self._project.bindings(module, called.value)
        owners = {_owner_by(*each) for each in bindings}
        return owners.pop() if len(owners) == 1 else None

    @cached_property
    def _every_hook(self) -> list[_Hook]:
        return list(self._registered_before())

    @property
    def hooks(self) -> list[Function]:
        """The functions that Flask calls before the views."""
        return [hook.function for hook in self._every_hook]

    def _registered_before(self) -> Iterator[_Hook]:
        for module in self._modules(*BEFORE_REQUEST):
            for function in functions_of(module):
                if len(function.decorator_list) == 1 and self._is_run(module, function):
                    called = function.decorator_list[0]
                    yield from self._hook(module, called, Function(module, function))
            for call in module.scopes.nodes(ast.Call):
                if len(call.args) == 1 and self._is_run(module, module.scopes.parents[call]):
                    value = self._values.of(module, call.args[0])
                    if isinstance(value, Function):
                        yield from self._hook(module, call.func, value)

    def _is_run(self, module: Module, statement: ast.AST) -> bool:
        """Whether a statement certainly runs before the application serves requests."""
        parent = _certain_in(module, statement)
        if isinstance(parent, ast.FunctionDef):
            return makes_application(module, self._project, parent)
        return parent is not None

    def _is_run_by_others(self, module: Module, statement: ast.AST) -> bool:
        """Whether a statement runs in what makes an application, or in what is called there."""
        seen: set[ast.AST] = set()
        left = [(module, statement)]
        while left:
            home, each = left.pop()
            parent = _certain_in(home, each)
            if isinstance(parent, ast.Module):
                return True
            if parent is None or parent in seen:
                continue
            if makes_application(home, self._project, parent):
                return True
            seen.add(parent)
            for other, reference in self._reachability.references(home, parent):
                call = other.scopes.parents.get(reference)
                if isinstance(call, ast.Call):
                    left.append((other, other.scopes.parents[call]))
        return False

    def _hook(self, module: Module, called: ast.expr, function: Function) -> Iterator[_Hook]:
        scope = _HOOKS.get(self._values.name_of(module, called))
        if scope is not None and isinstance(called, ast.Attribute):
            owner = self._owner(module, called)
            if called.attr != "before_app_request" or self._is_registered(owner):
                yield _Hook(function, scope, owner)

    def covers(self, function: Function, call: FlaskCall) -> bool:
        """Whether a hook runs before a view or another hook is called."""
        for hook in self._every_hook:
            if hook.function == function:
                is_same = hook.owner is not None and hook.owner == call.owner
                if hook.scope == "app" and (self.has_one_application or is_same):
                    return True
                if hook.scope == "blueprint" and is_same and call.is_view:
                    return True
        return False

    def is_answer(self, module: Module, end: ast.Return | None) -> bool:
        """Whether a hook that returns this answers the request, so that no view is called."""
        value = end.value if end is not None else None
        if isinstance(value, ast.Tuple | ast.JoinedStr):
            return True
        if isinstance(value, ast.Constant):
            return isinstance(value.value, str)
        called = value.func if isinstance(value, ast.Call) else None
        return called is not None and self._values.name_of(module, called) in ANSWERING

    @cached_property
    def has_one_application(self) -> bool:
        """Whether the project makes no second application, and has no class of its own for one."""
        classes = (
            Class(module, node)
            for module in self._modules("Flask")
            for node in module.scopes.nodes(ast.ClassDef)
        )
        own = (each for each in classes if Foreign("flask.Flask") in self._values.bases(each))
        return has_one_application(self._project) and not any(own)

    @cached_property
    def calls_views_itself(self) -> Where | None:
        """Where the project may call views without the hooks that Flask calls before them."""
        every_caller = ContextFlow.of(self._project).every_caller
        found = {
            every_caller.of(module, node).where
            for name in ("dispatch_request", "view_functions")
            for module in self._modules(name)
            for node in module.scopes.nodes(ast.Attribute)
            if node.attr == name and self._is_of_application(module, node)
        }
        outside = (each for each in found if not each.is_inside)
        return next(outside, next(iter(found), None))

    def _is_of_application(self, module: Module, node: ast.Attribute) -> bool:
        owners = ("flask.Flask().", "flask.current_app.")
        return self._values.name_of(module, node).startswith(owners)

    def _is_registered(self, owner: Owner) -> bool:
        """Whether a blueprint is registered, as its hooks for all views only then run."""
        for module in self._modules("register_blueprint"):
            for call in module.scopes.nodes(ast.Call):
                if getattr(call.func, "attr", "") == "register_blueprint" and call.args:
                    if not self._is_run_by_others(module, module.scopes.parents[call]):
                        continue
                    bindings = self._project.bindings(module, call.args[0])
                    if owner in {_owner_by(*each) for each in bindings}:
                        return True
        return False

    def _modules(self, *names: str) -> Iterator[Module]:
        """Yield the modules outside of tests that hold one of some names."""
        paths = {path for name in names for path in self._project.naming_outside_tests(name)}
        return self._project.parsed(sorted(paths))


def _owner_by(module: Module, binding: Binding) -> Owner:
    return module.key_of(binding.node), binding.name


def _certain_in(module: Module, statement: ast.AST) -> ast.FunctionDef | ast.Module | None:
    """Return the module or the function that always runs a statement when it runs itself."""
    parent = module.scopes.parents[statement]
    if parent is module.tree:
        return module.tree
    if not isinstance(parent, ast.FunctionDef) or statement not in parent.body:
        return None
    own = (e for e in module.scopes.nodes(ast.Return) if module.scopes.function_of(e) is parent)
    is_left = any(each.lineno < getattr(statement, "lineno", 0) for each in own)
    return None if is_left else parent
