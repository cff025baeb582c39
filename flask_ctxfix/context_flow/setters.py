"""Assignments from elsewhere: to attributes of classes and modules, by code that is not theirs."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from flask_ctxfix.project import Module, Project

# Of what bytes show, a match too many costs a look at the file. What is assigned is an attribute of
# a class or module: it begins with the name of one, or with another name for that.
_STORE = re.compile(rb"(?<![\w.])(\w+)\.(?:\w+\.)*(\w+)[ \t]*(?:[:,][^=\n]*)?=(?!=)")
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(\([^)]*\)|[^\n]*)", re.M)
_CLASS = re.compile(rb"^[ \t]*class[ \t]+(\w+)", re.M)
_ALIAS = re.compile(rb"^[ \t]*(\w+)[ \t]*(?::[^=\n]*)?=[ \t]*[\w.]+[ \t]*(?:#.*)?$", re.M)
_WORD = re.compile(rb"\w+")


class Setter(NamedTuple):
    """An assignment to an attribute of `target`; what is assigned may not be to be seen."""

    module: Module
    target: ast.expr
    value: ast.expr | None


def setters_of(project: Project, name: str) -> Iterator[Setter]:
    """Yield what assigns an attribute `name` of something, outside of tests.

    Tests replace much of what they test, for as long as they run.
    """
    paths = project.memo("setters", lambda: _paths_by_name(project)).get(name.encode(), ())
    for module in project.parsed(paths):
        for node in module.scopes.attribute_stores.get(name, ()):
            parent = module.scopes.parents[node]
            is_plain = isinstance(parent, ast.AnnAssign) or (
                isinstance(parent, ast.Assign) and node in parent.targets
            )
            yield Setter(module, node.value, getattr(parent, "value", None) if is_plain else None)


def _paths_by_name(project: Project) -> dict[bytes, list[str]]:
    """Return, by the name of an attribute, the files that may assign it."""
    found: dict[bytes, list[str]] = defaultdict(list)
    for path in sorted(project.paths):
        try:
            data = b"" if project.is_test(path) else Path(path).read_bytes()
        except OSError:
            continue
        stores = {*_STORE.findall(data)}
        owners = _owners(data) if stores else frozenset()
        for name in sorted({name for owner, name in stores if owner in owners}):
            found[name].append(path)
    return found


def _owners(data: bytes) -> frozenset[bytes]:
    """Return the names in a file that may be a class or a module."""
    imported = (word for names in _IMPORT.findall(data) for word in _WORD.findall(names))
    return frozenset((*imported, *_CLASS.findall(data), *_ALIAS.findall(data)))
