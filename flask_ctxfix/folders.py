"""Which folders are projects, and which role their names give to the files in them."""

from __future__ import annotations

import os
from typing import NamedTuple

_MARKS = frozenset((".git", "Pipfile", "pyproject.toml", "setup.cfg", "setup.py"))
_TEST_FOLDERS = frozenset(("test", "tests"))
_MIGRATION_FOLDERS = frozenset(("alembic", "migrations"))
# What Alembic makes new migrations from, in the folder of those that are there.
_MIGRATION_MARK = "script.py.mako"


class Folder(NamedTuple):
    """What a folder is, by its path and by what stands in it and in those above.

    `project` is the nearest project, `repository` the nearest repository. `top` is where names
    start to count: that of the repository, or else of the outermost project. Names above it say
    nothing of files below.
    """

    project: str | None = None
    repository: str | None = None
    top: str | None = None
    is_test: bool = False
    is_migration: bool = False

    def below(self, path: str, names: frozenset[str]) -> Folder:
        """Return what a folder in this one is that holds entries of these names."""
        is_migration = _MIGRATION_MARK in names
        if ".git" in names:
            return Folder(path, path, path, False, is_migration)
        is_marked = is_project(path, names)
        if is_marked and (self.top is None or _holds_homes(self.top)):
            return Folder(path, None, path, False, is_migration)
        name = path.rpartition("/")[2]
        return Folder(
            path if is_marked else self.project,
            self.repository,
            self.top,
            self.is_test or name in _TEST_FOLDERS,
            self.is_migration or is_migration or name in _MIGRATION_FOLDERS,
        )


class Folders:
    """Tells what folders are, and looks into each once. All paths are absolute."""

    def __init__(self) -> None:
        self._known: dict[str, Folder] = {}

    def of(self, path: str) -> Folder:
        """Return what the folder at `path` is, which need not be there."""
        if path in self._known:
            return self._known[path]
        new = []
        known = Folder()
        for each in (path, *above(path)):
            if each in self._known:
                known = self._known[each]
                break
            new.append((each, names_in(each)))
            if ".git" in new[-1][1]:
                break
        for each, names in reversed(new):
            known = self._known[each] = known.below(each, names)
        return known


def above(path: str) -> list[str]:
    """Return the folders above an absolute path, the nearest first."""
    found = []
    while (parent := os.path.dirname(path)) != path:  # noqa: PTH120
        found.append(parent)
        path = parent
    return found


def folder_of(path: str) -> str:
    """Return the folder that `path` is, or else the one that it lies in, as an absolute path."""
    place = os.path.abspath(path)  # noqa: PTH100
    return place if os.path.isdir(place) else os.path.dirname(place)  # noqa: PTH112, PTH120


def project_of(folder: str) -> str | None:
    """Return the nearest project at or above an absolute folder."""
    return Folders().of(folder).project


def searched_folder(path: str) -> str:
    """Return the folder whose files may have to do with those at `path`.

    It is the top of the repository, that of the project, or else the folder of `path` itself; the
    outermost package around it, where it is inside of one.
    """
    folder = folder_of(path)
    known = Folders().of(folder)
    folder = known.repository or known.project or folder
    while _is_package(folder) and _is_package(os.path.dirname(folder)):  # noqa: PTH120
        folder = os.path.dirname(folder)  # noqa: PTH120
    return folder


def outside_packages(folder: str) -> str:
    """Return an absolute folder, or else the nearest one above that is no package."""
    while _is_package(folder):
        folder = os.path.dirname(folder)  # noqa: PTH120
    return folder


def _is_package(folder: str) -> bool:
    return os.path.isfile(f"{folder}/__init__.py")  # noqa: PTH113


def names_in(folder: str) -> frozenset[str]:
    """Return the names in a folder; none if it cannot be looked into."""
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return frozenset()


def is_project(folder: str, names: frozenset[str]) -> bool:
    """Whether a folder that holds entries of these names is the top of a project."""
    if not _MARKS.isdisjoint(names):
        return True
    if any(name.startswith("requirements") and name.endswith(".txt") for name in names):
        return True
    inner = names_in(f"{folder}/requirements") if "requirements" in names else ()
    return any(name.endswith(".txt") for name in inner)


def _holds_homes(folder: str) -> bool:
    """Whether a folder is that of a user, or above it: what is marked in it is not all one."""
    home = os.path.expanduser("~")  # noqa: PTH111
    return home == folder or home.startswith(folder.rstrip("/") + "/")
