"""The names of what calls may register as a view, or as anything else that is given data.

A wide answer by what variables are given, so that what calls a function, which may take all of a
project to tell, is asked of few.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow.entries import GIVING_DATA, Entries
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.stores import PUTTING
from flask_ctxfix.context_flow.values import receiving_class
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionNode
from flask_ctxfix.syntax import arguments_of, last_name, without_call

_Code = tuple[Module, ast.AST]


def registered_names(project: Project, entries: Entries) -> frozenset[str]:
    """Return the names of all that may get to what registers it, on whichever way."""
    return project.memo("registered names", lambda: frozenset(_names(project, entries)))


def _names(project: Project, entries: Entries) -> set[str]:
    found: set[str] = set()
    seen: set[object] = set()
    left = [*_registering(project, entries)]
    while left:
        module, code = left.pop()
        if isinstance(code, FunctionNode):
            found.add(getattr(code, "name", ""))
        elif isinstance(code, ast.Name | ast.Attribute):
            name = last_name(code)
            bindings = project.bindings(module, code)
            if not bindings and isinstance(code, ast.Attribute) and name not in found:
                left += _assigned(module, name)
            found.add(name)
            for home, binding in bindings:
                if binding not in seen:
                    seen.add(binding)
                    found.add(binding.name)
                    left += _given(project, home, binding)
        elif isinstance(code, ast.Call):
            owner = [code.func.value] if isinstance(code.func, ast.Attribute) else []
            left += ((module, each) for each in (*owner, *arguments_of(code)))
        elif not isinstance(code, _NO_FUNCTIONS):
            left += ((module, each) for each in ast.iter_child_nodes(code))
    return found


# What is made of values, but is none of them.
_NO_FUNCTIONS = (ast.BinOp, ast.Compare, ast.JoinedStr, ast.UnaryOp, ast.expr_context)


def _registering(project: Project, entries: Entries) -> Iterator[_Code]:
    """Yield what is given to calls that register it."""
    paths = {path for name in GIVING_DATA for path in project.naming_outside_tests(name)}
    for module in project.parsed(sorted(paths)):
        for call in module.scopes.calls_of((*GIVING_DATA, "")):
            is_decorator = isinstance(module.scopes.parents[call], FunctionNode)
            entry = None if is_decorator else entries.given(module, call)
            if entry is not None and entry.gives_data:
                yield from ((module, each) for each in arguments_of(call))


def _given(project: Project, module: Module, binding: Binding) -> Iterator[_Code]:
    """Yield what a variable is given, or has put into it."""
    scopes = module.scopes
    if binding.kind == "parameter":
        if receiving_class(module, binding.node) is None:
            yield from _passed(project, scopes.parents[scopes.parents[binding.node]], module)
        return
    for parent in (binding.node, *scopes.ancestors(binding.node)):
        for part in ("iter", "value"):
            code = getattr(parent, part, None)
            if isinstance(code, ast.expr) and not isinstance(parent, ast.Attribute | ast.Subscript):
                yield module, code
        if isinstance(parent, ast.stmt | ast.comprehension):
            break
    for read in scopes.names.get(binding.name, ()):
        parent = scopes.parents[read]
        statement = scopes.parents.get(parent)
        if isinstance(parent, ast.Subscript) and isinstance(statement, ast.Assign):
            yield module, statement.value
        elif isinstance(parent, ast.Attribute) and isinstance(statement, ast.Call):
            if parent.attr in PUTTING:
                yield from ((module, each) for each in arguments_of(statement))


def _assigned(module: Module, attribute: str) -> Iterator[_Code]:
    """Yield what the module that reads an attribute assigns to one of that name."""
    for change in module.scopes.attribute_changes.get(attribute, ()):
        parent = module.scopes.parents[change]
        if isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is not None:
            yield module, parent.value


def _passed(project: Project, function: ast.AST, module: Module) -> Iterator[_Code]:
    """Yield what calls of a function may pass, and what it, or what it is in, decorates."""
    for around in (function, *module.scopes.ancestors(function)):
        name = getattr(around, "name", "") if isinstance(around, FunctionNode) else ""
        for other in project.parsed(project.naming_outside_tests(name)) if name else ():
            for call in other.scopes.calls.get(name, ()):
                yield from ((other, each) for each in arguments_of(call))
            for each in functions_of(other):
                if name in map(last_name, map(without_call, each.decorator_list)):
                    yield other, each
