"""The Python files of a run."""

# Path objects cost more than the walk itself.
# ruff: noqa: PTH100, PTH113, PTH114, PTH116, PTH119

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from flask_ctxfix.patterns import Patterns, parse
from flask_ctxfix.source import SourceError, read_bytes

DEFAULT_EXCLUDE = (
    ".git",
    ".hg",
    ".svn",
    ".nox",
    ".tox",
    ".venv",
    ".eggs",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "__pypackages__",
    "build",
    "dist",
    "dist-packages",
    "node_modules",
    "site-packages",
    "third_party",
    "vendor",
    "vendored",
    "_vendor",
)

_ENVIRONMENT_MARKS = frozenset(("pyvenv.cfg", "conda-meta"))
_FRAMEWORKS = {
    "flask": frozenset(("app.py", "ctx.py", "globals.py", "signals.py")),
    "werkzeug": frozenset(("exceptions.py", "http.py", "local.py", "utils.py")),
}
_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Rules(NamedTuple):
    """What is left out below a folder: patterns, each with the folder that they start from."""

    exclude: tuple[tuple[tuple[str, ...], str], ...]
    gitignore: bool


class _Layer(NamedTuple):
    """Patterns that hold below a folder; `strip` is the length of its path with its slash."""

    patterns: tuple[Patterns, ...]
    strip: int


class _Folder(NamedTuple):
    """A folder to walk: what to put before a name in it, as the user writes it and really.

    Both end with a slash, but for the empty `prefix` of the current folder.
    """

    prefix: str
    real: str
    rules: Rules
    exclude: tuple[_Layer, ...]
    ignores: tuple[_Layer, ...]

    def skips(self, name: str) -> bool:
        """Whether an entry is to be left out. The name of a folder ends with a slash."""
        path = self.real + name
        return _is_ignored(self.exclude, name, path) or _is_ignored(self.ignores, name, path)


