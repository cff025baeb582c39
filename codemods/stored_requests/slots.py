"""Where request data is put that every request shares: the slots, and the stores to them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal, NamedTuple

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How
from flask_ctxfix.context_flow.values import Class, Instance, Value
from flask_ctxfix.flask_facts import MAKING_NUMBERS, NAMES_OF_APPLICATION, is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.shared_instances import is_shared
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding

# What takes the data out of a value instead of putting it in.
_LESSENING = (ast.Sub, ast.BitAnd)


class Slot(NamedTuple):
    """A name that keeps one value for the whole process.

    `owner` is empty for a global of the module at `path`; else the class there whose attribute it
    is, or whose instances, all made once for the process, have it. An attribute of the application
    has no path and no owner.
    """

    path: str
    kind: Literal["global", "class", "instance", "application"]
    owner: str
    name: str

    @property
    def group(self) -> str:
        """The group of the fixes that move it."""
        return group_of(self.name, self.path)


def group_of(name: str, path: str) -> str:
    """Return the group of the fixes that move a slot of this name and path."""
    return f"{name} of {path or 'the application'}"


class Store(NamedTuple):
    """An assignment of request data to a slot: `target` is what is assigned to."""

    slot: Slot
    target: ast.expr
    datum: Datum


def stores_in(module: Module, project: Project) -> list[Store]:
    """Return where a module puts request data into slots; nothing for tests."""
    if project.is_test(module.path):
        return []
    return module.memo("stores of request data", lambda: [*_stores(module, project)])


def _stores(module: Module, project: Project) -> Iterator[Store]:
    data = RequestData.of_project(project)
    if data.may_be_in(module):
        yield from _to_globals(module, project, data)
        yield from _to_attributes(module, project, data)


def _to_globals(module: Module, project: Project, data: RequestData) -> Iterator[Store]:
    for slot, bindings in globals_of_functions(module):
        for binding in bindings:
            target = target_of(binding)
            if target is None or _counts(module, project, binding, slot.name):
                continue
            datum = data.of_binding(module, binding, How.DRAWN)
            if datum is not None and not datum.is_caught:
                yield Store(slot, target, datum)


def globals_of_functions(module: Module) -> Iterator[tuple[Slot, list[Binding]]]:
    """Yield the globals that functions of a module declare, with what these bind to each."""
    scopes = module.scopes
    names = {name for node in scopes.nodes(ast.Global) for name in node.names}
    for name in sorted(names):
        bindings = scopes.module.bindings.get(name, ())
        inside = [each for each in bindings if scopes.function_of(each.node) is not None]
        yield Slot(module.path, "global", "", name), inside


def _counts(module: Module, project: Project, binding: Binding, name: str) -> bool:
    """Whether a global gets a number that is made of its own: what it keeps is of all requests."""
    node, value = binding.node, binding.value
    if isinstance(node, ast.AugAssign):
        return _counts_up(module, project, node)
    if value is None or not reads_itself(value, name):
        return False
    return is_total(module, project, value)


def _counts_up(module: Module, project: Project, node: ast.AugAssign) -> bool:
    return isinstance(node.op, _LESSENING) or _is_number(module, project, node.value)


def is_total(module: Module, project: Project, value: ast.expr) -> bool:
    """Whether a value that is made of the one before, and of data, is a number of all requests."""
    if isinstance(value, ast.Call):
        return is_well_known(ContextFlow.of(project).values.name_of(module, value.func))
    if not isinstance(value, ast.BinOp) or isinstance(value.op, _LESSENING):
        return True
    return any(_is_number(module, project, each) for each in (value.left, value.right))


def _is_number(module: Module, project: Project, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.BinOp | ast.BoolOp):
        parts = node.values if isinstance(node, ast.BoolOp) else (node.left, node.right)
        return any(_is_number(module, project, each) for each in parts)
    called = node.func if isinstance(node, ast.Call) else None
    if called is None:
        return False
    return ContextFlow.of(project).values.name_of(module, called) in MAKING_NUMBERS


def reads_itself(node: ast.expr, name: str) -> bool:
    """Whether the value of a variable is made of the one that it had."""
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def target_of(binding: Binding) -> ast.Name | None:
    """Return the name that an assignment binds, also as one of several; None for anything else."""
    node = binding.node
    if isinstance(node, ast.Assign):
        targets: list[ast.expr] = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.Tuple | ast.List):
        targets = node.elts
    else:
        return None
    names = (each for each in targets if isinstance(each, ast.Name))
    return next((each for each in names if each.id == binding.name), None)


def _to_attributes(module: Module, project: Project, data: RequestData) -> Iterator[Store]:
    for target in module.scopes.assigned_attributes:
        function, value = module.scopes.function_of(target), value_assigned(module, target)
        if function is None or value is None or not data.may_be(module, value):
            continue
        is_first = getattr(function, "name", "") == "__init__"  # of what is shared: no request yet
        if is_first or isinstance(value, ast.Constant | ast.Lambda):
            continue
        assigned = module.scopes.parents[target]
        if isinstance(assigned, ast.AugAssign) and _counts_up(module, project, assigned):
            continue
        slot = slot_of(module, project, target)
        datum = data.of(module, value, widest=How.DRAWN) if slot is not None else None
        if slot is not None and datum is not None and not datum.is_caught:
            yield Store(slot, target, datum)


def value_assigned(module: Module, target: ast.expr) -> ast.expr | None:
    """Return the expression that a target gets its value from, also as one of several."""
    parent = module.scopes.parents[target]
    if isinstance(parent, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return parent.value
    outer = module.scopes.parents.get(parent)
    if isinstance(parent, ast.Tuple) and isinstance(outer, ast.Assign):
        values = outer.value.elts if isinstance(outer.value, ast.Tuple) else []
        is_paired = len(values) == len(parent.elts)
        return values[parent.elts.index(target)] if is_paired else outer.value
    return None


def slot_of(module: Module, project: Project, node: ast.Attribute) -> Slot | None:
    """Return the slot that an attribute is: of a module, a class, a shared object or the app."""
    for base in project.origins(module, node.value):
        path = project.find_module(base, module.path)
        if path is not None:
            return Slot(path, "global", "", node.attr)
    if is_application(module, project, node.value):
        own = node.attr in NAMES_OF_APPLICATION
        return None if own else Slot("", "application", "", node.attr)
    owner = value_of(module, project, node.value)
    if isinstance(owner, Class) and _is_plain(owner, node.attr):
        return Slot(owner.module.path, "class", owner.node.name, node.attr)
    if isinstance(owner, Instance) and is_shared(owner.of, project):
        if _is_plain(owner.of, node.attr):
            return Slot(owner.of.module.path, "instance", owner.of.node.name, node.attr)
    return None


def value_of(module: Module, project: Project, node: ast.expr) -> Value | None:
    """Return what an expression stands for; also the class of ``type(self)``."""
    values = ContextFlow.of(project).values
    instance = None
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        instance = values.of(module, node.value)
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "type":
        instance = values.of(module, node.args[0]) if len(node.args) == 1 else None
    return instance.of if isinstance(instance, Instance) else values.of(module, node)


def _is_plain(owner: Class, name: str) -> bool:
    """Whether nothing but the assigned value itself can stand behind an attribute of a class."""
    body = owner.module.scopes.opened_by(owner.node).bindings
    special = {"__getattr__", "__getattribute__", "__setattr__", name}
    kinds = {each.kind for special_name in special for each in body.get(special_name, ())}
    return owner.node in owner.module.tree.body and "definition" not in kinds
