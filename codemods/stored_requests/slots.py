"""Where request data is put that every request shares: the slots, and the stores to them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal, NamedTuple

from flask_ctxfix.codemods.stored_requests.handed_on import handed_on
from flask_ctxfix.codemods.stored_requests.records_of_all import is_of_record
from flask_ctxfix.codemods.stored_requests.stores_by_name import stores_by_name
from flask_ctxfix.codemods.stored_requests.told_objects import told
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance, Value
from flask_ctxfix.flask_facts import (
    FLASK_PROXIES,
    KEPT_BY_THREAD,
    MAKING_NUMBERS,
    NAMES_OF_APPLICATION,
    is_well_known,
)
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_places import variables_outlive
from flask_ctxfix.obligations.shared_instances import is_shared
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionNode, Scope

_PROXIES = FLASK_PROXIES - {"current_app"}
# What takes the data out of a value instead of putting it in.
_LESSENING = (ast.Sub, ast.BitAnd)
# What holds the data itself, beside what was there before, or what the data leaves of that.
_HOLDING = (ast.Dict, ast.JoinedStr, ast.List, ast.Set, ast.Subscript, ast.Tuple)
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Slot(NamedTuple):
    """A name that keeps one value for the whole process.

    `owner` is empty for a global of the module at `path`; else the class there whose attribute it
    is, or whose instances, all made once for the process, have it. That of a variable is the
    function around those that use it, which sets the application up. An attribute of the
    application has no path and no owner; that of another object has the global there as its owner
    which that object is, or the package that it is.
    """

    path: str
    kind: Literal["global", "variable", "class", "instance", "application", "object"]
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
        yield from _by_name(module, project, data)


def _to_globals(module: Module, project: Project, data: RequestData) -> Iterator[Store]:
    for slot, bindings in declared_in_functions(module, project):
        for binding in bindings:
            target = target_of(binding) or _other_target(binding)
            if target is None or _counts(module, project, binding, slot.name):
                continue
            if is_of_record(module, target):
                continue
            datum = data.of_binding(module, binding, How.DRAWN)
            if datum is None and binding.value is not None:
                datum = told(module, project, target, binding.value)
            if datum is not None and not datum.is_caught:
                yield Store(slot, target, datum)


def declared_in_functions(module: Module, project: Project) -> Iterator[tuple[Slot, list[Binding]]]:
    """Yield what functions of a module declare to be of outside, with what these bind to each."""
    scopes = module.scopes
    declared: dict[tuple[Scope, str], None] = {}
    for node in declarations_in(module):
        for name in node.names:
            declared[scopes.scope_of(node).home(name), name] = None
    for home, name in sorted(declared, key=lambda each: each[1]):
        slot = slot_of_scope(module, project, home, name)
        if slot is not None:
            around = home.node if home.parent is not None else None
            bindings = home.bindings.get(name, ())
            inside = [each for each in bindings if scopes.function_of(each.node) is not around]
            yield slot, inside


def _other_target(binding: Binding) -> ast.Name | None:
    """Return the name that a loop, a `with` or a `:=` binds."""
    node = binding.node
    target: ast.expr | None = None
    if isinstance(node, ast.For | ast.AsyncFor | ast.NamedExpr):
        target = node.target
    elif isinstance(node, ast.withitem):
        target = node.optional_vars
    return target if isinstance(target, ast.Name) else None


def declarations_in(module: Module) -> list[ast.Global | ast.Nonlocal]:
    """Return the statements that declare names to be of outside."""
    found: list[ast.Global | ast.Nonlocal] = [*module.scopes.nodes(ast.Global)]
    return [*found, *module.scopes.nodes(ast.Nonlocal)]


def slot_of_scope(module: Module, project: Project, home: Scope, name: str) -> Slot | None:
    """Return the slot that a name of a scope is: of the module, or of what sets requests up."""
    if home.parent is None:
        return Slot(module.path, "global", "", name)
    owner = _full_name(module, home.node)
    is_known = scope_of_owner(module, owner) is home
    if not is_known or not variables_outlive(module, home, project):
        return None
    return Slot(module.path, "variable", owner, name) if _sets_up(module, project, home) else None


def _sets_up(module: Module, project: Project, home: Scope) -> bool:
    """Whether a function runs outside of requests, or makes functions that answer them."""
    reachability = ContextFlow.of(project).reachability
    assert isinstance(home.node, FunctionNode)
    if reachability.of_function(module, home.node).where is Where.OUTSIDE:
        return True
    proxies = project.uses_of(module, _PROXIES)
    if any(module.scopes.function_of(each) is home.node for each in proxies):
        return False  # it answers a request itself
    inner = (each.node for each in module.scopes.every if each.parent is home)
    functions = (each for each in inner if isinstance(each, FunctionNode))
    return any(reachability.of_function(module, f).where is Where.REQUEST for f in functions)


def scope_of_owner(module: Module, owner: str) -> Scope | None:
    """Return the scope of the function of this full name; None if there are several, or none."""

    def compute() -> dict[str, Scope | None]:
        found: dict[str, Scope | None] = {}
        for scope in module.scopes.every:
            if isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = _full_name(module, scope.node)
                found[name] = None if name in found else scope
        return found

    return module.memo("functions by full name", compute).get(owner)


def _full_name(module: Module, node: ast.AST) -> str:
    """Return the name of a function below those of what it is defined in: ``create_app.load``."""
    around = (node, *module.scopes.ancestors(node))
    return ".".join(reversed([each.name for each in around if isinstance(each, _NAMED)]))


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
    if isinstance(value, _HOLDING):
        return False
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
        if is_of_record(module, target):
            continue
        slot = slot_of(module, project, target)
        datum = data.of(module, value, widest=How.DRAWN) if slot is not None else None
        if slot is not None and datum is not None and not datum.is_caught:
            yield Store(slot, target, datum)


def _by_name(module: Module, project: Project, data: RequestData) -> Iterator[Store]:
    """Yield what is set by its name: ``setattr(state, "user", …)``, ``globals()["user"] = …``."""
    for base, name, target, value in stores_by_name(module, project):
        if module.scopes.function_of(target) is None or not data.may_be(module, value):
            continue
        of_module = Slot(module.path, "global", "", name)
        slot = of_module if base is None else slot_at(module, project, base, name)
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
    return slot_at(module, project, node.value, node.attr)


def slot_at(module: Module, project: Project, base: ast.expr, name: str) -> Slot | None:
    """Return the slot that the attribute of this name of an expression is."""
    for origin in project.origins(module, base):
        path = project.find_module(origin, module.path)
        if path is not None:
            return Slot(path, "global", "", name)
    if is_application(module, project, base):
        return None if name in NAMES_OF_APPLICATION else Slot("", "application", "", name)
    owner = value_of(module, project, base)
    if isinstance(owner, Class) and _is_plain(owner, name):
        return Slot(owner.module.path, "class", owner.node.name, name)
    if isinstance(owner, Instance) and is_shared(owner.of, project):
        if _is_plain(owner.of, name):
            return Slot(owner.of.module.path, "instance", owner.of.node.name, name)
    return _of_object(module, project, base, owner, name)


def _of_object(
    module: Module, project: Project, base: ast.expr, value: Value | None, name: str
) -> Slot | None:
    """Return the slot that an attribute of a function, a package or an object from elsewhere is.

    There is one such object for the process if a global stands for it.
    """
    bound = project.bindings(module, base) if isinstance(base, ast.Name | ast.Attribute) else []
    if len(bound) != 1:
        return None
    home, binding = bound[0]
    is_global = binding in home.scopes.module.bindings.get(binding.name, ())
    if not is_global or not _is_one_object(project, binding, value, name):
        return None
    return Slot(home.path, "object", binding.name, name)


def _is_one_object(project: Project, binding: Binding, value: Value | None, name: str) -> bool:
    """Whether a global is a function, a package, or an object that all threads see the same of."""
    if isinstance(value, Function):
        return binding.kind == "definition"
    if isinstance(value, Instance):
        names = ContextFlow.of(project).values.base_names(value.of)
        return KEPT_BY_THREAD.isdisjoint(names) and _is_plain(value.of, name)
    if isinstance(value, Foreign):
        if isinstance(binding.node, ast.Import):
            return "()" not in value.name
        made = value.name.removesuffix("()")
        is_class = made.rpartition(".")[2][:1].isupper()
        return made != value.name and is_class and made not in KEPT_BY_THREAD
    return False


def value_of(module: Module, project: Project, node: ast.expr) -> Value | None:
    """Return what an expression stands for; also the class of ``type(self)``."""
    values = ContextFlow.of(project).values
    instance = None
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        instance = values.of(module, node.value)
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "type":
        instance = values.of(module, node.args[0]) if len(node.args) == 1 else None
    if isinstance(instance, Instance):
        return instance.of
    value = values.of(module, node)
    return _handed_on(module, project, node) if value is None else value


def _handed_on(module: Module, project: Project, node: ast.expr) -> Value | None:
    """Return the one object that all callers of a function hand it as a parameter."""
    values = ContextFlow.of(project).values
    found = {values.of(home, each) for home, each in handed_on(module, project, node)}
    value = found.pop() if len(found) == 1 else None
    return value if isinstance(value, Instance) else None


def _is_plain(owner: Class, name: str) -> bool:
    """Whether nothing but the assigned value itself can stand behind an attribute of a class."""
    body = owner.module.scopes.opened_by(owner.node).bindings
    special = {"__getattr__", "__getattribute__", "__setattr__", name}
    kinds = {each.kind for special_name in special for each in body.get(special_name, ())}
    return owner.node in owner.module.tree.body and "definition" not in kinds
