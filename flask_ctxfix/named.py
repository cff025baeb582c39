"""Which names the code of a project has, whatever its comments and texts say."""

from __future__ import annotations

import ast

from flask_ctxfix.applications import imported_packages
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


def is_named(project: Project, name: str) -> bool:
    """Whether code of a project reads, imports or defines something of this name."""
    return project.memo(
        ("named", name),
        lambda: any(_names(each, name) for each in project.parsed(project.naming(name))),
    )


def is_imported(project: Project, package: str) -> bool:
    """Whether code of a project imports a package, or a part of it."""
    return project.memo(
        ("imported", package),
        lambda: any(
            package in imported_packages(each) for each in project.parsed(project.naming(package))
        ),
    )


def defines(project: Project, name: str) -> bool:
    """Whether a function or method of a project has this name."""
    return project.memo(
        ("defined", name),
        lambda: any(
            name in {each.name for each in functions_of(module)}
            for module in project.parsed(project.naming(name))
        ),
    )


def _names(module: Module, name: str) -> bool:
    nodes = module.scopes.nodes
    imports: list[ast.Import | ast.ImportFrom] = [*nodes(ast.Import), *nodes(ast.ImportFrom)]
    return (
        any(each.id == name for each in nodes(ast.Name))
        or any(each.attr == name for each in nodes(ast.Attribute))
        or any(alias.name.rpartition(".")[2] == name for each in imports for alias in each.names)
        or any(name in scope.bindings for scope in module.scopes.every)
    )
