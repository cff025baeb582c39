"""Which file of a project names what: made once a run, asked instead of searching texts."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

_WORD = re.compile(r"[^\W\d]\w*")
_NAMES = {"arg", "asname", "attr", "id", "kwd_attrs", "module", "name", "names", "rest"}
_NAMING_FIELDS = {
    kind: tuple(name for name in kind._fields if name in _NAMES)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


class Index:
    """The files that name something, by the whole name. An answer costs what it is long."""

    def __init__(self, names: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Take the names that each file holds, by its path."""
        self._paths: dict[str, list[str]] = defaultdict(list)
        for path, held in names:
            for name in held:
                self._paths[name].append(path)

    def naming(self, name: str) -> tuple[str, ...]:
        """Return the files that hold a name, in the order in which they came."""
        return tuple(self._paths.get(name, ()))

    def naming_any(self, names: Iterable[str]) -> frozenset[str]:
        """Return the files that hold some of the names."""
        return frozenset().union(*(self._paths.get(name, ()) for name in names))

    def naming_all(self, names: Iterable[str]) -> set[str]:
        """Return the files that hold each of some names."""
        first, *others = sorted((self._paths.get(name, []) for name in names), key=len)
        return set(first).intersection(*others)

    def naming_part(self, part: str) -> list[str]:
        """Return the files that hold a name with `part` in it, in any case, by their paths."""
        names = (name for name in self._paths if part in name.lower())
        return sorted({path for name in names for path in self._paths[name]})


def words_of(text: str) -> frozenset[str]:
    """Return all words of a text that is no code which can be parsed: it may name any of them."""
    return frozenset(_WORD.findall(text))


def names_in(tree: ast.Module) -> frozenset[str]:
    """Return the names that code holds: of variables, attributes, arguments, definitions, imports.

    Words of strings are among them, since a string may name a task, an attribute or a module; those
    of docstrings are not.
    """
    found: set[str] = set()
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        found.update(_named_by(node))
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            left.extend(ast.iter_child_nodes(node))
    return frozenset(found)


def _named_by(node: ast.AST) -> Iterator[str]:
    """Yield the names in the fields of one node."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield from _WORD.findall(node.value)
        return
    for field in _NAMING_FIELDS[type(node)]:
        value = getattr(node, field)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):  # a class that is matched is a node
                yield from text.split(".")
