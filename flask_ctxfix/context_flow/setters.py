"""Assignments from elsewhere: to attributes of classes and modules, by code that is not theirs."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from flask_ctxfix.project import Module, Project

# What a method assigns to its own object is found with its class. A match too many costs a look.
_STORE = re.compile(
    rb"(?<![\w.])(?!(?:self|cls)\.\w+\s*[:=])(?:\w+\.)+(\w+)[ \t]*(?:[:,][^=\n]*)?=(?!=)"
)


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
        for name in {*_STORE.findall(data)}:
            found[name].append(path)
    return found
