"""Containers that last as long as the process: which they are, and what uses them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.emptying import (
    ITEMS,
    is_emptied_unseen,
    may_empty,
    uses_of_relatives,
)
from flask_ctxfix.codemods.stored_requests.handed_on import handed_on
from flask_ctxfix.codemods.stored_requests.mappings import MappingItem, item_of, uses_of_item
from flask_ctxfix.codemods.stored_requests.slots import (
    Slot,
    scope_of_owner,
    slot_of,
    slot_of_scope,
    target_of,
    value_assigned,
)
from flask_ctxfix.codemods.stored_requests.uses import class_of, modules_with, uses_in
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.direct_calls import as_called, calls_of, passed_by
from flask_ctxfix.context_flow.values import Class, Foreign, Instance, is_parameter
from flask_ctxfix.flask_facts import (
    ADDING,
    ENTRY_BASES,
    GROWING,
    KEPT_BY_THREAD,
    PLAIN_BASES,
)
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.shared_instances import is_made_again
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, Scope
from flask_ctxfix.syntax import defaults_of, last_name

_PLAIN = PLAIN_BASES | ENTRY_BASES.keys()
_LISTS = frozenset({"deque", "list"})
_MAKING_ITEMS = frozenset({"Counter", "defaultdict"})
_LITERALS = (ast.List, ast.Dict, ast.Set)


class Container(NamedTuple):
    """A container that lasts, as code at one place names it, and every use of it that is known.

    `writes` are the assignments of another one in its place.

    `is_emptied` says that something takes out of it, or may do so; `is_list` that it is one, so
    that giving an item of it another value makes it no longer; `makes_items` that it makes one of
    each key that it is asked for.
    """

    named: ast.expr
    uses: tuple[tuple[Module, ast.expr], ...]
    is_emptied: bool
    is_list: bool
    writes: tuple[tuple[Module, ast.expr], ...] = ()
    makes_items: bool = False

    @property
    def reads(self) -> Iterator[tuple[Module, ast.expr]]:
        """The uses that do more than to put something in."""
        return (use for use in self.uses if not _only_adds(*use))


def may_last(module: Module, node: ast.expr) -> bool:
    """Whether what `node` is, or is an item of, may be more than a variable of a function."""
    while (item := container_of(node)) is not None:
        node = item
    if not isinstance(node, ast.Name):
        return isinstance(node, ast.Attribute)
    home = module.scopes.home_of(node)
    if home.parent is None or home.node is not module.scopes.function_of(node):
        return True
    kinds = {each.kind for each in home.bindings.get(node.id, ())}
    return kinds <= {"import", "parameter"}


def shared_container(module: Module, project: Project, node: ast.expr) -> Container | None:
    """Return the container that all requests share and that `node` is, if it is one at times."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    slot = shared_slot(module, project, node)
    if slot is None:
        return None
    is_container = any(_is_growing(home, project, each) for home, each in _values_of(slot, project))
    return _used(slot, node, project, False, True) if is_container else None


def lasting_container(module: Module, project: Project, node: ast.expr) -> Container | None:
    """Return the container that `node` is, or is an item of; None if it does not last or grow."""
    is_item = False
    while (item := container_of(node)) is not None:
        kept = item_of(module, project, node)
        if kept is not None:
            return _item(node, project, kept, is_item)
        node, is_item = item, True
    if isinstance(node, ast.Name):
        home = module.scopes.home_of(node)
        if home.parent is not None and home.node is module.scopes.function_of(node):
            default = _default(module, project, node, home, is_item)
            return default or _handed_on(module, project, node)
    elif not isinstance(node, ast.Attribute):
        return None
    slot = shared_slot(module, project, node)
    first = _first_value(slot, project) if slot is not None else None
    if slot is None or first is None:
        return None
    found = _used(slot, node, project, is_item, _is_list(first))
    return found._replace(makes_items=_makes_items(first))


def _item(named: ast.expr, project: Project, item: MappingItem, is_item: bool) -> Container | None:
    """Return the container that an item of a mapping of the application is, and stays."""
    uses = uses_of_item(item, project)
    if len(uses.writes) != 1:
        return None
    home, target, first = uses.writes[0]
    if not _is_growing(home, project, first):
        return None
    is_emptied = isinstance(target, ast.Subscript) and _may_serve(home, project, target)
    is_emptied |= any(may_empty(module, use, project, is_item) for module, use in uses.reads)
    return Container(named, uses.reads, is_emptied, _is_list(first), (), _makes_items(first))


