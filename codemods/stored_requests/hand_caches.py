"""What code keeps in a cache by hand, under a key that does not tell users apart.

It asks a cache for a key, and where nothing is there, puts something in; or it passes the key and
a function to one of the project that does so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.lasting_containers import container_of, shared_slot
from flask_ctxfix.codemods.stored_requests.own_caches import (
    attributes_in,
    gives_back,
    is_of,
    puts_by_key,
    told_by_key,
)
from flask_ctxfix.codemods.stored_requests.slots import value_assigned
from flask_ctxfix.context_flow import ContextFlow, Use
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.context_flow.values import Foreign, Function, bound_arguments
from flask_ctxfix.flask_facts import (
    BODY_READS,
    CACHE_SETTERS,
    REQUEST_GETTERS,
    REQUEST_PROXIES,
    TOLD_BY_PATH,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionDefinition, FunctionNode

_READS = REQUEST_PROXIES | REQUEST_GETTERS
_REQUEST = "request."
_NAMED = (ast.Attribute, ast.Call, ast.Name, ast.Subscript)
# What tells one page from another, and no user from another.
_OF_URL = TOLD_BY_PATH | {"full_path", "query_string", "url"}
# How what is of a user is written, where it is read.
_OF_USER = ("session", "current_user", "g.")


class KeptByHand(NamedTuple):
    """A call, or an item that is set, that keeps `datum`, or what a function reads at `use`."""

    call: ast.Call | ast.Subscript
    key: ast.expr
    datum: Datum | None = None
    use: Use | None = None


def kept_by_hand(module: Module, project: Project) -> Iterator[KeptByHand]:
    """Yield the calls of a module that keep what is of one user for all of them."""
    data = RequestData.of_project(project)
    for call in module.scopes.nodes(ast.Call):
        if len(call.args) < 2 or module.scopes.function_of(call) is None:
            continue
        if isinstance(call.func, ast.Attribute) and data.may_be_given(module, call):
            yield from _set(module, project, call)
        yield from _made_by_function(module, project, call)
    for item in module.scopes.nodes(ast.Subscript):
        value = value_assigned(module, item) if isinstance(item.ctx, ast.Store) else None
        if value is not None and data.may_be(module, value):
            yield from _put(module, project, item, value)


def _put(
    module: Module, project: Project, item: ast.Subscript, value: ast.expr
) -> Iterator[KeptByHand]:
    """Yield what a function keeps for the next request of the same URL, and gives back."""
    function = module.scopes.function_of(item)
    attributes = attributes_in(module, project, item.slice) if function is not None else None
    if function is None or not attributes or not attributes <= _OF_URL:
        return
    own = [each for each in ast.walk(function) if module.scopes.function_of(each) is function]
    if _lasts(module, project, item.value) and gives_back(module, own, item.value):
        found = _data_in(module, project, value, function)
        datum = next((each for each in found if each.of.startswith(_OF_USER)), None)
        if datum is not None:
            yield KeptByHand(item, item.slice, datum)


def _data_in(
    module: Module, project: Project, value: ast.expr, function: FunctionNode
) -> Iterator[Datum]:
    """Yield all data that a value is made of, also that of variables of the function around."""
    data = RequestData.of_project(project)
    left: list[ast.AST] = [value]
    known: set[str] = set()
    for node in left:  # grows
        datum = data.of(module, node, widest=How.MADE) if isinstance(node, _NAMED) else None
        if datum is not None and not datum.is_caught:
            yield datum
        if isinstance(node, ast.Name) and node.id not in known:
            known.add(node.id)
            home = module.scopes.home_of(node)
            bindings = home.bindings.get(node.id, ()) if home.node is function else ()
            left += (each.value for each in bindings if each.value is not None)
        left += ast.iter_child_nodes(node)


def _set(module: Module, project: Project, call: ast.Call) -> Iterator[KeptByHand]:
    """Yield what a call sets, if its function has asked for that key before."""
    pair = _key_and_value(module, project, call)
    if pair is None or not _is_asked_for(module, call, pair[0]):
        return
    key, value = pair
    datum = RequestData.of_project(project).of(module, value, widest=How.FOUND)
    told = told_by_key(module, project, key)
    if datum is None or datum.kind is not Kind.VALUE or datum.is_caught or told is None:
        return
    read = datum.of.removeprefix(_REQUEST).partition(".")[0].partition("[")[0]
    is_told = datum.of.startswith(_REQUEST) and read in told
    if not is_told and not any(f".{name}" in datum.of for name in BODY_READS):
        yield KeptByHand(call, key, datum)


def _key_and_value(
    module: Module, project: Project, call: ast.Call
) -> tuple[ast.expr, ast.expr] | None:
    """Return the key, and what is kept under it, of a call of a cache."""
    run = ContextFlow.of(project).values.of(module, call.func)
    if isinstance(run, Foreign):
        return (call.args[0], call.args[1]) if run.name in CACHE_SETTERS else None
    if not isinstance(run, Function) or not isinstance(run.node, FunctionDefinition):
        return None
    given = dict(bound_arguments(call, run))
    for container, key, put in puts_by_key(_own(run)):
        names = {each.id for each in ast.walk(put) if isinstance(each, ast.Name)}
        kept = [given[name] for name in given if name in names and given[name] is not call.args[0]]
        is_key = isinstance(key, ast.Name) and given.get(key.id) is call.args[0]
        if is_key and kept and _lasts(run.module, project, container):
            return call.args[0], kept[0]
    return None


def _own(run: Function) -> list[ast.AST]:
    scopes = run.module.scopes
    return [each for each in ast.walk(run.node) if scopes.function_of(each) is run.node]


def _lasts(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether a container is one that all requests share."""
    while (item := container_of(node)) is not None:
        node = item
    if not isinstance(node, ast.Name | ast.Attribute):
        return False
    return shared_slot(module, project, node) is not None


