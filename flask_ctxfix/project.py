"""What a name means across the modules of a project, and what rules keep about all of them."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property

from flask_ctxfix import flask_facts
from flask_ctxfix.binders import Binders
from flask_ctxfix.local_names import LocalName
from flask_ctxfix.module import Module
from flask_ctxfix.modules import Modules, file_at
from flask_ctxfix.origins import NONE, Origins, Resolver
from flask_ctxfix.scopes import Binding, Scope


class Project(Modules):
    """The modules of a run, and what their names mean.

    `surveys` holds, for each codemod, what its survey found in every file that was parsed. `pinned`
    are groups of fixes that cannot be made in all files, so are to be made in none. `thread_fix` is
    that of the settings of the file at hand. `bounds` counts, by what was
    bounded, how often the width of a question was, so that its answer is "unknown".
    """

    pinned: frozenset[str] = frozenset()
    thread_fix = "safest"

    @cached_property
    def surveys(self) -> dict[str, list[object]]:
        """What the surveys of codemods found, by their names."""
        return {}

    @cached_property
    def bounds(self) -> Counter[str]:
        """How often a question was bounded, by what."""
        return Counter()

    def origins(self, module: Module, node: ast.expr) -> Origins:
        """Return the qualified names that `node` may stand for.

        Aliases, re-exports and branches are followed: ``flask.g`` for the `g` of a `from flask
        import g`. `UNKNOWN` is among them where some binding is none of these, `NONE` where one
        is the constant.
        """
        return module.memo(("origins", node), lambda: self._resolver(module).of_expression(node))

    def bindings(self, module: Module, node: ast.expr) -> list[tuple[Module, Binding]]:
        """Return what binds the name or module attribute `node`, through imports of the project."""
        return self._binders(module).of(node)

    def local_name(self, module: Module, node: ast.Name) -> LocalName:
        """Return what is read here of a scope: all that read the same mean the same."""
        return self._resolver(module).locals.of(node)

    def only_binding(self, module: Module, node: ast.Name) -> Binding | None:
        """Return the binding that surely is all that gives a name its value, if that is simple."""
        return self._resolver(module).locals.only(node)

    def imported_name(self, module: Module, binding: Binding) -> str | None:
        """Return the qualified name of what an import surely takes from another package."""
        if module.scopes.in_type_checking(binding.node):
            return None
        return self._resolver(module).lookup.elsewhere(module.path, binding)

    def may_be_module(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression may be a module of the project: it begins with one."""
        return self._resolver(module).may_be_module(node)

    def module_of(self, module: Module, node: ast.expr) -> str | None:
        """Return the file of the one module of the project that `node` certainly is."""
        found = self._resolver(module).modules(node)
        return file_at(found[0].place) if len(found) == 1 else None

    def _resolver(self, module: Module) -> Resolver:
        """Return what resolves the names of a module."""
        return self._binders(module).resolver

    def _binders(self, module: Module) -> Binders:
        """Return what follows the names of a module to what binds them."""
        binders: Binders | None = module.known("binders")
        if binders is None:
            return module.memo("binders", lambda: Binders(self, Resolver(self, module)))
        return binders

    def flask_name(self, module: Module, node: ast.expr) -> str | None:
        """Return the name in Flask that `node` certainly is: "g", "Flask", "RequestContext"."""
        origins = self.origins(module, node) - {NONE}
        names = {flask_facts.name_of(origin) for origin in origins}
        return names.pop() if len(names) == 1 else None

    def flask_locals(self, module: Module) -> dict[str, list[tuple[str, Scope]]]:
        """Return, for each name of Flask, the names that imports surely bind to it, with scopes."""

        def compute() -> dict[str, list[tuple[str, Scope]]]:
            found: dict[str, list[tuple[str, Scope]]] = {}
            for scope in module.scopes.every:
                for local, bindings in scope.bindings.items():
                    names = {self._name_bound(module, binding) for binding in bindings}
                    if names == {"request_ctx", "app_ctx"}:  # whichever this Flask has
                        names = {"request_ctx"}
                    name = names.pop() if len(names) == 1 else None
                    if name is not None:
                        found.setdefault(name, []).append((local, scope))
            return found

        return module.memo("flask locals", compute)

    def _name_bound(self, module: Module, binding: Binding) -> str | None:
        if binding.alias is None or not isinstance(binding.node, ast.ImportFrom):
            return None
        if module.scopes.in_type_checking(binding.node):
            return None
        names = {flask_facts.name_of(o) for o in self.binding_origins(module, binding)}
        return names.pop() if len(names) == 1 else None

    def uses_of(self, module: Module, names: Collection[str]) -> Iterator[ast.expr]:
        """Yield the reads of Flask's `names`: imported, starred, or as attributes of Flask."""
        locals_of = self.flask_locals(module)
        for name in names:
            for local, scope in locals_of.get(name, ()):
                yield from scope.reads.get(local, ())
            outermost = module.scopes.module
            if outermost.star_imports and not outermost.binds(name):
                reads = outermost.reads.get(name, ())
                yield from (read for read in reads if self.flask_name(module, read) == name)
        for name in names:
            for node in module.scopes.attribute_reads.get(name, ()):
                if self.flask_name(module, node) == name:
                    yield node

    def binding_origins(self, module: Module, binding: Binding) -> Origins:
        """Return the qualified names that a name gets from one of its bindings."""
        key = ("binding", binding)
        return module.memo(key, lambda: self._resolver(module).of_binding(binding))