def container_of(node: ast.expr) -> ast.expr | None:
    """Return what `node` is an item of: ``x`` for ``x[key]`` and for ``x.setdefault(key, [])``."""
    if isinstance(node, ast.Subscript):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value if node.func.attr in ITEMS else None
    return None


def shared_slot(module: Module, project: Project, node: ast.expr) -> Slot | None:
    """Return the slot that a global or an attribute is, if all requests share it."""
    if isinstance(node, ast.Attribute):
        return slot_of(module, project, node) or _of_class(module, project, node)
    if isinstance(node, ast.Name):
        home_scope = module.scopes.home_of(node)
        if home_scope.parent is not None and home_scope.node is not module.scopes.function_of(node):
            return slot_of_scope(module, project, home_scope, node.id)
    found = project.bindings(module, node)
    named = {(home.path, binding.name) for home, binding in found}
    if len(named) != 1 or not isinstance(node, ast.Name):
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


def _first_value(slot: Slot, project: Project) -> ast.expr | None:
    """Return the container that a slot starts as, if it is one without a limit to its size."""
    values = list(_values_of(slot, project))
    is_one = len(values) == 1 and _is_growing(values[0][0], project, values[0][1])
    return values[0][1] if is_one else None


def _values_of(slot: Slot, project: Project) -> Iterator[tuple[Module, ast.expr | None]]:
    """Yield what is assigned to a slot: of a name or a class, in its own module."""
    if slot.kind in {"application", "object"}:
        yield from _values_of_attribute(slot, project)
        return
    module = project.module(slot.path)
    scope = _scope_of(slot, module)
    bindings = scope.bindings.get(slot.name, ())
    if slot.kind not in {"global", "variable"}:
        owners = (each.node for each in scope.bindings.get(slot.owner, ()))
        owner = next((each for each in owners if isinstance(each, ast.ClassDef)), None)
        if owner is None:
            return
        bindings = module.scopes.opened_by(owner).bindings.get(slot.name, ())
        assigned = ContextFlow.of(project).values.assigned(Class(module, owner))
        yield from ((module, each) for each in assigned.get(slot.name, ()))
    yield from ((module, _value_bound(module, each)) for each in bindings)


def _values_of_attribute(slot: Slot, project: Project) -> Iterator[tuple[Module, ast.expr | None]]:
    """Yield what code anywhere assigns to an attribute of the application, or of an object."""
    for module in modules_with(slot, project):
        uses = uses_in(slot, module, project)
        yield from ((module, each.value) for each in uses.initial)
        yield from ((module, value_assigned(module, each)) for each in uses.writes)


def _value_bound(module: Module, binding: Binding) -> ast.expr | None:
    """Return what a binding gives its name, also as one of several: ``seen, asked = {}, []``."""
    target = target_of(binding)
    return value_assigned(module, target) if target is not None else None


def _scope_of(slot: Slot, module: Module) -> Scope:
    """Return the scope that a slot, or the class that has it, lives in."""
    around = scope_of_owner(module, slot.owner) if slot.kind == "variable" else None
    return around or module.scopes.module


def _is_growing(module: Module, project: Project, node: ast.expr | None) -> bool:
    if isinstance(node, _LITERALS):
        return True
    if not isinstance(node, ast.Call) or any(each.arg == "maxlen" for each in node.keywords):
        return False
    name = ContextFlow.of(project).values.name_of(module, node.func)
    return name in GROWING and not (name == "collections.deque" and len(node.args) > 1)


def _default(
    module: Module, project: Project, node: ast.Name, home: Scope, is_item: bool
) -> Container | None:
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
    for other, call in calls_of(project, module, function):
        passed = passed_by(project, other, call, as_called(module, function))
        is_given = any(name == node.id for name, _ in passed)
        is_open = any(each.arg is None for each in call.keywords)
        if is_given or is_open or any(isinstance(each, ast.Starred) for each in call.args):
            return None
    uses = tuple((module, read) for read in home.reads.get(node.id, ()))
    is_emptied = any(may_empty(*use, project, is_item) for use in uses)
    return Container(node, uses, is_emptied, _is_list(defaults.get(node.id)))


