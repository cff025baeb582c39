"""What a function runs between two places that may set what belongs to a request: `g`, the session.

A request stays as it is; the session, `g` and who the user is may be set.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import inf

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.waiting import is_read_at_once
from flask_ctxfix.project import Project
from flask_ctxfix.statements import way_out
from flask_ctxfix.syntax import LOOPS, root_of

_CHANGING = ("flask.g.", "flask.session.")


def set_between(
    module: Module, project: Project, node: ast.AST, begin: int, end: float = inf
) -> list[ast.expr]:
    """Return what may set a value in the function of a node, from one place on to another.

    With no `end` it goes on as long as the function runs: a loop around the node comes back to its
    start, and what ``with`` is given ends with its block.
    """
    found: list[ast.expr] = []
    for block, _ in way_out(module, node) if end == inf else ():
        if isinstance(block, LOOPS):
            begin = min(begin, module.span(block).start)
        elif isinstance(block, ast.With | ast.AsyncWith):
            found += (item.context_expr for item in block.items)
    found += _evaluated(module, node, begin, end)
    return [each for each in found if _may_set(module, project, each)]


def _evaluated(module: Module, node: ast.AST, begin: int, end: float) -> Iterator[ast.expr]:
    """Yield what the function of a node evaluates between two places, but for the node itself."""
    around = module.scopes.function_of(node)
    late: set[ast.AST] = set()
    if isinstance(node, ast.GeneratorExp):
        late = set(ast.walk(node)) - set(ast.walk(node.generators[0].iter))
    for each in ast.walk(around) if around is not None else ():
        if isinstance(each, ast.Call | ast.Attribute | ast.Subscript) and each not in late:
            span = module.span(each)
            if span.end > begin and span.start < end and module.scopes.function_of(each) is around:
                yield each


def _may_set(module: Module, project: Project, node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        is_set = not isinstance(getattr(node, "ctx", None), ast.Load)
        return is_set and _is_of_g_or_session(module, project, node)
    if _is_of_g_or_session(module, project, node.func):
        return getattr(node.func, "attr", "") != "get"
    value = ContextFlow.of(project).values.of(module, node.func)
    if isinstance(value, Function):
        return not value.is_generator or is_read_at_once(module, node)
    if isinstance(value, Foreign):
        return not is_well_known(value.name)
    return not _is_method_of_local(module, node.func)


def _is_of_g_or_session(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether something belongs to `g` or the session, as ``g.user`` and ``session.pop`` do.

    A variable may stand for one of them, or for something of theirs.
    """
    values = ContextFlow.of(project).values
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
        value = values.of(module, node)
        if isinstance(value, Foreign) and f"{value.name}.".startswith(_CHANGING):
            return True
        if project.flask_name(module, node) in ("g", "session"):
            return True
    return False


def _is_method_of_local(module: Module, called: ast.expr) -> bool:
    """Whether what is called belongs to something that the function itself has made."""
    root = root_of(called)
    if root is called or not isinstance(root, ast.Name):
        return False
    home = module.scopes.home_of(root)
    return any(isinstance(each.value, ast.Call) for each in home.bindings.get(root.id, ()))
