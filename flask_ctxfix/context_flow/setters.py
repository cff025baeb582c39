"""Assignments from elsewhere: to attributes of classes and modules, by code that is not theirs."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding


class Setter(NamedTuple):
    """An assignment to an attribute of `target`; what is assigned may not be to be seen."""

    module: Module
    target: ast.expr
    value: ast.expr | None


def setters_of(project: Project, name: str) -> Iterator[Setter]:
    """Yield what assigns an attribute `name` of something, outside of tests.

    Tests replace much of what they test, for as long as they run.
    """
    for module in project.parsed(_paths(project).get(name, ())):
        for node in module.scopes.attribute_stores.get(name, ()):
            if not _may_be_shared(module, node.value):
                continue
            parent = module.scopes.parents[node]
            is_plain = isinstance(parent, ast.AnnAssign) or (
                isinstance(parent, ast.Assign) and node in parent.targets
            )
            yield Setter(module, node.value, getattr(parent, "value", None) if is_plain else None)


def may_be_set(project: Project, name: str) -> bool:
    """Whether anything assigns an attribute of this name."""
    return name in _paths(project)


def _paths(project: Project) -> dict[str, list[str]]:
    return project.memo("setters", lambda: _paths_by_name(project))


def _paths_by_name(project: Project) -> dict[str, list[str]]:
    """Return, by the name of an attribute, the files that may set it on a class or a module."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in project.parsed(sorted(project.paths)):
        if not project.is_test(module.path):
            for name, nodes in module.scopes.attribute_stores.items():
                if any(_may_be_shared(module, node.value) for node in nodes):
                    found[name].append(module.path)
    return {**found}


def _may_be_shared(module: Module, target: ast.expr) -> bool:
    """Whether `target` may be a class or a module: it begins with one, or another name for one."""
    while isinstance(target, ast.Attribute):
        target = target.value
    if not isinstance(target, ast.Name):
        return False
    home = module.scopes.home_of(target)
    bindings = home.bindings.get(target.id)
    return any(map(_may_name_one, bindings)) if bindings else bool(home.star_imports)


def _may_name_one(binding: Binding) -> bool:
    return (
        binding.alias is not None
        or isinstance(binding.node, ast.ClassDef)
        or isinstance(binding.value, ast.Name | ast.Attribute)
    )
