"""Which modules are certainly imported before there is any context."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.applications import constructions
from flask_ctxfix.codemods.manual_contexts.imported_files import imported_files
from flask_ctxfix.context_flow import ContextFlow, Need, Summary
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.source import SourceError


def is_imported_outside(module: Module, project: Project) -> bool:
    """Whether a module runs when the one that makes the application is imported, or is that one."""
    paths = project.memo("imported outside", lambda: frozenset(_imported_outside(project)))
    return module.path in paths


def at_import(module: Module, project: Project) -> Summary:
    """Return what the top level of a module needs, and which context it leaves pushed."""
    body = [each for each in module.tree.body if not _is_left_out(each)]
    return ContextFlow.of(project).needs.of_statements(module, body)


def _is_left_out(statement: ast.stmt) -> bool:
    """Whether a statement runs only as a script, or only for type checkers."""
    if not isinstance(statement, ast.If):
        return False
    names = {each.id for each in ast.walk(statement.test) if isinstance(each, ast.Name)}
    names |= {each.attr for each in ast.walk(statement.test) if isinstance(each, ast.Attribute)}
    return not names.isdisjoint({"TYPE_CHECKING", "__name__"})


def _imported_outside(project: Project) -> set[str]:
    """Return the files; none if one of them leaves a context pushed for those after it."""
    pending = [module.path for module, _ in constructions(project)]
    found: set[str] = set()
    while pending:
        path = pending.pop()
        if path in found or project.is_test(path):
            continue
        found.add(path)
        try:
            module = project.module(path)
            if at_import(module, project).leaves is not Need.NONE:
                return set()
            pending += _imported_by(module, project)
        except SourceError:
            continue
    return found


def _imported_by(module: Module, project: Project) -> Iterator[str]:
    """Yield the files of the project that a module imports, whatever happens, when it runs."""
    for statement in module.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from imported_files(module, project, statement)
