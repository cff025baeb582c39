"""Whether a value, read where a stream is made, is still the one that the stream would read."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemods.streams.late_code import Late
from flask_ctxfix.codemods.streams.readers import is_read_at_once
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import is_well_known
from flask_ctxfix.project import Module, Project
from flask_ctxfix.statements import LOOPS, way_out
from flask_ctxfix.value_reads import Read

_CHANGING = ("flask.g.", "flask.session.")


def may_change(project: Project, part: Late, begin: int, reads: list[Read]) -> bool:
    """Whether the function that makes a stream goes on, behind `begin`, to what may set a value.

    A request stays as it is; the session, `g` and who the user is may be set.
    """
    if not any(read.can_be_set for read in reads):
        return False
    return any(_may_set(part.module, project, each) for each in _behind(part, begin))


def _behind(part: Late, begin: int) -> Iterator[ast.expr]:
    """Yield the expressions that a function that makes a stream evaluates from a place on.

    A loop comes back to its start, and what ``with`` is given ends with its block.
    """
    module = part.module
    around = module.scopes.function_of(part.node)
    for block, _ in way_out(module, part.node):
        if isinstance(block, LOOPS):
            begin = min(begin, module.span(block).start)
        elif isinstance(block, ast.With | ast.AsyncWith):
            yield from (item.context_expr for item in block.items)
    late: set[ast.AST] = set()
    if isinstance(part.node, ast.GeneratorExp):
        late = set(ast.walk(part.node)) - set(ast.walk(part.node.generators[0].iter))
    for node in ast.walk(around) if around is not None else ():
        if isinstance(node, ast.Call | ast.Attribute | ast.Subscript) and node not in late:
            if module.span(node).end > begin and module.scopes.function_of(node) is around:
                yield node


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
    root = called
    while isinstance(root, ast.Attribute):
        root = root.value
    if root is called or not isinstance(root, ast.Name):
        return False
    home = module.scopes.home_of(root)
    return any(isinstance(each.value, ast.Call) for each in home.bindings.get(root.id, ()))
