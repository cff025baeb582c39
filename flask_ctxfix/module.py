"""One parsed file, and what is kept of it."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from flask_ctxfix.index import names_in
from flask_ctxfix.records import replace
from flask_ctxfix.scopes import Scopes
from flask_ctxfix.source import Source, SourceError, Span

Result = TypeVar("Result")

_NEWLINE = re.compile(r"\r\n|\r|\n")
# A long sum is a deep tree: two calls for each of its terms.
_DEEPEST = 5_000
_NEWER_SYNTAX = (
    ((3, 11), re.compile(r"^\s*except\s*\*")),
    ((3, 13), re.compile(r"^\s*(type|(async\s+)?def|class)\s+\w+\s*\[[^\]]*=")),
    (
        (3, 12),
        re.compile(r"^\s*(type\s+\w+\s*(\[.*\])?\s*=|(async\s+)?def\s+\w+\s*\[|class\s+\w+\s*\[)"),
    ),
    ((3, 14), re.compile(r"\bt['\"]")),
)


@contextmanager
def deep_calls() -> Iterator[None]:
    """Let functions call each other as deeply as the trees of long sums and chains ask for."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


class Keeper:
    """Keeps what was computed of the file at `path`, or of all files where it is empty.

    `answers` are those of a table.
    """

    path = ""

    def __init__(self) -> None:
        self.answers: dict[Hashable, Any] = {}
        self._memo: dict[Hashable, object] = {}

    def memo(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """Return what `compute` gave when it was first asked for under `key`."""
        try:
            return self._memo[key]  # type: ignore[return-value]
        except KeyError:
            pass
        found = self._memo[key] = compute()
        return found

    def known(self, key: Hashable) -> Any:
        """Return what is kept under `key`; None if nothing was computed yet."""
        return self._memo.get(key)


class NodeKey(NamedTuple):
    """Tells a node of a file from others: it is the same when the file is parsed again."""

    path: str
    row: int
    column: int
    end: int


class Module(Keeper):
    """One parsed file."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.path = source.path
        self.text = source.text
        self.tree = self._parse()

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line starts in the text."""
        return [0, *(match.end() for match in _NEWLINE.finditer(self.text))]

    def _parse(self) -> ast.Module:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text, self.path)
        except SyntaxError as error:
            raise self._not_parsed(error) from None
        except (MemoryError, RecursionError):
            raise SourceError(self.path, None, "cannot parse: nested too deeply") from None
        except ValueError as error:
            raise SourceError(self.path, None, f"cannot parse: {error}") from None

    def _not_parsed(self, error: SyntaxError) -> SourceError:
        line = error.lineno or 1
        start = self._starts[min(line, len(self._starts)) - 1]
        return SourceError(self.path, line, _why(error, self.text[start : start + 200]))

    @cached_property
    def scopes(self) -> Scopes:
        """Scopes, parents and bindings; computed at first use. Raises SourceError."""
        try:
            with deep_calls(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Scopes(self.tree, self.text, self.path)
        except SyntaxError as error:  # what the grammar allows: a late `global`, say
            raise self._not_parsed(error) from None
        except RecursionError:
            raise SourceError(self.path, None, "cannot analyse: nested too deeply") from None

    @cached_property
    def key(self) -> Hashable:
        """Stands for this text of this file in what a project keeps, which outlives the module."""
        return self.path, hash(self.text)

    @cached_property
    def names(self) -> frozenset[str]:
        """The whole names that the code holds, also as words of its strings; no comment's.

        Raises SourceError.
        """
        return names_in(self.scopes)

    def forget(self) -> None:
        """Drop what was computed of this module, which refers back to it."""
        self.answers.clear()
        self._memo.clear()

    def with_text(self, text: str) -> Module:
        """Return this module as it is once it holds `text`. Raises SourceError."""
        source = self.source
        return Module(replace(source, text=text))

    def span(self, node: ast.AST) -> Span:
        """Return where `node` stands in the text; decorators of a definition are not part of it.

        An item of a `with`, a `for` of a comprehension, parameters and a `case` have no place of
        their own in a syntax tree: theirs is that of their parts.
        """
        if not hasattr(node, "lineno"):
            parts = [self.span(each) for each in ast.iter_child_nodes(node)]
            return Span(min(each.start for each in parts), max(each.end for each in parts))
        start = self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return Span(start, self._offset(node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]

    def _offset(self, line: int, utf8_column: int) -> int:
        start = self._starts[line - 1]
        text = self.text[start : start + utf8_column]
        if not text.isascii():
            text = text.encode()[:utf8_column].decode()
        return start + len(text)

    def key_of(self, node: ast.AST) -> NodeKey:
        """Return what tells an expression, a statement or a definition from others."""
        row, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        return NodeKey(self.path, row, column, getattr(node, "end_col_offset", 0))

    def segment(self, node: ast.AST) -> str:
        """Return the source text of `node`."""
        span = self.span(node)
        return self.text[span.start : span.end]

    def position(self, offset: int) -> tuple[int, int]:
        """Return row and column of a character, both from 1, the column in characters."""
        row = bisect_right(self._starts, offset)
        return row, offset - self._starts[row - 1] + 1

    def line_span(self, row: int) -> Span:
        """Return where line `row` (from 1) stands, its line ending included."""
        end = self._starts[row] if row < len(self._starts) else len(self.text)
        return Span(self._starts[row - 1], end)

    def line(self, row: int) -> str:
        """Return line `row` (from 1) without its line ending."""

        def cut() -> str:
            span = self.line_span(row)
            return self.text[span.start : span.end].rstrip("\r\n")

        # One copy for all findings of the line, which may be megabytes long.
        return self.memo(("line", row), cut)


def stem_of(path: str) -> str:
    """Return the last part of the name of the module at `path`."""
    return path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]


def _why(error: SyntaxError, text: str) -> str:
    line = _NEWLINE.split(text)[0]
    for version, syntax in _NEWER_SYNTAX:
        if sys.version_info < version and syntax.search(line):
            needed = ".".join(map(str, version))
            return f"cannot parse: run flask-ctxfix on Python {needed} or newer to read this file"
    if sys.version_info < (3, 12) and (error.msg or "").startswith("f-string"):
        return f"cannot parse: {error.msg} (Python 3.12 and later allow more in f-strings)"
    return f"cannot parse: {error.msg}"
