"""Import statements in the order that isort and Ruff give them, where a file had them so."""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, cast

from flask_ctxfix.statements import blocks_in

# What is written for people who do not say how long their lines are to be.
_LENGTH = 88
_FUTURE, _STANDARD, _INSTALLED, _OWN, _RELATIVE = range(5)
_DIGITS = re.compile(r"(\d+)")

IsOwn = Callable[[str], bool]
Key = tuple[object, ...]
_ImportNode = ast.Import | ast.ImportFrom


def in_order(old: str, tree: ast.Module, new: str, length: int | None, is_own: IsOwn) -> str:
    """Return `new` with its imports sorted, if all those are of `old`, which it was made of.

    `tree` is that of `old`; `is_own` says whether a module is of the project. What `old` has is not
    put in another order, and nothing is done to a file that directs isort itself.
    """
    if "isort:" in old:
        return new
    try:
        after = _runs(ast.parse(new), new)
    except (SyntaxError, ValueError, RecursionError):
        return new  # which is refused
    before = _runs(tree, old)
    if [run.lines for run in before] == [run.lines for run in after]:
        return new
    longest = max((len(line.rstrip()) for run in before for line in run.lines), default=0)
    writer = _Writer(before, length or max(_LENGTH, longest), is_own)
    if not all(map(writer.is_sorted, before)):
        return new
    lines = _lines(new)
    for run in reversed(after):
        lines[run.row : run.row + len(run.lines)] = writer.written(run)
    return "".join(lines)


class _Import(NamedTuple):
    """An import statement: its lines, and the comments that stand right above it."""

    node: _ImportNode
    comments: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def home(self) -> str:
        """The module that is imported, or imported from."""
        if isinstance(self.node, ast.ImportFrom):
            return "." * self.node.level + (self.node.module or "")
        return self.node.names[0].name

    @property
    def is_plain(self) -> bool:
        """Whether this imports names from a module, and can be written anew."""
        if self.comments or not isinstance(self.node, ast.ImportFrom):
            return False
        return self.node.names[0].name != "*" and not any(
            mark in line for line in self.lines for mark in "#\\;"
        )

    @property
    def is_spread(self) -> bool:
        """Whether this is to stay on several lines, which is what its last comma says."""
        return "".join("".join(self.lines).split()).endswith(",)")


class _Run(NamedTuple):
    """Imports of one block that follow one another; `lines` are all, from the `row` from 0 on."""

    row: int
    lines: list[str]
    imports: list[_Import]

    @property
    def is_alone(self) -> bool:
        """Whether nothing else stands on the lines of the imports."""
        return self.lines[-1].endswith(("\n", "\r")) and all(
            each.lines[0].lstrip().startswith(("import", "from"))
            and ";" not in each.lines[-1].partition("#")[0]
            for each in self.imports
        )


