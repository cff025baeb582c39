"""Which files can matter: those that lead to Flask, what they load, and who else uses that.

A file loads what it imports, and modules that its strings name: settings, tasks, blueprints. One
that loads by names which only a run knows may load whatever is in its folder. That is decided on
the bytes of the files, before anything is parsed; a text that looks like an import only makes a
file more to search.
"""

from __future__ import annotations

import os
import re
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.flask_facts import BUILT_ON_FLASK, is_well_known
from flask_ctxfix.module_files import ModuleFiles, is_folder
from flask_ctxfix.prefilter import contents

if TYPE_CHECKING:
    from flask_ctxfix.source import Source, SourceError

_NAMED = re.compile(rb"([^\s,()\\;#]+)(?:[ \t]+as[ \t]+[^\s,()\\;#]+)?")
_QUOTED = re.compile(rb"""["']([A-Za-z_][\w./]*)["':]""")
# The same up to a dot or slash, and more. What starts with one certain byte is found much sooner.
_QUOTED_FIRST = (
    re.compile(rb"""\"([A-Za-z_]\w*)(?=["':./])"""),
    re.compile(rb"""'([A-Za-z_]\w*)(?=["':./])"""),
)
_CONTINUED = re.compile(rb"\\\r?\n")
# Without these, and after a line that does not end so, a line means the same wherever it stands.
_GOES_ON = re.compile(rb"[\\(]")
_CONTINUES = (b"\\\n", b"\\\r\n")
_BLANKS = frozenset((b" ", b"\t", b"\f"))
_AFTER_IMPORT = _BLANKS | {b"(", b"\\", b"*"}
# What stands before the word in "from … import" is the name of a module.
_LONGEST_HEAD = 1_000
# Calls that load modules by a name or a path, and what asks which there are.
_LOADING = re.compile(
    rb"\b(?:import_module|import_string|find_modules|iter_modules|walk_packages|run_module|run_path"
    rb"|spec_from_file_location|from_object|from_envvar|from_pyfile|from_prefixed_env"
    rb"|config_from_object|autodiscover_tasks|__import__)\("
)
# One of these is in each of them.
_IN_LOADING = (b"import_", b"_modules(", b"walk_packages(", b"run_", b"from_", b"autodiscover_")
_BRACKETS = re.compile(rb"\(((?:[^)#]+|#[^\r\n]*)*)")
# A sign before any quote of the line is not part of a text.
_COMMENTED = re.compile(rb"[^\"'\n]*#")
_COMMENT = re.compile(rb"#[^\r\n]*")
_BY_CALL = re.compile(rb"""(?:_module|__)\(\s*[rRuU]?["'](\.*)([\w.]+)["']""")
_IN_LINE = re.compile(rb"(?:[^\\\r\n;]+|\\(?:\r[\r\n]?|\n)?)+")
_FROM = re.compile(rb"from[\s\\]*((?:\.[\s\\]*)*)([^\s\\]*)[\s\\]*\Z")


