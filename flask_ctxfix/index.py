"""Which file of a project names what: made once a run, asked instead of searching texts."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from operator import attrgetter

from flask_ctxfix.scopes import Scopes
from flask_ctxfix.syntax import last_name

_WORD = re.compile(r"[^\W\d]\w*")
# What holds names that no scope binds or reads. Only annotated is a name as well.
_FIELDS: dict[type[ast.AST], str] = {
    ast.Attribute: "attr",
    ast.Global: "names",
    ast.ImportFrom: "module",
    ast.MatchClass: "kwd_attrs",
    ast.Nonlocal: "names",
    ast.alias: "name",
    ast.keyword: "arg",
}
_LISTS = {ast.Global, ast.MatchClass, ast.Nonlocal}


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


def names_in(scopes: Scopes) -> frozenset[str]:
    """Return the names that code holds: of variables, attributes, arguments, definitions, imports.

    Words of strings are among them, since a string may name a task, an attribute or a module; those
    of docstrings are not.
    """
    found: set[str | None] = set()
    for scope in scopes.every:
        found.update(scope.bindings, scope.reads)
    for kind, field in _FIELDS.items():
        held = map(attrgetter(field), scopes.nodes(kind))
        found.update(chain.from_iterable(held) if kind in _LISTS else held)
    found.update(last_name(each.target) for each in scopes.nodes(ast.AnnAssign))
    names = {name for name in found if name}
    dotted = {name for name in names if "." in name}
    names -= dotted
    parents = scopes.parents
    strings = [text for text, each in scopes.strings if not isinstance(parents[each], ast.Expr)]
    return frozenset(names.union(_WORD.findall("\n".join((*dotted, *strings)))))
