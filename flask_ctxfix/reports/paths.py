"""Paths as text: a table for reading, and one line for lists."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Finding, Step

_MOST_CODE = 60


class Marks(NamedTuple):
    """The signs that lead from step to step, and the one for what is left out."""

    call: str = "→"
    boundary: str = "⇒"
    cut: str = "…"


ASCII = Marks("->", "=>", "...")


class _Row(NamedTuple):
    lane: str
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
    lanes = groupby((step for step, _ in _merged(finding.path)), lambda step: step.lane)
    file = finding.filename
    texts = []
    for lane, group in lanes:
        steps = list(group)
        told = _told(steps, file, marks)
        texts.append(f"{lane}: {told}" if lane else told)
        file = steps[-1].filename
    return f" {marks.call} ".join(texts)


def _told(steps: list[Step], file: str, marks: Marks) -> str:
    """Return steps in one line, with the places that are not in `file`."""
    *before, last = steps
    text = ""
    for step, following in zip(before, steps[1:], strict=True):
        if step.role != "boundary" and step.function == following.function:
            continue  # what it does on the way is not told
        text += f"{_function(step)}{_place_outside(step, file)} {_sign(step, marks)} "
        file = step.filename
    # of two requests, each has its own line to look at
    place = f" ({last.filename}:{last.row})" if last.lane else _place_outside(last, file)
    text += f"{_function(last)}{place} "
    if last.role == "boundary":
        return text + _sign(last, marks)
    if last.role == "entry":
        return text + last.does
    return f"{text}{last.does} {_shortened(last.code, marks)}"


def _sign(step: Step, marks: Marks) -> str:
    """Return the sign that leads on from a step."""
    if step.role == "boundary":
        return f"{marks.boundary}{step.kind}{marks.boundary}"
    return marks.call


def _place_outside(step: Step, file: str) -> str:
    return "" if step.filename == file else f" ({_from_here(step.filename)}:{step.row})"


def _from_here(file: str) -> str:
    """Return the name of a file from this folder, though it was found from one above."""
    return os.path.relpath(file) if file.startswith(os.pardir) else file


def _says_more(finding: Finding, row: int) -> bool:
    """Whether a path shows what the line `row` of the finding does not: more lines, or an error."""
    steps = [step for step, _ in _merged(finding.path)]
    places = {(step.filename, step.row) for step in steps}
    return not places <= {(finding.filename, row)} or any(step.error for step in steps)


def _merged(path: tuple[Step, ...]) -> Iterator[tuple[Step, str]]:
    """Yield the steps, each with what its function is called as: an entry is no step of its own."""
    kind = ""
    for index, step in enumerate(path):
        if step.role == "entry":
            kind = step.kind
            following = path[index + 1 : index + 2]
            if any(_whose(each) == _whose(step) for each in following):
                continue
        yield step, kind
        kind = ""


def _whose(step: Step) -> tuple[str, object]:
    return step.request, step.function


def _rows(path: tuple[Step, ...], marks: Marks) -> Iterator[_Row]:
    for step, kind in _merged(path):
        place = f"{_from_here(step.filename)}:{step.row}"
        code = _shortened(step.code, marks) if step.role != "entry" else ""
        lane = f"{step.lane}:" if step.lane else ""
        yield _Row(lane, place, kind, _function(step), _verb(step), code, step.says)


def _verb(step: Step) -> str:
    return f"{step.does} {step.kind}".upper() if step.role == "boundary" else step.does


def _function(step: Step) -> str:
    return step.function.name if step.function is not None else "<module>"


def _shortened(code: str, marks: Marks) -> str:
    line = " ".join(code.split())
    return line if len(line) <= _MOST_CODE else line[: _MOST_CODE - len(marks.cut)] + marks.cut