def _is_asked_for(module: Module, call: ast.Call, key: ast.expr) -> bool:
    """Whether the function around a call asks the same object for the same key."""
    assert isinstance(call.func, ast.Attribute)
    asked = (module.segment(call.func.value), module.segment(key))
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr != call.func.attr
        and bool(each.args)
        and (module.segment(each.func.value), module.segment(each.args[0])) == asked
        for each in ast.walk(module.scopes.function_of(call) or module.tree)
    )


def _made_by_function(module: Module, project: Project, call: ast.Call) -> Iterator[KeptByHand]:
    """Yield a call that has the result of a function kept, which reads what the key leaves out."""
    flow = ContextFlow.of(project)
    given = [(each, flow.values.of(module, each)) for each in call.args[1:]]
    made = [(each, value) for each, value in given if isinstance(value, Function)]
    run = flow.values.of(module, call.func) if made else None
    if not isinstance(run, Function) or not isinstance(run.node, FunctionDefinition):
        return
    passed = dict(bound_arguments(call, run))
    for name, argument in passed.items():
        function = next((value for each, value in made if each is argument), None)
        key = _key_of_result(run, project, name) if function is not None else None
        told = told_by_key(module, project, passed[key]) if key in passed else None
        if function is None or key is None or told is None:
            continue
        for use in flow.needs.of(function).uses:
            if use.of in _READS and use.of != "flask.g" and use.access != "write":
                if use.attribute not in told:
                    yield KeptByHand(call, passed[key], use=use)
                    return


def _key_of_result(run: Function, project: Project, name: str) -> str | None:
    """Return the parameter under which a function keeps what it gets of calling another one."""
    own = _own(run)
    calls = (each for each in own if isinstance(each, ast.Call))
    results: list[ast.AST] = [each for each in calls if getattr(each.func, "id", "") == name]
    for container, key, put in puts_by_key(own) if results else ():
        if isinstance(key, ast.Name) and is_of(run.module, put, results):
            if _lasts(run.module, project, container) and gives_back(run.module, own, container):
                return key.id
    return None
