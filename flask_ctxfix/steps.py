"""How the steps of paths are made, and how they lead back to their functions."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from flask_ctxfix.codemod import Definition, Role, Step
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.source import SourceError, Span

if TYPE_CHECKING:
    from flask_ctxfix.module import Module
    from flask_ctxfix.project import Project


def definition_of(module: Module, function: FunctionNode) -> Definition:
    """Return the place of a function."""
    return Definition(name_of(function), module.path, function.lineno, function.col_offset)


def name_of(function: FunctionNode) -> str:
    """Return the name of a function."""
    return "lambda" if isinstance(function, ast.Lambda) else function.name


def function_at(
    module: Module, project: Project, definition: Definition
) -> tuple[Module, FunctionNode] | None:
    """Return the function that a place is that of, with its module; None if it is gone.

    The place was found from `module`, which may be what a rewrite made of its file.
    """
    home = _home_of(definition.filename, module, project)
    if home is None:
        return None
    function = home.memo("functions by place", lambda: _functions(home)).get(definition)
    return None if function is None else (home, function)


def expression_at(module: Module, project: Project, step: Step) -> tuple[Module, ast.expr] | None:
    """Return the expression at which a step is taken, with its module; None for anything else.

    The step was found from `module`, which may be what a rewrite made of its file.
    """
    home = _home_of(step.filename, module, project)
    if home is None:
        return None
    kinds: tuple[type[ast.expr], ...] = (ast.Call, ast.Attribute, ast.Subscript, ast.Name)
    for node in (node for kind in kinds for node in home.scopes.nodes(kind)):
        if node.lineno == step.row and step_at(home, node, step.role)[5:9] == step[5:9]:
            return home, node
    return None


def _home_of(filename: str, module: Module, project: Project) -> Module | None:
    try:
        return module if filename == module.path else project.module(filename)
    except SourceError:
        return None


def _functions(module: Module) -> dict[Definition, FunctionNode]:
    kinds: tuple[type[FunctionNode], ...] = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    nodes = (node for kind in kinds for node in module.scopes.nodes(kind))
    return {definition_of(module, node): node for node in nodes}


def entry_step(module: Module, function: FunctionNode, kind: str = "") -> Step:
    """Return the step at which something else than the project calls a function."""

    def compute() -> Step:
        step = step_at_name(module, function, name_of(function), "entry", kind)
        return step._replace(function=definition_of(module, function))

    return module.memo(("entry step", function, kind), compute)


def step_at(
    module: Module,
    node: ast.AST,
    role: Role,
    kind: str = "",
    *,
    message: str = "",
    verb: str = "",
    error: str = "",
) -> Step:
    """Return the step that is taken at `node`."""
    step = _step(module, node, module.span(node), role, kind)
    return step._replace(message=message, verb=verb, error=error)


def step_at_name(module: Module, node: ast.AST, name: str, role: Role, kind: str = "") -> Step:
    """Return the step that is taken at a definition or a handler: it shows the `name` alone."""
    span = module.span(node)
    found = re.compile(rf"\b{name}\b").search(module.text, *span)
    return _step(module, node, Span(*found.span()) if found else span, role, kind)


def _step(module: Module, node: ast.AST, span: Span, role: Role, kind: str) -> Step:
    function = module.scopes.function_of(node)
    if function is not None and _is_before(node, function):  # its decorators run around it
        function = module.scopes.function_of(function)
    home = None if function is None else definition_of(module, function)
    code = module.text[span.start : span.end]
    place = (*module.position(span.start), *module.position(span.end))
    return Step(role, kind, home, code, module.path, *place)


def _is_before(node: ast.AST, function: FunctionNode) -> bool:
    place = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
    return place < (function.lineno, function.col_offset)
