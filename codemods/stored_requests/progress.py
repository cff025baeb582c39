"""Where each visitor's requests go on with what those of all others count: `visitor_counts.py`."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.kept_paths import (
    Read,
    may_be_in_request,
    serves_requests,
)
from flask_ctxfix.codemods.stored_requests.lasting_containers import Container, lasting_container
from flask_ctxfix.codemods.stored_requests.slots import (
    Slot,
    Store,
    declared_in_functions,
    slot_of,
    target_of,
)
from flask_ctxfix.codemods.stored_requests.uses import reads_of
from flask_ctxfix.codemods.stored_requests.visitor_counts import (
    Assigned,
    Count,
    assigned_at,
    is_of_one,
    stages_of_one,
)
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding

COUNTED = Datum(Kind.VALUE, "", how=How.MADE)


def progress_in(module: Module, project: Project) -> list[Store]:
    """Return where a module gives such a name its next value; nothing for tests."""
    if project.is_test(module.path):
        return []
    return module.memo("progress", lambda: [*_progress(module, project)])


def _progress(module: Module, project: Project) -> Iterator[Store]:
    variables = [*_variables(module, project)]
    attributes = [*_attributes(module, project)]
    for slot, count in (*variables, *attributes):
        for target in stages_of_one(count, module, project):
            yield Store(slot, target, COUNTED)
    counts = {slot: each for slot, each in (*variables, *attributes) if each.steps(module)}
    of_one = {
        slot
        for slot, each in counts.items()
        if is_of_one(each, module, project, is_open=slot.kind not in {"global", "variable"})
    }
    functions = {function for slot in of_one for function in counts[slot].steps(module)}
    for slot, count in counts.items():
        steps = count.steps(module)
        # What the same function counts beside it is about the same visitor.
        for target in steps.values() if slot in of_one or functions & steps.keys() else ():
            yield Store(slot, target, COUNTED)


def _variables(module: Module, project: Project) -> Iterator[tuple[Slot, Count]]:
    for slot, bindings in declared_in_functions(module, project):
        assigned: list[Assigned] = []
        for each in bindings:
            target = target_of(each)
            if target is not None and may_be_in_request(module, project, each.node):
                given = assigned_at(module, target)
                assigned += [] if given is None else [given]
        if assigned:
            bound = _first_values(module, slot, bindings)
            yield slot, Count(assigned, [*reads_of(slot, project)], bound)


def _first_values(module: Module, slot: Slot, inside: list[Binding]) -> tuple[ast.expr, ...]:
    """Return what a global is before functions give it other values."""
    every = module.scopes.module.bindings.get(slot.name, ()) if slot.kind == "global" else ()
    return tuple(e.value for e in every if e.value is not None and e not in inside)


def _attributes(module: Module, project: Project) -> Iterator[tuple[Slot, Count]]:
    """Yield what is counted in attributes that requests share."""
    names = {
        each.target.attr
        for each in module.scopes.nodes(ast.AugAssign)
        if isinstance(each.target, ast.Attribute)
    }
    found: dict[Slot, list[Assigned]] = defaultdict(list)
    for target in module.scopes.assigned_attributes:
        if target.attr not in names or _is_first(module, target):
            continue
        assigned = assigned_at(module, target)
        if assigned is not None and serves_requests(module, project, target):
            slot = slot_of(module, project, target)
            if slot is not None:
                found[slot].append(assigned)
    for slot, every in found.items():
        yield slot, Count(every, [*reads_of(slot, project)])


class CountedItem(NamedTuple):
    """The item of a container at `target` that requests give its next value."""

    target: ast.Subscript
    container: Container


def items_that_progress(module: Module, project: Project) -> Iterator[CountedItem]:
    """Yield where a module gives the items under fixed keys their next value."""
    found: dict[tuple[str, str], list[Assigned]] = defaultdict(list)
    for target in _items(module):
        assigned = assigned_at(module, target)
        if assigned is not None and serves_requests(module, project, target):
            found[module.segment(target.value), ast.unparse(target.slice)].append(assigned)
    counts: list[tuple[Container, Count]] = []
    for (_, key), every in found.items():
        named = every[0].target
        assert isinstance(named, ast.Subscript)
        is_counted = any(each.value is None for each in every)
        container = lasting_container(module, project, named.value) if is_counted else None
        if container is not None:
            counts.append((container, Count(every, [*_reads_under(container, key)])))
    of_one = [each for _, each in counts if is_of_one(each, module, project, is_open=True)]
    functions = {function for each in of_one for function in each.steps(module)}
    for container, count in counts:
        steps = count.steps(module)
        for step in steps.values() if count in of_one or functions & steps.keys() else ():
            assert isinstance(step, ast.Subscript)
            yield CountedItem(step, container)


def _items(module: Module) -> Iterator[ast.Subscript]:
    """Yield what functions assign to of the items that have constants as their keys."""
    for each in module.scopes.nodes(ast.Subscript):
        if isinstance(each.ctx, ast.Store) and isinstance(each.slice, ast.Constant):
            if module.scopes.function_of(each) is not None:
                yield each


def _reads_under(container: Container, key: str) -> Iterator[Read]:
    for home, use in container.uses:
        item = home.scopes.parents[use]
        if isinstance(item, ast.Subscript) and isinstance(item.ctx, ast.Load):
            if item.value is use and ast.unparse(item.slice) == key:
                yield home, item


def _is_first(module: Module, target: ast.expr) -> bool:
    return getattr(module.scopes.function_of(target), "name", "") == "__init__"
