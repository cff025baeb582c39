"""The modules of a project: which there are, parsed when something asks for one."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import PurePath
from types import MappingProxyType

from flask_ctxfix.exports import Exports, exports_of
from flask_ctxfix.index import Index, words_of
from flask_ctxfix.kept_modules import KeptModules
from flask_ctxfix.module import Keeper, Module
from flask_ctxfix.module_files import ModuleFiles, is_folder
from flask_ctxfix.projects import Projects
from flask_ctxfix.records import replace
from flask_ctxfix.settings import Settings
from flask_ctxfix.source import Source, SourceError, read


class Modules(Keeper):
    """The Python files of a run, all below `top`. Modules are parsed when something asks for them.

    `projects` tells which of the projects there each file is in, and which role it has.
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
        self._unread: dict[str, SourceError] = {}

    def module(self, path: str) -> Module:
        """Return the module in file `path`, which need not be one of `paths`.

        Raises SourceError if it cannot be read or parsed.
        """
        module = self._kept_modules.get(path)
        if module is not None:
            return module
        if path in self._unread:
            raise self._unread[path].with_traceback(None)
        try:
            source = self._sources.get(path) or read(path)
            module = Module(replace(source, project=self.projects.folder(path)))
        except SourceError as error:
            self._unread[path] = error
            raise
        self._kept_modules.add(module)
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
        self._kept_modules.clear()

    @property
    def dropped(self) -> int:
        """How often a module was let go of: its nodes are others when it is parsed again."""
        return self._kept_modules.dropped

    @cached_property
    def _kept_modules(self) -> KeptModules:
        return KeptModules(self._bytes)

    @cached_property
    def _bytes(self) -> int:
        """The size of all files together."""
        return sum(map(_size, self.paths))

    def find_module(self, dotted: str, importer: str) -> str | None:
        """Return the file of an absolute module name, as a file at `importer` would import it."""
        return file_at(self.files.find(dotted, importer))

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
        return file_at(self.files.relative(path, name, level))

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


def _top_of(paths: Collection[str], folder: str | None) -> str:
    """Return `folder`, or else the one that holds all files: above it where it is a package."""
    absolute = {os.path.abspath(path) for path in paths}  # noqa: PTH100
    top = PurePath(folder or os.path.commonpath([*map(os.path.dirname, absolute)] or ["/"]))
    while str(top / "__init__.py") in absolute:
        top = top.parent
    return str(top)


def _size(path: str) -> int:
    """Return the size of a file; 0 if it is none any more."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def file_at(place: str | None) -> str | None:
    """Return the file of a module that is at a place; a folder has none."""
    return None if place is None or is_folder(place) else place
