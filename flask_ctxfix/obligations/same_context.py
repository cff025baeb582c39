"""Whether two places of a function certainly run in the same context of Flask."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.made_contexts import may_enter_context
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import REPEATING, own_nodes, way_out

# Methods that enter or leave a context, or that may: those of stacks of contexts too.
_CHANGING = frozenset(
    {
        "__enter__",
        "__exit__",
        "close",
        "enter_context",
        "pop",
        "pop_all",
        "push",
        "preprocess_request",
    }
)


def is_in_same_context(place: ast.AST, later: ast.AST, module: Module, project: Project) -> bool:
    """Whether what is made at one place, and what is done at a later one, have the same context."""
    around = module.scopes.function_of(place)
    first, second = ([p for p, _ in way_out(module, e) if p is not around] for e in (place, later))
    if any(isinstance(each, ast.GeneratorExp) for each in second):
        return False
    one, other = ([e for e in way if _may_change(e, module, project)] for way in (first, second))
    if one != other:
        return False
    loops = [each for each in second if isinstance(each, REPEATING) and each not in first]
    begin, end = module.span(place).end, module.span(loops[-1] if loops else later).end
    if module.span(later).start < begin:
        return False
    between = (
        each
        for each in own_nodes(around or module.tree)
        if isinstance(each, ast.Call) and begin <= module.span(each).start < end
    )
    return not any(getattr(each.func, "attr", "") in _CHANGING for each in between)


def _may_change(node: ast.AST, module: Module, project: Project) -> bool:
    """Whether a block may run in another context than the code around it."""
    if not isinstance(node, ast.With | ast.AsyncWith):
        return False
    values = ContextFlow.of(project).values
    return any(may_enter_context(values, module, each.context_expr) for each in node.items)
