"""Which statements give a name of a module its value, as others see it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix import circles, flask_facts
from flask_ctxfix.exports import Event, Exports, statements
from flask_ctxfix.module_files import ModuleFiles, is_folder
from flask_ctxfix.scopes import Binding
from flask_ctxfix.source import SourceError

if TYPE_CHECKING:
    from flask_ctxfix.modules import Modules


class Gives(IntEnum):
    """Whether a star import of a module gives a name; OPEN where that is not to be seen."""

    NO = 0
    OPEN = 1
    MAYBE = 2
    YES = 3


class Found(NamedTuple):
    """What gives a name of a module its value: statements, and the module of that name inside it.

    `is_open` where something else may, that the project does not show; `is_broken` where the file
    does not parse.
    """

    events: tuple[Event, ...] = ()
    module: str | None = None
    is_open: bool = False
    is_broken: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is known to bind the name."""
        return not (self.events or self.module or self.is_open or self.is_broken)


class _Import(NamedTuple):
    """What a statement imports; `order` is that of the statement of the module around it.

    `perhaps` are modules named after the ``import``, whose package may have another thing by that
    name.
    """

    order: int
    is_certain: bool
    files: frozenset[str]
    perhaps: frozenset[str]


class _Statements:
    """Which statements of a module bind a name, star imports among them."""

    def __init__(self, project: Modules) -> None:
        self._project = project
        self.files: ModuleFiles = project.files

    def source(self, path: str, node: ast.ImportFrom) -> str | None:
        """Return the place of the module that a ``from`` import in a file reads."""
        if node.level:
            return self.files.relative(path, node.module, node.level)
        return self.files.find(node.module or "", path)

    def _all(self, path: str, name: str) -> Found:
        key = ("all of", path, name)
        return self._project.memo(key, lambda: self._collect(path, name))

    def _collect(self, path: str, name: str) -> Found:
        exports = self._project.exports(path)
        if exports is None:
            return Found(is_broken=True)
        inside = self.files.inside(path, name)
        events = [
            each for each in exports.names.get(name, ()) if not self._is_own(path, each, inside)
        ]
        if inside is not None or not all(each.is_typing for each in events):
            events = [each for each in events if not each.is_typing]
        given = [
            (each, self.star_gives(path, each.star, name)) for each in exports.stars if each.star
        ]
        events += [each for each, gives in given if gives >= Gives.MAYBE]
        events.sort(key=lambda each: (each.is_delayed, each.spot))
        if not all(each.is_deletion for each in events):
            return Found(tuple(events), inside)
        is_open = "__getattr__" in exports.names or any(gives is Gives.OPEN for _, gives in given)
        return Found((), inside, is_open and inside is None)

    def _is_own(self, path: str, event: Event, inside: str | None) -> bool:
        """Whether a statement imports the module inside, or what the module itself has already."""
        binding = event.binding
        if binding is None or binding.alias is None:
            return False
        if isinstance(binding.node, ast.ImportFrom):
            return binding.alias.name == binding.name and self.source(path, binding.node) == path
        is_whole = binding.alias.asname is not None
        return (
            inside is not None and is_whole and self.files.find(binding.alias.name, path) == inside
        )

    def star_gives(self, path: str, star: ast.ImportFrom, name: str) -> Gives:
        """Return whether a star import in a file binds a name."""
        source = self.source(path, star)
        if source is not None:
            return self._given(source, name) if source != path else Gives.NO
        if flask_facts.is_exported(star.module or "", name):
            return Gives.YES
        return Gives.NO if star.level else Gives.OPEN

    def _given(self, place: str, name: str) -> Gives:
        """Return whether ``from <place> import *`` binds a name."""

        def steps(key: tuple[str, bool]) -> circles.Steps[tuple[str, bool], Gives]:
            path, is_certain = key
            most = Gives.YES if is_certain else Gives.MAYBE
            exports = None if is_folder(path) else self._project.exports(path)
            if exports is None:
                return {Gives.NO if is_folder(path) else Gives.MAYBE}
            if not exports.offers(name):
                return {Gives.NO}
            found = {min(most, self._bound_by(path, exports, name))}
            for event in exports.stars:
                assert event.star is not None
                source = self.source(path, event.star)
                if source is None:
                    found.add(min(most, self.star_gives(path, event.star, name)))
                else:
                    found |= (yield source, is_certain and event.is_certain) or frozenset()
            return found

        known: dict[tuple[str, bool], frozenset[Gives]]
        known = self._project.memo(("given", name), dict)
        return max(circles.solve((place, True), steps, known))

    def _bound_by(self, path: str, exports: Exports, name: str) -> Gives:
        """Return whether the statements of a module, but for star imports, bind a name."""
        events = exports.names.get(name, [])
        if exports.listed is not None and name in exports.listed and not exports.is_open:
            return Gives.YES if events or self.files.inside(path, name) else Gives.MAYBE
        if exports.is_open and name not in (exports.listed or ()):
            return Gives.MAYBE if events or self.files.inside(path, name) else Gives.NO
        if any(each.is_certain for each in events[-1:]):
            return Gives.YES if events[-1].binding is not None else Gives.NO
        return Gives.MAYBE if events or self.files.inside(path, name) else Gives.NO


