"""Under which names the code of a project has what is defined somewhere."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from flask_ctxfix.project import Module, Project
from flask_ctxfix.syntax import last_name


def is_named_elsewhere(project: Project, module: Module, name: str) -> bool:
    """Whether the code of another file than that of a module holds a name, also in a string."""
    return any(path != module.path for path in project.naming(name))


def imported_as(project: Project, name: str) -> frozenset[str]:
    """Return the names that imports give to what has a name somewhere, that name among them."""
    return project.memo(("imported as", name), lambda: _reached(project, name, _imported))


def classes_of(project: Project, name: str) -> frozenset[str]:
    """Return the names under which code may have a class, or one that inherits from it."""
    return project.memo(("classes of", name), lambda: _reached(project, name, _imported_or_derived))


def _reached(
    project: Project, name: str, following: Callable[[Module, str], Iterator[str]]
) -> frozenset[str]:
    """Return a name and those that follow from it, by what the modules say that hold them."""
    found, left = {name}, [name]
    while left:
        current = left.pop()
        modules = project.parsed(project.naming(current))
        new = {each for module in modules for each in following(module, current)} - found
        found |= new
        left += sorted(new)
    return frozenset(found)


def _imported(module: Module, name: str) -> Iterator[str]:
    for node in module.scopes.nodes(ast.ImportFrom):
        for alias in node.names:
            if alias.name == name and alias.asname is not None:
                yield alias.asname


def _imported_or_derived(module: Module, name: str) -> Iterator[str]:
    yield from _imported(module, name)
    for node in module.scopes.nodes(ast.ClassDef):
        if name in map(last_name, node.bases):
            yield node.name
