"""Decorators of the project that keep the results of what they decorate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from flask_ctxfix.codemods.stored_requests.lasting_containers import container_of
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import How
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance
from flask_ctxfix.flask_facts import (
    ADDING,
    ITEM_READERS,
    REQUEST_GETTERS,
    TOLD_BY_PATH,
    TOLD_BY_QUERY,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionDefinition, FunctionNode, Scope
from flask_ctxfix.syntax import last_name

_REQUEST = "flask.request"
_PATH = "path"


def names_of_own(project: Project) -> frozenset[str]:
    """Return the names of the functions of a project that may be such decorators."""

    def compute() -> Iterator[str]:
        for module in project.parsed(sorted(project.paths)):
            for wrapper in functions_of(module):
                owner = module.scopes.parents[wrapper]
                around = module.scopes.function_of(wrapper)
                if isinstance(owner, ast.ClassDef):
                    if wrapper.name == "__call__" and _may_keep(module, wrapper):
                        yield owner.name
                elif around is not None and _may_keep(module, wrapper):
                    functions = (around, *module.scopes.ancestors(around))
                    yield from (e.name for e in functions if isinstance(e, FunctionDefinition))
                    owners = (e for e in functions if isinstance(e, ast.ClassDef))
                    yield from (name for e in owners for name in _objects_of(project, e.name))

    return project.memo("own caching decorators", lambda: frozenset(compute()))


def _objects_of(project: Project, name: str) -> Iterator[str]:
    """Yield the names of objects that are made of a class of this name: ``kept = Kept(60)``."""
    for module in project.parsed(sorted(project.naming(name))):
        for call in module.scopes.calls.get(name, ()):
            assigned = module.scopes.parents[call]
            for target in assigned.targets if isinstance(assigned, ast.Assign) else ():
                yield last_name(target)


def _may_keep(module: Module, wrapper: FunctionDefinition) -> bool:
    """Whether a nested function calls a parameter of one around, and puts something somewhere."""
    own = [each for each in ast.walk(wrapper) if isinstance(each, ast.Call | ast.Subscript)]
    return any(_calls_wrapped(module, wrapper, each) for each in own) and any(
        (isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store))
        or (isinstance(each, ast.Call) and last_name(each.func) in ADDING)
        for each in own
    )


def attributes_of_key(module: Module, project: Project, called: ast.expr) -> frozenset[str] | None:
    """Return the attributes of the request in the key by which a decorator keeps results.

    None if it keeps none, or under what else tells users apart. `called` is what it is without its
    arguments. What it puts in the place of a function calls that, puts the result into a container
    which outlives the call, and gives what is there.
    """
    values = ContextFlow.of(project).values
    value = values.of(module, called)
    if isinstance(value, Instance):
        value = values.member(value.of, "__call__", of_instance=True)
    if not isinstance(value, Function | Class) or isinstance(value.node, ast.Lambda):
        return None
    home, node = value.module, value.node

    def compute() -> frozenset[str] | None:
        found = (_attributes(home, project, each) for each in _inner(home, node))
        return next((each for each in found if each is not None), None)

    return home.memo(("attributes of key", node), compute)


def _inner(
    module: Module, around: FunctionDefinition | ast.ClassDef
) -> Iterator[FunctionDefinition]:
    for each in ast.walk(around):
        if isinstance(each, FunctionDefinition) and each is not around:
            yield each


def _attributes(
    module: Module, project: Project, wrapper: FunctionDefinition
) -> frozenset[str] | None:
    """Return what is in the key under which a function keeps what the wrapped one gives."""
    own = [each for each in ast.walk(wrapper) if module.scopes.function_of(each) is wrapper]
    results = [each for each in own if _calls_wrapped(module, wrapper, each)]
    if not results:
        return None
    for container, key, put in puts_by_key(own):
        if is_of(module, put, results) and _lasts(module, project, container, wrapper):
            if gives_back(module, own, container):
                return told_by_key(module, project, key)
    return None


def told_by_key(module: Module, project: Project, key: ast.expr) -> frozenset[str] | None:
    """Return what of the request a key tells; None if it holds other data that may tell more."""
    attributes = attributes_in(module, project, key)
    return told_by(attributes) if attributes is not None else None


def attributes_in(module: Module, project: Project, key: ast.expr) -> set[str] | None:
    """Return the attributes of the request that a key is made of; None if it holds other data."""
    data = RequestData.of_project(project)
    if data.of(module, key, widest=How.MADE) is None:
        return set()
    attributes: set[str] = set()
    left: list[ast.AST] = [key]
    known: set[str] = set()
    values = ContextFlow.of(project).values
    for node in left:  # grows
        name = values.name_of(module, node) if isinstance(node, ast.Attribute) else ""
        owner, _, attribute = name.rpartition(".")
        if owner == _REQUEST:
            attributes.add(attribute)
        elif isinstance(node, ast.Name):
            is_new = node.id not in known and data.of(module, node, widest=How.MADE) is not None
            known.add(node.id)
            for each in _bindings(module, node) if is_new else ():
                if _is_of_url(module, project, each):
                    attributes.add(_PATH)
                elif each.value is None:
                    return None
                else:
                    left.append(each.value)
        elif isinstance(node, ast.Call) and _may_tell(module, project, node):
            return None
        else:
            left += ast.iter_child_nodes(node)
    return attributes or None


def _bindings(module: Module, name: ast.Name) -> list[Binding]:
    return module.scopes.home_of(name).bindings.get(name.id, [])


def _is_of_url(module: Module, project: Project, binding: Binding) -> bool:
    """Whether a name is an argument that a URL gives a view."""
    if binding.kind != "parameter":
        return False
    function = module.scopes.parents[module.scopes.parents[binding.node]]
    if not isinstance(function, FunctionNode):
        return False
    return ContextFlow.of(project).callers.give_data(module, function)


def _may_tell(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a function of the project, or one of an extension, gives data of the request."""
    value = ContextFlow.of(project).values.of(module, call.func)
    is_known = isinstance(value, Foreign) and value.name not in REQUEST_GETTERS
    data = RequestData.of_project(project)
    return not is_known and data.of(module, call, widest=How.MADE) is not None


