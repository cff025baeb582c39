"""The edits that move slots of one module to `g`, or into the function that uses them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from flask_ctxfix.codemod import (
    Edit,
    Fix,
    InsertStatement,
    Need,
    RemoveStatement,
    ReplaceExpression,
    ReplaceStatement,
)
from flask_ctxfix.codemods.stored_requests.slots import Slot
from flask_ctxfix.codemods.stored_requests.uses import Uses, uses_in
from flask_ctxfix.codemods.stored_requests.verdicts import Verdict, name_around
from flask_ctxfix.imports import local_name
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_current_app
from flask_ctxfix.project import Project
from flask_ctxfix.source import Span
from flask_ctxfix.spelling import flask_name_at
from flask_ctxfix.syntax import last_name

_VARIABLES = frozenset({"global", "variable"})
_SHOWS = re.compile(r"[^=!<>]=\s*[}!:]")
Moving = dict[Slot, Verdict]


class UnmovableError(Exception):
    """Why a module cannot be rewritten although the slot could move."""


def fix_of(slot: Slot, moving: Moving, module: Module, project: Project) -> Fix:
    """Return the fix that moves a slot in one module, with those that it shares statements with.

    `moving` are all slots that can move, in one way. Raises UnmovableError.
    """
    verdict = moving[slot]
    uses = uses_in(slot, module, project)
    edits: list[Edit] = [*_declarations(slot, uses, moving, module)]
    needs: list[Need] = []
    retires: list[Span] = []
    if verdict.goes_to == "g":
        for node in uses.expressions:
            new, imports = _on_g(slot, verdict, module, project, node)
            edits += new
            needs += imports
        edits += _left_variables(uses, project)
        retires += [module.span(b.alias) for b in uses.imported if b.alias is not None]
        where = f"keep `{slot.name}` in `g`"
    else:
        where = f"make `{slot.name}` a local variable"
    groups = tuple(sorted(other.group for other in _together(slot, moving, module, project)))
    distinct = tuple(dict.fromkeys(edits))
    return Fix(
        where,
        distinct,
        tuple(dict.fromkeys(needs)),
        tuple(retires),
        groups,
        unsafe_reason=verdict.reason or None,
    )


def _on_g(
    slot: Slot, verdict: Verdict, module: Module, project: Project, node: ast.expr
) -> tuple[list[Edit], tuple[Need, ...]]:
    """Return the edits of one expression that reads or writes."""
    written, needs, imports = _g_at(module, project, node)
    span = module.span(node)
    text = module.text[span.start : span.end]
    expected = last_name(node)
    if not text.endswith(expected):
        raise UnmovableError("a read of this value cannot be located in the text")
    if _is_shown(module, node):
        name = f"the name `{slot.name}`"
        raise UnmovableError(f"an f-string prints {name}, which the fix would change")
    code = f"{written}.{slot.name}"
    if (module.path, name_around(module, node)) in verdict.defaulted:
        code = f'{written}.get("{slot.name}", {verdict.default})'
        if verdict.default == "None":
            code = f'{written}.get("{slot.name}")'
        code = _quoted_as_around(module, node, code)
    return [ReplaceExpression(span, code), *imports], needs


def _left_variables(uses: Uses, project: Project) -> Iterator[Edit]:
    """Yield the removal of variables that hold the application for nothing but these uses."""
    scopes = uses.module.scopes
    bases = [each.value for each in uses.expressions if isinstance(each, ast.Attribute)]
    for name in bases:
        if not isinstance(name, ast.Name) or scopes.home_of(name).parent is None:
            continue
        home = scopes.home_of(name)
        bound = [each.node for each in home.bindings.get(name.id, ())]
        statement = bound[0] if len(bound) == 1 else None
        if not isinstance(statement, ast.Assign) or len(statement.targets) > 1:
            continue
        is_left = all(read in bases for read in home.reads.get(name.id, ()))
        if is_left and is_current_app(uses.module, project, statement.value):
            yield RemoveStatement(uses.module.span(statement))


def _g_at(
    module: Module, project: Project, node: ast.expr
) -> tuple[str, tuple[Need, ...], list[Edit]]:
    """Return how to write `g` at a node, and what has to be imported for that."""
    found = flask_name_at(module, project, node, "g")
    if found is not None:
        return *found, []
    first = next(each for each in module.tree.body if not _is_docstring(each))
    span = module.span(first)
    written = local_name(module, project, node, "flask", "g", span).code
    name = "g" if written == "g" else f"g as {written}"
    return written, (), [InsertStatement(span, f"from flask import {name}", "before")]


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _quoted_as_around(module: Module, node: ast.expr, code: str) -> str:
    """Return `code` with quotes that may stand where a node does: in an f-string, the others."""
    around = (p for p in module.scopes.ancestors(node) if isinstance(p, ast.JoinedStr))
    text = next((module.segment(each) for each in around), None)
    if text is None:
        return code
    quote = "'" if text.lstrip("fFrR").startswith('"') else '"'
    other = "'" if quote == '"' else '"'
    if "\\" in code or (quote in code and other in code):
        raise UnmovableError("a read in an f-string needs a default, which cannot be quoted there")
    return code.replace(other, quote)


def _is_shown(module: Module, node: ast.expr) -> bool:
    """Whether a node stands in an f-string that shows how it is written, as ``{name=}`` does."""
    around = (p for p in module.scopes.ancestors(node) if isinstance(p, ast.JoinedStr))
    return any(_SHOWS.search(module.segment(each)) for each in around)


def _is_alike(one: Slot, other: Slot) -> bool:
    """Whether two slots are names of the same scope, which statements may declare together."""
    return (one.kind, one.owner) == (other.kind, other.owner) and one.kind in _VARIABLES


def _declarations(slot: Slot, uses: Uses, moving: Moving, module: Module) -> Iterator[Edit]:
    """Yield the edits of statements that declare a slot or give it its first value."""
    alike = [each for each in moving if each.path == module.path and _is_alike(each, slot)]
    names = {each.name for each in alike}
    for statement in uses.globals:
        left = [name for name in statement.names if name not in names]
        word = "global" if isinstance(statement, ast.Global) else "nonlocal"
        yield _replaced(module, statement, f"{word} {', '.join(left)}" if left else "")
    for initial in uses.initial:
        targets = initial.targets if isinstance(initial, ast.Assign) else []
        kept = [t for t in targets if isinstance(t, ast.Name) and t.id not in names]
        if len(targets) > 1 and kept:
            written = " = ".join(module.segment(each) for each in kept)
            value = module.segment(initial.value) if initial.value is not None else "None"
            yield _replaced(module, initial, f"{written} = {value}")
        else:
            yield _replaced(module, initial, "")


def _replaced(module: Module, statement: ast.stmt, code: str) -> Edit:
    span = module.span(statement)
    return ReplaceStatement(span, code) if code else RemoveStatement(span)


def _together(slot: Slot, moving: Moving, module: Module, project: Project) -> Sequence[Slot]:
    """Return the slots that share statements, directly or not, with one: they move as one."""
    if slot.kind not in _VARIABLES:
        return [slot]
    home = project.module(slot.path) if module.path != slot.path else module
    alike = [each for each in moving if each.path == slot.path and _is_alike(each, slot)]
    shared: dict[ast.stmt, list[Slot]] = defaultdict(list)
    for each in alike:
        for statement in _statements(each, home, project):
            shared[statement].append(each)
    found = {slot: None}
    pending = [slot]
    while pending:
        for statement in _statements(pending.pop(), home, project):
            new = [each for each in shared[statement] if each not in found]
            found.update(dict.fromkeys(new))
            pending += new
    return [*found]


def _statements(slot: Slot, module: Module, project: Project) -> Sequence[ast.stmt]:
    """Return the statements that declare a global or give it its first value."""
    uses = uses_in(slot, module, project)
    return [*uses.globals, *uses.initial]
