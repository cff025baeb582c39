"""Where a module sets or reads the setting that Flask 2.2 stopped to look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.flask_facts import PRESERVE_SETTING as SETTING
from flask_ctxfix.module import Module


def sets_setting(module: Module, node: ast.AST) -> bool:
    """Whether `node` is where a program sets the setting: a target, keyword or dictionary key."""
    if isinstance(node, ast.Name):
        return node.id == SETTING and isinstance(node.ctx, ast.Store)
    if isinstance(node, ast.keyword):
        return node.arg == SETTING
    if not isinstance(node, ast.Constant) or node.value != SETTING:
        return False
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.ctx, ast.Store)
    return isinstance(parent, ast.Dict) and node in parent.keys


def setting_uses(module: Module) -> Iterator[ast.AST]:
    """Yield every name, attribute, keyword and string that spells the setting."""
    if SETTING not in module.names:
        return
    yield from module.scopes.named(SETTING)
    yield from (node for node in module.scopes.nodes(ast.keyword) if node.arg == SETTING)
    yield from (node for node in module.scopes.nodes(ast.Constant) if node.value == SETTING)


def reads_setting(module: Module) -> bool:
    """Whether a module mentions the setting in any way but to set it."""
    return not all(sets_setting(module, node) for node in setting_uses(module))
