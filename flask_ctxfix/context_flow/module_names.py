"""What the modules of a project define and take from each other, by its name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode


def functions_of(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions that a module defines."""
    yield from module.scopes.nodes(ast.FunctionDef)
    yield from module.scopes.nodes(ast.AsyncFunctionDef)


def functions_named(
    module: Module,
) -> Mapping[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Return the functions that a module defines, by their names."""

    def compute() -> Mapping[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
        found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = defaultdict(list)
        for function in functions_of(module):
            found[function.name].append(function)
        return found

    return module.memo("functions by name", compute)


def imports_of(module: Module) -> Mapping[str, list[tuple[ast.ImportFrom, ast.alias]]]:
    """Return what a module imports of others, by the name that it has there."""

    def compute() -> Mapping[str, list[tuple[ast.ImportFrom, ast.alias]]]:
        found: dict[str, list[tuple[ast.ImportFrom, ast.alias]]] = defaultdict(list)
        for node in module.scopes.nodes(ast.ImportFrom):
            for alias in node.names:
                found[alias.name].append((node, alias))
        return found

    return module.memo("imports by name", compute)


class Members(NamedTuple):
    """What imports one name of modules, and what reads it of them, by the paths of these."""

    imports: Mapping[str, list[tuple[Module, ast.ImportFrom, ast.alias]]]
    reads: Mapping[str, list[tuple[Module, ast.Attribute]]]


def members_of_modules(project: Project, name: str) -> Members:
    """Return what takes a name from modules of the project."""

    def compute() -> Members:
        found = Members(defaultdict(list), defaultdict(list))
        for module in project.parsed(project.naming(name)):
            for node, alias in imports_of(module).get(name, ()):
                source = project.source_of(module.path, node)
                if source is not None:
                    found.imports[source].append((module, node, alias))
            for read in module.scopes.attribute_reads.get(name, ()):
                for path in _modules_named(project, module, read.value):
                    found.reads[path].append((module, read))
        return found

    return project.memo(("members of modules", name), compute)


def _modules_named(project: Project, module: Module, node: ast.expr) -> set[str]:
    """Return the files of the modules that an expression may be."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return set()
    files = (project.find_module(each, module.path) for each in project.origins(module, node))
    return {each for each in files if each is not None}


def starring(project: Project) -> Mapping[str, list[Module]]:
    """Return the modules that have a star import of a file, by its path."""

    def compute() -> Mapping[str, list[Module]]:
        found: dict[str, list[Module]] = defaultdict(list)
        for module in project.parsed(sorted(project.paths)):
            for node in module.scopes.module.star_imports:
                source = project.source_of(module.path, node)
                if source is not None:
                    found[source].append(module)
        return found

    return project.memo("star imports", compute)


def around_others(module: Module) -> frozenset[FunctionNode | None]:
    """Return the functions that hold the definition of another one."""

    def compute() -> frozenset[FunctionNode | None]:
        every = (*functions_of(module), *module.scopes.nodes(ast.Lambda))
        return frozenset(map(module.scopes.function_of, every))

    return module.memo("functions around others", compute)
