"""LibCST transformers that carry out the edits of fixes. Imports LibCST, so imported late."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import libcst as cst
from libcst.metadata import CodePosition, CodeRange, MetadataWrapper, PositionProvider

from flask_ctxfix.codemod import (
    AddDecorator,
    AddParameter,
    Edit,
    EditImport,
    InsertStatement,
    KeepBlock,
    RemoveArgument,
    RemoveDecorator,
    RemoveFinally,
    RemoveStatement,
    ReplaceExpression,
    ReplaceStatement,
    RewriteError,
    WrapBody,
    WrapStatements,
)
from flask_ctxfix.source import Span

if TYPE_CHECKING:
    from flask_ctxfix.project import Module

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Item = cst.Arg | cst.BaseDictElement | cst.ImportAlias | cst.WithItem
_HEADER = "if 1:"
# `ast` counts the parentheses of these as part of them
_HOLDS_ITS_PARENTHESES = (cst.Tuple, cst.GeneratorExp)
_NEWLINE = re.compile(r"\r\n|\r|\n")
_INDENTED = re.compile(r":[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)([ \t]+)\S")
_ABOUT_THE_NAME = re.compile(r"#\s*(type:\s*ignore|pytype:\s*disable|pyright:\s*ignore)")
_FOR_TOOLS = re.compile(r"#\s*(noqa|type:|pytype:|pyright:|pylint:|pragma|flake8|isort|fmt:|yapf)")


def edit_piece(
    module: Module, piece: str, offset: int, indented: bool, edits: Sequence[Edit]
) -> str:
    """Return `piece`, whole lines of `module` that start at `offset`, after `edits`.

    Raises RewriteError.
    """
    first = _NEWLINE.search(module.text)
    newline = first[0] if first is not None else "\n"
    header = _HEADER + newline if indented else ""
    config = cst.PartialParserConfig(default_indent=_indent(module), default_newline=newline)
    try:
        tree = _with_own_comments(cst.parse_module(header + piece, config))
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise RewriteError("LibCST cannot parse a statement that must be rewritten") from error
    if tree.code != header + piece:
        raise RewriteError("LibCST does not keep a statement that must be rewritten as it is")
    editor = _Editor(tree, offset - len(header), _indent(module), edits)
    new = tree.visit(editor)
    editor.check_all_done()
    if not indented:
        return new.code if new.body or new.header or new.footer else ""
    wrapper = cst.ensure_type(new.body[0], cst.If)
    block = cst.ensure_type(wrapper.body, cst.IndentedBlock)
    code = new.code[len(header) :]
    # LibCST writes a `pass` for a block of comments
    return code if block.body else code.partition(newline)[2]


def _with_own_comments(tree: cst.Module) -> cst.Module:
    """Give the first statement the comments above it, which LibCST takes for the module's."""
    if not tree.body or not tree.header:
        return tree
    first, *rest = tree.body
    own = _with_lines_before(first, tree.header)
    return tree.with_changes(header=[], body=[own, *rest])


def _indent(module: Module) -> str:
    """Return the indentation of the first block of `module` that has lines of its own."""
    first = module.memo("first indentation", lambda: _INDENTED.search(module.text))
    return first[1] if first is not None else "    "


