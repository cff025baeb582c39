"""What statements that run when a program starts need of a context."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from typing import Literal

from flask_ctxfix.codemods.manual_contexts.imported_files import imported_files
from flask_ctxfix.context_flow import ContextFlow, Need
from flask_ctxfix.context_flow.values import Foreign, Function, Instance, own_nodes
from flask_ctxfix.project import Module, Project

_KNOWN = {"builtins", "celery", "click", "flask", "jinja2", "werkzeug"} | sys.stdlib_module_names


def need_of(module: Module, project: Project, statements: Sequence[ast.stmt]) -> Need:
    """Return which context some statements need."""
    body = [*statements] or [ast.Pass()]
    no_arguments = ast.arguments([], [], None, [], [], None, [])
    function = ast.FunctionDef("statements", no_arguments, body, [], lineno=1, col_offset=0)
    return ContextFlow.of(project).needs.of(Function(module, function)).need


def asks_for_context(
    module: Module, project: Project, statement: ast.stmt
) -> Literal["yes", "no", "unknown"]:
    """Return whether a statement needs a context, in what it imports too."""
    if need_of(module, project, [statement]) is not Need.NONE:
        return "yes"
    if any(
        _needs_at_import(each, project, {module.path})
        for each in _imported(module, project, statement)
    ):
        return "yes"
    return "no" if all(_is_known(module, project, c) for c in _calls(statement)) else "unknown"


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the calls that a statement makes itself, not those of functions that it defines."""
    outer = [*getattr(statement, "decorator_list", ())] if _is_function(statement) else [statement]
    for root in outer:
        for node in (root, *own_nodes(root)):
            if isinstance(node, ast.Call):
                yield node


def _is_function(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)


def _is_known(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether it is known what a call does: it is Flask's, the library's or the project's."""
    value = ContextFlow.of(project).values.of(module, call.func)
    if isinstance(value, Foreign):
        package = value.name.partition(".")[0]
        return package in _KNOWN or package.startswith("flask_")
    return value is not None and not isinstance(value, Instance)


def _imported(module: Module, project: Project, statement: ast.stmt) -> Iterator[Module]:
    """Yield the modules of the project that a statement imports."""
    for node in (statement, *own_nodes(statement)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from project.parsed(imported_files(module, project, node))


def _needs_at_import(module: Module, project: Project, seen: set[str]) -> bool:
    """Whether the import of a module needs a context, in what it imports of the project too."""
    if module.path in seen:
        return False
    seen.add(module.path)
    body = [each for each in module.tree.body if not _is_function(each)]
    return need_of(module, project, body) is not Need.NONE or any(
        _needs_at_import(other, project, seen)
        for each in body
        for other in _imported(module, project, each)
    )
