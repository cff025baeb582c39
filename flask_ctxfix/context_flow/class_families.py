"""Which classes of a project may stand in for each other, by where and under which name they are.

An instance of some class may be one of several others: of those that it inherits from.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import NamedTuple

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

ClassKey = tuple[str, str]
_NONE: frozenset[ClassKey] = frozenset()


class Families(NamedTuple):
    """By class: those with which it has an heir in common, and the ones that inherit from it."""

    relatives: dict[ClassKey, set[ClassKey]]
    heirs: dict[ClassKey, dict[ClassKey, Class]]

    def are_related(self, one: ClassKey, other: ClassKey) -> bool:
        """Whether an instance of one class may be one of the other."""
        return one == other or other in self.relatives.get(one, _NONE)


def key_of(module: Module, node: ast.ClassDef) -> ClassKey:
    """Return what tells a class from others, also if its file is parsed again."""
    return module.path, node.name


def families(project: Project, values: Values) -> Families:
    """Return how the classes of a project are related."""

    def compute() -> Families:
        found = Families(defaultdict(set), defaultdict(dict))
        for module in project.parsed(sorted(project.paths)):
            for node in module.scopes.nodes(ast.ClassDef):
                if node.bases:
                    _add(found, values, Class(module, node))
        return found

    return project.memo("families of classes", compute)


def _add(found: Families, values: Values, owner: Class) -> None:
    own = key_of(owner.module, owner.node)
    bases = [key_of(e.module, e.node) for e in values.bases(owner) if isinstance(e, Class)]
    for each in bases:
        found.heirs[each][own] = owner
        found.relatives[each].update((own, *bases))
    if bases:
        found.relatives[own].update(bases)
