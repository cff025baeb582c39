"""How code comes to use a name of Flask."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from itertools import chain

from flask_ctxfix.codemod import Need
from flask_ctxfix.imports import local_name
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, Scope


def flask_name_at(
    module: Module, project: Project, at: ast.AST, name: str
) -> tuple[str, tuple[Need, ...]] | None:
    """Return how to write Flask's `name` at a node, with what has to be imported for that.

    None if the module has no import that another one could stand beside.
    """
    imports = _imports_of(module)
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


def standard_name_at(
    module: Module, at: ast.AST, home: str, name: str
) -> tuple[str, tuple[Need, ...]] | None:
    """Return how to write `name` of the standard library's `home`, with what has to be imported.

    None if something else has the name, or the module has no import that this one could join.
    """
    scope = module.scopes.scope_of(at)
    for owner in scope.chain():
        for local, bindings in owner.bindings.items():
            if len(bindings) == 1 and scope.home(local) is owner:
                written = _through(bindings[0], home, name)
                if written is not None and not module.scopes.in_type_checking(bindings[0].node):
                    return written, ()
    imports = _imports_of(module)
    if not imports or not is_free(module, at, name):
        return None
    anchor = _neighbour(imports, home)
    return name, (Need(module.span(anchor), home, name, name),)


def _imports_of(module: Module) -> list[ast.Import | ast.ImportFrom]:
    """Return the imports at the top level of a module, none of which is part of a block."""
    return module.memo(
        "imports of its own",
        lambda: [s for s in module.tree.body if isinstance(s, ast.Import | ast.ImportFrom)],
    )


def _through(binding: Binding, home: str, name: str) -> str | None:
    """Return how to write a name of a module by what an import binds."""
    node, alias = binding.node, binding.alias
    if isinstance(node, ast.ImportFrom) and alias is not None:
        is_name = (node.level, node.module, alias.name) == (0, home, name)
        return binding.name if is_name else None
    is_module = isinstance(node, ast.Import) and alias is not None and alias.name == home
    return f"{binding.name}.{name}" if is_module else None


def _neighbour(
    imports: list[ast.Import | ast.ImportFrom], home: str
) -> ast.Import | ast.ImportFrom:
    """Return the import of the standard library that one of `home` belongs next to."""
    usable = [s for s in imports if getattr(s, "module", None) != "__future__"] or imports
    standard = [
        s
        for s in usable
        if isinstance(s, ast.ImportFrom)
        and not s.level
        and (s.module or "").partition(".")[0] in sys.stdlib_module_names
    ]
    before = [s for s in standard if (s.module or "") <= home]
    return [*standard[:1], *before][-1] if standard else usable[0]


def is_free(module: Module, at: ast.AST, name: str) -> bool:
    """Whether nothing that code at a node sees, or that is nested there, has this name."""
    scope = module.scopes.scope_of(at)
    return not any(
        name in each.bindings or name in each.reads
        for each in module.scopes.every
        if each is scope or scope in each.and_outer() or each in scope.and_outer()
    )


def is_free_in(module: Module, scope: Scope, name: str) -> bool:
    """Whether a new variable of a scope hides nothing from the code in it.

    Code around it may have the name: it is not what the code in it means.
    """
    if name in scope.bindings or name in scope.reads or name in scope.of_module:
        return False
    around = [each for each in scope.and_outer() if each is not scope]
    uses: Iterator[ast.AST] = chain.from_iterable(
        (*each.reads[name], *(binding.node for binding in each.bindings[name])) for each in around
    )
    return not any(scope in module.scopes.scope_of(use).and_outer() for use in uses)
