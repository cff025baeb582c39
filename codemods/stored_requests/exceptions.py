"""Exceptions that are kept: whether they hold frames, and whether their text would do."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Fix, ReplaceExpression
from flask_ctxfix.codemods.stored_requests.lasting_containers import Container
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_datum import Datum, Kind
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import ADDING, ERROR_HANDLERS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import without_call

_TEXT_ONLY = "a text has no traceback, and code that reads attributes of the exception fails"
_TEXTS = {"builtins.str": "str", "builtins.repr": "repr"}


def handled(module: Module, project: Project, node: ast.expr) -> Datum | None:
    """Return the exception that an error handler of the application is given, if `node` is it."""
    if not isinstance(node, ast.Name):
        return None
    home = module.scopes.home_of(node)
    bindings = home.bindings.get(node.id, [])
    if [each.kind for each in bindings] != ["parameter"]:
        return None
    for decorator in getattr(home.node, "decorator_list", ()):
        called = without_call(decorator)
        if ContextFlow.of(project).values.name_of(module, called) in ERROR_HANDLERS:
            step = step_at(module, bindings[0].node, "read")
            return Datum(Kind.OBJECT, node.id, (step,), is_caught=True)
    return None


def has_traceback(module: Module, node: ast.expr) -> bool:
    """Whether an exception keeps its traceback, as it does unless the function takes it off."""
    around = module.scopes.function_of(node)
    return not any(
        isinstance(each, ast.Attribute) and each.attr in {"__traceback__", "with_traceback"}
        for each in ast.walk(around or node)
    )


def fix_of(module: Module, project: Project, node: ast.expr, container: Container) -> Fix | None:
    """Return the fix that keeps the text, where nothing but a text is made of what is kept."""
    if not isinstance(node, ast.Name) or not isinstance(container.named, ast.Name):
        return None
    made: set[str] = set()
    for home, use in container.uses:
        found = _texts_of(home, project, use)
        if found is None:
            return None
        made |= found
    function = made.pop() if len(made) == 1 else "repr"
    if module.scopes.scope_of(node).home(function).binds(function):
        return None
    edit = ReplaceExpression(module.span(node), f"{function}({module.segment(node)})")
    return Fix(f"keep `{edit.code}` instead of the exception", (edit,), unsafe_reason=_TEXT_ONLY)


def _texts_of(module: Module, project: Project, use: ast.expr) -> set[str] | None:
    """Return what makes texts of the items that a use of a list reads; None if it may not be."""
    scopes = module.scopes
    parent = scopes.parents[use]
    if isinstance(parent, ast.Attribute):
        item = scopes.parents[scopes.parents[parent]]
        is_kept = parent.attr == "setdefault" and not isinstance(item, ast.Attribute | ast.Expr)
        return set() if parent.attr in ADDING - {"extend", "extendleft"} and not is_kept else None
    if isinstance(parent, ast.Call) and use in parent.args:
        value = ContextFlow.of(project).values.of(module, parent.func)
        return set() if value == Foreign("builtins.len") else None
    if isinstance(parent, ast.If | ast.IfExp | ast.UnaryOp) and parent is not use:
        is_test = isinstance(parent, ast.UnaryOp) or parent.test is use
        return set() if is_test else None
    if not isinstance(parent, ast.For | ast.comprehension) or parent.iter is not use:
        return None
    if not isinstance(parent.target, ast.Name):
        return None
    home = scopes.home_of(parent.target)
    if len(home.bindings.get(parent.target.id, ())) != 1:
        return None
    kinds = {_text_of(module, project, read) for read in home.reads.get(parent.target.id, ())}
    return {kind for kind in kinds if kind} if None not in kinds else None


def _text_of(module: Module, project: Project, item: ast.Name) -> str | None:
    parent = module.scopes.parents[item]
    if isinstance(parent, ast.FormattedValue) and parent.format_spec is None:
        return "repr" if parent.conversion == ord("r") else "str"
    if isinstance(parent, ast.Call) and parent.args == [item]:
        return _TEXTS.get(ContextFlow.of(project).values.name_of(module, parent.func))
    return None
