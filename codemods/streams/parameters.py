"""Edits that pass a generator what it would read late, as arguments."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import AddParameter, Edit, ReplaceExpression
from flask_ctxfix.codemods.streams.late_code import Late
from flask_ctxfix.codemods.streams.streamed import streams_of
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.only_use import is_only_named_at, named_at
from flask_ctxfix.obligations.overriding import may_be_called_unseen, may_be_overridden
from flask_ctxfix.obligations.set_between import set_between
from flask_ctxfix.project import Project
from flask_ctxfix.statements import simple_statement_of
from flask_ctxfix.value_reads import Read, free_names, is_readable_at, using_edits


def passing_edits(project: Project, part: Late, reads: list[Read]) -> list[Edit] | None:
    """Return the edits that pass the values to the generator as arguments."""
    module, function = part.module, part.function
    node = function.node if function is not None else None
    if function is None or not isinstance(node, ast.FunctionDef) or not function.is_generator:
        return None
    if not _takes_more(module, node):
        return None
    calls = _only_calls(project, part, node)
    named = free_names(module, node.body[0], reads)
    if calls is None or named is None:
        return None
    edits: list[Edit] = []
    for call in calls:
        statement = simple_statement_of(module, call)
        if statement is None:
            return None
        if not all(is_readable_at(module, statement, read.chain) for read in reads):
            return None
        is_settable = any(read.can_be_set for read in reads)
        if is_settable and set_between(module, project, call, module.span(call).end):
            return None
        given = _given_more(module, call, reads, named)
        if given is None:
            return None
        edits.append(given)
    span = module.span(node)
    edits += (AddParameter(span, name, is_last=True) for name in named.values())
    edits += using_edits(module, reads, named)
    return edits


def _takes_more(module: Module, node: ast.FunctionDef) -> bool:
    """Whether a parameter can be put behind the others of a function as they are written.

    None has a default or takes what is left, and no types are given, which the new one would lack.
    """
    taken = node.args
    every = (*taken.args, *taken.kwonlyargs)
    header = module.text[module.span(node).start : module.span(node.body[0]).start]
    is_typed = node.returns is not None or any(each.annotation for each in every)
    is_open = bool(taken.defaults or taken.vararg or taken.kwarg or taken.posonlyargs)
    return not (is_open or is_typed or "# type:" in header)


def _only_calls(project: Project, part: Late, node: ast.FunctionDef) -> list[ast.Call] | None:
    """Return the calls of a generator, if each is one for a stream and nothing else names it."""
    module, scopes = part.module, part.module.scopes
    owner = scopes.parents[node]
    if isinstance(owner, ast.ClassDef):
        if may_be_overridden(module, project, owner, node.name):
            return None
        if may_be_called_unseen(module, project, node):
            return None
    made = [stream.only.node for stream in streams_of(part, project) if stream.only is not None]
    calls = [call for call in made if isinstance(call, ast.Call)]
    named = {call.func for call in calls}
    if named != {*named_at(module, node)} or not is_only_named_at(module, project, node, named):
        return None
    return calls


def _given_more(
    module: Module, call: ast.Call, reads: list[Read], named: dict[str, str]
) -> ReplaceExpression | None:
    """Return the edit that gives a call the values too."""
    if any(isinstance(each, ast.Starred) for each in call.args):
        return None
    if any(each.arg is None for each in call.keywords):
        return None
    if (call.args or call.keywords) and "\n" in module.segment(call):
        return None
    written = {named[module.segment(read.chain)]: read.written(module) for read in reads}
    holes = [(f"argument_{i}", module.span(each)) for i, each in enumerate(call.args)]
    passed = [name for name, _ in holes]
    for index, keyword in enumerate(call.keywords):
        holes.append((f"named_{index}", module.span(keyword.value)))
        passed.append(f"{keyword.arg}=named_{index}")
    for name, value in written.items():
        passed.append(f"{name}={value}" if call.keywords else value)
    code = f"{module.segment(call.func)}({', '.join(passed)})"
    return ReplaceExpression(module.span(call), code, tuple(holes))
