"""Compare the scopes of programs with what `symtable` says of them, which is CPython's own answer.

As a script: ``python -m tests.names.symtable_answers FOLDER ...`` compares all files in folders.
"""

from __future__ import annotations

import ast
import io
import symtable
import sys
import tokenize
import warnings
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from flask_ctxfix.scopes import Scope, Scopes

_NAMES = {
    ast.Lambda: "lambda",
    ast.ListComp: "listcomp",
    ast.SetComp: "setcomp",
    ast.DictComp: "dictcomp",
    ast.GeneratorExp: "genexpr",
}
# What Python itself adds to the tables of generic classes and what is in them.
_OF_CLASSES = {"__classdict__", "__type_params__"}

_Tables: TypeAlias = "dict[tuple[str, int], deque[symtable.SymbolTable]]"


def differences(text: str) -> list[str]:
    """Return where our answers are not those of `symtable`; of what `ast.parse` refuses, none."""
    tree = ast.parse(text)
    try:
        table = symtable.symtable(text, "module.py", "exec")
    except SyntaxError as error:
        expected: object = (error.msg, error.lineno)
    else:
        expected = None
    try:
        scopes = Scopes(tree, text, "module.py")
    except SyntaxError as error:
        found: object = (error.msg, error.lineno)
    else:
        found = None
    if expected is not None or found is not None:
        return [] if expected == found else [f"{found} is refused instead of {expected}"]
    return [*_Comparison(scopes).of(scopes.module, table, {})]


class _Comparison:
    def __init__(self, scopes: Scopes) -> None:
        self._parents = scopes.parents
        self._has_late_annotations = any(
            node.module == "__future__" and any(each.name == "annotations" for each in node.names)
            for node in scopes.nodes(ast.ImportFrom)
        )
        self._inner: dict[Scope | None, list[Scope]] = defaultdict(list)
        for scope in scopes.every:
            self._inner[scope.parent].append(scope)

    def of(
        self, scope: Scope, table: symtable.SymbolTable, homes: dict[str, Scope]
    ) -> Iterator[str]:
        """Compare a scope and those inside; `homes` are the names of the functions around it."""
        left = _tables_below(table)
        merged = {name for each in self._merged(scope, left) for name in each.bindings}
        merged.difference_update(scope.bindings)
        local = set()
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if name.startswith(".") or name in merged or name in _OF_CLASSES:
                continue
            expected = scope
            if symbol.is_free():
                expected = homes.get(name, scope.module)  # `__class__` may have no scope
            elif _is_global(table, symbol) or scope.parent is None:
                expected = scope.module
            else:
                local.add(name)
            home = scope.home(name)
            # Type parameters see the class around them, but the table says "global".
            if home is not expected and home is not scope.seen_by_parameters:
                yield self._where(scope, name, f"is not in {self._name(expected)}")
        for name in [] if scope.parent is None else scope.bindings:
            names = {scope.mangled(name), *(each for each in scope.unbound if each.endswith(name))}
            if names.isdisjoint(local | merged):
                yield self._where(scope, name, "is no local name")
        if scope.parent is not None and not scope.is_class:
            homes = {**homes, **dict.fromkeys(local, scope)}
        yield from self._inside(scope, left, homes)
        for (name, line), tables in left.items():
            if tables:
                yield f"{line}: {name} is no scope"

    def _merged(self, scope: Scope, tables: _Tables) -> Iterator[Scope]:
        """Yield the comprehensions that Python 3.12 and newer merges with the scope around them."""
        for each in self._inner[scope]:
            if each.is_comprehension and not tables.get((self._name(each), self._line(each))):
                yield each
                yield from self._merged(each, tables)

    def _inside(self, scope: Scope, left: _Tables, homes: dict[str, Scope]) -> Iterator[str]:
        # What is never evaluated has no table, so it takes none from its neighbours on a line.
        for inner in sorted(self._inner[scope], key=self._is_never_evaluated):
            tables = left.get((self._name(inner), self._line(inner)))
            if tables:
                yield from self._of_one(inner, tables, homes)
            elif inner.is_comprehension and sys.version_info >= (3, 12):
                own = dict.fromkeys(inner.bindings, inner)
                yield from self._inside(inner, left, {**homes, **own})
            elif not self._is_never_evaluated(inner):
                yield self._where(inner, self._name(inner), "has no table")

    def _of_one(
        self, inner: Scope, tables: deque[symtable.SymbolTable], homes: dict[str, Scope]
    ) -> Iterator[str]:
        """Compare a scope with the table that is its own, of those with its name on its line.

        The compiler meets defaults, decorators and annotations in another order than they stand in.
        """
        first: list[str] = []
        for table in tables:
            found = [*self.of(inner, table, homes)]
            if not found:
                tables.remove(table)
                return
            first = first or found
        tables.popleft()
        yield from first

    def _is_never_evaluated(self, scope: Scope) -> bool:
        """Whether a scope stands in an annotation that is kept as text."""
        if not isinstance(scope.node, ast.expr):
            return False
        child, parent = scope.node, self._parents[scope.node]
        while not isinstance(parent, ast.stmt | ast.arg):
            child, parent = parent, self._parents[parent]
        annotations = [getattr(parent, name, None) for name in ("annotation", "returns")]
        return self._has_late_annotations and child in annotations

    def _definition(self, scope: Scope) -> ast.AST:
        is_outside = scope.seen_by_parameters is None
        return scope.node if is_outside else self._parents[scope.node]

    def _name(self, scope: Scope) -> str:
        node = self._definition(scope)
        name = _NAMES.get(type(node)) or getattr(node, "name", "top")
        return getattr(name, "id", name)

    def _line(self, scope: Scope) -> int:
        return getattr(self._definition(scope), "lineno", 0)

    def _where(self, scope: Scope, name: str, what: str) -> str:
        return f"{self._line(scope)}: in {self._name(scope)}, {name} {what}"


def _is_global(table: symtable.SymbolTable, symbol: symtable.Symbol) -> bool:
    # A symbol takes any scope that is called "top" for the module, but a function knows better.
    if isinstance(table, symtable.Function):
        return symbol.get_name() in table.get_globals()
    return symbol.is_global()


def _tables_below(outer: symtable.SymbolTable) -> _Tables:
    found: _Tables = defaultdict(deque)
    for table in outer.get_children():
        kind = str(table.get_type())
        if kind in {"class", "function"} or kind.startswith("type parameter"):
            found[table.get_name(), table.get_lineno()].append(table)
        else:  # the bound of a type parameter or the value of a type alias binds nothing
            for key, tables in _tables_below(table).items():
                found[key] += tables
    return found


def main() -> int:
    """Compare files; print how many, and what differs."""
    warnings.simplefilter("ignore")
    files = {path for folder in sys.argv[1:] for path in Path(folder).rglob("*.py")}
    texts: set[bytes] = set()
    compared = refused = wrong = 0
    for path in sorted(files):
        try:
            data = path.read_bytes()
            text = io.TextIOWrapper(io.BytesIO(data), encoding=_encoding(data)).read()
            if data in texts:
                continue
            texts.add(data)
            ast.parse(text)
        except (OSError, SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
            refused += 1
            continue
        compared += 1
        for difference in differences(text):
            wrong += 1
            print(f"{path}:{difference}")
    print(f"{sys.version.split()[0]}: {compared} files, {wrong} differences, {refused} unread")
    return int(wrong > 0)


def _encoding(data: bytes) -> str:
    return tokenize.detect_encoding(io.BytesIO(data).readline)[0]


if __name__ == "__main__":
    sys.exit(main())
