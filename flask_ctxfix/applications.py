"""Which expressions are a Flask application or a blueprint, as far as the project tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from flask_ctxfix import flask_facts
from flask_ctxfix.aliases import calls_of_any, classes_of
from flask_ctxfix.module import Module
from flask_ctxfix.origins import UNKNOWN
from flask_ctxfix.project import Project

Instance = Literal["Flask", "Blueprint", "other"]

_PROXY = "current_app"


def instance_of(module: Module, project: Project, node: ast.expr) -> Instance | None:
    """Return what `node` is an instance of; None where the project does not tell.

    "other" is an instance of a class that is certainly neither Flask's nor derived from one.
    """
    if project.flask_name(module, node) == _PROXY:
        return "Flask"
    kinds = {
        _kind_of_value(owner, project, binding.value)
        for owner, binding in project.bindings(module, node)
    }
    return kinds.pop() if len(kinds) == 1 else None


def _kind_of_value(module: Module, project: Project, value: ast.expr | None) -> Instance | None:
    return class_kind(module, project, value.func) if isinstance(value, ast.Call) else None


def class_kind(module: Module, project: Project, node: ast.expr) -> Instance | None:
    """Return which of Flask's classes the class `node` is or inherits from."""
    kinds: set[Instance | None] = set()
    derived: dict[ast.AST, set[ast.AST]] = {}
    left: list[tuple[Module, ast.expr, ast.AST]] = [(module, node, module.tree)]
    while left:
        home, base, inheriting = left.pop()
        name = project.flask_name(home, base)
        if name in {"Flask", "Blueprint"}:
            return "Flask" if name == "Flask" else "Blueprint"
        defined = _class_of(home, project, base)
        if defined is None:
            kinds.add(_kind_from_elsewhere(home, project, base))
            continue
        owner, definition = defined
        if definition not in derived:
            derived[definition] = set()
            left += [(owner, each, definition) for each in reversed(definition.bases)]
        derived[definition].add(inheriting)
    return "other" if kinds <= {"other"} and not _is_circular(derived) else None


def constructions(project: Project) -> Iterator[tuple[Module, ast.Call]]:
    """Yield the calls outside of tests that make an application."""
    names = classes_of(project, "Flask")
    paths = {path for name in names for path in project.naming_outside_tests(name)}
    for module in project.parsed(sorted(paths)):
        yield from ((module, call) for call in _constructions_in(module, project))


def makes_application(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether a function, or the top level of a module, makes an application itself."""
    function = None if node is module.tree else node
    made = _constructions_in(module, project)
    return any(module.scopes.function_of(call) is function for call in made)


def _constructions_in(module: Module, project: Project) -> list[ast.Call]:
    """Return the calls of a module that make an application."""

    def compute() -> list[ast.Call]:
        calls = calls_of_any(module, classes_of(project, "Flask"))
        return [call for call in calls if class_kind(module, project, call.func) == "Flask"]

    return module.memo("constructions of applications", compute)


def _class_of(
    module: Module, project: Project, node: ast.expr
) -> tuple[Module, ast.ClassDef] | None:
    for owner, binding in project.bindings(module, node):
        if isinstance(binding.node, ast.ClassDef):
            return owner, binding.node
    return None


def _is_circular(graph: dict[ast.AST, set[ast.AST]]) -> bool:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:  # a name has several meanings
        return True
    return False


def _kind_from_elsewhere(module: Module, project: Project, node: ast.expr) -> Instance | None:
    origins = project.origins(module, node)
    is_foreign = all(
        origin != UNKNOWN
        and not origin.startswith("builtins.")
        and origin[:1].isalpha()
        and flask_facts.name_of(origin) is None
        for origin in origins
    )
    return "other" if is_foreign and origins and _is_class_name(origins) else None


def _is_class_name(origins: frozenset[str]) -> bool:
    """Whether every qualified name ends as classes are spelled; a factory may return anything."""
    return all(origin.rpartition(".")[2][:1].isupper() for origin in origins)


def is_set_for(project: Project, setter: str, path: str) -> bool:
    """Whether what the file `setter` sets is a setting of the application that runs a file.

    That is one of the file's own project. Where none is made there, the file may be run by those
    of others.
    """
    if project.projects.speaks_for(setter, path):
        return True
    return project.projects.folder(path) not in _folders_of_applications(project)


def _folders_of_applications(project: Project) -> frozenset[str]:
    """Return the folders of the projects whose own code makes an application."""

    def compute() -> frozenset[str]:
        homes = (module.path for module, _ in constructions(project))
        return frozenset(map(project.projects.folder, homes))

    return project.memo("folders of applications", compute)


def imports_flask(module: Module) -> bool:
    """Whether a module imports Flask or an extension of it, rather than a framework like it."""
    packages = imported_packages(module)
    return any(name == "flask" or name.startswith("flask_") for name in packages)


def imported_packages(module: Module) -> frozenset[str]:
    """Return the top-level names of all that a module imports."""

    def compute() -> frozenset[str]:
        packages = set()
        for node in module.scopes.nodes(ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        for source in module.scopes.nodes(ast.ImportFrom):
            if source.level == 0:
                packages.add((source.module or "").partition(".")[0])
        return frozenset(packages)

    return module.memo("imported packages", compute)
