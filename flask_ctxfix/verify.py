"""Proof that a rewrite did what it was meant to do, and nothing else."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flask_ctxfix.codemod import RewriteError, WrapStatements
from flask_ctxfix.insertion_points import start_with_comments
from flask_ctxfix.module import deep_calls
from flask_ctxfix.stale_comments import may_lose_comments
from flask_ctxfix.statements import is_endless

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Finding
    from flask_ctxfix.module import Module


def verify(
    before: Module,
    after: Module,
    found_before: Sequence[Finding],
    found_after: Sequence[Finding],
    applied: Sequence[Finding],
) -> None:
    """Check a rewrite of `before` into `after` that applied the fixes of the findings `applied`.

    `found_before` and `found_after` are all findings, silenced ones too. Raises RewriteError if the
    new text does not compile, a fixed finding is still there, the rewrite brought about a new one,
    or a statement without edits is not what it was.
    """
    _check_compiles(before, after)
    shown = _shown(after, found_after, applied)
    accepted = [finding for finding in found_after if finding not in shown]
    _check_findings(found_before, accepted, applied)
    _check_untouched(before, after, applied)


def _check_compiles(before: Module, after: Module) -> None:
    """Check that the compiler takes the statements that `before` does not have.

    What scopes say of the whole text is checked when they are made. Imports are compiled as well:
    where those of `__future__` stand counts.
    """
    known = {_written(before, statement) for statement in before.tree.body}
    body = [
        statement
        for statement in after.tree.body
        if isinstance(statement, ast.ImportFrom) or _written(after, statement) not in known
    ]
    error = _compile_error(ast.Module(body, []))
    if error is not None and _compile_error(before.text) is None:
        raise RewriteError(f"the fixed file would not compile: {error}")


def _written(module: Module, statement: ast.stmt) -> str:
    """Return the lines of a statement, which may hold others too."""
    first, last = _rows(statement)
    return module.text[module.line_span(first).start : module.line_span(last).end]


def _compile_error(code: str | ast.Module) -> str | None:
    with deep_calls(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(code, "<rewritten>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return f"line {error.lineno}: {error.msg}"
    return None


def _check_findings(
    found_before: Sequence[Finding], found_after: Sequence[Finding], applied: Sequence[Finding]
) -> None:
    before, after = (Counter(each.key for each in found) for found in (found_before, found_after))
    # What is right as it is, and only told who asks for it, is no reason to leave what is wrong.
    for code, message in Counter(each.key for each in found_after if each.level != "info") - before:
        raise RewriteError(f"the fix would cause another finding: {code} {message}")
    # A fix without edits only retires a name, which stays as long as something uses it.
    edited = Counter(finding.key for finding in applied if finding.fix and finding.fix.edits)
    for key in edited:
        if after[key] > before[key] - edited[key]:
            raise RewriteError(f"the fix would not remove the finding: {key[0]} {key[1]}")


def _shown(after: Module, found: Sequence[Finding], applied: Sequence[Finding]) -> list[Finding]:
    """Return the findings that a rewrite may show: what keeps data of a request that it is given.

    It was meant to keep it all along; but not for ever, in a loop that never ends.
    """
    gives_request = any(finding.fix and finding.fix.gives_request for finding in applied)
    keeps_data = any(finding.is_of_kept_data for finding in applied)
    if keeps_data or not gives_request:
        return []
    loops = [after.span(loop) for loop in ast.walk(after.tree) if is_endless(loop)]
    return [
        finding
        for finding in found
        if finding.is_of_kept_data and not any(loop.holds(finding.span) for loop in loops)
    ]


def _check_untouched(before: Module, after: Module, applied: Sequence[Finding]) -> None:
    place = 0
    for row, piece in _untouched(before, applied):
        found = after.text.find(piece, place)
        if found < 0:
            raise RewriteError(f"the fix would also change line {row}")
        place = found + len(piece)


def _untouched(module: Module, applied: Sequence[Finding]) -> Iterator[tuple[int, str]]:
    """Yield in order what a rewrite of `module` has to keep, each with its row.

    A top-level statement without edits is one piece, each line between statements another. Imports
    may change: names are added to them. So may blank lines, and the comments right above what is
    edited, where they can be stale.
    """
    edited = _edited_rows(module, applied)
    row = 1
    for statement in module.tree.body:
        first, last = _rows(statement)
        is_edited = not edited.isdisjoint(range(first, last + 1))
        start = first
        if is_edited and may_lose_comments(statement):
            line = module.line_span(first).start
            start = module.position(start_with_comments(module, line, ""))[0]
        yield from _lines(module, range(row, start))
        if first >= row and not is_edited:
            yield first, module.text[module.line_span(first).start : module.line_span(last).end]
        row = max(row, last + 1)
    yield from _lines(module, range(row, module.position(len(module.text))[0] + 1))


def _lines(module: Module, rows: range) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank: mostly none, between two statements."""
    if not rows:
        return
    start, end = module.line_span(rows[0]).start, module.line_span(rows[-1]).end
    if module.text[start:end].isspace():
        return
    for row in rows:
        start, end = module.line_span(row)
        if not module.text[start:end].isspace():
            yield row, module.text[start:end]


def _rows(statement: ast.stmt) -> tuple[int, int]:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = decorators[0].lineno if decorators else statement.lineno
    return first, statement.end_lineno or statement.lineno


def _edited_rows(module: Module, applied: Sequence[Finding]) -> set[int]:
    rows = {
        row
        for statement in module.tree.body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for row in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    }
    for fix in (finding.fix for finding in applied if finding.fix is not None):
        spans = [
            *(edit.span for edit in fix.edits),
            *(need.anchor for need in fix.needs),
            *fix.retires,
        ]
        rows |= {module.position(span.start)[0] for span in spans}
        for edit in fix.edits:
            if isinstance(edit, WrapStatements):
                first, last = (module.position(offset)[0] for offset in edit.span)
                rows |= {*range(first, last + 1)}
    return rows