class _Editor(cst.CSTTransformer):
    """Carries out edits, found by where their nodes stand in the file."""

    def __init__(self, tree: cst.Module, offset: int, indent: str, edits: Sequence[Edit]) -> None:
        super().__init__()
        wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
        self._ranges = cast("dict[cst.CSTNode, CodeRange]", wrapper.resolve(PositionProvider))
        self._starts = [0, *(match.end() for match in _NEWLINE.finditer(tree.code))]
        self._offset = offset
        self._expressions = {e.span: e for e in edits if isinstance(e, ReplaceExpression)}
        self._holes = {span for e in self._expressions.values() for _, span in e.holes}
        self._imports = {e.span: e for e in edits if isinstance(e, EditImport)}
        self._decorators = {e.span for e in edits if isinstance(e, RemoveDecorator)}
        of_functions = (AddDecorator, AddParameter, WrapBody)
        self._functions = [e for e in edits if isinstance(e, of_functions)]
        self._arguments = {e.span.start: e for e in edits if isinstance(e, RemoveArgument)}
        whole = (RemoveStatement, ReplaceStatement, KeepBlock, RemoveFinally)
        self._statements = {e.span.start: e for e in edits if isinstance(e, whole)}
        self._inserts = [e for e in edits if isinstance(e, InsertStatement)]
        self._wraps = {e.span.start: e for e in edits if isinstance(e, WrapStatements)}
        self._filled: dict[Span, cst.BaseExpression] = {}
        self._config = tree.config_for_parsing
        self._indent = indent
        self._edits = edits
        self._done: set[Edit] = set()

    def check_all_done(self) -> None:
        """Raise RewriteError if an edit found no node."""
        if any(edit not in self._done for edit in self._edits):
            raise RewriteError("LibCST sees a statement that must be rewritten differently")

    def _span(self, node: cst.CSTNode) -> Span | None:
        where = self._ranges.get(node)
        if where is None:
            return None
        start, end = where.start, where.end
        if isinstance(node, _HOLDS_ITS_PARENTHESES) and node.lpar:
            start = self._ranges[node.lpar[-1]].start
            end = self._ranges[node.rpar[0]].end
        return Span(self._place(start), self._place(end))

    def _place(self, position: CodePosition) -> int:
        return self._starts[position.line - 1] + position.column + self._offset

    def on_leave(  # type: ignore[override]
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode | cst.RemovalSentinel:
        """Carry out the edit that belongs to a node, if there is one."""
        node = cast(cst.CSTNode, super().on_leave(original_node, updated_node))
        if isinstance(original_node, cst.BaseExpression) and isinstance(node, cst.BaseExpression):
            return self._expression(original_node, self._without_arguments(original_node, node))
        if isinstance(original_node, cst.ImportFrom | cst.Import):
            return self._import(original_node, cst.ensure_type(node, type(original_node)))
        if isinstance(original_node, cst.With) and self._arguments:
            with_ = cst.ensure_type(node, cst.With)
            return with_.with_changes(items=self._kept(original_node.items, with_.items))
        if isinstance(original_node, cst.FunctionDef):
            return self._function(original_node, cst.ensure_type(node, cst.FunctionDef))
        if isinstance(original_node, cst.Module | cst.IndentedBlock):
            return self._block(original_node, cast("cst.Module | cst.IndentedBlock", node))
        if isinstance(original_node, cst.SimpleStatementSuite):
            return self._suite(original_node, cst.ensure_type(node, cst.SimpleStatementSuite))
        return node

    def _expression(
        self, original: cst.BaseExpression, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        span = self._span(original)
        if span is None:
            return updated
        edit = self._expressions.get(span)
        if edit is not None:
            self._done.add(edit)
            filled_here = {**self._filled, span: updated}
            holes = {name: filled_here[hole] for name, hole in edit.holes}
            template = cst.parse_expression(edit.code, self._config)
            filled = cast(cst.BaseExpression, template.visit(_HoleFiller(holes)))
            own = 1 if isinstance(original, _HOLDS_ITS_PARENTHESES) and original.lpar else 0
            opening = original.lpar[: len(original.lpar) - own]
            updated = filled.with_changes(
                lpar=[*opening, *filled.lpar], rpar=[*filled.rpar, *original.rpar[own:]]
            )
        if span in self._holes:
            self._filled[span] = updated
        return updated

    def _without_arguments(
        self, original: cst.BaseExpression, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        if not self._arguments:
            return updated
        if isinstance(original, cst.Call):
            call = cst.ensure_type(updated, cst.Call)
            return call.with_changes(args=self._kept(original.args, call.args))
        if isinstance(original, cst.Dict):
            display = cst.ensure_type(updated, cst.Dict)
            return display.with_changes(elements=self._kept(original.elements, display.elements))
        return updated

    def _kept(self, originals: Sequence[Item], updated: Sequence[Item]) -> Sequence[Item]:
        gone = set()
        for index, item in enumerate(originals):
            span = self._span(item)
            edit = self._arguments.get(span.start) if span is not None else None
            if edit is not None:
                self._done.add(edit)
                gone.add(index)
        return _without(updated, gone)

    def _import(
        self, original: cst.ImportFrom | cst.Import, updated: cst.ImportFrom | cst.Import
    ) -> cst.ImportFrom | cst.Import:
        edit = self._imports.get(self._span(original) or Span(-1, -1))
        if edit is None or isinstance(original.names, cst.ImportStar):
            return updated
        self._done.add(edit)
        names = cast("Sequence[cst.ImportAlias]", updated.names)
        gone = {i for i, alias in enumerate(original.names) if self._span(alias) in edit.drop}
        new = [_alias(name, local) for name, local in edit.add]
        if isinstance(updated, cst.Import):
            return updated.with_changes(names=_edited_names(names, gone, new, None))
        edited = _edited_names(names, gone, new, updated.lpar)
        closing = _commented_end(updated.rpar, names, edited)
        return updated.with_changes(names=edited, rpar=closing)

    def _function(self, original: cst.FunctionDef, updated: cst.FunctionDef) -> cst.FunctionDef:
        if self._decorators:
            updated = self._undecorated(original, updated)
        start = cast(Span, self._span(original)).start if self._functions else -1
        for edit in self._functions:
            if edit.span.start == start:
                self._done.add(edit)
                if isinstance(edit, AddDecorator):
                    expression = cst.parse_expression(edit.code, self._config)
                    new = cst.Decorator(expression)
                    decorators = [new, *updated.decorators]
                    if edit.is_innermost:
                        decorators = [*updated.decorators, new]
                    updated = updated.with_changes(decorators=decorators)
                elif isinstance(edit, AddParameter):
                    updated = _with_parameter(updated, edit)
                else:
                    updated = self._wrapped(updated, edit.header)
        return updated

    def _wrapped(self, function: cst.FunctionDef, header: str) -> cst.FunctionDef:
        statements, footer = _statements_of(function.body)
        place = 1 if function.get_docstring() is not None and len(statements) > 1 else 0
        with_ = cst.ensure_type(self._parse(f"{header}\n    pass")[0], cst.With)
        first, *rest = statements[place:]
        lines = _from_comment(first.leading_lines)
        above = first.leading_lines[: len(first.leading_lines) - len(lines)]
        wrapped = [first.with_changes(leading_lines=lines), *rest]
        inner = cst.IndentedBlock(wrapped, indent=self._indent, footer=footer)
        body = [*statements[:place], with_.with_changes(body=inner, leading_lines=above)]
        if isinstance(function.body, cst.IndentedBlock):
            return function.with_changes(body=function.body.with_changes(body=body, footer=[]))
        return function.with_changes(body=cst.IndentedBlock(body, indent=self._indent))

    def _undecorated(self, original: cst.FunctionDef, updated: cst.FunctionDef) -> cst.FunctionDef:
        kept: list[cst.Decorator] = []
        lines: list[cst.EmptyLine] = []
        for old, new in zip(original.decorators, updated.decorators, strict=True):
            span = self._span(old.decorator)
            if span in self._decorators:
                self._done.add(RemoveDecorator(span))
                lines.extend(line for line in new.leading_lines if line.comment)
                if new.trailing_whitespace.comment is not None:
                    lines.append(cst.EmptyLine(comment=new.trailing_whitespace.comment))
            else:
                kept.append(new)
        first = [*updated.leading_lines, *lines]
        return updated.with_changes(decorators=kept, leading_lines=first)

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
            raise RewriteError("nothing is left to stand under a `with`")
        body[0] = body[0].with_changes(leading_lines=_from_comment(body[0].leading_lines))
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
        return [*before, *statements, *after], orphans

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
        statements, footer = _statements_of(_chosen(updated, edit.block))
        first = _with_lines_before(statements[0], updated.leading_lines)
        return [first, *statements[1:]], footer

    def _parse(self, code: str) -> list[Statement]:
        module = _with_own_comments(cst.parse_module(code, self._config))
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


def _from_comment(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Return the lines from the first comment on."""
    first = next((i for i, line in enumerate(lines) if line.comment is not None), len(lines))
    return [*lines[first:]]


def _without_finally(statement: cst.Try) -> tuple[list[Statement], list[cst.EmptyLine]]:
    """Return what is left of a ``try``, and the comments of its ``finally``."""
    last = cst.ensure_type(statement.finalbody, cst.Finally)
    statements, footer = _statements_of(last.body)
    lines = [line for line in last.leading_lines if line.comment]
    for each in statements:
        lines += _comments(cst.ensure_type(each, cst.SimpleStatementLine))
    lines += [line for line in footer if line.comment]
    if statement.handlers:
        return [statement.with_changes(finalbody=None)], lines
    body, under = _statements_of(statement.body)
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


class _HoleFiller(cst.CSTTransformer):
    """Puts expressions where their names stand."""

    def __init__(self, holes: dict[str, cst.BaseExpression]) -> None:
        super().__init__()
        self._holes = holes

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        hole = self._holes.get(original_node.value)
        if hole is None:
            return updated_node
        if hole.lpar:
            return hole.deep_clone()
        return hole.deep_clone().with_changes(lpar=updated_node.lpar, rpar=updated_node.rpar)


def _with_lines_before(statement: Statement, lines: Iterable[cst.EmptyLine]) -> Statement:
    return statement.with_changes(leading_lines=[*lines, *statement.leading_lines])


def _comments(line: cst.SimpleStatementLine) -> list[cst.EmptyLine]:
    """Return the comments of a statement that goes, as lines of their own."""
    kept = [empty for empty in line.leading_lines if empty.comment]
    comment = line.trailing_whitespace.comment
    if comment is not None and not _FOR_TOOLS.match(comment.value):
        kept.append(cst.EmptyLine(comment=comment))
    return kept


def _chosen(statement: cst.BaseCompoundStatement, block: str) -> cst.BaseSuite:
    if block == "handler":
        return cst.ensure_type(statement, cst.Try).handlers[0].body
    if block == "body":
        return statement.body
    otherwise = cst.ensure_type(statement, cst.If).orelse
    if not isinstance(otherwise, cst.Else):
        raise RewriteError("an `elif` cannot take the place of its `if`")
    return otherwise.body


def _statements_of(suite: cst.BaseSuite) -> tuple[list[Statement], list[cst.EmptyLine]]:
    if isinstance(suite, cst.IndentedBlock):
        return [cast(Statement, statement) for statement in suite.body], [*suite.footer]
    line = cst.ensure_type(suite, cst.SimpleStatementSuite)
    return [
        cst.SimpleStatementLine(body=line.body, trailing_whitespace=line.trailing_whitespace)
    ], []


def _with_parameter(function: cst.FunctionDef, edit: AddParameter) -> cst.FunctionDef:
    parameters = function.params
    new = cst.Param(cst.Name(edit.name))
    if edit.is_last:
        changed = parameters.with_changes(params=[*parameters.params, new])
    elif parameters.posonly_params:
        changed = parameters.with_changes(posonly_params=[new, *parameters.posonly_params])
    else:
        changed = parameters.with_changes(params=[new, *parameters.params])
    return function.with_changes(params=changed)


def _alias(name: str, local: str) -> cst.ImportAlias:
    asname = None if name == local else cst.AsName(cst.Name(local))
    return cst.ImportAlias(cst.Name(name), asname)


def _without(items: Sequence[Item], gone: set[int]) -> list[Item]:
    """Return the items that stay; the last of them takes over the last one's trailing comma."""
    kept = [item for index, item in enumerate(items) if index not in gone]
    if kept and len(items) - 1 in gone:
        kept[-1] = kept[-1].with_changes(comma=_commented(items[-1].comma, kept[-1].comma))
    return kept


def _edited_names(
    names: Sequence[cst.ImportAlias],
    gone: set[int],
    new: Sequence[cst.ImportAlias],
    opening: cst.LeftParen | None,
) -> list[cst.ImportAlias]:
    """Return the names of an import with some gone and some new, laid out as they were."""
    separator = _separator(names, opening)
    last_comma = names[-1].comma
    place = min(gone, default=len(names))
    kept = [alias for index, alias in enumerate(names) if index not in gone]
    place -= sum(1 for index in gone if index < place)
    order = _order(kept)
    for alias in new:
        if order is None:
            kept.insert(place, alias)
            place += 1
        else:
            key = order(_name(alias))
            position = next((i for i, a in enumerate(kept) if order(_name(a)) > key), len(kept))
            kept.insert(position, alias)
    between = [_laid_out(alias, names, separator) for alias in kept[:-1]]
    return [*between, kept[-1].with_changes(comma=_commented(last_comma, kept[-1].comma))]


def _laid_out(
    alias: cst.ImportAlias, names: Sequence[cst.ImportAlias], separator: cst.Comma
) -> cst.ImportAlias:
    """Give a name that is not the last one a comma: its own, or `separator` with its comment."""
    if isinstance(alias.comma, cst.Comma) and alias is not names[-1]:
        return alias
    return alias.with_changes(comma=_commented(separator, alias.comma))


def _commented(
    comma: cst.Comma | cst.MaybeSentinel, other: cst.Comma | cst.MaybeSentinel
) -> cst.Comma | cst.MaybeSentinel:
    """Return `comma` with the comment that stands behind `other`, in the place of its own."""
    if not isinstance(comma, cst.Comma):
        return comma
    space = comma.whitespace_after
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return comma
    line = cst.TrailingWhitespace(newline=space.first_line.newline)
    if isinstance(other, cst.Comma):
        own = other.whitespace_after
        if isinstance(own, cst.ParenthesizedWhitespace):
            line = own.first_line
    return comma.with_changes(whitespace_after=space.with_changes(first_line=line))


def _commented_end(
    closing: cst.RightParen | None,
    names: Sequence[cst.ImportAlias],
    edited: Sequence[cst.ImportAlias],
) -> cst.RightParen | None:
    """Return `closing` after the comment of a name that became the last one and has no comma."""
    old = next((alias for alias in names if alias.name is edited[-1].name), None)
    comma = old.comma if old is not None else None
    space = comma.whitespace_after if isinstance(comma, cst.Comma) else None
    if closing is None or isinstance(edited[-1].comma, cst.Comma):
        return closing
    if not isinstance(space, cst.ParenthesizedWhitespace) or space.first_line.comment is None:
        return closing
    before = closing.whitespace_before
    if isinstance(before, cst.ParenthesizedWhitespace):
        return closing.with_changes(
            whitespace_before=before.with_changes(first_line=space.first_line)
        )
    plain = cst.ParenthesizedWhitespace(first_line=space.first_line)
    return closing.with_changes(whitespace_before=plain)


def _name(alias: cst.ImportAlias) -> str:
    return alias.evaluated_name


def _order(names: Sequence[cst.ImportAlias]) -> Callable[[str], tuple[int, str]] | None:
    """Return the key, of those that import sorters use, that the names are sorted by."""
    spelled = [_name(alias) for alias in names]
    for key in (_constants_first, _folded, _plain):
        if spelled == sorted(spelled, key=key):
            return key
    return None


def _constants_first(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _folded(name: str) -> tuple[int, str]:
    return 0, name.casefold()


def _plain(name: str) -> tuple[int, str]:
    return 0, name


def _separator(names: Sequence[cst.ImportAlias], opening: cst.LeftParen | None) -> cst.Comma:
    """Return the comma that goes between names: as most of them have it."""
    commas = [alias.comma for alias in names[:-1] if isinstance(alias.comma, cst.Comma)]
    spaces = [comma.whitespace_after for comma in commas]
    broken = [space for space in spaces if not _is_on_one_line(space)]
    if spaces and 2 * len(broken) < len(spaces):
        return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if not spaces and opening is not None:
        broken = [opening.whitespace_after]
    if not broken or _is_on_one_line(broken[-1]):
        return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return cast(cst.Comma, _commented(_closed_up(broken[-1]), cst.MaybeSentinel.DEFAULT))


def _is_on_one_line(space: cst.BaseParenthesizableWhitespace) -> bool:
    return isinstance(space, cst.SimpleWhitespace) and "\\" not in space.value


def _closed_up(space: cst.BaseParenthesizableWhitespace) -> cst.Comma:
    """Return a comma followed by `space` without the comment lines in it."""
    if isinstance(space, cst.ParenthesizedWhitespace):
        space = space.with_changes(empty_lines=[])
    return cst.Comma(whitespace_after=space)
