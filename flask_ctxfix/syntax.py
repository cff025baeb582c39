"""What expressions are written as, whatever they stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

LOOPS = (ast.For, ast.AsyncFor, ast.While)


def without_call(node: ast.expr) -> ast.expr:
    """Return what is called, or the expression itself: a decorator with or without arguments."""
    return node.func if isinstance(node, ast.Call) else node


def last_name(node: ast.AST | None) -> str:
    """Return the last part of a dotted name, ``push`` of ``ctx.push``; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def arguments_of(call: ast.Call) -> list[ast.expr]:
    """Return the expressions that a call passes."""
    return [*call.args, *(each.value for each in call.keywords)]


def is_falsy(node: ast.AST) -> bool:
    """Whether an expression is a constant that counts as false."""
    return isinstance(node, ast.Constant) and not node.value


def is_truthy(node: ast.AST | None) -> bool:
    """Whether an expression is a constant that counts as true."""
    return isinstance(node, ast.Constant) and bool(node.value)


def is_decorator(node: ast.AST, of: ast.AST | None) -> bool:
    """Whether an expression decorates the definition `of`."""
    return node in getattr(of, "decorator_list", ())


def root_of(node: ast.expr) -> ast.expr:
    """Return what a chain of attributes starts with: ``a`` of ``a.b.c``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def parameters_in(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters of a function, those with a star behind the others."""
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*every, *starred_in(arguments)]


def starred_in(arguments: ast.arguments) -> list[ast.arg]:
    """Return the parameters that take what no other is for: ``*args`` and ``**kwargs``."""
    return [each for each in (arguments.vararg, arguments.kwarg) if each is not None]


def defaults_of(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    """Yield the parameters that have a default, with that."""
    positional = [*arguments.posonlyargs, *arguments.args]
    yield from zip(reversed(positional), reversed(arguments.defaults), strict=False)
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield parameter, default


def is_constant_none(node: ast.AST | None) -> bool:
    """Whether an expression is the constant None."""
    return isinstance(node, ast.Constant) and node.value is None


def text_of(node: ast.AST | None) -> str | None:
    """Return the text that a constant is; None for anything else."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None
