"""Under which names the code of a project has what is defined somewhere."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode, Scope
from flask_ctxfix.syntax import last_name


def known_as(project: Project, name: str) -> frozenset[str]:
    """Return the names under which code may have what has a name somewhere, that name among them.

    Imports give it another one, and so do variables that other files may import.
    """
    return project.memo(("known as", name), lambda: _reached(project, name, _passed_on))


def classes_of(project: Project, name: str) -> frozenset[str]:
    """Return the names under which code may have a class, or one that inherits from it."""
    return project.memo(("classes of", name), lambda: _reached(project, name, _inherited))


def may_know(module: Module, project: Project, names: frozenset[str]) -> bool:
    """Whether code of a module may have something that one of the names stands for somewhere."""
    return not module.names.isdisjoint(known_as_any(project, names))


def may_be(module: Module, node: ast.expr, names: frozenset[str]) -> bool:
    """Whether an expression may stand for what code has under some names: those of `known_as`.

    It has one of them, or is a variable, which may stand for anything, or no plain name at all.
    """
    if not isinstance(node, ast.Name | ast.Attribute) or last_name(node) in names:
        return True
    return isinstance(node, ast.Name) and not _is_open(module.scopes.home_of(node))


def calls_of_any(module: Module, names: frozenset[str]) -> list[ast.Call]:
    """Return the calls of what `may_be` what code has under some names, in the order of the text.

    Of all others, which are nearly all calls, only the names are looked at, and each once.
    """
    own = module.memo("names within functions", lambda: _names_within_functions(module))
    called = (n for n in module.scopes.calls if n in names or n in own or n[:2] in ("", "__"))
    return [c for c in module.scopes.calls_of(called) if may_be(module, c.func, names)]


def _names_within_functions(module: Module) -> frozenset[str]:
    """Return the names that functions of a module have of their own; private ones have another."""
    scopes = (each for each in module.scopes.every if not _is_open(each))
    return frozenset().union(*((*each.bindings, *each.unbound) for each in scopes))


def _is_open(scope: Scope) -> bool:
    """Whether what a scope binds is what other code can see, too."""
    return isinstance(scope.node, ast.Module | ast.ClassDef)


def known_as_any(project: Project, names: frozenset[str]) -> frozenset[str]:
    """Return the names under which code may have what has one of some names."""
    key = ("known as one of", names)
    return project.memo(key, lambda: frozenset().union(*(known_as(project, n) for n in names)))


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


def _passed_on(module: Module, name: str) -> Iterator[str]:
    for node in module.scopes.nodes(ast.ImportFrom):
        for alias in node.names:
            if alias.name == name and alias.asname is not None:
                yield alias.asname
    for read in module.scopes.named(name):
        yield from _given(module, read)


def _given(module: Module, read: ast.expr) -> Iterator[str]:
    """Yield the names of a module, or of a class, that are given what an expression stands for."""
    parents = module.scopes.parents
    value: ast.AST = read
    while isinstance(parents[value], ast.BoolOp | ast.IfExp):
        value = parents[value]
    statement = parents[value]
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is value:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            is_local = isinstance(target, ast.Name) and isinstance(
                module.scopes.home_of(target).node, FunctionNode
            )
            if not is_local:
                yield last_name(target)


def _inherited(module: Module, name: str) -> Iterator[str]:
    yield from _passed_on(module, name)
    for node in module.scopes.nodes(ast.ClassDef):
        if name in map(last_name, node.bases):
            yield node.name
