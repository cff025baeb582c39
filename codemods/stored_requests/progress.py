"""What each visitor's requests count up or go on with, in a name that all requests share.

A score, the tries that are left, whose turn it is: one request sets it to its first value, and
others give it the next one. Which question comes next: requests count it up, and find what they
answer by it. A total of all visitors is never set back by one of them, and decides on nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.kept_paths import may_be_in_request
from flask_ctxfix.codemods.stored_requests.slots import (
    Slot,
    Store,
    declared_in_functions,
    reads_itself,
    target_of,
)
from flask_ctxfix.codemods.stored_requests.trusted_flags import tests_of_user
from flask_ctxfix.codemods.stored_requests.uses import is_constant, reads_of
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.flask_facts import ADDING
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionNode


class _Count(NamedTuple):
    """A name that requests give its next value, at one target in each function that does."""

    slot: Slot
    serving: list[Binding]
    targets: dict[FunctionNode | None, ast.Name]


def progress_in(module: Module, project: Project) -> list[Store]:
    """Return where a module gives such a name its next value; nothing for tests."""
    if project.is_test(module.path):
        return []
    return module.memo("progress", lambda: [*_progress(module, project)])


def _progress(module: Module, project: Project) -> Iterator[Store]:
    counts = [*_counts(module, project)]
    deciding = [each for each in counts if _is_of_each(each, module, project)]
    functions = {function for each in deciding for function in each.targets}
    for count in counts:
        is_beside = not functions.isdisjoint(count.targets)
        for target in count.targets.values() if count in deciding or is_beside else ():
            yield Store(count.slot, target, Datum(Kind.VALUE, "", how=How.MADE))


def _counts(module: Module, project: Project) -> Iterator[_Count]:
    for slot, bindings in declared_in_functions(module, project):
        serving = [each for each in bindings if may_be_in_request(module, project, each.node)]
        found: dict[FunctionNode | None, ast.Name] = {}
        for each in serving:
            target = target_of(each)
            if target is not None and _goes_on(each, slot.name):
                found.setdefault(module.scopes.function_of(target), target)
        if found:
            yield _Count(slot, serving, found)


def _is_of_each(count: _Count, module: Module, project: Project) -> bool:
    """Whether a count is that of one visitor: set back, or asked for what comes next."""
    if any(map(_sets_back, count.serving)):
        return True
    if any(isinstance(e.op, ast.Mod) for b in count.serving for e in _operations(b.node)):
        return False
    reads = [r for r in reads_of(count.slot, project) if may_be_in_request(r[0], project, r[1])]
    if any(_is_rest(*each) for each in reads):
        return False
    if any(_finds_next(*each) for each in reads):
        return True
    data = RequestData.of_project(project)
    tests = (tests_of_user(module, data, target) for target in count.targets.values())
    return any(True for found in tests for _ in found) and any(_is_end(*each) for each in reads)


def _operations(node: ast.AST) -> Iterator[ast.BinOp]:
    return (each for each in ast.walk(node) if isinstance(each, ast.BinOp))


def _is_rest(module: Module, read: ast.expr) -> bool:
    """Whether only the rest of a division by something counts: all visitors take turns."""
    parent = module.scopes.parents[read]
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod)


def _finds_next(module: Module, read: ast.expr) -> bool:
    """Whether code finds an item by a count, in what requests do not fill by counting."""
    parents = module.scopes.parents
    key, parent = read, parents[read]
    while isinstance(parent, ast.BinOp):
        key, parent = parent, parents[parent]
    if not isinstance(parent, ast.Subscript) or key is not parent.slice:
        return False
    return isinstance(parent.ctx, ast.Load) and not _is_filled(module, parent.value)


def _is_filled(module: Module, container: ast.expr) -> bool:
    """Whether functions of a module put something into a container."""
    written = module.segment(container)
    scopes = module.scopes
    items = (each for each in scopes.nodes(ast.Subscript) if isinstance(each.ctx, ast.Store))
    owners = [
        *(each.value for each in items),
        *(e.func.value for e in scopes.calls_of(ADDING) if isinstance(e.func, ast.Attribute)),
    ]
    return any(
        scopes.function_of(each) is not None and module.segment(each) == written for each in owners
    )


def _is_end(module: Module, read: ast.expr) -> bool:
    """Whether a test compares a count with what is the same for all: a limit, or a length."""
    parents = module.scopes.parents
    compared = parents[read]
    if not isinstance(compared, ast.Compare):
        return False
    whole: ast.AST = compared
    while isinstance(parents[whole], ast.BoolOp | ast.UnaryOp):
        whole = parents[whole]
    others = [each for each in (compared.left, *compared.comparators) if each is not read]
    is_limit = all(_is_limit(module, each) for each in others)
    return is_limit and getattr(parents[whole], "test", None) is whole


def _is_limit(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") == "len"
    if isinstance(node, ast.Name):
        bound = module.scopes.home_of(node).bindings.get(node.id, ())
        return len(bound) == 1 and bound[0].value is not None and is_constant(bound[0].value)
    return is_constant(node)


def _sets_back(binding: Binding) -> bool:
    """Whether a name gets a first value: the same each time."""
    is_plain = isinstance(binding.node, ast.Assign | ast.AnnAssign)
    return is_plain and binding.value is not None and is_constant(binding.value)


def _goes_on(binding: Binding, name: str) -> bool:
    """Whether a name gets a value that is made of its own."""
    if isinstance(binding.node, ast.AugAssign):
        return True
    return binding.value is not None and reads_itself(binding.value, name)
