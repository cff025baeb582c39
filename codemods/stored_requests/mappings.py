"""The mappings that the application and the process have, and the items that code reads there."""

from __future__ import annotations

import ast
from typing import NamedTuple, cast

from flask_ctxfix.codemods.stored_requests.slots import value_assigned
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import APPLICATIONS, ITEM_READERS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import last_name

ENVIRON = "os.environ"
# Mappings that all requests share, under each of their names.
_MAPPINGS = {
    ENVIRON: ENVIRON,
    **{
        f"{application}.{name}": name
        for application in APPLICATIONS
        for name in ("config", "extensions", "jinja_env.globals")
    },
}
_GETENV = Foreign("os.getenv")


def mapping_of(module: Module, project: Project, node: ast.expr) -> str | None:
    """Return which of the mappings an expression is, by the one name of it."""
    return _MAPPINGS.get(ContextFlow.of(project).values.name_of(module, node))


def mapping_read(module: Module, project: Project, node: ast.AST, key: ast.expr) -> str | None:
    """Return the mapping whose item of this key an expression reads."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return mapping_of(module, project, node.value)
    if not isinstance(node, ast.Call) or key not in node.args[:1]:
        return None
    if ContextFlow.of(project).values.of(module, node.func) == _GETENV:
        return ENVIRON
    if isinstance(node.func, ast.Attribute) and node.func.attr in ITEM_READERS:
        return mapping_of(module, project, node.func.value)
    return None


class MappingItem(NamedTuple):
    """The item of this key of one of the mappings."""

    mapping: str
    key: str


def item_of(module: Module, project: Project, node: ast.expr) -> MappingItem | None:
    """Return which item of a mapping an expression is: ``app.config["SEEN"]``."""
    owner: ast.expr | None = None
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript):
        owner, key = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        owner, key = node.func.value, node.args[0]
        key = key if node.func.attr in ITEM_READERS else None
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return None
    mapping = mapping_of(module, project, owner) if owner is not None else None
    return MappingItem(mapping, key.value) if mapping is not None else None


class ItemUses(NamedTuple):
    """What reads an item of a mapping, and what gives it which value."""

    reads: tuple[tuple[Module, ast.expr], ...]
    writes: tuple[tuple[Module, ast.expr, ast.expr], ...]


def uses_of_item(item: MappingItem, project: Project) -> ItemUses:
    """Return the uses of an item of a mapping, in all of the project."""
    return project.memo(("uses of item", item), lambda: _uses_of_item(item, project))


def _uses_of_item(item: MappingItem, project: Project) -> ItemUses:
    reads: list[tuple[Module, ast.expr]] = []
    writes: list[tuple[Module, ast.expr, ast.expr]] = []
    for module in project.parsed(sorted(project.naming(item.key))):
        for text, constant in module.scopes.strings:
            node = module.scopes.parents[constant]
            if text != item.key:
                continue
            if mapping_read(module, project, node, constant) == item.mapping:
                assert isinstance(node, ast.expr)
                reads.append((module, node))
            value = _value_given(module, project, node, item)
            if value is not None:
                writes.append((module, cast(ast.expr, node), value))
    return ItemUses(tuple(reads), tuple(writes))


def _value_given(
    module: Module, project: Project, node: ast.AST, item: MappingItem
) -> ast.expr | None:
    """Return the value that code gives an item: by an assignment, or by ``setdefault``."""
    if isinstance(node, ast.Call):
        is_default = last_name(node.func) == "setdefault" and len(node.args) == 2
        return node.args[1] if is_default and item_of(module, project, node) == item else None
    if not isinstance(node, ast.Subscript) or isinstance(node.ctx, ast.Load):
        return None
    return value_assigned(module, node) if item_of(module, project, node) == item else None
