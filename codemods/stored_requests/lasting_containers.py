"""Containers that last as long as the process: which they are, and what takes out of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.slots import Slot, slot_of
from flask_ctxfix.codemods.stored_requests.uses import uses_in
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance, bound_arguments
from flask_ctxfix.flask_facts import (
    ADDING,
    ANSWERING,
    DERIVING_CALLS,
    ENTRY_BASES,
    GROWING,
    ITEM_READERS,
    LAZY_WRAPPERS,
    PLAIN_BASES,
    READING_AT_ONCE,
    TAKING,
    is_report,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode, Scope
from flask_ctxfix.syntax import defaults_of

_ITEMS = ITEM_READERS - TAKING
# Functions that only read what they are given.
_READERS = DERIVING_CALLS | LAZY_WRAPPERS | READING_AT_ONCE | ANSWERING
_PLAIN = PLAIN_BASES | ENTRY_BASES.keys()
_LITERALS = (ast.List, ast.Dict, ast.Set)


class Container(NamedTuple):
    """A container that lasts, as code at one place names it, and every use of it that is known.

    `is_emptied` says that something takes out of it, or may do so.
    """

    named: ast.expr
    uses: tuple[tuple[Module, ast.expr], ...]
    is_emptied: bool

    @property
    def reads(self) -> Iterator[tuple[Module, ast.expr]]:
        """The uses that do more than to put something in."""
        return (use for use in self.uses if not _only_adds(*use))


def may_last(module: Module, node: ast.expr) -> bool:
    """Whether what `node` is, or is an item of, may be more than a variable of a function."""
    while (item := _container_of(node)) is not None:
        node = item
    if not isinstance(node, ast.Name):
        return isinstance(node, ast.Attribute)
    home = module.scopes.home_of(node)
    kinds = {each.kind for each in home.bindings.get(node.id, ())}
    return home.parent is None or kinds <= {"import", "parameter"}


def lasting_container(module: Module, project: Project, node: ast.expr) -> Container | None:
    """Return the container that `node` is, or is an item of; None if it does not last or grow."""
    while (item := _container_of(node)) is not None:
        node = item
    if isinstance(node, ast.Name):
        home = module.scopes.home_of(node)
        if home.parent is not None:
            return _default(module, project, node, home)
    elif not isinstance(node, ast.Attribute):
        return None
    slot = shared_slot(module, project, node)
    if slot is None or not _grows(slot, project):
        return None
    return _used(slot, node, project)


def _container_of(node: ast.expr) -> ast.expr | None:
    """Return what `node` is an item of: ``x`` for ``x[key]`` and for ``x.setdefault(key, [])``."""
    if isinstance(node, ast.Subscript):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value if node.func.attr in _ITEMS else None
    return None


def shared_slot(module: Module, project: Project, node: ast.expr) -> Slot | None:
    """Return the slot that a global or an attribute is, if all requests share it."""
    if isinstance(node, ast.Attribute):
        return slot_of(module, project, node) or _of_class(module, project, node)
    found = project.bindings(module, node)
    if len(found) != 1 or not isinstance(node, ast.Name):
        return None
    home, binding = found[0]
    is_global = binding in home.scopes.module.bindings.get(binding.name, ())
    return Slot(home.path, "global", "", binding.name) if is_global else None


def _of_class(module: Module, project: Project, node: ast.Attribute) -> Slot | None:
    """Return the slot of a class that its instances share, as none has an attribute of its own."""
    values = ContextFlow.of(project).values
    owner = values.of(module, node.value)
    if not isinstance(owner, Instance) or node.attr in values.assigned(owner.of):
        return None
    bases = list(values.bases(owner.of))
    known = (base.name in _PLAIN for base in bases if isinstance(base, Foreign))
    if owner.of.node.decorator_list or len(bases) < len(owner.of.node.bases) or not all(known):
        return None  # the class may make attributes of its instances, as those of data do
    scope = owner.of.module.scopes.opened_by(owner.of.node)
    is_its = node.attr in scope.bindings and owner.of.node in owner.of.module.tree.body
    path = owner.of.module.path
    return Slot(path, "class", owner.of.node.name, node.attr) if is_its else None


def _grows(slot: Slot, project: Project) -> bool:
    """Whether a slot starts as a container of the usual kind, without a limit to its size."""
    module = project.module(slot.path)
    values: list[ast.expr | None] = []
    scope = module.scopes.module
    if slot.kind == "global":
        values = [each.value for each in scope.bindings.get(slot.name, ())]
    else:
        owners = (each.node for each in scope.bindings.get(slot.owner, ()))
        owner = next((each for each in owners if isinstance(each, ast.ClassDef)), None)
        if owner is not None:
            inner = module.scopes.opened_by(owner).bindings.get(slot.name, ())
            values = [each.value for each in inner]
            values += (
                ContextFlow.of(project).values.assigned(Class(module, owner)).get(slot.name, [])
            )
    return len(values) == 1 and _is_growing(module, project, values[0])


def _is_growing(module: Module, project: Project, node: ast.expr | None) -> bool:
    if isinstance(node, _LITERALS):
        return True
    if not isinstance(node, ast.Call) or any(each.arg == "maxlen" for each in node.keywords):
        return False
    name = ContextFlow.of(project).values.name_of(module, node.func)
    return name in GROWING and not (name == "collections.deque" and len(node.args) > 1)


def _default(module: Module, project: Project, node: ast.Name, home: Scope) -> Container | None:
    """Return the container that is the default of a parameter, and that no caller replaces."""
    function = home.node
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    if [each.kind for each in home.bindings.get(node.id, ())] != ["parameter"]:
        return None
    defaults = {each.arg: default for each, default in defaults_of(function.args)}
    if not _is_growing(module, project, defaults.get(node.id)):
        return None
    if module.scopes.function_of(function) is not None:
        return None
    flow = ContextFlow.of(project)
    for other, reference in flow.reachability.references(module, function):
        call = other.scopes.parents.get(reference)
        if not isinstance(call, ast.Call) or call.func is not reference:
            continue
        called = flow.values.of(other, reference)
        called = called if isinstance(called, Function) else Function(module, function)
        is_given = any(name == node.id for name, _ in bound_arguments(call, called))
        is_open = any(each.arg is None for each in call.keywords)
        if is_given or is_open or any(isinstance(each, ast.Starred) for each in call.args):
            return None
    uses = tuple((module, read) for read in home.reads.get(node.id, ()))
    return Container(node, uses, any(_may_empty(*use, project) for use in uses))


def _used(slot: Slot, named: ast.expr, project: Project) -> Container:
    """Return the container in a slot with its uses in all of the project."""
    found: list[tuple[Module, ast.expr]] = []
    is_emptied = False
    paths = {slot.path, *project.naming(slot.name)}
    for module in project.parsed(sorted(paths)):
        uses = uses_in(slot, module, project)
        is_emptied |= bool(uses.writes)
        found += ((module, read) for read in uses.reads)
    is_emptied |= any(_may_empty(module, read, project) for module, read in found)
    return Container(named, tuple(found), is_emptied)


def _only_adds(module: Module, use: ast.expr) -> bool:
    """Whether a use of a container only puts something into it, or into an item of it."""
    parents = module.scopes.parents
    while True:
        parent = parents[use]
        if isinstance(parent, ast.Subscript) and parent.value is use:
            if not isinstance(parent.ctx, ast.Load):
                return True
            use = parent
            continue
        call = parents[parent] if isinstance(parent, ast.Attribute) else None
        if not isinstance(parent, ast.Attribute) or not isinstance(call, ast.Call):
            is_added_to = isinstance(parent, ast.AugAssign) and parent.target is use
            return is_added_to or isinstance(parent, ast.Expr)
        if parent.attr not in _ITEMS:
            return parent.attr in ADDING
        use = call


def _may_empty(module: Module, use: ast.expr, project: Project) -> bool:
    """Whether the code that uses a container takes something out, or hands the container on."""
    if not isinstance(getattr(use, "ctx", None), ast.Load):
        return True
    parents = module.scopes.parents
    child, parent = use, parents[use]
    while isinstance(parent, ast.Subscript) and parent.value is child:
        if isinstance(parent.ctx, ast.Del):
            return True
        if isinstance(parent.ctx, ast.Store):
            return isinstance(parent.slice, ast.Slice)
        child, parent = parent, parents[parent]
    if isinstance(parent, ast.Attribute):
        call = parents[parent]
        if parent.attr in _ITEMS and isinstance(call, ast.Call):
            return getattr(parents[call], "attr", "") in TAKING
        return parent.attr in TAKING
    if child is not use:  # an item of the container, wherever it goes
        return False
    if _is_unpacked(use, parent):
        return False
    if isinstance(parent, ast.keyword):
        parent = parents[parent]
    if isinstance(parent, ast.Call):
        name = ContextFlow.of(project).values.name_of(module, parent.func)
        return name not in _READERS and not is_report(name)
    return isinstance(parent, _HANDING_ON)


def _is_unpacked(use: ast.expr, parent: ast.AST) -> bool:
    """Whether only the items of a container go on, as those of ``*items`` and ``**items``."""
    if isinstance(parent, ast.Dict):
        pairs = zip(parent.keys, parent.values, strict=True)
        return any(key is None and value is use for key, value in pairs)
    return isinstance(parent, ast.Starred) or (
        isinstance(parent, ast.keyword) and parent.arg is None
    )


_HANDING_ON = (
    ast.AnnAssign,
    ast.Assign,
    ast.AugAssign,
    ast.Dict,
    ast.List,
    ast.NamedExpr,
    ast.Return,
    ast.Tuple,
    ast.Yield,
    ast.YieldFrom,
    FunctionNode,
)
