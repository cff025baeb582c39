"""What statements that run when a program starts need of a context."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal

from flask_ctxfix.codemods.manual_contexts.imported_files import imported_files
from flask_ctxfix.context_flow import ContextFlow, Need
from flask_ctxfix.context_flow.guards import is_proxy
from flask_ctxfix.context_flow.values import Foreign, Instance, Value
from flask_ctxfix.flask_facts import is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import arguments_of

_KNOWN = {"celery", "click", "jinja2"}


Answer = Literal["yes", "no", "unknown"]


def asks_for_context(
    module: Module, project: Project, statement: ast.stmt, asked: Iterable[str] = ()
) -> Answer:
    """Return whether a statement needs a context, in what it imports too.

    The modules at the paths `asked` are asked about elsewhere.
    """
    answer: Answer = "no"
    seen = {module.path, *asked}
    left = [(module, statement)]
    while left:
        home, each = left.pop()
        own = _own_answer(home, project, each)
        if own == "yes":
            return "yes"
        answer = "unknown" if own == "unknown" else answer
        new = {m.path: m for m in _imported(home, project, each) if m.path not in seen}
        seen.update(new)
        left += [(other, inner) for other in new.values() for inner in other.tree.body]
    return answer


def _own_answer(module: Module, project: Project, statement: ast.stmt) -> Answer:
    """Return whether a statement needs a context, whatever the modules do that it imports."""
    needs = ContextFlow.of(project).needs
    if needs.of_statements(module, [statement]).need is not Need.NONE:
        return "yes"
    calls = [*_calls(statement)]
    decorating = [*_decorating(module, project, statement)]
    if any(needs.of(each).need is not Need.NONE for each in decorating):
        return "yes"
    if any(_is_given_proxy(module, project, call) for call in calls):
        return "yes"
    is_known = all(_is_known(module, project, call) for call in calls)
    return "no" if is_known and None not in decorating else "unknown"


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the calls that a statement makes itself, not those of functions that it defines."""
    for node in _run(statement):
        if isinstance(node, ast.Call):
            yield node


def _run(statement: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs with a statement: of a function that it defines, the decorators and defaults.

    The body of a class runs where the class is defined.
    """
    yield statement
    if isinstance(statement, FunctionNode):
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        arguments = statement.args
        for each in (*decorators, *arguments.defaults, *arguments.kw_defaults):
            if each is not None:
                yield from _run(each)
        return
    for child in ast.iter_child_nodes(statement):
        yield from _run(child)


def _decorating(module: Module, project: Project, statement: ast.stmt) -> Iterator[Value | None]:
    """Yield what decorators call with what they decorate."""
    values = ContextFlow.of(project).values
    for node in _run(statement):
        for each in getattr(node, "decorator_list", ()):
            value = values.of(module, each)
            is_made = isinstance(each, ast.Call)
            yield values.of(module, each.func) if is_made and value is None else value


def _is_given_proxy(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a call is given a proxy of Flask, with which it may do anything at once."""
    values = ContextFlow.of(project).values
    given = arguments_of(call)
    return any(is_proxy(values.of(module, each)) for each in given)


def _is_known(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether it is known what a call does: it is Flask's, the library's or the project's."""
    value = ContextFlow.of(project).values.of(module, call.func)
    if isinstance(value, Foreign):
        package = value.name.partition(".")[0]
        return is_well_known(package) or package in _KNOWN or package.startswith("flask_")
    return value is not None and not isinstance(value, Instance)


def _imported(module: Module, project: Project, statement: ast.stmt) -> Iterator[Module]:
    """Yield the modules of the project that a statement imports."""
    for node in _run(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from project.parsed(imported_files(module, project, node))