def told_by(attributes: set[str]) -> frozenset[str]:
    """Return what of a request is the same wherever some attributes of it are."""
    told = set(attributes)
    if attributes & TOLD_BY_PATH:
        told |= TOLD_BY_PATH
    if attributes & (TOLD_BY_QUERY - TOLD_BY_PATH):
        told |= TOLD_BY_PATH | TOLD_BY_QUERY
    return frozenset(told)


def _calls_wrapped(module: Module, wrapper: FunctionDefinition, node: ast.AST) -> bool:
    """Whether a node calls a parameter of a function around, or of the one that made an object."""
    if not isinstance(node, ast.Call):
        return False
    owner = module.scopes.parents[wrapper]
    if isinstance(owner, ast.ClassDef) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _given(owner)
    if not isinstance(node.func, ast.Name):
        return False
    home = module.scopes.home_of(node.func)
    kinds = {each.kind for each in home.bindings.get(node.func.id, ())}
    return kinds == {"parameter"} and home.node is not wrapper


def _given(owner: ast.ClassDef) -> set[str]:
    """Return the attributes that the constructor of a class gives its objects as it is given."""
    init = next((e for e in owner.body if getattr(e, "name", "") == "__init__"), None)
    names = {each.arg for each in init.args.args} if isinstance(init, ast.FunctionDef) else set()
    return {
        target.attr
        for each in ast.walk(init or owner)
        if isinstance(each, ast.Assign) and getattr(each.value, "id", "") in names
        for target in each.targets
        if isinstance(target, ast.Attribute)
    }


def puts_by_key(nodes: list[ast.AST]) -> Iterator[tuple[ast.expr, ast.expr, ast.expr]]:
    """Yield what is put under a key: the container, the key and the value."""
    for each in nodes:
        if isinstance(each, ast.Assign):
            for target in each.targets:
                if isinstance(target, ast.Subscript):
                    yield target.value, target.slice, each.value
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            if each.func.attr in ADDING and len(each.args) == 2:
                yield each.func.value, each.args[0], each.args[1]


def is_of(module: Module, node: ast.expr, results: list[ast.AST]) -> bool:
    """Whether an expression holds one of some results, or a variable that does."""
    for each in ast.walk(node):
        if each in results:
            return True
        if isinstance(each, ast.Name):
            bindings = module.scopes.home_of(each).bindings.get(each.id, ())
            if any(binding.value in results for binding in bindings):
                return True
    return False


def _lasts(module: Module, project: Project, node: ast.expr, wrapper: FunctionDefinition) -> bool:
    """Whether a container is there for more than one call."""
    while (item := container_of(node)) is not None:
        node = item
    if isinstance(node, ast.Attribute):
        # of the object that decorates, which is there for as long as what it has decorated
        return any(isinstance(each, ast.ClassDef) for each in module.scopes.ancestors(wrapper))
    if not isinstance(node, ast.Name):
        return False
    if isinstance(ContextFlow.of(project).values.of(module, node), Foreign):
        return False
    home: Scope = module.scopes.home_of(node)
    return home.node is not wrapper


def gives_back(module: Module, nodes: list[ast.AST], container: ast.expr) -> bool:
    """Whether a function returns items of a container, or a part of one."""
    written = module.segment(container)
    read: list[ast.AST] = []
    for each in nodes:
        if _reads_item(each) and module.segment(each.value) == written:
            read += [each, module.scopes.parents[each]]
    returned = (each.value for each in nodes if isinstance(each, ast.Return) and each.value)
    return any(is_of(module, each, read) for each in returned)


def _reads_item(node: ast.AST) -> TypeGuard[ast.Subscript | ast.Attribute]:
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Attribute) and node.attr in ITEM_READERS
