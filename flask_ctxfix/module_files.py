"""Which file of a project a module is, as a file that imports it sees it.

A place is the path of a module's file; of a package without `__init__.py` it is the folder, with a
slash at its end.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator

from flask_ctxfix.folders import is_project, names_in

_SOURCE_FOLDERS = ("src", "lib", "python", "source")

_WITH_FIXTURES = re.compile(r"(.*/)?(test_[^/]*|[^/]*_test|conftest)\.py")

_Parts = tuple[str, ...]


def is_folder(place: str) -> bool:
    """Whether a place is a package without `__init__.py`."""
    return place.endswith("/")


class ModuleFiles:
    """Finds modules among the files of a project, by their names and by where they stand.

    `top` is the folder that no import leads out of; `names` are those of all modules and packages,
    without what they are in.
    """

    def __init__(self, paths: Collection[str], top: str) -> None:
        self.top = top
        self._paths = sorted(paths)
        self._places: dict[_Parts, str] = {}
        self._packages: set[_Parts] = set()
        self._parts_of: dict[str, _Parts] = {}
        self._folders: dict[str, _Parts] = {}
        for path in paths:
            self._add(path)
        self._packages -= {*self._tops_of_projects()}
        self.names = frozenset(parts[-1] for parts in self._places if parts)
        self._found: dict[tuple[str, _Parts], str | None] = {}
        self._roots: dict[_Parts, list[_Parts]] = {}
        self._called: dict[tuple[str, _Parts], str] = {}
        self._outermost: dict[str, list[str]] | None = None

    def _add(self, path: str) -> None:
        parts = self._below_top(path)
        if parts[-1] == "__init__.py":
            parts = parts[:-1]
            self._packages.add(parts)
            self._places[parts] = path  # rather than a module of that name beside it
        else:
            parts = (*parts[:-1], parts[-1].removesuffix(".py"))
            if parts not in self._packages:
                self._places[parts] = path
        self._parts_of[path] = parts
        folder = parts[:-1]
        while folder not in self._places:
            place = "/".join(folder) + "/"
            self._places[folder] = place
            self._parts_of[place] = folder
            folder = folder[:-1]

    def _tops_of_projects(self) -> Iterator[_Parts]:
        """Yield folders that have an `__init__.py`, and code is run from nevertheless."""
        for parts in self._packages:
            is_outermost = not parts or parts[:-1] not in self._packages
            folder = "/".join((self.top, *parts))
            if is_outermost and is_project(folder, names_in(folder)):
                yield parts

    def beside(self, path: str) -> list[str]:
        """Return the files at and below the folder of one."""
        folder = path[: path.rfind("/") + 1]
        if not folder:
            return self._paths
        after = folder[:-1] + chr(ord("/") + 1)
        return self._paths[bisect_left(self._paths, folder) : bisect_left(self._paths, after)]

    def outermost(self, name: str) -> list[str]:
        """Return the modules and packages called `name` that are inside of no package."""
        if self._outermost is None:
            self._outermost = {}
            for parts, place in self._places.items():
                if parts and parts[:-1] not in self._packages:
                    self._outermost.setdefault(parts[-1], []).append(place)
        return self._outermost.get(name, [])

    def fixtures_of(self, path: str) -> Iterator[str]:
        """Yield the files from which pytest gives a file of tests what these ask for."""
        if _WITH_FIXTURES.fullmatch(path):
            folder = self._folder_of(path)
            for size in range(len(folder) + 1):
                place = self._places.get((*folder[:size], "conftest"))
                if place is not None:
                    yield place

    def may_be_of(self, dotted: str) -> bool:
        """Whether the outermost package of a module name has that of something here."""
        return dotted.partition(".")[0] in self.names

    def find(self, dotted: str, importer: str) -> str | None:
        """Return the place of an absolute module name, as a file at `importer` would import it."""
        parts = tuple(dotted.split("."))
        if parts[0] not in self.names or parts[-1] not in self.names:
            return None
        key = dotted, self._folder_of(importer)
        if key not in self._found:
            self._found[key] = self._nearest(parts, key[1])
        return self._found[key]

    def _nearest(self, parts: _Parts, folder: _Parts) -> str | None:
        """Return the module of the nearest root; Python prefers any to a folder without a file."""
        nearest = None
        for root in self._roots_of(folder):
            place = self._below(root, parts)
            if place is not None and not is_folder(place):
                return place
            nearest = nearest or place
        return nearest

    def find_first(self, dotted: str, importer: str) -> str | None:
        """Return the place of the outermost package of a module name: what its import binds."""
        place = self.find(dotted, importer)
        first, *rest = dotted.split(".")
        if place is None or not rest:
            return self.find(first, importer)
        parts = self._stem(place)
        return self._places.get(parts[: len(parts) - len(rest)])

    def relative(self, importer: str, name: str | None, level: int) -> str | None:
        """Return the place of the module of ``from <dots><name> import …`` in a file."""
        folder = self._folder_of(importer)
        if level - 1 > len(folder):
            return None
        base = folder[: len(folder) - (level - 1)]
        return self._below(base, tuple(name.split("."))) if name else self._places.get(base)

    def inside(self, place: str, name: str) -> str | None:
        """Return the place of a module inside of the package at `place`."""
        is_package = is_folder(place) or place.endswith("__init__.py")
        return self._places.get((*self._stem(place), name)) if is_package else None

    def packages_of(self, place: str) -> Iterator[str]:
        """Yield the files of the packages around a module, which are imported before it."""
        parts = self._stem(place)
        while parts and parts[:-1] in self._packages:
            parts = parts[:-1]
            yield self._places[parts]

    def name(self, place: str, importer: str | None = None) -> str:
        """Return the name of a module from its outermost package on, as `importer` finds it."""
        parts = self._stem(place)
        count = 1
        while count < len(parts) and parts[: len(parts) - count] in self._packages:
            count += 1
        own = ".".join(parts[-count:])
        if importer is None:
            return own
        key = place, self._folder_of(importer)
        if key not in self._called:
            names = (".".join(parts[-size:]) for size in range(count, len(parts) + 1))
            known = (name for name in names if self.find(name, importer) == place)
            self._called[key] = next(known, own)
        return self._called[key]

    def _stem(self, place: str) -> _Parts:
        parts = self._parts_of.get(place)
        return self._below_top(place.removesuffix(".py")) if parts is None else parts

    def _folder_of(self, path: str) -> _Parts:
        parts = self._parts_of.get(path)
        if parts is None:
            return self._below_top(path)[:-1]
        return parts if path.endswith("__init__.py") else parts[:-1]

    def _below_top(self, path: str) -> _Parts:
        """Return the parts of a path, however it is spelled, from the top of all files on."""
        cut = path.rfind("/") + 1
        spelled, name = path[:cut], path[cut:]
        if spelled not in self._folders:
            relative = os.path.relpath(spelled or ".", self.top)
            self._folders[spelled] = () if relative == "." else tuple(relative.split("/"))
        return (*self._folders[spelled], name)

    def _below(self, root: _Parts, parts: _Parts) -> str | None:
        """Return the place of module `parts` under an import root."""
        place = None
        for count in range(1, len(parts) + 1):
            if place is not None and not is_folder(place) and not place.endswith("__init__.py"):
                return None
            place = self._places.get(root + parts[:count])
            if place is None:
                return None
        return place

    def _roots_of(self, folder: _Parts) -> list[_Parts]:
        """Return what is on the path of code in a folder, nearest first: folders above, or `src`.

        A script's own folder comes before a `src` in it.
        """
        if folder not in self._roots:
            self._roots[folder] = list(self._roots_above(folder))
        return self._roots[folder]

    def _roots_above(self, folder: _Parts) -> Iterator[_Parts]:
        for size in range(len(folder), -1, -1):
            above = folder[:size]
            nearby = [(*above, name) for name in _SOURCE_FOLDERS]
            nearby.insert(0 if above == folder else len(nearby), above)
            yield from (root for root in nearby if self._is_root(root))

    def _is_root(self, root: _Parts) -> bool:
        return root in self._places and root not in self._packages
