"""Whether anything lives on a context that a program leaves pushed when it has started."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from flask_ctxfix.codemods.manual_contexts.imported_files import imported_files, importing
from flask_ctxfix.codemods.manual_contexts.pushes import Push
from flask_ctxfix.codemods.manual_contexts.startup import asks_for_context
from flask_ctxfix.codemods.manual_contexts.unseen import needs_a_context
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import own_nodes


def may_be_needed(push: Push, project: Project, covered: Sequence[ast.stmt]) -> bool:
    """Whether code may run in a context that is left pushed, but for the statements `covered`.

    That is what runs later in its module, in the functions that call a factory, and when the
    modules that import it are imported or run; and what is called by nobody knows what, such as a
    job. A request has a context of its own, and so has a command.
    """
    module, function = push.module, push.function
    if function is not None and _callers_need(module, project, function):
        return True
    loaded = _loaded(module, project, covered)
    modules = [each for each in importing(module, project) if each.path not in loaded]
    asked = [each.path for each in modules]
    for other in modules:
        later = other.tree.body if other is not module else _behind_push(push)
        for each in later:
            if each not in covered and asks_for_context(other, project, each, asked) != "no":
                return True
    return needs_a_context(project)


def _loaded(module: Module, project: Project, covered: Iterable[ast.stmt]) -> set[str]:
    """Return the files that `covered` imports, whatever happens, so that no later import runs them.

    The one that pushes is not among them.
    """
    found: set[str] = set()
    pending = [(module, each) for each in covered]
    while pending:
        importer, statement = pending.pop()
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        for other in project.parsed(imported_files(importer, project, statement)):
            if other.path != module.path and other.path not in found:
                found.add(other.path)
                pending += [(other, each) for each in other.tree.body]
    return found


def _behind_push(push: Push) -> list[ast.stmt]:
    """Return the statements of a module that may run after a push in it, or in its function."""
    body, end = push.module.tree.body, push.module.span(push.statement).end
    return [each for each in body if push.module.span(each).end > end]


def _callers_need(module: Module, project: Project, factory: FunctionNode) -> bool:
    """Whether code that calls a factory, or its callers, may need the context that it leaves."""
    seen = {factory}
    left = [(module, factory)]
    while left:
        home, function = left.pop()
        for other, call in _calls_of(home, project, function):
            if any(asks_for_context(other, project, each) != "no" for each in _behind(other, call)):
                return True
            around = other.scopes.function_of(call)
            if around is not None and around not in seen:
                seen.add(around)
                left.append((other, around))
    return False


def _calls_of(
    module: Module, project: Project, function: FunctionNode
) -> Iterator[tuple[Module, ast.Call]]:
    """Yield the calls, outside of tests, of what has the name of a function or its class."""
    owner = module.scopes.parents.get(function)
    of_class = isinstance(owner, ast.ClassDef) and getattr(function, "name", "") == "__init__"
    name = getattr(owner if of_class else function, "name", "")
    for other in project.parsed(project.naming_outside_tests(name)):
        yield from ((other, call) for call in other.scopes.calls.get(name, ()))


def _behind(module: Module, call: ast.Call) -> Iterator[ast.stmt]:
    """Yield the statements of its function, or module, that may run after a call."""
    function = module.scopes.function_of(call)
    start = module.span(call).start
    for node in own_nodes(function if function is not None else module.tree):
        if isinstance(node, ast.stmt) and module.span(node).start > start:
            yield node
