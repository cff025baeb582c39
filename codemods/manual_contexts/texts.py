"""How the findings of the family name the functions and the contexts of the user."""

from __future__ import annotations

import ast

from flask_ctxfix.codemods.manual_contexts.pushes import Push
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.wording import fits

_LONGEST_CODE = 40


def said(function: FunctionNode | None, text: str, others: str = "this module") -> str:
    """Return what a function does, by its name if that leaves the text short.

    `others` is who does it outside of functions.
    """
    name = getattr(function, "name", "")
    whole = f"`{name}` {text}"
    if name and fits(whole):
        return whole
    return f"{'this function' if function is not None else others} {text}"


def with_of(push: Push) -> str:
    """Return the ``with`` that opens the context of a push, as its module writes the context."""
    return with_code(push.module, push.made or push.receiver)


def with_yield(push: Push) -> str:
    """Return what a fixture does to have a context open while its test runs."""
    return f"use {with_of(push)} with a `yield` inside it"


def with_code(module: Module, context: ast.expr) -> str:
    """Return the ``with`` that opens a context, without its code if that is long."""
    return short_code(module, context, "a `with` block", "`with {}:`")


def short_code(module: Module, node: ast.expr, otherwise: str, form: str = "`{}`") -> str:
    """Return code as the module writes it, in its `form`; what stands for it if it is long."""
    code = module.segment(node)
    is_short = len(code) <= _LONGEST_CODE and code.isprintable() and "`" not in code
    return form.format(code) if is_short else otherwise
