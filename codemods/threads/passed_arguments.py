"""The edits that pass a target more: arguments, and the parameters that get them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from flask_ctxfix.codemod import AddParameter, Edit, ReplaceExpression
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.only_use import named_at
from flask_ctxfix.obligations.overriding import may_be_overridden
from flask_ctxfix.project import Project
from flask_ctxfix.source import Span

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
    passed = _passed(start, [*given.values()])
    if passed is None:
        return ()
    is_method = isinstance(owner, ast.ClassDef)
    positional = [*node.args.posonlyargs, *node.args.args]
    if is_method and len(positional) <= len(node.args.defaults):
        return ()  # what gets the object is no parameter of its own, or has a default
    span = module.span(node)
    parameters = (AddParameter(span, name, is_second=is_method) for name in reversed([*given]))
    return passed, *parameters


def _passed(start: Start, codes: list[str]) -> Edit | None:
    """Return the edit that puts arguments before all others of the target."""
    module, call, starter = start.module, start.call, start.starter
    if not isinstance(call, ast.Call) or starter.passing == "each":
        return None
    given = {each.arg: each.value for each in call.keywords}
    if starter.passing == "rest":
        if start.target not in call.args:
            return None
        place = call.args.index(start.target) + 1
        args: list[ast.expr | str] = [*call.args]
        return _call_with(module, call, [*args[:place], *codes, *args[place:]])
    arguments = given.get(_ARGUMENTS)
    if arguments is None and len(call.args) > starter.arguments:
        arguments = call.args[starter.arguments]
    if isinstance(arguments, ast.Tuple | ast.List):
        return _first_of(module, arguments, codes)
    if arguments is not None or None in given or any(_is_starred(each) for each in call.args):
        return None
    return _call_with(
        module, call, call.args, f"{_ARGUMENTS}={_tuple_of(codes)}", behind=start.target
    )


def _first_of(module: Module, arguments: ast.Tuple | ast.List, codes: list[str]) -> Edit | None:
    """Return the edit that puts items before those of a tuple or a list."""
    if "#" in module.segment(arguments):
        return None
    names = [f"argument_{index}" for index in range(len(arguments.elts))]
    holes = tuple(zip(names, map(module.span, arguments.elts), strict=True))
    items = [*codes, *names]
    written = f"[{', '.join(items)}]" if isinstance(arguments, ast.List) else _tuple_of(items)
    return ReplaceExpression(module.span(arguments), written, holes)


def _call_with(
    module: Module,
    call: ast.Call,
    args: Sequence[ast.expr | str],
    keyword: str = "",
    behind: ast.AST | None = None,
) -> Edit | None:
    """Return the edit that gives a call other arguments, and another keyword `behind` an argument.

    Without such an argument among the keywords, it is the first of them.
    """
    if "#" in module.segment(call):
        return None
    holes: list[tuple[str, Span]] = []

    def held(node: ast.expr) -> str:
        holes.append((f"argument_{len(holes)}", module.span(node)))
        return holes[-1][0]

    def written() -> Iterator[str]:
        for argument in args:
            if isinstance(argument, str):
                yield argument
            elif isinstance(argument, ast.Starred):
                yield f"*{held(argument.value)}"
            else:
                yield held(argument)
        if keyword and not any(each.value is behind for each in call.keywords):
            yield keyword
        for each in call.keywords:
            value = held(each.value)
            yield f"{each.arg}={value}" if each.arg else f"**{value}"
            if each.value is behind:
                yield keyword

    code = f"{held(call.func)}({', '.join(written())})"
    return ReplaceExpression(module.span(call), code, tuple(holes))


def _tuple_of(items: list[str]) -> str:
    return f"({', '.join(items)})" if len(items) > 1 else f"({items[0]},)"


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)
