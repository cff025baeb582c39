"""The edits that pass a target more: arguments, and the parameters that get them."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from flask_ctxfix.codemod import AddItems, AddParameter, Edit
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.obligations.only_use import named_at
from flask_ctxfix.obligations.overriding import may_be_overridden
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import arguments_of

_ARGUMENTS = "args"


def passing_edits(
    start: Start, project: Project, node: ast.FunctionDef, given: Mapping[str, str]
) -> tuple[Edit, ...]:
    """Return the edits that pass what is `given`, before all else; none if they cannot.

    That is the code of each argument, by the name of its parameter. `node` is a function of the
    module, or a method, that nothing but the start may name.
    """
    module = start.module
    if named_at(module, node) != [start.target] or node.args.kwarg is not None:
        return ()
    owner = module.scopes.parents.get(node)
    if isinstance(owner, ast.ClassDef):
        if start.function is None or start.function.receiver is None:
            return ()
        if may_be_overridden(module, project, owner, node.name):
            return ()
    elif not isinstance(module.scopes.scope_of(node).node, ast.Module):
        return ()
    passed = _passed(start, tuple(given.values()))
    if passed is None:
        return ()
    is_method = isinstance(owner, ast.ClassDef)
    positional = [*node.args.posonlyargs, *node.args.args]
    if is_method and len(positional) <= len(node.args.defaults):
        return ()  # what gets the object is no parameter of its own, or has a default
    span = module.span(node)
    parameters = (AddParameter(span, name, is_second=is_method) for name in reversed([*given]))
    return passed, *parameters


def _passed(start: Start, codes: tuple[str, ...]) -> Edit | None:
    """Return the edit that puts arguments before all others of the target."""
    module, call, starter = start.module, start.call, start.starter
    if not isinstance(call, ast.Call) or starter.passing == "each":
        return None
    given = {each.arg: each.value for each in call.keywords}
    begins = sorted(module.span(each).start for each in arguments_of(call))
    behind = begins.index(module.span(start.target).start) + 1 if start.target is not call else 0
    if starter.passing == "rest":
        if start.target not in call.args:
            return None
        return AddItems(module.span(call), behind, codes)
    arguments = given.get(_ARGUMENTS)
    if arguments is None and len(call.args) > starter.arguments:
        arguments = call.args[starter.arguments]
    if isinstance(arguments, ast.Tuple | ast.List):
        return AddItems(module.span(arguments), 0, codes)
    if arguments is not None or None in given or any(_is_starred(each) for each in call.args):
        return None
    is_named = start.target not in call.args
    place = behind if is_named else len(call.args)
    return AddItems(module.span(call), place, (f"{_ARGUMENTS}={_tuple_of(codes)}",))


def _tuple_of(items: tuple[str, ...]) -> str:
    return f"({', '.join(items)})" if len(items) > 1 else f"({items[0]},)"


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)
