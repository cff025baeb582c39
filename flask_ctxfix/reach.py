"""Which files can matter: those from which imports lead to Flask, and what they load in turn.

They load what they import, and modules that their strings name: settings, tasks, blueprints. That
is decided on the bytes of the files, before anything is parsed. A text that looks like an import
only makes a file more to search.
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
_BRACKETS = re.compile(rb"\(((?:[^)#]+|#[^\r\n]*)*)")
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


def _head(data: bytes, at: int) -> bytes:
    """Return what stands before an offset in the same statement."""
    start = at
    while True:
        start = max(data.rfind(b"\n", 0, start), data.rfind(b"\r", 0, start))
        if start < 0 or not data.endswith((b"\\", b"\\\r"), 0, start):
            break
    head = data[start + 1 : at].removeprefix(BOM_UTF8).strip()
    if not head or head.startswith(b"from"):
        return head
    return re.split(rb"[;:]", head)[-1].strip()


def _statement(head: bytes, data: bytes, start: int) -> Iterator[Import]:
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
    return "flask" in each.module or any("flask" in name for name in each.names)


def files_that_matter(
    paths: Collection[str], files: ModuleFiles, sources: Mapping[str, Source]
) -> frozenset[str]:
    """Return those of `paths`, all among `files`, that can matter; `sources` are those whose text
    is not the one on the disk.
    """
    imports = {path: tuple(imports_in(data)) for path, data in contents(paths, sources)}
    first = {path for path, each in imports.items() if any(map(leads_to_flask, each))}
    if not first:
        return frozenset()
    imported = {path: _files_of(path, each, files) for path, each in imports.items()}
    importers: dict[str, set[str]] = defaultdict(set)
    for path, targets in imported.items():
        for target in targets:
            importers[target].add(path)
    leading = _closure(first, lambda reached: [importers.get(each, ()) for each in reached])

    def loaded(reached: Collection[str]) -> Iterator[Iterable[str]]:
        for path, data in contents(reached, sources):
            yield imported.get(path, ())
            yield _named_in_strings(path, data, files)

    return frozenset(_closure(leading, loaded).intersection(imports))


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
        place = _nearest(each.decode().removesuffix(".py").replace("/", "."), path, files)
        if place is not None:
            yield place


def _nearest(module: str, importer: str, files: ModuleFiles) -> str | None:
    """Return the place of a module, or of the package around it that is here."""
    while module and files.may_be_of(module):
        place = files.find(module, importer)
        if place is not None:
            return place
        module = module.rpartition(".")[0]
    return None


def _closure(
    first: Iterable[str], following: Callable[[Collection[str]], Iterable[Iterable[str]]]
) -> set[str]:
    """Return `first` and what follows from it, step by step."""
    found = set(first)
    new = found
    while new:
        new = {path for each in following(new) for path in each} - found
        found |= new
    return found
