"""Apply fixes to a module with LibCST.

Only the statements that hold edits are parsed: LibCST reads 0.6 to 0.8 MB/s, CPython's parser
fifteen times that. What it makes of them is spliced into the untouched text.
"""

from __future__ import annotations

import ast
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.codemod import (
    Edit,
    Fix,
    InsertStatement,
    KeepBlock,
    RemoveComments,
    RemoveStatement,
    ReplaceExpression,
    ReplaceStatement,
    RewriteError,
    WrapStatements,
)
from flask_ctxfix.formatting import broken
from flask_ctxfix.import_order import in_order
from flask_ctxfix.imports import plan_imports
from flask_ctxfix.insertion_points import start_with_comments
from flask_ctxfix.line_lengths import line_length_for
from flask_ctxfix.source import Span
from flask_ctxfix.stale_comments import stale_comments
from flask_ctxfix.statements import blocks_in

if TYPE_CHECKING:
    from flask_ctxfix.module import Module
    from flask_ctxfix.project import Project

_BLOCK = re.compile(r"\s*(class|def)\b")
_REST_OF_LINE = re.compile(r"[ \t\f]*;?[ \t\f]*(#[^\r\n]*)?(\r\n|\r|\n|\Z)")
_BLANK_LINES = re.compile(r"([ \t\f]*(\r\n|\r|\n))*")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_HEADER_BEFORE = re.compile(r"(?:\A|[\r\n])[^#\r\n]*:[ \t]*(#[^\r\n]*)?(\r\n|\r|\n)\Z")


class _Piece(NamedTuple):
    """Whole lines that hold statements of one block, and the edits inside."""

    span: Span
    indented: bool
    edits: tuple[Edit, ...]


def rewrite(module: Module, fixes: Sequence[Fix], project: Project | None = None) -> str:
    """Return the text of `module` with all of `fixes` applied.

    Imports that they leave without a use go, where `project` tells that nothing else needs them.

    Raises RewriteError if a piece does not survive LibCST unchanged, or an edit finds no node.
    """
    edits = list(dict.fromkeys(edit for fix in fixes for edit in fix.edits))
    edits += plan_imports(module, edits, fixes, project)
    edits = _keep_blocks_filled(module, edits)
    folder = module.source.project
    length = line_length_for(folder)
    text = _edited(module, edits, length)
    stale = stale_comments(module, edits, text)
    if stale:
        text = _edited(module, [*edits, *stale], length)
    return in_order(module.text, module.tree, text, length, lambda name: _is_in(folder, name))


def _edited(module: Module, edits: Sequence[Edit], length: int | None) -> str:
    from flask_ctxfix.edits import edit_piece

    text = module.text
    for piece in sorted(_pieces(module, edits), reverse=True):
        old = text[piece.span.start : piece.span.end]
        new = edit_piece(module, old, piece.span.start, piece.indented, piece.edits)
        if length is not None:
            new = broken(old, new, length)
        before, after = text[: piece.span.start], text[piece.span.end :]
        text = before + new + after if new else _closed(before, after)
    return text


def _is_in(project: str, name: str) -> bool:
    """Whether the folder of a project holds a module, as import sorters look for it."""
    places = [f"{folder}/{name}" for folder in (project, f"{project}/src") if project]
    return any(os.path.isdir(each) or os.path.isfile(f"{each}.py") for each in places)  # noqa: PTH112, PTH113


def _closed(before: str, after: str) -> str:
    """Close the gap that a piece leaves: of the blank lines on its two sides the more stay."""
    code = before.rstrip(" \t\f\r\n")
    line_end = _REST_OF_LINE.match(before, len(code)) if code else None
    start = line_end.end() if line_end is not None else 0
    following = _BLANK_LINES.match(after)
    end = following.end() if following is not None else 0
    above, below = (len(_NEWLINE.findall(blank)) for blank in (before[start:], after[:end]))
    if end < len(after) and (above >= below or not code or _HEADER_BEFORE.search(before)):
        return before + after[end:]
    return before[:start] + after


def without_conflicts(fixes: Sequence[Fix]) -> list[Fix]:
    """Return the fixes that can be made together; one that meets an earlier one waits."""
    kept: list[Fix] = []
    edits: set[Edit] = set()
    for fix in dict.fromkeys(fixes):
        if not any(_conflict(new, old) for new in fix.edits for old in edits if new != old):
            kept.append(fix)
            edits.update(fix.edits)
    return kept


def _conflict(one: Edit, other: Edit) -> bool:
    """Whether two edits change the same code, other than one in a hole of the other."""
    if isinstance(one, InsertStatement) or isinstance(other, InsertStatement):
        return False
    if one.span == other.span:
        return True
    if isinstance(one, WrapStatements) and isinstance(other, WrapStatements):
        return one.span.start < other.span.end and other.span.start < one.span.end
    outer, inner = (one, other) if one.span.holds(other.span) else (other, one)
    if not outer.span.holds(inner.span):
        return False
    if isinstance(outer, ReplaceExpression):
        return not any(hole.holds(inner.span) for _, hole in outer.holes)
    return isinstance(outer, RemoveStatement | ReplaceStatement)


