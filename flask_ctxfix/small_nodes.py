"""Syntax trees that take less memory: their nodes share the names of their attributes.

Newer CPythons give each node a dictionary of its own, with room for more than it holds: most of
what a tree takes. Instances of a class that is written in Python share one table of names instead
(PEP 412), and so do copies of the dictionary of such an instance.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from sys import getsizeof
from typing import Any

# With each of the first instances of a class, Python leaves less room in the next ones.
_INSTANCES = 40


def shrink(nodes: Mapping[type[ast.AST], Sequence[ast.AST]]) -> None:
    """Have nodes, given by their types, take as little memory as they can; they hold the same."""
    for kind, alike in nodes.items():
        template = _templates[kind]
        if alike and getsizeof(template | vars(alike[0])) < getsizeof(vars(alike[0])):
            for node in alike:
                node.__dict__ = template | node.__dict__


class _Templates(dict[type[ast.AST], dict[str, Any]]):
    """Dictionaries with the attributes of each type of nodes, whose copies share the names."""

    def __missing__(self, kind: type[ast.AST]) -> dict[str, Any]:
        alike: type[Any] = type(kind.__name__, (), {})
        for _ in range(_INSTANCES):
            instance = alike()
            for name in (*kind._fields, *kind._attributes):
                setattr(instance, name, None)
        template: dict[str, Any] = vars(instance)
        self[kind] = template
        return template


_templates = _Templates()