def _handed_on(module: Module, project: Project, node: ast.Name) -> Container | None:
    """Return the container that all callers of a function, in its own file, hand it."""
    found: Container | None = None
    for home, given in handed_on(module, project, node):
        is_here = home is module and isinstance(given, ast.Name | ast.Attribute)
        is_known = is_here and not is_parameter(module, given)
        found = lasting_container(module, project, given) if is_known else None
        if found is None:
            return None
    return found


def _is_list(node: ast.expr | None) -> bool:
    return isinstance(node, ast.List) or last_name(getattr(node, "func", None)) in _LISTS


def _makes_items(node: ast.expr) -> bool:
    return last_name(getattr(node, "func", None)) in _MAKING_ITEMS


def _used(slot: Slot, named: ast.expr, project: Project, is_item: bool, is_list: bool) -> Container:
    """Return the container in a slot with its uses in all of the project."""
    found: list[tuple[Module, ast.expr]] = []
    writes: list[tuple[Module, ast.expr]] = []
    is_emptied = is_emptied_unseen(slot, project)
    paths = {slot.path, *project.naming(slot.name)} - {""}
    for module in project.parsed(sorted(paths)):
        uses = uses_in(slot, module, project)
        is_emptied |= any(_may_replace(slot, module, project, each) for each in uses.writes)
        writes += ((module, each) for each in uses.writes)
        found += ((module, read) for read in uses.reads)
    found += uses_of_relatives(slot, project)
    is_emptied |= any(may_empty(module, read, project, is_item) for module, read in found)
    owner = class_of(slot, project) if slot.kind == "instance" else None
    is_emptied |= owner is not None and is_made_again(owner, project)
    return Container(named, tuple(found), is_emptied, is_list, tuple(writes))


def _may_replace(slot: Slot, module: Module, project: Project, target: ast.expr) -> bool:
    """Whether an assignment may put another container in the place of one that is filled.

    What sets the application up gives an attribute of it the first one.
    """
    return slot.kind != "application" or _may_serve(module, project, target)


def _may_serve(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code may run in requests, and does not only set the application up."""
    return ContextFlow.of(project).reachability.of(module, node).where is not Where.OUTSIDE


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
        if parent.attr not in ITEMS:
            return parent.attr in ADDING
        use = call


def object_with_items(module: Module, project: Project, node: ast.expr) -> Container | None:
    """Return what `node` is, or is an item of, if all requests share it, whatever its class is.

    An object from elsewhere may have no items but those that code gives it, under fixed keys.
    """
    while (item := container_of(node)) is not None:
        node = item
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    slot = shared_slot(module, project, node)
    is_of_names = slot is not None and slot.name == "__dict__"  # its items are attributes
    if slot is None or is_of_names or slot.kind not in {"global", "variable", "object"}:
        return None
    owner = slot._replace(kind="global", owner="", name=slot.owner)
    if not _is_made_once(owner if slot.kind == "object" else slot, project):
        return None
    found = _used(slot, node, project, True, True)
    if slot.kind != "object":
        return found
    return found._replace(uses=(*found.uses, *_uses_of_owner(slot, project)))


def _uses_of_owner(slot: Slot, project: Project) -> Iterator[tuple[Module, ast.expr]]:
    """Yield what else is done with the object that has an attribute, and may read that."""
    owner = slot._replace(kind="global", owner="", name=slot.owner)
    for module in project.parsed(sorted({slot.path, *project.naming(owner.name)})):
        for use in uses_in(owner, module, project).reads:
            if last_name(module.scopes.parents[use]) != slot.name:
                yield module, use


def _is_made_once(slot: Slot, project: Project) -> bool:
    """Whether a name gets one value, which a call of code from elsewhere makes."""
    home = project.module(slot.path)
    bound = _scope_of(slot, home).bindings.get(slot.name, ())
    made = _value_bound(home, bound[0]) if len(bound) == 1 else None
    if not isinstance(made, ast.Call):
        return False
    value = ContextFlow.of(project).values.of(home, made)
    return isinstance(value, Foreign) and value.name.removesuffix("()") not in KEPT_BY_THREAD
