"""The fix that gives each item of a `map` a copy of the request's context of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flask_ctxfix.codemod import Fix, Need, ReplaceExpression
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.same_value import is_repeatable
from flask_ctxfix.project import Project
from flask_ctxfix.source import Span
from flask_ctxfix.spelling import standard_name_at

CHANGES = "give each item a copy of the request's context of its own"
_AT_ONCE = "all items are taken, and all copies made, before the first one is worked on"
_VARIABLES = ("x", "y", "z", "item", "second", "third")
_MOST = 3


def map_fix(
    start: Start,
    project: Project,
    edits: tuple[ReplaceExpression, ...],
    needs: tuple[Need, ...] = (),
) -> Fix | None:
    """Return the fix for a `map`; `edits`, with `needs`, would give one task its own copy."""
    module, call = start.module, start.call
    iterables = iterables_of(start, project)
    spelled = standard_name_at(module, call, "functools", "partial")
    if iterables is None or spelled is None or not isinstance(call, ast.Call):
        return None
    holes = tuple(_holes(module, call, iterables))
    written = (module.segment(start.target), *(edit.code for edit in edits))
    used = set(re.findall(r"\w+", " ".join(written)))
    free = [name for name in _VARIABLES if name not in used][: len(iterables)]
    if len(free) < len(iterables) or used.intersection(dict(holes)):
        return None
    items = ", ".join(f"iterable_{index}" for index in range(len(iterables)))
    zipped = f"zip({items})" if len(iterables) > 1 else items
    variables = ", ".join(free)
    tasks = f"[{spelled[0]}(function, {variables}) for {variables} in {zipped}]"
    rest = "".join(f", {each.arg}=given_{index}" for index, each in enumerate(call.keywords))
    code = f"called(lambda task: task(), {tasks}{rest})"
    edit = ReplaceExpression(module.span(call), code, holes)
    return Fix(CHANGES, (edit, *edits), (*needs, *spelled[1]), unsafe_reason=_AT_ONCE)


def iterables_of(start: Start, project: Project) -> list[ast.expr] | None:
    """Return what a `map` takes its items from; None for one that cannot be given copies."""
    module, call = start.module, start.call
    if not isinstance(call, ast.Call) or start.starter.passing != "each":
        return None
    if call.args[:1] != [start.target] or "#" in module.segment(call):
        return None
    name = ContextFlow.of(project).values.name_of(module, call.func)
    given = call.args[1:]
    most = _MOST if name.startswith("concurrent.futures.") else 1
    if name.rpartition(".")[2].startswith("starmap") or not 1 <= len(given) <= most:
        return None
    if not all(_can_be_iterated(each) for each in given):
        return None
    scope = module.scopes.scope_of(call)
    if scope.is_class or any(each.arg is None for each in call.keywords):
        return None
    if len(given) > 1 and scope.home("zip").binds("zip"):
        return None
    return given if is_repeatable(start.target, module, project) else None


def _can_be_iterated(node: ast.expr) -> bool:
    """Whether an argument may stand behind the `in` of a comprehension as it is."""
    if isinstance(node, ast.Starred | ast.IfExp | ast.Lambda):
        return False
    return not any(isinstance(each, ast.NamedExpr) for each in ast.walk(node))


def _holes(module: Module, call: ast.Call, iterables: list[ast.expr]) -> Iterator[tuple[str, Span]]:
    """Yield the parts of a call that stay, by the names that stand for them."""
    yield "called", module.span(call.func)
    yield "function", module.span(call.args[0])
    for index, iterable in enumerate(iterables):
        yield f"iterable_{index}", module.span(iterable)
    for index, keyword in enumerate(call.keywords):
        yield f"given_{index}", module.span(keyword.value)
