"""Edits of whole statements in LibCST's trees: what goes, what comes, and where comments stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import libcst as cst
from libcst.metadata import CodePosition, CodeRange, MetadataWrapper, PositionProvider

from flask_ctxfix.codemod import (
    Edit,
    EditImport,
    InsertStatement,
    KeepBlock,
    RemoveComments,
    RemoveFinally,
    RemoveStatement,
    ReplaceStatement,
    RewriteError,
    WrapStatements,
)
from flask_ctxfix.source import Span
from flask_ctxfix.stale_comments import FOR_TOOLS

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
# `ast` counts the parentheses of these as part of them
HOLDS_ITS_PARENTHESES = (cst.Tuple, cst.GeneratorExp)
NEWLINE = re.compile(r"\r\n|\r|\n")
_ABOUT_THE_NAME = re.compile(r"#\s*(type:\s*ignore|pytype:\s*disable|pyright:\s*ignore)")


class BlockEditor(cst.CSTTransformer):
    """Carries out edits of statements, found by where their nodes stand in the file."""

    def __init__(self, tree: cst.Module, offset: int, indent: str, edits: Sequence[Edit]) -> None:
        super().__init__()
        wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
        self._ranges = cast("dict[cst.CSTNode, CodeRange]", wrapper.resolve(PositionProvider))
        self._starts = [0, *(match.end() for match in NEWLINE.finditer(tree.code))]
        self._offset = offset
        self._imports = {e.span: e for e in edits if isinstance(e, EditImport)}
        whole = (RemoveStatement, ReplaceStatement, KeepBlock, RemoveFinally)
        self._statements = {e.span.start: e for e in edits if isinstance(e, whole)}
        self._inserts = [e for e in edits if isinstance(e, InsertStatement)]
        self._stale = {e.span.start: e for e in edits if isinstance(e, RemoveComments)}
        self._wraps = {e.span.start: e for e in edits if isinstance(e, WrapStatements)}
        self._config = tree.config_for_parsing
        self._indent = indent
        self._edits = edits
        self._done: set[Edit] = set()

    def check_all_done(self) -> None:
        """Raise RewriteError if an edit found no node."""
        if any(edit not in self._done for edit in self._edits):
            raise RewriteError("LibCST parses the statement differently than Python")

    def _span(self, node: cst.CSTNode) -> Span | None:
        where = self._ranges.get(node)
        if where is None:
            return None
        start, end = where.start, where.end
        if isinstance(node, HOLDS_ITS_PARENTHESES) and node.lpar:
            start = self._ranges[node.lpar[-1]].start
            end = self._ranges[node.rpar[0]].end
        return Span(self._offset_of(start), self._offset_of(end))

    def _offset_of(self, position: CodePosition) -> int:
        return self._starts[position.line - 1] + position.column + self._offset

    def _block(
        self, original: cst.Module | cst.IndentedBlock, updated: cst.Module | cst.IndentedBlock
    ) -> cst.Module | cst.IndentedBlock:
        is_top_level = isinstance(original, cst.Module)
        gap = 2 if is_top_level else 0
        parts = []
        for old, new in zip(original.body, updated.body, strict=True):
            left, right = cast(Statement, old), cast(Statement, new)
            parts.append(_Part(left, *self._statement(left, right, gap)))
        body, orphans = _joined(self._gathered(parts, is_top_level) if self._wraps else parts)
        footer = [*orphans, *updated.footer]
        return updated.with_changes(body=body, footer=footer)

    def _gathered(self, parts: Sequence[_Part], is_top_level: bool) -> list[_Part]:
        """Make one part of those that stand under a new ``with``."""
        gathered: list[_Part] = []
        index = 0
        while index < len(parts):
            first = index
            index += 1
            wrap = next(
                filter(None, map(self._wraps.get, self._starts_of(parts[first].original))), None
            )
            if wrap is None:
                gathered.append(parts[first])
                continue
            while (
                index < len(parts) and min(self._starts_of(parts[index].original)) < wrap.span.end
            ):
                index += 1
            gathered.append(self._under(wrap, parts[first:index], is_top_level))
        return gathered

    def _under(self, wrap: WrapStatements, parts: Sequence[_Part], is_top_level: bool) -> _Part:
        self._done.add(wrap)
        first, *rest = parts
        above = [*first.original.leading_lines]
        if first.statements:
            bare = first.statements[0].with_changes(leading_lines=[])
            first = first._replace(statements=[bare, *first.statements[1:]])
        else:
            above += first.orphans[sum(line.comment is not None for line in above) :]
            first = first._replace(orphans=[])
            while rest and not rest[0].statements:
                above += rest.pop(0).orphans
        body, footer = _joined([first, *rest])
        if not body:
            raise RewriteError("no statement would be left inside the `with`")
        body[0] = body[0].with_changes(leading_lines=from_comment(body[0].leading_lines))
        with_ = cst.ensure_type(self._parse(f"{wrap.header}\n    pass")[0], cst.With)
        inner = cst.IndentedBlock(body, indent=self._indent, footer=footer)
        if is_top_level:  # where LibCST takes blank lines for indented ones
            inner = cst.ensure_type(inner.visit(_BlankLines()), cst.IndentedBlock)
        return _Part(first.original, [with_.with_changes(body=inner, leading_lines=above)], [])

    def _statement(
        self, original: Statement, updated: Statement, gap: int
    ) -> tuple[list[Statement], list[cst.EmptyLine]]:
        """Return what becomes of a statement, and the comment lines that lose their statement.

        `gap` is how many blank lines set a block that comes before it off.
        """
        updated = self._without_stale_comments(original, updated)
        if isinstance(original, cst.SimpleStatementLine):
            statements, orphans = self._simple(original, cst.ensure_type(updated, type(original)))
        else:
            span = cast(Span, self._span(original))
            statements, orphans = self._compound(span, cast(cst.BaseCompoundStatement, updated))
        before: list[Statement] = []
        after: list[Statement] = []
        for edit in self._inserts:
            if edit.span.start in self._starts_of(original):
                self._done.add(edit)
                new = self._parse(edit.code)
                if before and isinstance(new[0], cst.FunctionDef):
                    new[0] = _with_lines_before(new[0], [cst.EmptyLine(indent=False)])
                (before if edit.where == "before" else after).extend(new)
        if before and statements and isinstance(before[-1], cst.BaseCompoundStatement):
            gap = max(gap, int(isinstance(before[-1], cst.FunctionDef | cst.ClassDef)))
            blank = [line for line in statements[0].leading_lines if not line.comment]
            missing = [cst.EmptyLine(indent=False)] * max(0, gap - len(blank))
            statements[0] = _with_lines_before(statements[0], missing)
        elif before and statements and isinstance(statements[0], cst.FunctionDef | cst.ClassDef):
            lines = statements[0].leading_lines
            missing = [cst.EmptyLine(indent=False)] if not lines or lines[0].comment else []
            missing *= max(gap, 1)
            statements[0] = _with_lines_before(statements[0], missing)
        elif before and statements and _is_import(before[-1]) and not _is_import(statements[0]):
            if all(line.comment for line in statements[0].leading_lines):
                statements[0] = _with_lines_before(statements[0], [cst.EmptyLine(indent=False)])
        return [*before, *statements, *after], orphans

    def _without_stale_comments(self, original: Statement, updated: Statement) -> Statement:
        starts = self._starts_of(original) if self._stale else ()
        for stale in filter(None, map(self._stale.get, starts)):
            self._done.add(stale)
            if stale.above:
                lines = [*updated.leading_lines]
                while lines and lines[-1].comment is not None:
                    lines.pop()
                updated = updated.with_changes(leading_lines=lines)
            if stale.behind and isinstance(updated, cst.SimpleStatementLine):
                bare = updated.trailing_whitespace.with_changes(comment=None)
                updated = updated.with_changes(trailing_whitespace=bare)
        return updated

    def _starts_of(self, statement: Statement) -> set[int]:
        nodes = statement.body if isinstance(statement, cst.SimpleStatementLine) else (statement,)
        if isinstance(nodes[0], cst.Expr):  # may be a docstring, which has to come first
            nodes = nodes[:1]
        return {span.start for node in nodes if (span := self._span(node)) is not None}

    def _simple(
        self, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine
    ) -> tuple[list[Statement], list[cst.EmptyLine]]:
        small = self._small_statements(original.body, updated.body)
        if len(original.body) == 1 and (code := self._replacement(original.body[0])) is not None:
            new = self._parse(code)
            return [_with_lines_before(new[0], updated.leading_lines), *new[1:]], []
        if not small:
            return [], _comments(updated)
        return [self._about(original, updated.with_changes(body=small))], []

    def _about(
        self, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        """Drop a comment that silences a type checker about a name that has gone."""
        comment = updated.trailing_whitespace.comment
        spans = {self._span(node) for node in original.body}
        dropping = any(e.drop for span, e in self._imports.items() if span in spans)
        if comment is None or not dropping or not _ABOUT_THE_NAME.match(comment.value):
            return updated
        plain = updated.trailing_whitespace.with_changes(
            whitespace=cst.SimpleWhitespace(""), comment=None
        )
        return updated.with_changes(trailing_whitespace=plain)

    def _replacement(self, node: cst.BaseSmallStatement) -> str | None:
        span = self._span(node)
        edit = self._statements.get(span.start) if span is not None else None
        if not isinstance(edit, ReplaceStatement):
            return None
        self._done.add(edit)
        return edit.code

    def _small_statements(
        self,
        originals: Sequence[cst.BaseSmallStatement],
        updated: Sequence[cst.BaseSmallStatement],
    ) -> list[cst.BaseSmallStatement]:
        kept: list[cst.BaseSmallStatement] = []
        for old, new in zip(originals, updated, strict=True):
            span = self._span(old)
            edit = self._statements.get(span.start) if span is not None else None
            if isinstance(edit, RemoveStatement):
                self._done.add(edit)
            elif isinstance(edit, ReplaceStatement) and len(originals) > 1:
                self._done.add(edit)
                for statement in self._parse(edit.code):
                    line = cst.ensure_type(statement, cst.SimpleStatementLine)
                    kept += [part.with_changes(semicolon=new.semicolon) for part in line.body]
            else:
                kept.append(new)
        if kept and kept[-1] is not updated[-1]:
            kept[-1] = kept[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        return kept

    def _suite(
        self, original: cst.SimpleStatementSuite, updated: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        """Edit the statements of a block that stands on the line of its header."""
        body = self._small_statements(original.body, updated.body)
        if len(original.body) == 1 and (code := self._replacement(original.body[0])) is not None:
            new = self._parse(code)
            body = [*cst.ensure_type(new[0], cst.SimpleStatementLine).body]
        return updated.with_changes(body=body or [cst.Pass()])

    def _compound(
        self, span: Span, updated: cst.BaseCompoundStatement
    ) -> tuple[list[Statement], list[cst.EmptyLine]]:
        edit = self._statements.get(span.start)
        if edit is None:
            return [updated], []
        self._done.add(edit)
        if isinstance(edit, RemoveStatement):
            return [], [line for line in updated.leading_lines if line.comment]
        if isinstance(edit, RemoveFinally):
            return _without_finally(cst.ensure_type(updated, cst.Try))
        if isinstance(edit, ReplaceStatement):
            new = self._parse(edit.code)
            return [_with_lines_before(new[0], updated.leading_lines), *new[1:]], []
        statements, footer = statements_of(_chosen(updated, edit.block))
        first = _with_lines_before(statements[0], updated.leading_lines)
        return [first, *statements[1:]], footer

    def _parse(self, code: str) -> list[Statement]:
        module = with_own_comments(cst.parse_module(code, self._config))
        return [*module.visit(_Layout(self._indent)).body]


class _Part(NamedTuple):
    """What becomes of a statement of a block, and the comment lines that lose their statement."""

    original: Statement
    statements: list[Statement]
    orphans: list[cst.EmptyLine]


def _joined(parts: Iterable[_Part]) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return the statements of a block, and the comment lines that come after the last one."""
    body: list[Statement] = []
    orphans: list[cst.EmptyLine] = []
    for part in parts:
        for statement in part.statements:
            body.append(_with_lines_before(statement, orphans))
            orphans = []
        orphans += part.orphans
    return body, orphans


