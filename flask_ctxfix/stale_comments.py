"""Comments about what a fix has taken away.

A comment is taken out with the statement right above which it stands, or behind which, if that

* goes, loses a branch or loses names, and the comment has a name which the code of the file no
  longer has anywhere: the stack, a variable, a global;
* is an import, or binds a name of a module or a class, and goes without anything in its place,
  while nothing follows on the next line: the comment was about this statement alone.

Any other comment may tell of more than the statement, and stays: one that a blank line sets apart,
one at the top of the file, a licence, a heading (few words, or lines drawn with signs), and what is
written for tools. One above several statements is a heading of them, unless it has the name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flask_ctxfix.codemod import (
    Edit,
    EditImport,
    KeepBlock,
    RemoveComments,
    RemoveStatement,
    ReplaceStatement,
)
from flask_ctxfix.insertion_points import start_with_comments
from flask_ctxfix.source import SourceError, Span
from flask_ctxfix.statements import block_of

if TYPE_CHECKING:
    from flask_ctxfix.module import Module

FOR_TOOLS = re.compile(r"#\s*(noqa|type:|pytype:|pyright:|pylint:|pragma|flake8|isort|fmt:|yapf)")
_NEVER = re.compile(r"#!|-\*-|copyright|licen[cs]e|spdx", re.IGNORECASE)
_BEHIND = re.compile(r"[ \t\f]*(#[^\r\n]*)")
_NAME = re.compile(r"[^\W\d]\w*")
_FEW_WORDS = 3
_KINDS = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Try, ast.If)


def stale_comments(module: Module, edits: Sequence[Edit], text: str) -> list[RemoveComments]:
    """Return what takes out the comments that tell of what `edits` took away, leaving `text`."""
    candidates = [each for each in _changed(module, edits) if any(_comments(module, each[0]))]
    if not candidates:
        return []
    try:
        gone = module.names - module.with_text(text).names
    except SourceError:
        return []  # which is refused
    stale = (_stale(module, statement, edit, gone) for statement, edit in candidates)
    return [each for each in stale if each is not None]


def may_lose_comments(statement: ast.stmt) -> bool:
    """Whether a statement is of a kind that binds names which may all be taken away."""
    return isinstance(statement, _KINDS)


def _changed(module: Module, edits: Sequence[Edit]) -> Iterator[tuple[ast.stmt, Edit]]:
    """Yield the statements that go, or of which something goes."""
    kinds = (RemoveStatement, ReplaceStatement, KeepBlock)
    changes: dict[Span, Edit] = {
        edit.span: edit
        for edit in edits
        if isinstance(edit, kinds) or (isinstance(edit, EditImport) and edit.drop)
    }
    for statement in (node for kind in _KINDS for node in module.scopes.nodes(kind)):
        edit = changes.get(module.span(statement))
        if edit is not None and isinstance(statement, ast.stmt):
            yield statement, edit


def _comments(module: Module, statement: ast.stmt) -> tuple[str, str]:
    """Return the comment lines right above a statement that has its lines for itself.

    With them, the comment behind a statement of one line.
    """
    start, end = module.span(statement)
    line = module.line_span(module.position(start)[0]).start
    indentation = module.text[line:start]
    if indentation.strip():
        return "", ""
    first = start_with_comments(module, line, indentation)
    behind = None if hasattr(statement, "body") else _BEHIND.match(module.text, end)
    above = module.text[first:line] if first else ""
    return above, behind[1] if behind is not None else ""


def _stale(
    module: Module, statement: ast.stmt, edit: Edit, gone: frozenset[str]
) -> RemoveComments | None:
    above, behind = _comments(module, statement)
    goes = isinstance(edit, RemoveStatement)
    is_alone = goes and _is_alone(module, statement) and not _is_heading(above)
    takes_above = _is_free(above) and (_has_name(above, gone) or is_alone)
    takes_behind = goes and _is_free(behind) and (_has_name(behind, gone) or _imports(statement))
    if not takes_above and not takes_behind:
        return None
    return RemoveComments(edit.span, takes_above, takes_behind)


def _is_free(comment: str) -> bool:
    """Whether a comment is there, and is none of those that stay whatever becomes of the code."""
    lines = comment.splitlines()
    drawn = (not _NAME.search(line) for line in lines)
    return bool(lines) and not (
        _NEVER.search(comment) or any(drawn) or any(map(FOR_TOOLS.match, map(str.strip, lines)))
    )


def _has_name(comment: str, names: frozenset[str]) -> bool:
    return not names.isdisjoint(_NAME.findall(comment))


def _is_heading(comment: str) -> bool:
    return len(_NAME.findall(comment)) <= _FEW_WORDS


def _imports(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but to import, whatever that depends on."""
    if isinstance(statement, ast.Try | ast.If):
        handlers = getattr(statement, "handlers", ())
        handled = (each for handler in handlers for each in handler.body)
        return all(map(_imports, (*statement.body, *statement.orelse, *handled)))
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)


def _is_alone(module: Module, statement: ast.stmt) -> bool:
    """Whether a statement binds names that others read, and no other follows on the next line."""
    parent = module.scopes.parents[statement]
    is_binding = isinstance(statement, ast.Assign | ast.AnnAssign)
    if not _imports(statement) and not (
        is_binding and isinstance(parent, ast.Module | ast.ClassDef)
    ):
        return False
    block = block_of(parent, statement)
    following = block[block.index(statement) + 1 :][:1]
    return not following or following[0].lineno > (statement.end_lineno or 0) + 1
