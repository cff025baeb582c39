"""What expressions are written as, whatever they stand for."""

from __future__ import annotations

import ast

LOOPS = (ast.For, ast.AsyncFor, ast.While)


def without_call(node: ast.expr) -> ast.expr:
    """Return what is called, or the expression itself: a decorator with or without arguments."""
    return node.func if isinstance(node, ast.Call) else node


def last_name(node: ast.AST | None) -> str:
    """Return the last part of a dotted name, ``push`` of ``ctx.push``; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
