"""What a name stands for, as a qualified name, across the files of a project.

Following a name is a walk over a graph: a name of a module leads to what its bindings name, these
to names of other modules. The walk keeps a stack of its own, so that chains may be of any length.
What leads to itself is answered as one (Tarjan): all that goes into a circle from outside may come
out of it anywhere, and the circle adds nothing, wherever one entered it.

Only what a module binds at its top level is needed of other modules; that is read off their syntax
trees, which takes a fraction of the time that their scopes would.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.circles import Steps, solve
from flask_ctxfix.exports import Event
from flask_ctxfix.local_names import BUILTINS, LocalName, LocalNames, since_of
from flask_ctxfix.lookup import Lookup
from flask_ctxfix.module_files import is_folder
from flask_ctxfix.scopes import Binding
from flask_ctxfix.syntax import is_constant_none

if TYPE_CHECKING:
    from flask_ctxfix.module import Module
    from flask_ctxfix.modules import Modules

Origins = frozenset[str]

UNKNOWN = "?"
NONE = "None"


class InProject(NamedTuple):
    """A module of the project; a package without a file goes by the name it was imported by."""

    place: str
    called: str = ""


Value = str | InProject
Values = frozenset[Value]
_NOTHING: Values = frozenset()


class _Member(NamedTuple):
    """A name of a module, as the file `since` sees it while it is imported, or anyone later."""

    place: str
    name: str
    since: str | None
    called: str = ""


class _Global(NamedTuple):
    """A name that a statement of a module reads, the one at `order`; below zero, at any time."""

    path: str
    name: str
    order: int


class _Expression(NamedTuple):
    """An expression in a file, of the module that is asked about or of the statement at `order`."""

    node: ast.expr
    path: str
    since: str | None
    order: int | None = None


class _Bound(NamedTuple):
    """What one binding gives its name."""

    binding: Binding


_Key = _Member | _Global | LocalName | _Expression | _Bound
_Steps = Steps[_Key, Value]


class _Known:
    """What is known of names, by the project where any module may ask for it, or by a module."""

    def __init__(self, project: Modules, module: Module) -> None:
        self._shared: dict[_Key, Values] = project.memo("names", dict)
        self._own: dict[_Key, Values] = module.memo("names", dict)

    def get(self, key: _Key, /) -> Values | None:
        return self._home(key).get(key)

    def __setitem__(self, key: _Key, values: Values, /) -> None:
        self._home(key)[key] = values

    def _home(self, key: _Key) -> dict[_Key, Values]:
        return self._shared if isinstance(key, _Member | _Global) else self._own


class Resolver:
    """Follows names of a module through assignments, imports and the modules of a project."""

    def __init__(self, project: Modules, module: Module) -> None:
        self.module = module
        self.lookup = Lookup(project)
        self.locals = LocalNames(module, self.lookup)
        self._files = self.lookup.files
        self._known = _Known(project, module)

    def of_expression(self, node: ast.expr) -> Origins:
        """Return the qualified names that an expression may stand for."""
        if isinstance(node, ast.Name):
            binding = self.locals.only(node)
            if binding is not None:
                return self.of_binding(binding)
        return self._named(self._answer(self._key_of(node)))

    def of_binding(self, binding: Binding) -> Origins:
        """Return the qualified names that a binding may give its name."""
        elsewhere = self.lookup.elsewhere(self.module.path, binding)
        if elsewhere is not None:
            return frozenset({elsewhere})
        return self._named(self._answer(_Bound(binding)))

    def modules(self, node: ast.expr) -> list[InProject]:
        """Return the modules of the project that an expression is; none if it may be another."""
        values = self._answer(self._key_of(node)) - {NONE}
        modules = [value for value in values if isinstance(value, InProject)]
        return sorted(modules) if len(modules) == len(values) else []

    def may_be_module(self, node: ast.expr) -> bool:
        """Whether an expression may be a module of the project: only they have modules inside."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if not isinstance(node, ast.Name):
            return isinstance(node, ast.BoolOp)
        return any(isinstance(value, InProject) for value in self._answer(self.locals.of(node)))

    def _answer(self, key: _Key) -> Values:
        return solve(key, self._steps, self._known)

    def _named(self, values: Values) -> Origins:
        importer = self.module.path
        names = (
            value
            if isinstance(value, str)
            else value.called or self._files.name(value.place, importer)
            for value in values
        )
        return frozenset(names) or frozenset({UNKNOWN})

    def _key_of(self, node: ast.expr) -> _Key:
        if isinstance(node, ast.Name):
            return self.locals.of(node)
        return _Expression(node, self.module.path, since_of(self.module, node))

    def _steps(self, key: _Key) -> _Steps:
        if isinstance(key, _Expression):
            return self._expression(key)
        if isinstance(key, _Member):
            return self._member(key)
        if isinstance(key, LocalName):
            return self._local(key)
        if isinstance(key, _Global):
            return self._global(key)
        return self._scoped(key.binding)

    def _expression(self, key: _Expression) -> _Steps:
        node = key.node
        if isinstance(node, ast.Name):
            if key.order is None:
                return {*((yield self.locals.of(node)) or ())}
            return {*((yield _Global(key.path, node.id, key.order)) or ())}
        if isinstance(node, ast.Attribute):
            owners = yield key._replace(node=node.value)
            if owners is None:  # it is made of itself
                return {UNKNOWN}
            return (yield from self._attribute(owners, node.attr, key.since))
        if is_constant_none(node):
            return {NONE}
        values: set[Value] = set()
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            for value in node.values:
                values |= (yield key._replace(node=value)) or _NOTHING
            return values
        return {UNKNOWN}

    def _attribute(self, owners: Iterable[Value], name: str, since: str | None) -> _Steps:
        values: set[Value] = set()
        for owner in owners:
            if isinstance(owner, InProject):
                values |= (yield self._key_of_member(owner, name, since)) or _NOTHING
            elif owner != NONE:
                values.add(UNKNOWN if owner == UNKNOWN else f"{owner}.{name}")
        return values

    def _key_of_member(self, owner: InProject, name: str, since: str | None) -> _Member:
        if self.lookup.is_settled(owner.place, name):
            since = None
        return _Member(owner.place, name, since, owner.called)

    def _member(self, key: _Member) -> _Steps:
        found = self.lookup.find(key.place, key.name, key.since)
        dotted = f"{key.called or self._files.name(key.place)}.{key.name}"
        if found.is_nothing:
            return {dotted}
        values: set[Value] = {UNKNOWN} if found.is_open or found.is_broken else set()
        if found.module is not None:
            values.add(InProject(found.module, dotted if is_folder(found.module) else ""))
        return values | (yield from self._events(key.place, key.name, found.events))

    def _global(self, key: _Global) -> _Steps:
        found = self.lookup.find_within(key.path, key.name, key.order)
        events = [each for each in found.events if not each.is_deletion]
        values = yield from self._events(key.path, key.name, events)
        if not any(each.binding for each in events):
            values |= self._unbound(key.path, key.name, bool(events), found.is_open)
        elif found.module is not None:
            values.add(InProject(found.module, self._called(found.module)))
        if events and not any(self.lookup.decides(key.path, each, key.name) for each in events):
            values |= _builtin(key.name)
        return values

    def _events(self, path: str, name: str, events: Iterable[Event]) -> _Steps:
        values: set[Value] = set()
        for event in events:
            if event.star is not None:
                values |= yield from self._starred(path, event.star, name)
            elif event.binding is not None:
                since = None if event.is_delayed else path
                values |= yield from self._binding(event.binding, path, since, event.order)
        return values

    def _starred(self, path: str, star: ast.ImportFrom, name: str) -> _Steps:
        source = self.lookup.source(path, star)
        if source is None:
            return {f"flask.{name}"}
        return {*((yield self._key_of_member(InProject(source), name, path)) or ())}

    def _unbound(self, path: str, name: str, is_starred: bool, is_open: bool) -> set[Value]:
        """Return what a name is that no statement of the module binds, but for star imports."""
        inside = self._files.inside(path, name)
        if inside is not None:  # once anything has imported it
            return {InProject(inside, self._called(inside)), *_builtin(name)}
        if is_starred:
            return set()
        return {UNKNOWN if is_open else f"builtins.{name}"}

    def _called(self, place: str) -> str:
        return self._files.name(place) if is_folder(place) else ""

    def _local(self, read: LocalName) -> _Steps:
        values: set[Value] = set()
        bindings = self.locals.bindings(read)
        for binding in bindings:
            values |= yield from self._scoped(binding)
        if read.scope.parent is not None:
            return values
        stars = self.locals.stars(read)
        for star in stars:
            values |= yield from self._starred(self.module.path, star, read.name)
        if not bindings:
            is_open = self.locals.may_be_starred(read)
            values |= self._unbound(self.module.path, read.name, bool(stars), is_open)
        elif (place := self.locals.taken_over_by(read)) is not None:
            values.add(InProject(place, self._called(place)))
        if (bindings or stars) and self.locals.may_be_builtin(read):
            values |= _builtin(read.name)
        return values

    def _scoped(self, binding: Binding) -> _Steps:
        """Return what a binding of the module itself gives its name."""
        since = since_of(self.module, binding.node)
        return (yield from self._binding(binding, self.module.path, since))

    def _binding(
        self, binding: Binding, path: str, since: str | None, order: int | None = None
    ) -> _Steps:
        node, alias = binding.node, binding.alias
        if alias is not None and isinstance(node, ast.Import):
            return (yield from self._imported(alias, path, since))
        if alias is not None and isinstance(node, ast.ImportFrom):
            return (yield from self._imported_from(node, alias.name, path, since))
        if binding.value is None:
            return {UNKNOWN}
        return {*((yield _Expression(binding.value, path, since, order)) or ())}

    def _imported(self, alias: ast.alias, path: str, since: str | None) -> _Steps:
        first, *rest = alias.name.split(".")
        place = self._files.find_first(alias.name, path)
        if place is None:
            return {alias.name if alias.asname else first}
        values: set[Value] = {InProject(place, first if is_folder(place) else "")}
        for name in rest if alias.asname else ():
            values = yield from self._attribute(values, name, since)
        return values

    def _imported_from(
        self, node: ast.ImportFrom, name: str, path: str, since: str | None
    ) -> _Steps:
        place = self.lookup.source(path, node)
        is_missing = place is None or (is_folder(place) and not self._files.inside(place, name))
        if place is None or is_missing:
            return {UNKNOWN if node.level else f"{node.module}.{name}"}
        called = node.module or "" if node.level == 0 and is_folder(place) else ""
        owner = InProject(place, called)
        return {*((yield self._key_of_member(owner, name, since)) or ())}


def _builtin(name: str) -> set[Value]:
    return {f"builtins.{name}"} if name in BUILTINS else set()
