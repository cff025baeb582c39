"""Which files can matter: those that lead to Flask, what they load, and who else uses that.

A file loads what it imports, and modules that its strings name: settings, tasks, blueprints. One
that loads by names which only a run knows may load whatever is in its folder. That is decided on
the bytes of the files, before anything is parsed; a text that looks like an import only makes a
file more to search.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.flask_facts import BUILT_ON_FLASK
from flask_ctxfix.module_files import ModuleFiles
from flask_ctxfix.prefilter import contents

if TYPE_CHECKING:
    from flask_ctxfix.source import Source

_NAMED = re.compile(rb"[^\s,()\\;#]+(?:[ \t]+as[ \t]+[^\s,()\\;#]+)?")
_QUOTED = re.compile(rb"""["']([A-Za-z_][\w./]*)["':]""")
_CONTINUED = re.compile(rb"\\\r?\n")
_SEPARATOR = re.compile(rb"[;:]")
# What stands before the word in "from … import" is the name of a module.
_LONGEST_HEAD = 1_000
# Calls that load modules by a name or a path, and what asks which there are.
_LOADING = re.compile(
    rb"\b(?:import_module|import_string|find_modules|iter_modules|walk_packages|run_module|run_path"
    rb"|spec_from_file_location|from_object|from_envvar|from_pyfile|from_prefixed_env"
    rb"|config_from_object|autodiscover_tasks|__import__)\("
)
_BRACKETS = re.compile(rb"\(((?:[^)#]+|#[^\r\n]*)*)")
# A sign before any quote of the line is not part of a text.
_COMMENTED = re.compile(rb"[^\"'\n]*#")
_COMMENT = re.compile(rb"#[^\r\n]*")
_BY_CALL = re.compile(rb"""(?:_module|__)\(\s*[rRuU]?["'](\.*)([\w.]+)["']""")
_LINE_END = re.compile(rb"(?<!\\)(?<!\\\r)[\r\n]|;")
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


def _imports_at(data: bytes, at: int) -> Iterator[Import]:
    """Yield what the ``import`` that stands at an offset names, if it is a statement or a call."""
    end = at + 6
    follows = data[end : end + 1]
    if follows in b" \t(\\*\f" and follows:
        yield from _statement(_head(data, at), data, end)
    elif follows == b"_":
        called = _BY_CALL.match(data, end)
        if called:
            yield Import(called[2].decode(), len(called[1]))


def _head(data: bytes, at: int) -> bytes | None:
    """Return what stands before an offset in the same statement; None in a comment."""
    first = max(0, at - _LONGEST_HEAD)
    start = max(data.rfind(b"\n", first, at), data.rfind(b"\r", first, at), first - 1) + 1
    line = data[start:at]
    if data.endswith((b"\\\n", b"\\\r\n"), first, start):
        line = _CONTINUED.sub(b" ", data[first:at])
        line = line[max(line.rfind(b"\n"), line.rfind(b"\r")) + 1 :]
    if b"#" in line:
        return None
    return _SEPARATOR.split(line)[-1].removeprefix(BOM_UTF8).strip()


def _statement(head: bytes | None, data: bytes, start: int) -> Iterator[Import]:
    if head is None:
        return
    if not head:
        for name in _named(data, start):
            yield Import(name)
    elif head.startswith(b"from"):
        source = _FROM.match(head)
        if source:
            level = source[1].count(b".")
            module = source[2].decode(errors="replace")
            if level or module:
                yield Import(module, level, tuple(_named(data, start)))


def _named(data: bytes, start: int) -> Iterator[str]:
    """Yield the names that an import lists from an offset on."""
    while data[start : start + 1] in (b" ", b"\t", b"\f"):
        start += 1
    if (in_brackets := _BRACKETS.match(data, start)) is not None:
        listed = _COMMENT.sub(b"", in_brackets[1])
    else:
        end = _LINE_END.search(data, start)
        listed = data[start : end.start() if end else len(data)].partition(b"#")[0]
    for each in _NAMED.findall(listed.replace(b"\\", b" ")):
        yield each.split()[0].decode(errors="replace")


def leads_to_flask(each: Import) -> bool:
    """Whether an import names Flask, an extension of it, or a package that builds on it."""
    if each.level == 0 and each.module.partition(".")[0] in BUILT_ON_FLASK:
        return True
    return "flask" in each.module or "flask" in "\n".join(each.names)


def files_that_matter(
    paths: Collection[str], files: ModuleFiles, sources: Mapping[str, Source]
) -> frozenset[str]:
    """Return those of `paths`, all among `files`, that can matter; `sources` are those whose text
    is not the one on the disk.
    """
    imports = {path: tuple(imports_in(data)) for path, data in contents(paths, sources)}
    leading = {path for path, each in imports.items() if any(map(leads_to_flask, each))}
    if not leading:
        return frozenset()
    targets = {
        path: _loaded(path, data, imports.get(path, ()), files) & imports.keys()
        for path, data in contents(imports, sources)
    }
    users: dict[str, set[str]] = defaultdict(set)
    for path, each in targets.items():
        for target in each:
            users[target].add(path)

    def loaded(path: str) -> Iterable[str]:
        found = targets.get(path, set())
        if any(_is_code(data, _LOADING) for _, data in contents([path], sources)):
            return found.union(files.beside(path))
        return found

    def using(path: str) -> Iterable[str]:
        return users.get(path, ())

    needed = _closure(_closure(leading, using), loaded)
    return frozenset(_closure(needed, using) & imports.keys())


def _loaded(path: str, data: bytes, imports: Iterable[Import], files: ModuleFiles) -> set[str]:
    """Return the files that one with these imports loads."""
    found = _files_of(path, imports, files)
    found.update(_named_in_strings(path, data, files))
    found.update(files.fixtures_of(path))
    return found


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


def _named_in_strings(path: str, data: bytes, files: ModuleFiles) -> Iterator[str]:
    """Yield the modules that strings of a file name: as modules, objects in them, or files."""
    for each in {*_QUOTED.findall(data)}:
        name = each.decode().removesuffix(".py").replace("/", ".")
        if files.may_be_of(name) and _is_code(data, re.compile(rb"[\"']" + re.escape(each))):
            place = _nearest(name, path, files)
            if place is not None:
                yield place


def _is_code(data: bytes, wanted: re.Pattern[bytes]) -> bool:
    """Whether something stands in a file outside of comments."""
    starts = (match.start() for match in wanted.finditer(data))
    return any(not _COMMENTED.match(data, data.rfind(b"\n", 0, at) + 1, at) for at in starts)


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
