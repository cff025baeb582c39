"""What gives a name its value where a module reads it, as far as the module itself says."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.exports import spot_of
from flask_ctxfix.lookup import Gives, Lookup
from flask_ctxfix.scopes import Binding, FunctionNode, Scope
from flask_ctxfix.syntax import LOOPS

if TYPE_CHECKING:
    from flask_ctxfix.module import Module

BUILTINS = frozenset(dir(builtins))


class LocalName(NamedTuple):
    """A name of a scope; `is_before` where a module or class reads it before it binds it."""

    scope: Scope
    name: str
    is_before: bool


class LocalNames:
    """Tells what binds the names that a module reads."""

    def __init__(self, module: Module, lookup: Lookup) -> None:
        self._module = module
        self._lookup = lookup

    def of(self, node: ast.Name) -> LocalName:
        """Return the scope that a name is looked up in."""
        scope = self._module.scopes.home_of(node)
        name = node.id
        is_module = scope.parent is None
        has_more = scope.is_class or (is_module and (scope.star_imports or name in BUILTINS))
        if not has_more or not self._is_before(scope, node):
            return LocalName(scope, name, False)
        return LocalName(scope, name, True) if is_module else LocalName(scope.module, name, False)

    def only(self, node: ast.Name) -> Binding | None:
        """Return the binding that surely is all that gives a name its value, if that is simple."""
        scope, name = self._module.scopes.home_of(node), node.id
        bindings = scope.bindings.get(name, ())
        if len(bindings) != 1 or scope.is_class:
            return None
        if scope.parent is None and (
            name in BUILTINS
            or scope.star_imports
            or self._lookup.files.inside(self._module.path, name) is not None
        ):
            return None
        return bindings[0]

    def _is_before(self, scope: Scope, node: ast.Name) -> bool:
        bindings = scope.bindings.get(node.id)
        if not bindings or self._module.scopes.scope_of(node) is not scope:
            return False
        if any(isinstance(each, LOOPS) for each in self._module.scopes.ancestors(node)):
            return False
        spot = node.lineno, node.col_offset
        return all(spot < _end(statement_or_branch(self._module, each.node)) for each in bindings)

    def bindings(self, read: LocalName) -> Sequence[Binding]:
        """Return what binds a name; for type checkers only, if nothing else does."""
        bindings = () if read.is_before else read.scope.bindings.get(read.name, ())
        if len(bindings) < 2:
            return bindings
        is_typing = self._module.scopes.in_type_checking
        return [each for each in bindings if not is_typing(each.node)] or bindings

    def stars(self, read: LocalName) -> list[ast.ImportFrom]:
        """Return the star imports of the module that may give a name its value."""
        stars = read.scope.star_imports if read.scope.parent is None else []
        if stars and (sure := self._sure(read)):
            first = min(spot_of(each) for each in sure)
            stars = [star for star in stars if spot_of(star) > first]
        return [star for star in stars if self._gives(star, read.name) >= Gives.MAYBE]

    def may_be_starred(self, read: LocalName) -> bool:
        """Whether a star import may bind a name that is not seen in the project."""
        stars = read.scope.star_imports
        is_open = any(self._gives(star, read.name) is Gives.OPEN for star in stars)
        return is_open or (bool(stars) and read.name not in BUILTINS)

    def _gives(self, star: ast.ImportFrom, name: str) -> Gives:
        return self._lookup.star_gives(self._module.path, star, name)

    def taken_over_by(self, read: LocalName) -> str | None:
        """Return the module inside of this package that may take over a name that it binds."""
        path, name = self._module.path, read.name
        if read.scope.parent is not None or self._lookup.files.inside(path, name) is None:
            return None
        found = self._lookup.find(path, name, None)
        is_typing = self._module.scopes.in_type_checking
        has_other = found.events or any(is_typing(each.node) for each in self.bindings(read))
        return found.module if has_other else None

    def may_be_builtin(self, read: LocalName) -> bool:
        """Whether a name that the module binds, or takes by a star, may be a builtin as well."""
        scope, name, _ = read
        if scope.parent is not None or name not in BUILTINS:
            return False
        if any(isinstance(each.ctx, ast.Del) for each in scope.reads.get(name, ())):
            return True
        path, tree = self._module.path, self._module.tree
        sure = [each for each in self.stars(read) if self._module.scopes.parents[each] is tree]
        is_given = any(self._lookup.surely_gives(path, star, name) for star in sure)
        return not is_given and not self._sure(read)

    def _sure(self, read: LocalName) -> list[ast.AST]:
        """Return the statements that bind a name whenever the module is imported."""
        parents, tree = self._module.scopes.parents, self._module.tree
        found = [statement_or_branch(self._module, each.node) for each in self.bindings(read)]
        return [each for each in found if parents.get(each) is tree]


def statement_or_branch(module: Module, node: ast.AST) -> ast.AST:
    """Return the statement, or the branch of one, that `node` is part of."""
    while not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        node = module.scopes.parents[node]
    return node


def since_of(module: Module, node: ast.AST) -> str | None:
    """Return the module in whose import `node` is evaluated; None if that happens later."""
    return module.path if module.scopes.function_of(node) is None else None


def _end(statement: ast.AST) -> tuple[int, int]:
    """Return from where on a statement has bound its name."""
    if hasattr(statement, "body"):
        return spot_of(statement)
    return statement.end_lineno, statement.end_col_offset  # type: ignore[attr-defined]


def only_assignment(module: Module, name: ast.Name) -> Binding | None:
    """Return the one assignment, in a function, that gives a variable its value."""
    home = module.scopes.home_of(name)
    bindings = home.bindings.get(name.id, [])
    if len(bindings) != 1 or not isinstance(home.node, FunctionNode):
        return None
    statement = bindings[0].node
    is_plain = isinstance(statement, ast.AnnAssign) or (
        isinstance(statement, ast.Assign) and len(statement.targets) == 1
    )
    return bindings[0] if is_plain and bindings[0].value is not None else None