def _keep_blocks_filled(module: Module, edits: Sequence[Edit]) -> list[Edit]:
    """Put a `pass` where a block would lose its last statement."""
    removed = {edit.span for edit in edits if isinstance(edit, RemoveStatement)}
    filled: dict[Edit, Edit] = {}
    starts = {span.start for span in removed}
    for home in {_holder(module, module.tree.body, span) for span in removed}:
        for block in _blocks(home) if home is not None else ():
            if not block or module.span(block[-1]).start not in starts:
                continue
            spans = [module.span(statement) for statement in block]
            if removed.issuperset(spans):
                filled[RemoveStatement(spans[-1])] = ReplaceStatement(spans[-1], "pass")
    return [filled.get(edit, edit) for edit in edits]


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield every list of statements below a statement."""
    for node in ast.walk(statement):
        yield from blocks_in(node)


def _pieces(module: Module, edits: Sequence[Edit]) -> list[_Piece]:
    regions = sorted({_region_of(module, edit) for edit in edits})
    outermost: list[tuple[Span, bool]] = []
    for region, indented in regions:
        if outermost and outermost[-1][0].holds(region):
            continue
        while outermost and region.holds(outermost[-1][0]):
            outermost.pop()
        outermost.append((region, indented))
    return [
        _Piece(region, indented, tuple(edit for edit in edits if region.holds(edit.span)))
        for region, indented in outermost
    ]


def _region_of(module: Module, edit: Edit) -> tuple[Span, bool]:
    """Return the lines that an edit is made in, with the comments that a block takes along."""
    region, indented = _region(module, edit.span)
    start = edit.span.start
    if isinstance(edit, InsertStatement) and edit.where == "before" and _BLOCK.match(edit.code):
        indentation = module.text[region.start : start]
        return Span(start_with_comments(module, region.start, indentation), region.end), indented
    if isinstance(edit, RemoveComments):
        indentation = module.text[module.line_span(module.position(start)[0]).start : start]
        return Span(start_with_comments(module, region.start, indentation), region.end), indented
    if not isinstance(edit, KeepBlock) or not module.text.startswith("with", start):
        return region, indented
    indentation = module.text[module.line_span(module.position(start)[0]).start : start]
    comments = re.compile(rf"(([ \t\f]*(\r\n|\r|\n))*{indentation}[ \t]+#[^\r\n]*(\r\n|\r|\n|\Z))*")
    behind = comments.match(module.text, region.end)
    return Span(region.start, behind.end() if behind is not None else region.end), indented


def _region(module: Module, span: Span) -> tuple[Span, bool]:
    """Return the whole lines of the smallest statement that holds `span`, and if it is indented."""
    best: tuple[Span, bool] | None = None
    block: list[ast.stmt] | None = module.tree.body
    while block is not None:
        holder = _holder(module, block, span)
        if holder is None:
            lines = _lines_of_run(module, block, span)
            best = (lines, block is not module.tree.body) if lines is not None else best
            break
        lines = _whole_lines(module, block, block.index(holder))
        if lines is not None:
            best = lines, block is not module.tree.body
        block = _block_holding(module, holder, span)
    if best is None:
        raise RewriteError("an edit is outside of all statements")
    return best


def _lines_of_run(module: Module, block: list[ast.stmt], span: Span) -> Span | None:
    """Return the whole lines of the statements of a block that `span` reaches over."""
    inside = [i for i, s in enumerate(block) if span.holds(module.span(s))]
    if not inside:
        return None
    first = _whole_lines(module, block, inside[0])
    last = _whole_lines(module, block, inside[-1])
    return Span(first.start, last.end) if first is not None and last is not None else None


def _extent(module: Module, statement: ast.stmt) -> Span:
    """Return where a statement stands, its decorators included."""
    decorators = getattr(statement, "decorator_list", None)
    span = module.span(statement)
    if not decorators:
        return span
    first = module.span(decorators[0]).start
    return Span(module.text.rindex("@", 0, first), span.end)


def _block_holding(module: Module, statement: ast.stmt, span: Span) -> list[ast.stmt] | None:
    for node in [statement, *getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
        for block in blocks_in(node):
            if _holder(module, block, span) is not None:
                return block
    return None


def _holder(module: Module, block: list[ast.stmt], span: Span) -> ast.stmt | None:
    """Return the statement of a block that holds `span`."""
    at = bisect_right(block, span.start, key=lambda each: _extent(module, each).start)
    return block[at - 1] if at and _extent(module, block[at - 1]).holds(span) else None


def _whole_lines(module: Module, block: list[ast.stmt], index: int) -> Span | None:
    """Return the lines of the statement at `index` and of those that share lines with it.

    None if something else stands on those lines: the header of a block, an `elif`.
    """
    first = last = index
    while first > 0 and _row(module, block[first - 1], end=True) == _row(module, block[first]):
        first -= 1
    while last + 1 < len(block) and _row(module, block[last + 1]) == _row(
        module, block[last], end=True
    ):
        last += 1
    start = _extent(module, block[first]).start
    line_start = module.line_span(module.position(start)[0]).start
    rest = _REST_OF_LINE.match(module.text, module.span(block[last]).end)
    if rest is None or module.text[line_start:start].strip():
        return None
    if isinstance(block[first], ast.If) and module.text.startswith("elif", start):
        return None
    if isinstance(block[first], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        line_start = start_with_comments(module, line_start, module.text[line_start:start])
    return Span(line_start, rest.end())


def _row(module: Module, statement: ast.stmt, *, end: bool = False) -> int:
    span = _extent(module, statement)
    return module.position(span.end if end else span.start)[0]
