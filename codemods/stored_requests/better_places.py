"""Where data of a request belongs, which a container keeps: by who reads it there."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Advice
from flask_ctxfix.codemods.stored_requests.lasting_containers import Container, shared_slot
from flask_ctxfix.codemods.stored_requests.order import Order, Written
from flask_ctxfix.codemods.stored_requests.uses import class_of
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.values import Class, Instance
from flask_ctxfix.flask_facts import ENTRY_BASES
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.shared_instances import instantiations
from flask_ctxfix.project import Project

_FOR_OTHERS = Advice(
    "keep the value in `session` for one user, or in a database for all",
    notes=(
        "another request reads the value, so `g` is too short-lived",
        "other processes do not see this value",
    ),
)
_FOR_ONE = "keep the value in `g`, which ends with the request"
_IN_A_STORE = "keep the values in a database, or delete those that are no longer needed"


def where_to_share(
    module: Module, project: Project, node: ast.AST, found: Container, is_pile: bool
) -> Advice | str:
    """Return where an item belongs that all requests share: on `g` if only its own one reads it.

    What is one more of many is there to be read later.
    """
    slot = shared_slot(module, project, found.named)
    is_default = slot is None and isinstance(found.named, ast.Name)
    if is_default or (is_pile and is_meant_for_each(module, project, found.named)):
        return where_to_pile_up(module, project, node, found)
    if is_pile:
        return _FOR_OTHERS
    order = Order(project, frozenset({module.key_of(found.named)}))
    reads = [each for each in found.reads if not project.is_test(each[0].path)]
    is_of_one = all(order.before(home, read) is Written.YES for home, read in reads)
    return _FOR_ONE if is_of_one else _FOR_OTHERS


def where_to_pile_up(module: Module, project: Project, node: ast.AST, found: Container) -> str:
    """Return where values belong that pile up: in the call where that is what was meant."""
    name, named = module.segment(found.named), found.named
    function = module.scopes.function_of(node)
    if not isinstance(named, ast.Name | ast.Attribute):
        return _IN_A_STORE  # an item of a mapping of the application
    slot = shared_slot(module, project, named)
    if slot is None and not isinstance(named, ast.Name):
        return _IN_A_STORE
    if slot is None:
        return f"set the default to `{name}=None`, and make a new value in each call"
    owner = class_of(slot, project) if slot.kind == "class" else None
    if owner is None:
        return _IN_A_STORE
    is_view = _is_view(owner, project)
    if not is_view and not is_meant_for_each(module, project, named):
        return _IN_A_STORE
    made = _value_in(owner, slot.name)
    if made is None:
        return _IN_A_STORE
    assert isinstance(named, ast.Attribute)
    homes = {home.scopes.function_of(read) for home, read in found.uses}
    if (
        is_view
        and homes == {function}
        and isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    ):
        return f"use a local variable of `{function.name}`: `{named.attr} = {made}`"
    made_for = "request" if is_view else "object"
    return f"make a new one for each {made_for}, in `__init__`: `self.{named.attr} = {made}`"


def is_meant_for_each(module: Module, project: Project, named: ast.expr) -> bool:
    """Whether a container stands in the body of a class of which requests make their own objects.

    Code that names it by an object, not by the class, takes it for that of the object. Of a view,
    of which Flask makes the objects, it may be meant for all.
    """
    slot = shared_slot(module, project, named)
    owner = class_of(slot, project) if slot is not None and slot.kind == "class" else None
    if owner is None or not isinstance(named, ast.Attribute) or _is_view(owner, project):
        return False
    reachability = ContextFlow.of(project).reachability
    made = [reachability.of(m, call).where for m, call in instantiations(owner, project)]
    is_of_object = isinstance(ContextFlow.of(project).values.of(module, named.value), Instance)
    return is_of_object and bool(made) and all(where is Where.REQUEST for where in made)


def _is_view(owner: Class, project: Project) -> bool:
    """Whether Flask makes an object of a class for each request."""
    body = owner.module.scopes.opened_by(owner.node).bindings
    is_view = not ENTRY_BASES.keys().isdisjoint(ContextFlow.of(project).values.base_names(owner))
    return is_view and "init_every_request" not in body


def _value_in(owner: Class, name: str) -> str | None:
    """Return what the body of a class gives an attribute, as it is written there."""
    found = owner.module.scopes.opened_by(owner.node).bindings.get(name, ())
    values = [each.value for each in found if each.value is not None]
    return owner.module.segment(values[0]) if len(values) == 1 else None