def from_comment(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Return the lines from the first comment on."""
    first = next((i for i, line in enumerate(lines) if line.comment is not None), len(lines))
    return [*lines[first:]]


def _without_finally(statement: cst.Try) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return what is left of a ``try``, and the comments of its ``finally``."""
    last = cst.ensure_type(statement.finalbody, cst.Finally)
    statements, footer = statements_of(last.body)
    lines = [line for line in last.leading_lines if line.comment]
    for each in statements:
        lines += _comments(cst.ensure_type(each, cst.SimpleStatementLine))
    lines += [line for line in footer if line.comment]
    if statement.handlers:
        return [statement.with_changes(finalbody=None)], lines
    body, under = statements_of(statement.body)
    first = _with_lines_before(body[0], statement.leading_lines)
    return [first, *body[1:]], [*under, *lines]


class _BlankLines(cst.CSTTransformer):
    """Leaves blank lines without the indentation of the code around them."""

    def leave_EmptyLine(  # noqa: N802
        self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine
    ) -> cst.EmptyLine:
        """Leave only comments where the code around them stands."""
        return updated_node if updated_node.comment else updated_node.with_changes(indent=False)


class _Layout(_BlankLines):
    """Gives new code the indentation of its file."""

    def __init__(self, indent: str) -> None:
        super().__init__()
        self._indent = indent

    def leave_IndentedBlock(  # noqa: N802
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """Indent a block by one step."""
        return updated_node.with_changes(indent=self._indent)


def _is_import(statement: Statement) -> bool:
    """Whether a line begins with an import."""
    return isinstance(statement, cst.SimpleStatementLine) and isinstance(
        statement.body[0], cst.Import | cst.ImportFrom
    )


def _with_lines_before(statement: Statement, lines: Iterable[cst.EmptyLine]) -> Statement:
    return statement.with_changes(leading_lines=[*lines, *statement.leading_lines])


def _comments(line: cst.SimpleStatementLine) -> list[cst.EmptyLine]:
    """Return the comments of a statement that goes, as lines of their own."""
    kept = [empty for empty in line.leading_lines if empty.comment]
    comment = line.trailing_whitespace.comment
    if comment is not None and not FOR_TOOLS.match(comment.value):
        kept.append(cst.EmptyLine(comment=comment))
    return kept


def _chosen(statement: cst.BaseCompoundStatement, block: str) -> cst.BaseSuite:
    if block == "handler":
        return cst.ensure_type(statement, cst.Try).handlers[0].body
    if block == "body":
        return statement.body
    otherwise = cst.ensure_type(statement, cst.If).orelse
    if not isinstance(otherwise, cst.Else):
        raise RewriteError("an `elif` cannot replace its `if`")
    return otherwise.body


def statements_of(suite: cst.BaseSuite) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return the statements of a block, and the comment lines at its end."""
    if isinstance(suite, cst.IndentedBlock):
        return [cast(Statement, statement) for statement in suite.body], [*suite.footer]
    line = cst.ensure_type(suite, cst.SimpleStatementSuite)
    return [
        cst.SimpleStatementLine(body=line.body, trailing_whitespace=line.trailing_whitespace)
    ], []


def with_own_comments(tree: cst.Module) -> cst.Module:
    """Give the first statement the comments above it, which LibCST takes for the module's."""
    if not tree.body or not tree.header:
        return tree
    first, *rest = tree.body
    own = _with_lines_before(first, tree.header)
    return tree.with_changes(header=[], body=[own, *rest])
