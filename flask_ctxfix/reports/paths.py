"""Paths as text: a table for reading, and one line for lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Finding, Step

_MOST_CODE = 60
# What ends the kind of a boundary at which a context is opened, and no other work starts.
_CONTEXT = "context"
_VERBS = {
    "entry": "is called",
    "call": "calls",
    "read": "reads",
    "write": "writes",
    "register": "registers",
}


class Marks(NamedTuple):
    """The signs that lead from step to step, and the one for what is left out."""

    call: str = "→"
    boundary: str = "⇒"
    cut: str = "…"


ASCII = Marks("->", "=>", "...")


class _Row(NamedTuple):
    place: str
    kind: str
    function: str
    verb: str
    code: str
    message: str


def table(finding: Finding, row: int, marks: Marks) -> Iterator[str]:
    """Yield the path of a finding in line `row`, one step a line; nothing if that line shows it."""
    rows = list(_rows(finding.path, marks))
    if not _says_more(finding, row):
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for each in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(each, widths, strict=True) if width)
        yield "  ".join(cells).rstrip()


def line(finding: Finding, row: int, marks: Marks) -> str:
    """Return the path of a finding in one line; "" if the line `row` that it is in shows it."""
    if not _says_more(finding, row):
        return ""
    steps = list(_merged(finding.path))
    text = ""
    file = finding.filename
    for step, _ in steps:
        place = "" if step.filename == file else f" ({step.filename}:{step.row})"
        file = step.filename
        mark = f" {marks.call} "
        if step.role == "boundary":
            mark = f" {marks.boundary}{step.kind}{marks.boundary} "
        text += f"{_function(step)}{place}{mark}"
    last, _ = steps[-1]
    if last.role == "boundary":
        return text.rstrip()
    text = text[: text.rindex(marks.call)]
    return f"{text}{_VERBS[last.role]} {_shortened(last.code, marks)}"


def _says_more(finding: Finding, row: int) -> bool:
    """Whether a path shows what the line `row` of the finding does not."""
    places = {(step.filename, step.row) for step, _ in _merged(finding.path)}
    return not places <= {(finding.filename, row)}


def _merged(path: tuple[Step, ...]) -> Iterator[tuple[Step, str]]:
    """Yield the steps, each with what its function is called as: an entry is no step of its own."""
    kind = ""
    for index, step in enumerate(path):
        if step.role == "entry":
            kind = step.kind
            if index + 1 < len(path) and path[index + 1].function == step.function:
                continue
        yield step, kind
        kind = ""


def _rows(path: tuple[Step, ...], marks: Marks) -> Iterator[_Row]:
    for step, kind in _merged(path):
        place = f"{step.filename}:{step.row}"
        code = _shortened(step.code, marks) if step.role != "entry" else ""
        yield _Row(place, kind, _function(step), _verb(step), code, step.message)


def _verb(step: Step) -> str:
    if step.role != "boundary":
        return _VERBS[step.role]
    return f"{'OPENS' if step.kind.endswith(_CONTEXT) else 'STARTS'} {step.kind.upper()}"


def _function(step: Step) -> str:
    return step.function.name if step.function is not None else "<module>"


def _shortened(code: str, marks: Marks) -> str:
    line = " ".join(code.split())
    return line if len(line) <= _MOST_CODE else line[: _MOST_CODE - len(marks.cut)] + marks.cut