class Lookup(_Statements):
    """Looks names up in the modules of a project, as Python has them once all is imported.

    A file that is imported by the very module that it asks for a name may come too early for that.
    """

    def star_gives(self, path: str, star: ast.ImportFrom, name: str) -> Gives:
        """Return whether a star import in a file binds a name.

        In a circle of imports it may come before ``__all__``, and takes all that is there by then.
        """
        given = super().star_gives(path, star, name)
        source = self.source(path, star)
        if given is not Gives.NO or source is None or source == path or is_folder(source):
            return given
        exports = self._project.exports(source)
        is_there = exports is not None and exports.listed is not None and name in exports.names
        is_early = is_there and not name.startswith("_") and source in self._circle(path)
        return Gives.MAYBE if is_early else given

    def elsewhere(self, path: str, binding: Binding) -> str | None:
        """Return the qualified name of what an import surely takes from outside of the project."""
        node, alias = binding.node, binding.alias
        if alias is None or not isinstance(node, ast.ImportFrom) or node.level:
            return None
        name = node.module or ""
        return None if self.files.may_be_of(name) else f"{name}.{alias.name}"

    def is_settled(self, place: str, name: str) -> bool:
        """Whether it does not matter who asks for a name of a module, and when."""
        if is_folder(place):
            return True
        found = self._all(place, name)
        return len(found.events) + (found.module is not None) <= 1

    def find(self, place: str, name: str, since: str | None) -> Found:
        """Return what gives a name of a module its value, as `since` sees it while it is imported.

        Where that is None, the question is asked when all has been imported.
        """
        if is_folder(place):
            return Found(module=self.files.inside(place, name))
        found = self._all(place, name)
        if self.is_settled(place, name):
            return found
        if found.module is not None and self._is_first(place, found.events[0], since):
            return Found(module=found.module)
        deciding = (each for each in reversed(found.events) if self.decides(place, each, name))
        last = next(deciding, None)
        if last is None or not self._is_after(place, last.order, since):
            return found
        start = found.events.index(last)
        events = (*found.events[start:], *(e for e in found.events[:start] if e.is_delayed))
        if not last.is_deletion and self._is_loaded_before(place, last.order, found.module):
            return Found(events)
        return Found(events, found.module, last.is_deletion and found.module is None)

    def find_within(self, path: str, name: str, order: int) -> Found:
        """Return what gives a name its value that a statement of the module itself reads."""
        found = self._all(path, name)
        events = [
            each
            for each in found.events
            if order < 0 or each.is_delayed or each.order < order + (not each.is_certain)
        ]
        last = next((e for e in reversed(events) if self.decides(path, e, name)), None)
        if last is None:
            return Found(tuple(events), found.module, found.is_open)
        if order >= 0:
            events = [e for e in events if e.is_delayed or e.order >= last.order]
        is_over = self._is_loaded_before(path, last.order, found.module)
        return Found(tuple(events), None if is_over else found.module)

    def decides(self, path: str, event: Event, name: str) -> bool:
        """Whether a statement surely runs and ends what others before it have bound."""
        if event.star is None or not event.is_certain:
            return event.is_certain
        return self.surely_gives(path, event.star, name)

    def surely_gives(self, path: str, star: ast.ImportFrom, name: str) -> bool:
        """Whether a star import in a file binds a name, also if it comes in a circle of imports."""
        source = self.source(path, star)
        if self.star_gives(path, star, name) is not Gives.YES or source is None:
            return source is None
        return path in self.files.packages_of(source) or source not in self._circle(path)

    def _is_after(self, path: str, order: int, since: str | None) -> bool:
        """Whether a statement of a module has run whenever `since` asks for a name of it."""
        if since is None:
            return True
        if since == path:
            return False
        may_be_led = path in self.files.packages_of(since) or since in self._circle(path)
        return not may_be_led or since not in self._run_by(path, order)

    def _is_first(self, path: str, first: Event, since: str | None) -> bool:
        """Whether `since` is surely imported before any statement of a package binds the name."""
        if since is None or first.is_delayed or path not in self.files.packages_of(since):
            return False
        is_import = first.star or (first.binding is not None and first.binding.alias is not None)
        order = first.order if first.is_certain and is_import else first.order - 1
        return since in self._run_by(path, order, only_certain=True)

    def _is_loaded_before(self, path: str, order: int, inside: str | None) -> bool:
        """Whether a module inside of a package cannot take its name over after a statement."""
        if inside is None or inside in self._run_by(path, order, only_certain=True):
            return True
        word = self.files.name(inside).rpartition(".")[2]
        importers = self._project.naming(word)
        return not any(inside in each.files for file in importers for each in self._imports(file))

    def _circle(self, path: str) -> frozenset[str]:
        """Return the files that lead to a module by their imports, and that it leads to."""
        known: dict[str, frozenset[str]] = self._project.memo("circles of imports", dict)
        return circles.solve(path, self._led, known)

    def _led(self, path: str) -> circles.Steps[str, str]:
        """Go on to all that a file may import: whether a name stands before a module is not asked.

        That may be what a star import gives, which asks for circles itself.
        """
        places: set[str | None] = set()
        for _, node, _ in self._import_statements(path):
            places.update((*self._read_by(path, node), *self._inside(path, node).values()))
        for file in sorted(self._files_of(*places) - {path, *self.files.packages_of(path)}):
            _ = yield file
        return {path}

    def _run_by(self, path: str, order: int, only_certain: bool = False) -> frozenset[str]:
        """Return the files that the statements of a module import, up to one of them."""

        def compute() -> frozenset[str]:
            left = [each for each in self._imports(path) if each.order <= order]
            found = {path}
            while left:
                each = left.pop()
                files = each.files if each.is_certain else frozenset[str]()
                for file in (files if only_certain else each.files | each.perhaps) - found:
                    found.add(file)
                    left += self._imports(file)
            return frozenset(found)

        return self._project.memo(("run by", path, order, only_certain), compute)

    def _imports(self, path: str) -> tuple[_Import, ...]:
        """Return what a file imports, also in functions, but for the packages around it."""
        return self._project.memo(("imports", path), lambda: tuple(self._read_imports(path)))

    def _read_imports(self, path: str) -> Iterator[_Import]:
        before = {path, *self.files.packages_of(path)}
        for order, node, is_certain in self._import_statements(path):
            named = dict(self._named_by(path, node, order))
            sure = (place for place, is_sure in named.items() if is_sure)
            files = self._files_of(*self._read_by(path, node), *sure) - before
            perhaps = self._files_of(*named) - before
            if files or perhaps:
                yield _Import(order, is_certain, files, perhaps)

    def _import_statements(
        self, path: str
    ) -> Iterator[tuple[int, ast.Import | ast.ImportFrom, bool]]:
        """Yield what a file imports as it runs, with its order, and whether that is certain."""
        try:
            body = self._project.module(path).tree.body
        except SourceError:
            return
        for order, outer in enumerate(body):
            for node, is_certain, is_typing in statements([outer], inside=True):
                if isinstance(node, ast.Import | ast.ImportFrom) and not is_typing:
                    yield order, node, is_certain

    def _read_by(self, path: str, node: ast.Import | ast.ImportFrom) -> Iterator[str | None]:
        if isinstance(node, ast.Import):
            yield from (self.files.find(alias.name, path) for alias in node.names)
        else:
            yield self.source(path, node)

    def _named_by(
        self, path: str, node: ast.Import | ast.ImportFrom, order: int
    ) -> Iterator[tuple[str, bool]]:
        """Yield the modules that are named after ``import``, and whether that surely loads them."""
        for (source, name), place in self._inside(path, node).items():
            events = () if is_folder(source) else self._all(source, name).events
            is_first = source == path and bool(events) and order < events[0].order
            yield place, not events or is_first

    def _inside(self, path: str, node: ast.Import | ast.ImportFrom) -> dict[tuple[str, str], str]:
        """Return the places of the modules that are named after ``import``, by package and name."""
        source = self.source(path, node) if isinstance(node, ast.ImportFrom) else None
        if source is None:
            return {}
        places = {(source, each.name): self.files.inside(source, each.name) for each in node.names}
        return {key: place for key, place in places.items() if place is not None}

    def _files_of(self, *places: str | None) -> frozenset[str]:
        """Return the files of modules, and of the packages that are imported before them."""
        files: set[str] = set()
        for place in places:
            if place is not None:
                files.update(self.files.packages_of(place))
                files.update(() if is_folder(place) else (place,))
        return frozenset(files)