class _Found:
    """What a walk found: under the real path of each file, the path as the user writes it."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.links: list[str] = []
        self.errors: dict[str, SourceError] = {}

    def fail(self, path: str, cause: str) -> None:
        self.errors.setdefault(path, SourceError(path, None, cause))


def discover(
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    gitignore: bool = True,
    root: str = ".",
    rules_in: Callable[[str], Rules] | None = None,
) -> tuple[list[str], list[SourceError]]:
    """Return the Python files at and below `paths`, sorted, and what could not be looked at.

    A file given by name is taken as it is. Below a folder, the files named ``*.py`` are taken that
    neither `exclude` (patterns as in .gitignore, relative to the folder `root`) nor, if `gitignore`
    holds, a .gitignore file leaves out; or else the rules that `rules_in` gives for the folder,
    which hold up to folders with a pyproject.toml that has others. Never entered, unless given by
    name: virtual environments, folders that packages were installed into, copies of Flask and
    Werkzeug inside another project, and symbolic links to folders. A link to a file counts as that
    file, and only if it lies below one of the `paths`. Each file comes once, with the path that
    starts as the user wrote it.
    """
    everywhere = Rules(((tuple(exclude), root),), gitignore)
    rules_in = rules_in or (lambda _: everywhere)
    found = _Found()
    tops = []
    real_folder = cache(os.path.realpath)
    for path in map(_plain, paths):
        try:
            status = os.stat(path)
        except OSError as error:
            found.fail(path, _why(error, path))
            continue
        real = _real(path, real_folder)
        if stat.S_ISDIR(status.st_mode):
            top = _slashed(real)
            tops.append(top)
            prefix = "" if path == "." else _slashed(path)
            rules = rules_in(os.path.abspath(path))
            _walk(_ruled(_Folder(prefix, top, rules, (), ()), rules, found), found, rules_in)
        elif stat.S_ISREG(status.st_mode):
            found.files.setdefault(real, path)
        else:
            found.fail(path, _not_regular(status.st_mode))
    _follow_links(found, tuple(tops))
    errors = sorted(found.errors.values(), key=lambda error: error.path)
    return sorted(found.files.values()), errors


def _ruled(folder: _Folder, rules: Rules, found: _Found) -> _Folder:
    """Return a folder for which rules hold that did not hold for the one around it."""
    exclude = []
    for patterns, root in rules.exclude:
        home = _slashed(os.path.realpath(root))
        strip = len(home if folder.real.startswith(home) else folder.real)
        exclude.append(_Layer(parse(patterns), strip))
    ignores = tuple(_ignores_above(folder.real, found)) if rules.gitignore else ()
    return folder._replace(rules=rules, exclude=tuple(exclude), ignores=ignores)


def _real(path: str, real_folder: Callable[[str], str]) -> str:
    """Return the real path of an entry, given what tells that of its folder."""
    folder, name = os.path.split(path)
    if os.path.islink(path) or name in ("", ".", ".."):
        return os.path.realpath(path)
    return _slashed(real_folder(folder)) + name


def _walk(top: _Folder, found: _Found, rules_in: Callable[[str], Rules]) -> None:
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder.prefix or ".") as listing:
                entries = list(listing)
        except OSError as error:
            found.fail(_plain(folder.prefix), f"cannot read the folder: {error.strerror}")
            continue
        names = {entry.name for entry in entries}
        if folder is not top and _is_foreign(folder.prefix, names):
            continue
        if folder is not top and "pyproject.toml" in names:
            rules = rules_in(os.path.abspath(folder.prefix))
            if rules != folder.rules:
                folder = _ruled(folder, rules, found)
        if folder.rules.gitignore and ".gitignore" in names:
            layer = _read_layer(folder.real, f"{folder.prefix}.gitignore", found)
            folder = folder._replace(ignores=(*layer, *folder.ignores))
        folders += _look_at(folder, entries, found)


def _look_at(folder: _Folder, entries: list[os.DirEntry[str]], found: _Found) -> Iterator[_Folder]:
    """Add the files among `entries` to what was found, and yield the folders."""
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                name = entry.name + "/"
                if not folder.skips(name):
                    yield folder._replace(prefix=folder.prefix + name, real=folder.real + name)
            elif entry.name.endswith(".py") and not folder.skips(entry.name):
                _take(folder, entry, found)
        except OSError as error:
            found.fail(folder.prefix + entry.name, f"cannot read: {error.strerror}")


def _take(folder: _Folder, entry: os.DirEntry[str], found: _Found) -> None:
    path = folder.prefix + entry.name
    if entry.is_file(follow_symlinks=False):
        found.files.setdefault(folder.real + entry.name, path)
    elif entry.is_symlink():
        found.links.append(path)
    else:
        found.fail(path, _not_regular(entry.stat(follow_symlinks=False).st_mode))


def _follow_links(found: _Found, tops: tuple[str, ...]) -> None:
    """Take the files that links lead to, where the walk did not find or leave out the file itself.

    Names that start with ".#" are the locks of an editor, which lead nowhere.
    """
    for path in found.links:
        try:
            target = os.path.realpath(path, strict=True)
            mode = os.stat(target).st_mode
        except OSError as error:
            if not os.path.basename(path).startswith(".#"):
                found.fail(path, _why(error, path))
            continue
        if target.endswith(".py") or not target.startswith(tops) or stat.S_ISDIR(mode):
            continue
        if stat.S_ISREG(mode):
            found.files.setdefault(target, path)
        else:
            found.fail(path, _not_regular(mode))


def _is_ignored(layers: tuple[_Layer, ...], name: str, path: str) -> bool:
    for patterns, strip in layers:
        for run in patterns:
            if run.match(name, path[strip:]):
                return run.ignores
    return False


def _ignores_above(folder: str, found: _Found) -> tuple[_Layer, ...]:
    """Return the layers that the repository around a folder lays on it.

    There are none if the repository ignores the folder: the user asked for it nevertheless.
    """
    above = _ancestors(folder)
    tops = [path for path in above if os.path.lexists(f"{path}.git")]
    if not tops:
        return ()
    repository = max(tops, key=len)
    layers = _read_layer(repository, f"{repository}.git/info/exclude", found)
    for path, below in pairwise(above):
        if len(path) < len(repository):
            continue
        layers = (*_read_layer(path, f"{path}.gitignore", found), *layers)
        if _is_ignored(layers, below[len(path) :], below):
            return ()
    return layers


def _ancestors(folder: str) -> list[str]:
    """Return a real path and those above it, from the root down, each with its slash."""
    whole = _slashed(folder)
    return [whole[: index + 1] for index, char in enumerate(whole) if char == "/"]


def _read_layer(folder: str, path: str, found: _Found) -> tuple[_Layer, ...]:
    if not os.path.isfile(path):
        return ()
    try:
        data = read_bytes(path)
    except SourceError as error:
        found.fail(path, error.cause)
        return ()
    text = os.fsdecode(data.removeprefix(b"\xef\xbb\xbf"))
    return (_Layer(parse(text.split("\n")), len(folder)),)


def _is_foreign(prefix: str, names: set[str]) -> bool:
    """Whether a folder with these entries holds what others wrote."""
    if not names.isdisjoint(_ENVIRONMENT_MARKS):
        return True
    if any(name.endswith(".dist-info") for name in names):
        return True
    name = prefix[prefix.rfind("/", 0, -1) + 1 : -1]
    return name in _FRAMEWORKS and names >= _FRAMEWORKS[name] and not _is_project_of(prefix, name)


def _is_project_of(prefix: str, name: str) -> bool:
    """Whether the project around a folder, or around its ``src``, calls itself `name`."""
    line = re.compile(rf"^\s*name\s*=\s*[\"']?{name}[\"']?,?\s*$".encode(), re.I | re.M)
    for above in ("..", "../.."):
        for file in _PROJECT_FILES:
            try:
                if line.search(read_bytes(f"{prefix}{above}/{file}")):
                    return True
            except SourceError:
                continue
    return False


def _plain(path: str) -> str:
    """Return a path without what does not change it; "." for the current folder."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts) or "."


def _slashed(path: str) -> str:
    return path if path.endswith("/") else path + "/"


def _not_regular(mode: int) -> str:
    kind = next((f"{kind}, " for test, kind in _KINDS if test(mode)), "")
    return f"cannot read: {kind}not a regular file"


def _why(error: OSError, path: str) -> str:
    if os.path.islink(path):
        return f"cannot follow the symbolic link: {error.strerror}"
    return f"cannot read: {error.strerror}"
