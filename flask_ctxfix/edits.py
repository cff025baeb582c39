"""LibCST transformers that carry out the edits of fixes. Imports LibCST, so imported late."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import libcst as cst

from flask_ctxfix.codemod import (
    AddDecorator,
    AddItems,
    AddParameter,
    Edit,
    RemoveArgument,
    RemoveDecorator,
    ReplaceExpression,
    RewriteError,
    WrapBody,
)
from flask_ctxfix.edited_blocks import (
    HOLDS_ITS_PARENTHESES,
    NEWLINE,
    BlockEditor,
    from_comment,
    statements_of,
    with_own_comments,
)
from flask_ctxfix.edited_lists import (
    Item,
    alias_of,
    commented_end,
    edited_names,
    separator_of,
    with_new,
    without,
)
from flask_ctxfix.source import Span

if TYPE_CHECKING:
    from flask_ctxfix.module import Module

_HEADER = "if 1:"
# The header of a block, or the last line of one, and how much further its first line is indented.
_INDENTED = re.compile(
    r"(?:\A|[\r\n])([ \t]*)"
    r"(?:(?:async|class|def|elif|else|except|finally|for|if|try|while|with)\b|\))[^\r\n]*"
    r":[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)\1([ \t]+)[^\s#]"
)
_INDENTATION = re.compile(r"^[ \t]*(?=[^\s#])", re.MULTILINE)
# What may follow the positional parameters of a function.
_STARRED = (cst.Param, cst.ParamStar)


def edit_piece(
    module: Module, piece: str, offset: int, indented: bool, edits: Sequence[Edit]
) -> str:
    """Return `piece`, whole lines of `module` that start at `offset`, after `edits`.

    Raises RewriteError.
    """
    first = NEWLINE.search(module.text)
    newline = first[0] if first is not None else "\n"
    header = _HEADER + newline if indented else ""
    indent = _indent(module, piece, offset)
    config = cst.PartialParserConfig(default_indent=indent, default_newline=newline)
    try:
        tree = with_own_comments(cst.parse_module(header + piece, config))
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise RewriteError("LibCST cannot parse the statement") from error
    if tree.code != header + piece:
        raise RewriteError("LibCST would also change other parts of the statement")
    editor = _Editor(tree, offset - len(header), indent, edits)
    new = tree.visit(editor)
    editor.check_all_done()
    if not indented:
        return new.code if new.body or new.header or new.footer else ""
    wrapper = cst.ensure_type(new.body[0], cst.If)
    block = cst.ensure_type(wrapper.body, cst.IndentedBlock)
    code = new.code[len(header) :]
    # LibCST writes a `pass` for a block of comments
    return code if block.body else code.partition(newline)[2]


def _indent(module: Module, piece: str, offset: int) -> str:
    """Return the step that blocks are indented by: in the piece, around it, or else in the file."""
    return _step_in(piece) or _step_around(module.text, piece, offset) or _step_of(module)


def _step_of(module: Module) -> str:
    return module.memo("first indentation", lambda: _step_in(module.text) or "    ")


def _step_in(code: str) -> str:
    """Return how much the first block of some code is indented that has lines of its own."""
    first = _INDENTED.search(code)
    return first[2] if first is not None else ""


def _step_around(text: str, piece: str, offset: int) -> str:
    """Return how much code is indented in the block that it stands in."""
    first = _INDENTATION.search(piece)
    own = first[0] if first is not None else ""
    end = offset
    while own and end:
        begin = max(text.rfind("\n", 0, end - 1), text.rfind("\r", 0, end - 1)) + 1
        line = _INDENTATION.match(text, begin, end)
        if line is not None and len(line[0]) < len(own):
            return own.removeprefix(line[0]) if own.startswith(line[0]) else ""
        end = begin
    return ""


class _Editor(BlockEditor):
    """Carries out edits, found by where their nodes stand in the file."""

    def __init__(self, tree: cst.Module, offset: int, indent: str, edits: Sequence[Edit]) -> None:
        super().__init__(tree, offset, indent, edits)
        self._expressions = {e.span: e for e in edits if isinstance(e, ReplaceExpression)}
        self._holes = {span for e in self._expressions.values() for _, span in e.holes}
        self._decorators = {e.span for e in edits if isinstance(e, RemoveDecorator)}
        of_functions = (AddDecorator, AddParameter, WrapBody)
        self._functions = [e for e in edits if isinstance(e, of_functions)]
        self._items = {e.span: e for e in edits if isinstance(e, AddItems)}
        self._arguments = {e.span.start: e for e in edits if isinstance(e, RemoveArgument)}
        self._filled: dict[Span, cst.BaseExpression] = {}

    def on_leave(  # type: ignore[override]
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode | cst.RemovalSentinel:
        """Carry out the edit that belongs to a node, if there is one."""
        node = cast(cst.CSTNode, super().on_leave(original_node, updated_node))
        if isinstance(original_node, cst.UnaryOperation):
            node = self._negated(original_node, cst.ensure_type(node, cst.UnaryOperation))
        if isinstance(original_node, cst.BaseExpression) and isinstance(node, cst.BaseExpression):
            return self._expression(original_node, self._without_arguments(original_node, node))
        if isinstance(original_node, cst.ImportFrom | cst.Import):
            return self._import(original_node, cst.ensure_type(node, type(original_node)))
        if isinstance(original_node, cst.With) and self._arguments:
            with_ = cst.ensure_type(node, cst.With)
            return with_.with_changes(items=self._reduced(original_node.items, with_.items))
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
        if span in self._items and isinstance(updated, cst.Call | cst.Tuple | cst.List):
            updated = self._with_items(updated, self._items[span])
        edit = self._expressions.get(span)
        if edit is not None:
            self._done.add(edit)
            filled_here = {**self._filled, span: updated}
            holes = {name: filled_here[hole] for name, hole in edit.holes}
            template = cst.parse_expression(edit.code, self._config)
            filled = cast(cst.BaseExpression, template.visit(_HoleFiller(holes)))
            own = 1 if isinstance(original, HOLDS_ITS_PARENTHESES) and original.lpar else 0
            opening = original.lpar[: len(original.lpar) - own]
            updated = filled.with_changes(
                lpar=[*opening, *filled.lpar], rpar=[*filled.rpar, *original.rpar[own:]]
            )
        if span in self._holes:
            self._filled[span] = updated
        return updated

    def _negated(
        self, original: cst.UnaryOperation, updated: cst.UnaryOperation
    ) -> cst.BaseExpression:
        """Take the parentheses off what a `not` asks now, where that needs none."""
        inner = updated.expression
        is_new = self._span(original.expression) in self._expressions
        is_small = isinstance(inner, cst.Name | cst.Attribute | cst.Call) and inner.lpar
        if not is_new or not is_small or not isinstance(updated.operator, cst.Not):
            return updated
        return updated.with_changes(expression=inner.with_changes(lpar=[], rpar=[]))

    def _without_arguments(
        self, original: cst.BaseExpression, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        if not self._arguments:
            return updated
        if isinstance(original, cst.Call):
            call = cst.ensure_type(updated, cst.Call)
            return call.with_changes(args=self._reduced(original.args, call.args))
        if isinstance(original, cst.Dict):
            display = cst.ensure_type(updated, cst.Dict)
            return display.with_changes(elements=self._reduced(original.elements, display.elements))
        return updated

    def _reduced(self, originals: Sequence[Item], updated: Sequence[Item]) -> Sequence[Item]:
        gone = set()
        for index, item in enumerate(originals):
            span = self._span(item)
            edit = self._arguments.get(span.start) if span is not None else None
            if edit is not None:
                self._done.add(edit)
                gone.add(index)
        return without(updated, gone)

    def _with_items(
        self, node: cst.Call | cst.Tuple | cst.List, edit: AddItems
    ) -> cst.Call | cst.Tuple | cst.List:
        self._done.add(edit)
        code = f"f({', '.join(edit.codes)})"
        given = cst.ensure_type(cst.parse_expression(code, self._config), cst.Call).args
        new = [each.with_changes(comma=cst.MaybeSentinel.DEFAULT) for each in given]
        if isinstance(node, cst.Call):
            separator = separator_of(node.args, node.whitespace_before_args)
            return node.with_changes(args=with_new(node.args, edit.index, new, separator))
        opening = node.lbracket if isinstance(node, cst.List) else node.lpar[-1]
        separator = separator_of(node.elements, opening.whitespace_after)
        elements = [cst.Element(each.value) for each in new]
        joined = with_new(node.elements, edit.index, elements, separator)
        return node.with_changes(elements=_without_needed_comma(node, joined))

    def _import(
        self, original: cst.ImportFrom | cst.Import, updated: cst.ImportFrom | cst.Import
    ) -> cst.ImportFrom | cst.Import:
        edit = self._imports.get(self._span(original) or Span(-1, -1))
        if edit is None or isinstance(original.names, cst.ImportStar):
            return updated
        self._done.add(edit)
        names = cast("Sequence[cst.ImportAlias]", updated.names)
        gone = {i for i, alias in enumerate(original.names) if self._span(alias) in edit.drop}
        new = [alias_of(name, local) for name, local in edit.add]
        if isinstance(updated, cst.Import):
            return updated.with_changes(names=edited_names(names, gone, new, None))
        edited = edited_names(names, gone, new, updated.lpar)
        closing = commented_end(updated.rpar, names, edited)
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
        statements, footer = statements_of(function.body)
        place = 1 if function.get_docstring() is not None and len(statements) > 1 else 0
        with_ = cst.ensure_type(self._parse(f"{header}\n    pass")[0], cst.With)
        first, *rest = statements[place:]
        lines = from_comment(first.leading_lines)
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


def _without_needed_comma(
    node: cst.Tuple | cst.List, elements: list[cst.BaseElement]
) -> list[cst.BaseElement]:
    """Take the comma off that a tuple has because it had one item."""
    comma = elements[-1].comma
    is_plain = isinstance(comma, cst.Comma) and isinstance(
        comma.whitespace_after, cst.SimpleWhitespace
    )
    if not is_plain or not isinstance(node, cst.Tuple) or len(node.elements) > 1:
        return elements
    return [*elements[:-1], elements[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def _with_parameter(function: cst.FunctionDef, edit: AddParameter) -> cst.FunctionDef:
    parameters = function.params
    first, kind = [*parameters.posonly_params], "params"
    if first and not edit.is_last:
        kind = "posonly_params"
    before = [*getattr(parameters, kind)]
    place = len(before) if edit.is_last else int(edit.is_second)
    every = [*first, *parameters.params, *parameters.kwonly_params]
    separator = separator_of(every, function.whitespace_before_params)
    others = (parameters.star_arg, parameters.star_kwarg, *parameters.kwonly_params)
    goes_on = kind == "posonly_params" or any(isinstance(each, _STARRED) for each in others)
    new = [cst.Param(cst.Name(edit.name))]
    changed = with_new(before, place, new, separator, goes_on=goes_on)
    new_parameters = parameters.with_changes(**{kind: changed})
    if before or goes_on:
        return function.with_changes(params=new_parameters)
    space = cst.SimpleWhitespace("")
    return function.with_changes(params=new_parameters, whitespace_before_params=space)
