"""Whether nothing else in a project names a function than what is known to."""

from __future__ import annotations

import ast
from collections.abc import Collection

from flask_ctxfix.context_flow.starts import starts_in
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.named_in_strings import may_be_starred, strings_naming
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.source import SourceError


def is_only_named_at(
    module: Module, project: Project, function: FunctionNode, known: Collection[ast.AST]
) -> bool:
    """Whether all that may name a function is among some expressions, in its own module."""
    if isinstance(function, ast.Lambda):
        return True
    if not all(each in known for each in named_at(module, function)):
        return False
    is_local = module.scopes.function_of(function) is not None
    return is_local or not may_be_named_elsewhere(project, module, function.name)


def is_only_started(module: Module, project: Project, function: FunctionNode) -> bool:
    """Whether nothing in a project names a function but what starts it elsewhere."""
    started = {each.callable for each in starts_in(module, project)}
    return is_only_named_at(module, project, function, started)


def named_at(
    module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> list[ast.Name] | list[ast.Attribute]:
    """Return the expressions of its module that may name a function, or a method."""
    scopes = module.scopes
    if isinstance(scopes.parents.get(function), ast.ClassDef):
        return scopes.attributes.get(function.name, [])
    return scopes.scope_of(function).reads.get(function.name, [])


def may_be_named_elsewhere(project: Project, module: Module, name: str) -> bool:
    """Whether another file may use what a module defines, or any file by a string."""
    return any(_names(project, path, module, name) for path in project.naming(name))


def _names(project: Project, path: str, home: Module, name: str) -> bool:
    try:
        module = project.module(path)
        if any(strings_naming(name, module)):
            return True
    except SourceError:
        return True
    if path == home.path:
        return False
    imported = (each for node in module.scopes.nodes(ast.ImportFrom) for each in node.names)
    return (
        name in module.scopes.attributes
        or any(alias.name == name for alias in imported)
        or may_be_starred(name, module, project)
    )