class _Writer:
    """Writes imports in the style of the runs of a file."""

    def __init__(self, runs: Sequence[_Run], length: int, is_own: IsOwn) -> None:
        every = [each for run in runs for each in run.imports]
        self._known = {each.lines for each in every}
        self._length = length
        self._is_own = is_own
        self._parts_renamed = not any(
            len(each.node.names) > 1 and _has_renamed(each.node) for each in every
        )
        self._is_one_a_line = any(
            sum(not _has_renamed(each.node) for each in group) > 1
            for run in runs
            for (kind, _), same in groupby(
                run.imports, key=lambda each: (type(each.node), each.home)
            )
            if kind is ast.ImportFrom and len(group := list(same)) > 1
        )

    def is_sorted(self, run: _Run) -> bool:
        """Whether a run of the file as it was has nothing to sort."""
        keys = list(map(self._key, run.imports))
        if self.written(run) != run.lines or keys != sorted(keys):
            return False
        for node in (each.node for each in run.imports):
            names = list(map(_member_key, node.names))
            is_one = len(names) == 1
            if not is_one and (isinstance(node, ast.Import) or names != sorted(names)):
                return False
        return True

    def written(self, run: _Run) -> list[str]:
        """Return the lines of a run, sorted; as they are where that is not for us to do."""
        if not run.is_alone:
            return run.lines
        imports = self._remade(run.imports)
        before = [each.lines for each in run.imports if each.lines in self._known]
        imports.sort(key=self._key)
        after = [each.lines for each in imports if each.lines in before]
        if [each for each in before if each in after] != after:
            return run.lines
        newline = run.lines[0][len(run.lines[0].rstrip("\r\n")) :] or "\n"
        lines: list[str] = []
        for at, each in enumerate(imports):
            if at and self._section(each) != self._section(imports[at - 1]):
                lines.append(newline)
            lines += each.comments
            lines += each.lines
        return lines

    def _remade(self, imports: Sequence[_Import]) -> list[_Import]:
        """Return the imports; of what is new, with a statement for each that isort gives one."""
        made: list[_Import] = []
        done: set[str] = set()
        for each in imports:
            same = [other for other in imports if other.is_plain and other.home == each.home]
            if each not in same or not self._is_remade(same):
                made.append(each)
            elif each.home not in done:
                done.add(each.home)
                made += self._statements(same)
        return made

    def _is_remade(self, same: Sequence[_Import]) -> bool:
        """Whether the imports from one module are to be joined, parted or broken into lines."""
        if len([each for each in same if not _has_renamed(each.node)]) > 1:
            return not self._is_one_a_line
        return any(
            each.lines not in self._known
            and (
                max(len(line.rstrip()) for line in each.lines) > self._length
                or (self._parts_renamed and len(each.node.names) > 1 and _has_renamed(each.node))
            )
            for each in same
        )

    def _statements(self, same: Sequence[_Import]) -> Iterator[_Import]:
        """Yield the statements that import what those of one module do."""
        names = {(name.name, name.asname): name for each in same for name in each.node.names}
        each_alone = [
            [name]
            for name in names.values()
            if self._is_one_a_line or (name.asname is not None and self._parts_renamed)
        ]
        together = [name for name in names.values() if [name] not in each_alone]
        spread = any(each.is_spread for each in same)
        for group in (together, *each_alone):
            if group:
                is_spread = spread and group is together
                yield self._statement(same[0], sorted(group, key=_member_key), is_spread)

    def _statement(self, like: _Import, names: list[ast.alias], is_spread: bool) -> _Import:
        first = like.lines[0]
        indentation = first[: len(first) - len(first.lstrip())]
        newline = first[len(first.rstrip("\r\n")) :] or "\n"
        listed = [f"{n.name} as {n.asname}" if n.asname else n.name for n in names]
        head = f"{indentation}from {like.home} import "
        lines = [head + ", ".join(listed)]
        if is_spread or len(lines[0]) > self._length:
            step = "\t" if "\t" in indentation else "    "
            inner = [f"{indentation}{step}{each}," for each in listed]
            lines = [f"{head}(", *inner, f"{indentation})"]
        node = ast.ImportFrom(like.home.lstrip(".") or None, names, _dots(like.home))
        return _Import(node, (), tuple(line + newline for line in lines))

    def _section(self, each: _Import) -> int:
        top = each.home.partition(".")[0]
        if not top:
            return _RELATIVE
        if top == "__future__":
            return _FUTURE
        if top in sys.stdlib_module_names:
            return _STANDARD
        return _OWN if self._is_own(top) else _INSTALLED

    def _key(self, each: _Import) -> Key:
        is_from = isinstance(each.node, ast.ImportFrom)
        members = tuple(map(_member_key, each.node.names if is_from else ()))
        home = each.home
        name = home.lstrip(".")
        return self._section(each), is_from, -_dots(home), _natural(name), name, members


def _has_renamed(node: _ImportNode) -> bool:
    return any(name.asname is not None for name in node.names)


def _dots(home: str) -> int:
    return len(home) - len(home.lstrip("."))


def _member_key(name: ast.alias) -> Key:
    text = name.name
    kind = 0 if text.isupper() and len(text) > 1 else 1 if text[:1].isupper() else 2
    return kind, _natural(text), text, name.asname or ""


def _natural(text: str) -> Key:
    parts = filter(None, _DIGITS.split(text.lower()))
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)


def _lines(text: str) -> list[str]:
    """Return the lines as Python's parser counts them, each with its end."""
    return io.StringIO(text, newline="").readlines()


def _runs(tree: ast.Module, text: str) -> list[_Run]:
    """Return the runs of imports of a module, in the order of the text."""
    lines = _lines(text)
    blocks = [tree.body, *(block for node in ast.walk(tree) for block in blocks_in(node))]
    found = {
        run.row: run
        for block in blocks
        for is_import, group in groupby(block, key=_is_import)
        if is_import
        for run in [_run_of(cast("list[_ImportNode]", list(group)), lines)]
    }
    return [found[row] for row in sorted(found)]


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, _ImportNode)


def _run_of(statements: Sequence[_ImportNode], lines: Sequence[str]) -> _Run:
    start = row = statements[0].lineno - 1
    imports: list[_Import] = []
    for statement in statements:
        first, end = statement.lineno - 1, cast(int, statement.end_lineno)
        comments = [line for line in lines[row:first] if line.strip()]
        imports.append(_Import(statement, tuple(comments), tuple(lines[first:end])))
        row = end
    return _Run(start, list(lines[start:row]), imports)
