"""What each visitor's requests count up or go on with, in a name that all requests share.

A score, the tries that are left, whose turn it is: one request sets it to its first value, and
others give it the next one. A total of all visitors is never set back by one of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemods.stored_requests.kept_paths import may_be_in_request
from flask_ctxfix.codemods.stored_requests.slots import (
    Store,
    declared_in_functions,
    reads_itself,
    target_of,
)
from flask_ctxfix.codemods.stored_requests.uses import is_constant
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionNode


def progress_in(module: Module, project: Project) -> list[Store]:
    """Return where a module gives such a global its next value; nothing for tests."""
    if project.is_test(module.path):
        return []
    return module.memo("progress", lambda: [*_progress(module, project)])


def _progress(module: Module, project: Project) -> Iterator[Store]:
    for slot, bindings in declared_in_functions(module, project):
        serving = [each for each in bindings if may_be_in_request(module, project, each.node)]
        if not any(map(_sets_back, serving)):
            continue
        found: dict[FunctionNode | None, ast.Name] = {}
        for each in serving:
            target = target_of(each)
            if target is not None and _goes_on(each, slot.name):
                found.setdefault(module.scopes.function_of(target), target)
        for target in found.values():  # one of each function
            yield Store(slot, target, Datum(Kind.VALUE, "", how=How.MADE))


def _sets_back(binding: Binding) -> bool:
    """Whether a name gets a first value: the same each time."""
    is_plain = isinstance(binding.node, ast.Assign | ast.AnnAssign)
    return is_plain and binding.value is not None and is_constant(binding.value)


def _goes_on(binding: Binding, name: str) -> bool:
    """Whether a name gets a value that is made of its own."""
    if isinstance(binding.node, ast.AugAssign):
        return True
    return binding.value is not None and reads_itself(binding.value, name)
