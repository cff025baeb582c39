"""The modules of a project, and what a name means across them."""

from __future__ import annotations

import ast
import os
import re
import stat
import sys
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, TypeVar

from flask_ctxfix import flask_facts
from flask_ctxfix.binders import Binders
from flask_ctxfix.codemod import Span
from flask_ctxfix.exports import Exports, exports_of
from flask_ctxfix.index import Index, names_in, words_of
from flask_ctxfix.kept_modules import KeptModules
from flask_ctxfix.local_names import LocalName
from flask_ctxfix.module_files import ModuleFiles, is_folder
from flask_ctxfix.origins import NONE, Origins, Resolver
from flask_ctxfix.projects import Projects
from flask_ctxfix.records import replace
from flask_ctxfix.scopes import Binding, Scope, Scopes
from flask_ctxfix.settings import Settings
from flask_ctxfix.source import Source, SourceError, read

Result = TypeVar("Result")

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)")
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


class Module(Keeper):
    """One parsed file."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.path = source.path
        self.text = source.text
        self.tree = self._parse()
        self.binders: Binders | None = None

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line starts in the text."""
        return [*accumulate(map(len, _LINE.findall(self.text)), initial=0)]

    def _parse(self) -> ast.Module:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text, self.path)
        except SyntaxError as error:
            raise self._not_parsed(error) from None
        except (MemoryError, RecursionError):
            raise SourceError(self.path, None, "nested too deeply to parse") from None
        except ValueError as error:
            raise SourceError(self.path, None, str(error)) from None

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
            raise SourceError(self.path, None, "nested too deeply to analyse") from None

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
        self.binders = None

    def with_text(self, text: str) -> Module:
        """Return this module as it is once it holds `text`. Raises SourceError."""
        source = self.source
        return Module(replace(source, text=text))

    def span(self, node: ast.AST) -> Span:
        """Return where `node` stands in the text; decorators of a definition are not part of it."""
        start = self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return Span(start, self._offset(node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]

    def _offset(self, line: int, utf8_column: int) -> int:
        start = self._starts[line - 1]
        text = self.text[start : start + utf8_column]
        if not text.isascii():
            text = text.encode()[:utf8_column].decode()
        return start + len(text)

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
        return f"cannot parse: {error.msg}; Python 3.12 or newer reads quotes and backslashes there"
    return f"cannot parse: {error.msg}"


def _top_of(paths: Collection[str], folder: str | None) -> str:
    """Return `folder`, or else the one that holds all files: above it where it is a package."""
    absolute = {os.path.abspath(path) for path in paths}  # noqa: PTH100
    top = PurePath(folder or os.path.commonpath([*map(os.path.dirname, absolute)] or ["/"]))
    while str(top / "__init__.py") in absolute:
        top = top.parent
    return str(top)


class Project(Keeper):
    """The Python files of a run, all below `top`. Modules are parsed when something asks for them.

    `projects` tells which of the projects there each file is in, and which role it has.
    `surveys` holds, for each codemod, what its survey found in every file that was parsed. `pinned`
    are groups of fixes that cannot be made in all files, so are to be made in none. `thread_fix` is
    that of the settings of the file at hand: "wrap" or "values". `bounds` counts, by what was
    bounded, how often the width of a question was, so that its answer is "unknown".
    """

    def __init__(
        self,
        paths: Collection[str],
        top: str | None = None,
        sources: Mapping[str, Source] = MappingProxyType({}),
        files: ModuleFiles | None = None,
        projects: Projects | None = None,
    ) -> None:
        """Take the modules from `files`, which may know more than `paths`.

        Those whose text is not the one on the disk are among `sources`.
        """
        super().__init__()
        self.paths = frozenset(paths)
        self.files = files or ModuleFiles(sorted(paths), _top_of(self.paths, top))
        self.top = self.files.top
        self._sources = sources
        self.projects = projects or Projects(Settings(paths=(self.top,)))
        self.surveys: dict[str, list[object]] = {}
        self.pinned: frozenset[str] = frozenset()
        self.thread_fix = "wrap"
        self.bounds: Counter[str] = Counter()
        self._unread: dict[str, SourceError] = {}

    def module(self, path: str) -> Module:
        """Return the module in file `path`, which need not be one of `paths`.

        Raises SourceError if it cannot be read or parsed.
        """
        module = self._kept.get(path)
        if module is not None:
            return module
        if path in self._unread:
            raise self._unread[path].with_traceback(None)
        try:
            module = Module(self._sources.get(path) or read(path))
        except SourceError as error:
            self._unread[path] = error
            raise
        self._kept.add(module)
        return module

    def parsed(self, paths: Iterable[str]) -> Iterator[Module]:
        """Yield the modules of files, without those that cannot be read, parsed or analysed."""
        for path in paths:
            try:
                module = self.module(path)
                module.scopes  # noqa: B018
            except SourceError:
                continue
            yield module

    def forget(self) -> None:
        """Drop the parsed modules, and with them what refers back to this project."""
        self.answers.clear()
        self._memo.clear()
        self._kept.clear()
        self._resolving = None

    @property
    def dropped(self) -> int:
        """How often a module was let go of: its nodes are others when it is parsed again."""
        return self._kept.dropped

    @cached_property
    def _kept(self) -> KeptModules:
        return KeptModules(self._bytes)

    @cached_property
    def _bytes(self) -> int:
        """The size of all files together."""
        return sum(map(_size, self.paths))

    def find_module(self, dotted: str, importer: str) -> str | None:
        """Return the file of an absolute module name, as a file at `importer` would import it."""
        return _file(self.files.find(dotted, importer))

    @cached_property
    def index(self) -> Index:
        """Which file names what."""
        return Index((path, self._names_in(path)) for path in sorted(self.paths))

    def _names_in(self, path: str) -> frozenset[str]:
        """Return what the code of a file names; it may be any word if that cannot be told."""
        try:
            return self.module(path).names
        except SourceError:
            pass
        try:
            return words_of(read(path).text)
        except SourceError:
            return frozenset()

    def naming(self, name: str) -> tuple[str, ...]:
        """Return the files whose code holds `name`, a whole name."""
        return self.index.naming(name)

    def naming_outside_tests(self, name: str) -> list[str]:
        """Return the files whose code holds `name`, a whole name, but for those of tests."""
        return [path for path in self.naming(name) if not self.is_test(path)]

    def is_test(self, path: str) -> bool:
        """Whether a file is one of tests, by its name or that of a folder in the project."""
        return self.projects.is_test(path)

    def is_migration(self, path: str) -> bool:
        """Whether a file is one of the migrations of a database, whose runner gives a context."""
        return self.projects.is_migration(path)

    @cached_property
    def tests(self) -> frozenset[str]:
        """The files of tests."""
        return frozenset(filter(self.is_test, self.paths))

    def find_relative(self, path: str, name: str | None, level: int) -> str | None:
        """Return the file of ``from <dots><name> import …`` in the file at `path`."""
        return _file(self.files.relative(path, name, level))

    def source_of(self, path: str, node: ast.ImportFrom) -> str | None:
        """Return the other file of the project that an import in the file at `path` reads."""
        if node.level:
            return self.find_relative(path, node.module, node.level)
        source = self.find_module(node.module or "", path)
        return None if source == path else source

    def exports(self, path: str) -> Exports | None:
        """Return what the module at `path` binds at its top level; None if it does not parse."""

        def compute() -> Exports | None:
            try:
                module = self.module(path)
                return exports_of(module.tree, module.text)
            except SourceError:
                return None

        return self.memo(("exports", path), compute)

    def origins(self, module: Module, node: ast.expr) -> Origins:
        """Return the qualified names that `node` may stand for.

        Aliases, re-exports and branches are followed: ``flask.g`` for the `g` of a `from flask
        import g`. `UNKNOWN` is among them where some binding is none of these, `NONE` where one
        is the constant.
        """
        return module.memo(("origins", node), lambda: self._resolver(module).of_expression(node))

    def bindings(self, module: Module, node: ast.expr) -> list[tuple[Module, Binding]]:
        """Return what binds the name or module attribute `node`, through imports of the project."""
        return self._binders(module).of(node)

    def local_name(self, module: Module, node: ast.Name) -> LocalName:
        """Return what is read here of a scope: all that read the same mean the same."""
        return self._resolver(module).locals.of(node)

    def only_binding(self, module: Module, node: ast.Name) -> Binding | None:
        """Return the binding that surely is all that gives a name its value, if that is simple."""
        return self._resolver(module).locals.only(node)

    def imported_name(self, module: Module, binding: Binding) -> str | None:
        """Return the qualified name of what an import surely takes from another package."""
        if module.scopes.in_type_checking(binding.node):
            return None
        return self._resolver(module).lookup.elsewhere(module.path, binding)

    def may_be_module(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression may be a module of the project: it begins with one."""
        return self._resolver(module).may_be_module(node)

    def module_of(self, module: Module, node: ast.expr) -> str | None:
        """Return the file of the one module of the project that `node` certainly is."""
        found = self._resolver(module).modules(node)
        return _file(found[0].place) if len(found) == 1 else None

    def _resolver(self, module: Module) -> Resolver:
        """Return what resolves the names of a module."""
        return self._binders(module).resolver

    def _binders(self, module: Module) -> Binders:
        """Return what follows the names of a module to what binds them."""
        binders = module.binders
        if binders is None:
            binders = module.binders = Binders(self, Resolver(self, module))
        return binders

    def flask_name(self, module: Module, node: ast.expr) -> str | None:
        """Return the name in Flask that `node` certainly is: "g", "Flask", "RequestContext"."""
        origins = self.origins(module, node) - {NONE}
        names = {flask_facts.name_of(origin) for origin in origins}
        return names.pop() if len(names) == 1 else None

    def flask_locals(self, module: Module) -> dict[str, list[tuple[str, Scope]]]:
        """Return, for each name of Flask, the names that imports surely bind to it, with scopes."""

        def compute() -> dict[str, list[tuple[str, Scope]]]:
            found: dict[str, list[tuple[str, Scope]]] = {}
            for scope in module.scopes.every:
                for local, bindings in scope.bindings.items():
                    names = {self._name_bound(module, binding) for binding in bindings}
                    if names == {"request_ctx", "app_ctx"}:  # whichever this Flask has
                        names = {"request_ctx"}
                    name = names.pop() if len(names) == 1 else None
                    if name is not None:
                        found.setdefault(name, []).append((local, scope))
            return found

        return module.memo("flask locals", compute)

    def _name_bound(self, module: Module, binding: Binding) -> str | None:
        if binding.alias is None or not isinstance(binding.node, ast.ImportFrom):
            return None
        if module.scopes.in_type_checking(binding.node):
            return None
        names = {flask_facts.name_of(o) for o in self.binding_origins(module, binding)}
        return names.pop() if len(names) == 1 else None

    def uses_of(self, module: Module, names: Collection[str]) -> Iterator[ast.expr]:
        """Yield the reads of Flask's `names`: imported, starred, or as attributes of Flask."""
        locals_of = self.flask_locals(module)
        for name in names:
            for local, scope in locals_of.get(name, ()):
                yield from scope.reads.get(local, ())
            outermost = module.scopes.module
            if outermost.star_imports and not outermost.binds(name):
                reads = outermost.reads.get(name, ())
                yield from (read for read in reads if self.flask_name(module, read) == name)
        for name in names:
            for node in module.scopes.attribute_reads.get(name, ()):
                if self.flask_name(module, node) == name:
                    yield node

    def binding_origins(self, module: Module, binding: Binding) -> Origins:
        """Return the qualified names that a name gets from one of its bindings."""
        key = ("binding", binding)
        return module.memo(key, lambda: self._resolver(module).of_binding(binding))


def _size(path: str) -> int:
    """Return the size of a file; 0 if it is none any more."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _file(place: str | None) -> str | None:
    return None if place is None or is_folder(place) else place