class Import(NamedTuple):
    """What one import names: a module, `level` packages upwards, and what it takes from it."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


def imports_in(data: bytes) -> Iterator[Import]:
    """Yield what the import lines of a file name."""
    at = data.find(b"import")
    while at >= 0:
        yield from _imports_at(data, at)
        at = data.find(b"import", at + 6)


def _imports_at(data: bytes, at: int) -> Sequence[Import]:
    """Return what the ``import`` that stands at an offset names, if it is a statement or a call."""
    end = at + 6
    follows = data[end : end + 1]
    if follows in _AFTER_IMPORT:
        head = _head(data, at)
        return () if head is None else _statement(head, data, end)
    if follows == b"_":
        called = _BY_CALL.match(data, end)
        if called:
            return [Import(called[2].decode(), len(called[1]))]
    return ()


def _head(data: bytes, at: int) -> bytes | None:
    """Return what stands before an offset in the same statement; None in a comment."""
    first = max(0, at - _LONGEST_HEAD)
    start = max(data.rfind(b"\n", first, at), data.rfind(b"\r", first, at), first - 1) + 1
    line = data[start:at]
    if data.endswith(_CONTINUES, first, start):
        line = _CONTINUED.sub(b" ", data[first:at])
        line = line[max(line.rfind(b"\n"), line.rfind(b"\r")) + 1 :]
    if b"#" in line:
        return None
    return line[max(line.rfind(b";"), line.rfind(b":")) + 1 :].removeprefix(BOM_UTF8).strip()


def _statement(head: bytes, data: bytes, start: int) -> Sequence[Import]:
    """Return what the statement names that begins with a head and lists names from an offset on."""
    if not head:
        return [*map(Import, _named(data, start))]
    source = _FROM.match(head)
    if source:
        level = source[1].count(b".")
        module = source[2].decode(errors="replace")
        if level or module:
            return [Import(module, level, tuple(_named(data, start)))]
    return ()


def _named(data: bytes, start: int) -> list[str]:
    """Return the names that an import lists from an offset on."""
    while data[start : start + 1] in _BLANKS:
        start += 1
    if (in_brackets := _BRACKETS.match(data, start)) is not None:
        listed = _COMMENT.sub(b"", in_brackets[1])
    else:
        in_line = _IN_LINE.match(data, start)
        listed = in_line[0].partition(b"#")[0] if in_line else b""
    found = _NAMED.findall(listed.replace(b"\\", b" "))
    return [name.decode(errors="replace") for name in found]


def leads_to_flask(each: Import) -> bool:
    """Whether an import names Flask, an extension of it, or a package that builds on it."""
    if each.level == 0 and each.module.partition(".")[0] in BUILT_ON_FLASK:
        return True
    return "flask" in each.module or "flask" in "\n".join(each.names)


class _Line(NamedTuple):
    """What imports name that may be here, and whether some of them lead to Flask."""

    here: tuple[Import, ...]
    leads: bool


class Loading:
    """Tells what files load, by their bytes. What many files hold alike is looked at once."""

    def __init__(self, files: ModuleFiles) -> None:
        self._files = files
        self._first_names = frozenset(map(os.fsencode, files.names))
        self._lines: dict[bytes, _Line] = {}

    def imports_in(self, data: bytes) -> _Line:
        """Return what the imports of a file name."""
        here: list[Import] = []
        leads = False
        at = data.find(b"import")
        while at >= 0:
            start = data.rfind(b"\n", max(0, at - _LONGEST_HEAD), at) + 1
            end = data.find(b"\n", at, start + _LONGEST_HEAD)
            line = None
            if start and end > 0 and not data.endswith(_CONTINUES, 0, start):
                line = self._line_alone(data[start:end])
            if line is None:
                line, end = self._judged(_imports_at(data, at)), at + 6
            here += line.here
            leads = leads or line.leads
            at = data.find(b"import", end)
        return _Line(tuple(here), leads)

    def _line_alone(self, text: bytes) -> _Line | None:
        """Return what the imports of a line name; None if it goes on in the next one."""
        line = self._lines.get(text)
        if line is None and not _GOES_ON.search(text):
            line = self._lines[text] = self._judged(imports_in(text))
        return line

    def _judged(self, imports: Iterable[Import]) -> _Line:
        found = (*imports,)
        here = (each for each in found if each.level or self._files.may_be_of(each.module))
        return _Line((*here,), any(map(leads_to_flask, found)))

    def files_of(self, path: str, data: bytes, imports: Iterable[Import]) -> set[str]:
        """Return the files that one with these imports loads."""
        found = _files_of(path, imports, self._files)
        if self._may_name(data):
            found.update(_named_in_strings(path, data, self._files, found))
        found.update(self._files.fixtures_of(path))
        return found

    def _may_name(self, data: bytes) -> bool:
        """Whether a string of a file may name what is here."""
        firsts = (pattern.findall(data) for pattern in _QUOTED_FIRST)
        return not all(map(self._first_names.isdisjoint, firsts))


class Reach(NamedTuple):
    """The files that can matter, which could not be read, and what each file here has to do with.

    `loads` are the files that one loads; `installed` are those that it loads if what is here is
    installed where it runs.
    """

    files: frozenset[str]
    errors: list[SourceError]
    loads: Mapping[str, Collection[str]]
    installed: Mapping[str, Collection[str]]


def files_that_matter(
    paths: Iterable[str], files: ModuleFiles, sources: Mapping[str, Source]
) -> Reach:
    """Return those of `paths`, all among `files`, that can matter.

    `sources` are those whose text is not the one on the disk.
    """
    errors: list[SourceError] = []
    loading = Loading(files)
    targets: dict[str, set[str]] = {}
    installed: dict[str, set[str]] = {}
    leading: list[str] = []
    # What the strings of these name matters only if a later one leads to Flask.
    before: list[str] = []
    for path, data in contents(paths, sources, errors):
        imports, leads = loading.imports_in(data)
        installed[path] = _installed(path, imports, files)
        if leads:
            leading.append(path)
        if leading:
            targets[path] = loading.files_of(path, data, imports)
        else:
            before.append(path)
    if not leading:
        return Reach(frozenset(), errors, {}, {})
    for path, data in contents(before, sources, errors):
        targets[path] = loading.files_of(path, data, loading.imports_in(data).here)
    users: dict[str, set[str]] = defaultdict(set)
    for path, each in targets.items():
        each &= targets.keys()
        for target in each:
            users[target].add(path)

    def loaded(path: str) -> Iterable[str]:
        found = targets.get(path, set())
        if any(_loads_by_names_of_a_run(data) for _, data in contents([path], sources, [])):
            found.update(files.beside(path))
        return found

    def using(path: str) -> Iterable[str]:
        return users.get(path, ())

    needed = _closure(_closure(leading, using), loaded)
    return Reach(frozenset(_closure(needed, using) & targets.keys()), errors, targets, installed)


def programs(reach: Reach, project_of: Callable[[str], str]) -> list[frozenset[str]]:
    """Return the files that matter in parts, none of which loads a file of another.

    `project_of` tells which project a file is in: those of one stay together. What one service of a
    repository registers or sets means nothing to another that it shares no code with. A name that
    several projects have at their top, such as ``app``, does not tell which of them is installed.
    """
    projects: dict[str, set[str]] = defaultdict(set)
    for path in reach.files:
        projects[project_of(path)].add(path)
    linked: dict[str, set[str]] = defaultdict(set)
    for path in reach.files:
        installed = _told_apart(reach.installed[path], project_of)
        for each in {*reach.files.intersection(reach.loads[path]), *installed}:
            linked[project_of(path)].add(project_of(each))
            linked[project_of(each)].add(project_of(path))
    parts: list[frozenset[str]] = []
    left = {*projects}
    while left:
        found = _closure([left.pop()], lambda folder: linked.get(folder, ()))
        left -= found
        parts.append(frozenset().union(*(projects[folder] for folder in found & projects.keys())))
    return sorted(parts, key=min)


def _told_apart(places: Iterable[str], project_of: Callable[[str], str]) -> Iterator[str]:
    """Yield the places of the names that only one project has, and that are nobody else's."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for place in places:
        by_name[_name_at(place)].append(place)
    for name, every in by_name.items():
        named = [each for each in every if not is_folder(each)] or every
        if not is_well_known(name) and len({project_of(each) for each in named}) == 1:
            yield from named


