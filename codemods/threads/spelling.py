"""How code comes to use a name of Flask."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Need
from flask_ctxfix.imports import local_name
from flask_ctxfix.project import Module, Project


def flask_name_at(
    module: Module, project: Project, at: ast.AST, name: str
) -> tuple[str, tuple[Need, ...]] | None:
    """Return how to write Flask's `name` at a node, with what has to be imported for that.

    None if the module has no import that another one could stand beside.
    """
    imports = [s for s in module.tree.body if isinstance(s, ast.Import | ast.ImportFrom)]
    from_flask = [s for s in imports if isinstance(s, ast.ImportFrom) and s.module == "flask"]
    if not from_flask:
        for statement in imports:
            for alias in statement.names if isinstance(statement, ast.Import) else ():
                if alias.name == "flask":
                    return f"{alias.asname or 'flask'}.{name}", ()
    others = [s for s in imports if getattr(s, "module", None) != "__future__"]
    usable = [*others, *from_flask]
    if not usable:
        return None
    found = local_name(module, project, at, "flask", name, module.span(usable[-1]))
    return found.code, (found.need,) if found.need is not None else ()


def is_free(module: Module, at: ast.AST, name: str) -> bool:
    """Whether nothing that code at a node sees, or that is nested there, has this name."""
    scope = module.scopes.scope_of(at)
    return not any(
        name in each.bindings or name in each.reads
        for each in module.scopes.every
        if each is scope or scope in each.and_outer() or each in scope.and_outer()
    )
