"""What calls a function of a project: calls by its name, and of what else holds it.

A function is followed to wherever it is given, kept or returned. What a function of the project
does with what it is given is answered once for each parameter.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

from flask_ctxfix.context_flow.call_sites import (
    BY_ANY_NAME,
    BY_DECORATOR,
    BY_LIBRARY,
    BY_PYTHON,
    Caller,
    CallSite,
    Held,
    Inside,
    Known,
    Result,
    Unseen,
    is_property,
    is_setter,
    order_of,
)
from flask_ctxfix.context_flow.class_families import families, key_of
from flask_ctxfix.context_flow.entries import Entries, Entry
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.following import Walk
from flask_ctxfix.context_flow.giving import senders
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.references import References
from flask_ctxfix.context_flow.registered import registered_names
from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.values import Class, Foreign, Function
from flask_ctxfix.flask_facts import HOLDING, is_transparent
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import without_call

_HELD: QuestionKind[frozenset[Held]] = QuestionKind("held", frozenset(), frozenset.union)
_CALLERS: QuestionKind[tuple[Caller, ...]] = QuestionKind(
    "callers", (), lambda one, other: tuple(dict.fromkeys((*one, *other)))
)

_MAKING = frozenset({"__init__", "__new__", "__post_init__"})
_ENTERING = frozenset({"__aenter__", "__aexit__", "__enter__", "__exit__"})
_OF_INSTANCES = _MAKING | _ENTERING | {"__call__"}


class MethodName(NamedTuple):
    """The name of methods, and whether these are called where that is read."""

    text: str
    is_property: bool


class Callers:
    """Finds what calls the functions of a project."""

    def __init__(
        self,
        project: Project,
        values: Values,
        guards: Guards,
        entries: Entries,
        references: References,
        table: Table,
    ) -> None:
        self._project = project
        self._values = values
        self._guards = guards
        self._entries = entries
        self.references = references
        self._table = table
        self._known = Known(project, values, guards, entries, references, self.held)

    def of(self, module: Module, function: FunctionNode) -> tuple[Caller, ...]:
        """Return what calls a function, as far as that is to be seen; nothing if nothing does."""

        def compute() -> tuple[Caller, ...]:
            return tuple(sorted(set(self._of(module, function)), key=order_of))

        return self._table.ask(module, _CALLERS, ("callers", function), compute)

    def likely(self, module: Module, function: FunctionNode) -> tuple[Caller, ...]:
        """Return what calls a function, without what is not likely to."""
        found = self.of(module, function)
        return tuple(e for e in found if not isinstance(e, Unseen) or e.is_likely)

    def perhaps(self, module: Module, function: FunctionNode) -> tuple[Caller, ...]:
        """Return what may call a method: what reads its name of an object that nobody knows."""
        name = name_that_objects_have(module, function)
        return () if name is None else self.perhaps_named(name)

    def perhaps_named(self, name: MethodName) -> tuple[Caller, ...]:
        """Return what may call any method of a name."""

        def compute() -> tuple[Caller, ...]:
            walk = Walk(self._known, None)
            for home, reference in self.references.perhaps_of_member(name.text):
                if name.is_property:
                    walk.called(home, reference)
                else:
                    walk.add(home, reference)
            return tuple(sorted(set(_callers_in(walk.run())), key=order_of))

        return self._table.ask(self._project, _CALLERS, ("perhaps callers", name), compute)

    def give_data(self, module: Module, function: FunctionNode) -> bool:
        """Whether what calls a function gives it data of a request as its arguments.

        A view that is made of a class gives none to what makes an instance.
        """
        if any(each.gives_data for each in self._entries.of(module, function)):
            return True
        makes = getattr(function, "name", "") in _MAKING
        if makes or not self._may_be_registered(function):
            return False
        callers = self.of(module, function)
        return any(isinstance(each, Entry) and each.gives_data for each in callers)

    def _may_be_registered(self, function: FunctionNode) -> bool:
        names = registered_names(self._project, self._entries)
        return isinstance(function, ast.Lambda) or function.name in names

    def held(self, module: Module, function: FunctionNode, name: str) -> frozenset[Held]:
        """Return what becomes of what a parameter of a function is given."""
        key = ("held", function, name)

        def compute() -> frozenset[Held]:
            walk = Walk(self._known, function)
            home = module.scopes.opened_by(function)
            for read in home.reads.get(name, ()):
                walk.add(module, read)
            return walk.run()

        return self._table.ask(module, _HELD, key, compute)

    def _of(self, module: Module, function: FunctionNode) -> Iterator[Caller]:
        walk = Walk(self._known, None)
        if isinstance(function, ast.Lambda):
            walk.add(module, function)
            yield from _callers_in(walk.run())
            return
        owner = module.scopes.parents.get(function)
        decorated, proven = self._by_decorators(module, function)
        seen: list[Caller] = [each for each in decorated if not isinstance(each, Unseen)]
        for entry in self._entries.of(module, function):
            if entry.sender is not None:
                seen += senders(self._known, module, entry)
        yield from seen
        if isinstance(owner, ast.ClassDef) and is_setter(function):
            for home, target in self.references.changes_of_member(
                Class(module, owner), function.name
            ):
                walk.called(home, target, proven)
            yield from _callers_in(walk.run())
            return
        is_read = is_property(function)
        for home, reference in self.references.certain(module, function):
            if not is_read:
                walk.add(home, reference, proven)
            elif not isinstance(reference, ast.Name):  # in its class, it names the property
                walk.called(home, reference, proven)
        if isinstance(owner, ast.ClassDef):
            self._add_uses_of_class(walk, Class(module, owner), function)
        found = walk.run()
        yield from _callers_in(found)
        if not found and not seen and not self.perhaps(module, function):
            if not self._entries.of(module, function):
                yield from (each for each in decorated if isinstance(each, Unseen))
                yield from self._unseen(module, function, owner)

    def _unseen(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, owner: Any
    ) -> Iterator[Caller]:
        """Yield what may call a function that nothing is seen to call."""
        name = function.name
        if isinstance(owner, ast.ClassDef):
            if name.startswith("__") and name.endswith("__") and name not in _MAKING:
                yield Unseen(BY_PYTHON)
            elif self._entries.may_be_called_unseen(Class(module, owner)):
                yield Unseen(BY_LIBRARY)
            else:
                found = list(self._by_any_name(Class(module, owner), function))
                yield from found
                if any(isinstance(each, CallSite | Entry) for each in found):
                    return
        if any(not self._is_plain(module, each) for each in function.decorator_list):
            yield Unseen(BY_DECORATOR)

    def _by_any_name(
        self, owner: Class, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[Caller]:
        """Yield what calls any member of a class, if one is asked for by a name that may be any."""
        lookups = list(self.references.looked_up(owner))
        walk = Walk(self._known, None)
        for home, lookup in lookups:
            if is_property(function):
                walk.called(home, lookup)
            else:
                walk.add(home, lookup)
        found = list(_callers_in(walk.run()))
        yield from found
        if lookups:
            yield Unseen(BY_ANY_NAME, is_likely=not found)

    def _is_plain(self, module: Module, decorator: ast.expr) -> bool:
        """Whether a decorator is known, so that what it does with its function is."""
        value = self._values.of(module, without_call(decorator))
        if self._entries.by_decorator(module, decorator) is not None:
            return True
        if isinstance(value, Foreign):
            return is_transparent(value.name) or value.name in HOLDING | {"builtins.property"}
        return isinstance(value, Function)

    def _by_decorators(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> tuple[list[Caller], Need]:
        """Return what decorators of the project do with a function, and what they prove of it."""
        found: list[Caller] = []
        proven = Need.NONE
        for decorator in function.decorator_list:
            maker = self._values.of(module, decorator)
            if not isinstance(maker, Function) or isinstance(maker.node, ast.Lambda):
                continue
            arguments = maker.node.args
            names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
            names = names[1:] if maker.receiver is not None else names
            if not names:
                continue
            held = self.held(maker.module, maker.node, names[0])
            for each in held:
                if isinstance(each, Inside):
                    there = max(each.proven, self._guards.at(module, function))
                    found.append(CallSite(module, function, there))
                elif not isinstance(each, Result):
                    found.append(each)
            results = [each.proven for each in held if isinstance(each, Result)]
            proven = max(proven, min(results, default=Need.NONE))
        return found, proven

    def _add_uses_of_class(
        self, walk: Walk, owner: Class, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> None:
        """Add what makes, calls or enters instances of a class, if `function` is run by that."""
        name = function.name
        if name not in _OF_INSTANCES:
            return
        heirs = families(self._project, self._values).heirs.get(
            key_of(owner.module, owner.node), {}
        )
        for each in (owner, *heirs.values()):
            own = each.module.scopes.opened_by(each.node).bindings
            if each is not owner and name in own:
                continue
            for home, reference in self.references.of_class(each):
                call = home.scopes.parents[reference]
                is_made = isinstance(call, ast.Call) and call.func is reference
                if name in _MAKING:
                    walk.add(home, reference)
                elif is_made and name == "__call__":
                    walk.add(home, call)
                elif is_made and isinstance(home.scopes.parents[call], ast.withitem):
                    walk.called(home, call)


def name_that_objects_have(module: Module, function: FunctionNode) -> MethodName | None:
    """Return the name of a method; None for what is none."""
    is_method = isinstance(module.scopes.parents.get(function), ast.ClassDef)
    if isinstance(function, ast.Lambda) or not is_method or is_setter(function):
        return None
    return MethodName(function.name, is_property(function))


def _callers_in(found: frozenset[Held]) -> Iterator[Caller]:
    for each in found:
        if not isinstance(each, Inside | Result):
            yield each