def _name_at(place: str) -> str:
    """Return the name under which code imports a file or a folder."""
    return place.rstrip("/").removesuffix("/__init__.py").rpartition("/")[2].removesuffix(".py")


def _files_of(path: str, imports: Iterable[Import], files: ModuleFiles) -> set[str]:
    """Return the files that importing the module at `path` runs, but for those that they import."""
    found: set[str] = set(files.packages_of(path))
    for each in imports:
        if each.level:
            place = files.relative(path, each.module or None, each.level)
        else:
            place = _nearest(each.module, path, files)
        if place is None:
            continue
        found.add(place)
        found.update(files.packages_of(place))
        for name in each.names:
            inside = files.inside(place, name)
            if inside is not None:
                found.add(inside)
    return found


def _installed(path: str, imports: Iterable[Import], files: ModuleFiles) -> set[str]:
    """Return what is here under the names of imports that find no module where they stand."""
    names = {each.module.partition(".")[0] for each in imports if each.level == 0}
    found = ((name, files.find(name, path)) for name in names)
    missing = (name for name, place in found if place is None or is_folder(place))
    return {place for name in missing for place in files.outermost(name)}


def _named_in_strings(
    path: str, data: bytes, files: ModuleFiles, known: Collection[str]
) -> Iterator[str]:
    """Yield the modules that strings of a file name: as modules, objects in them, or files.

    Those that are `known` may be left out.
    """
    for each in {*_QUOTED.findall(data)}:
        name = each.decode().removesuffix(".py").replace("/", ".")
        if files.may_be_of(name):
            place = _nearest(name, path, files)
            if place is not None and place not in known and _is_quoted_in_code(data, each):
                yield place


def _is_quoted_in_code(data: bytes, text: bytes) -> bool:
    """Whether some text follows a quote in a file outside of comments."""
    return any(
        _is_code(data, at) for quote in (b'"', b"'") for at in _places_of(data, quote + text)
    )


def _loads_by_names_of_a_run(data: bytes) -> bool:
    """Whether a file calls what loads modules, or asks which there are, outside of comments."""
    if not any(word in data for word in _IN_LOADING):
        return False
    return any(_is_code(data, call.start()) for call in _LOADING.finditer(data))


def _places_of(data: bytes, text: bytes) -> Iterator[int]:
    at = data.find(text)
    while at >= 0:
        yield at
        at = data.find(text, at + 1)


def _is_code(data: bytes, at: int) -> bool:
    """Whether no comment begins before an offset of a file in the same line."""
    return not _COMMENTED.match(data, data.rfind(b"\n", 0, at) + 1, at)


def _nearest(module: str, importer: str, files: ModuleFiles) -> str | None:
    """Return the place of a module, or of the package around it that is here."""
    while module and files.may_be_of(module):
        place = files.find(module, importer)
        if place is not None:
            return place
        module = module.rpartition(".")[0]
    return None


def _closure(first: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    """Return `first` and what follows from it, step by step."""
    found = set(first)
    left = [*found]
    while left:
        new = set(following(left.pop())) - found
        found |= new
        left += new
    return found
