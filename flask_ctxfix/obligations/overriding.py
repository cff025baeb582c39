"""Whether a call of a method may run another one, and whether more than its calls may run it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.aliases import classes_of
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Foreign, Value
from flask_ctxfix.flask_facts import ENTRY_BASES
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.source import SourceError

# What these call of the classes that inherit from them is known: nothing, or what starts.
_QUIET = frozenset({*ENTRY_BASES, "threading.Thread"})
_QUIET_PACKAGES = ("abc.", "builtins.", "typing.")


def may_be_overridden(module: Module, project: Project, owner: ast.ClassDef, name: str) -> bool:
    """Whether a class that inherits from `owner` may have something of its own under a name.

    It may have it from another class that it inherits from, before it comes to `owner`.
    """
    known = Class(module, owner)
    values = ContextFlow.of(project).values
    above = {each.key for each in values.bases(known) if isinstance(each, Class)}
    try:
        having = {each.key for each in _having(project, name)} - above - {known.key}
        return any(
            not having.isdisjoint(each.key for each in family)
            for family in (_heirs(project, known) if having else ())
        )
    except SourceError:
        return True


def may_be_called_unseen(
    module: Module,
    project: Project,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    *,
    by_flask: bool = True,
) -> bool:
    """Whether Python, or a class from elsewhere, may call a method that nothing names.

    What classes of views and their like call counts only if it counts `by_flask`.
    """
    owner = module.scopes.parents.get(function)
    if not isinstance(owner, ast.ClassDef):
        return False
    if function.name.startswith("__") and function.name.endswith("__"):
        return True
    values = ContextFlow.of(project).values
    known = Class(module, owner)
    classes = [known, *(each for each in values.bases(known) if isinstance(each, Class))]
    bases = [values.of(each.module, base) for each in classes for base in each.node.bases]
    return any(_may_call(base, function.name, by_flask) for base in bases)


def _may_call(base: Value | None, name: str, by_flask: bool) -> bool:
    if isinstance(base, Class):
        return False
    if not isinstance(base, Foreign):
        return True
    if by_flask and base.name in ENTRY_BASES:
        called = ENTRY_BASES[base.name]
        return name in called if called is not None else name.startswith("on_")
    return base.name not in _QUIET and not base.name.startswith(_QUIET_PACKAGES)


def _having(project: Project, name: str) -> Iterator[Class]:
    """Yield the classes of a project that bind a name in their bodies."""
    for path in project.naming(name):
        module = project.module(path)
        for each in module.scopes.nodes(ast.ClassDef):
            if name in module.scopes.opened_by(each).bindings:
                yield Class(module, each)


def _heirs(project: Project, owner: Class) -> Iterator[list[Class]]:
    """Yield each class that inherits from another one, with the others that it inherits from."""
    values = ContextFlow.of(project).values
    names = classes_of(project, owner.node.name)
    for path in sorted({path for name in names for path in project.naming(name)}):
        module = project.module(path)
        for node in module.scopes.nodes(ast.ClassDef):
            bases = [each for each in values.bases(Class(module, node)) if isinstance(each, Class)]
            if any(each.key == owner.key for each in bases):
                yield [Class(module, node), *bases]
