"""Findings for people: with the code, the advice and the proof, or in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING

from click import style, unstyle

from flask_ctxfix.source import SourceError, read

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Step
    from flask_ctxfix.outcome import Located, Outcome
    from flask_ctxfix.settings import Settings


def render(
    outcome: Outcome, settings: Settings, *, colour: bool, arrow: str, is_explained: bool
) -> bytes:
    """Return the findings that remain, one line each if the settings say so.

    Otherwise each comes with its code, its advice and its proof: in one line, with an `arrow` from
    step to step, or if `is_explained` with each step beside the line that it is about.
    """
    is_concise = settings.output_format == "concise" and not is_explained
    line_of = _reader(outcome)
    lines: list[str] = []
    for result in outcome.results:
        settings = outcome.projects.settings(result.before.path)
        for located in result.remaining:
            lines.append(_headline(located, settings))
            if not is_concise:
                lines += _code(located)
                lines.append(f"{_label('help')} {_help(located, settings)}")
                steps = located.finding.proof
                lines += _table(steps, line_of) if is_explained else _chain(steps, arrow)
                lines.append("")
    text = "".join(f"{line}\n" for line in lines)
    return (text if colour else unstyle(text)).encode("utf-8", "surrogateescape")


def _headline(located: Located, settings: Settings) -> str:
    finding = located.finding
    row, column = located.start
    place = f"{style(finding.path, bold=True)}:{row}:{column}:"
    code = style(finding.code, fg="red" if finding.level == "error" else "yellow", bold=True)
    fixable = finding.fix is not None and settings.allows(finding.fix.applicability)
    mark = f" [{style('*', fg='cyan')}]" if fixable else ""
    return f"{place} {code}{mark} {finding.message}"


def _code(located: Located) -> Iterator[str]:
    """Yield the first line of a finding's code, underlined, in a frame."""
    (row, column), (end_row, end_column) = located.start, located.end
    line = located.line
    end = end_column if end_row == row else len(line) + 1
    before = "".join(char if char == "\t" else " " for char in line[: column - 1])
    under = style("^" * max(1, end - column), fg="red", bold=True)
    gutter = " " * len(str(row))
    yield f"{gutter} |"
    yield f"{row} | {line}"
    yield f"{gutter} | {before}{under}"


def _label(name: str) -> str:
    return f"  {style(f'= {name}:', fg='cyan', bold=True)}"


def _help(located: Located, settings: Settings) -> str:
    finding = located.finding
    if finding.fix is None or settings.allows(finding.fix.applicability):
        return finding.advice
    return f"{finding.advice} (fixed with --unsafe-fixes)"


def _chain(steps: Sequence[Step], arrow: str) -> Iterator[str]:
    """Yield the proof in one line; nothing if there is none."""
    if steps:
        chain = f" {arrow} ".join(f"{step.text} ({step.path}:{step.row})" for step in steps)
        yield f"{_label('proof')} {chain}"


def _table(steps: Sequence[Step], line_of: Callable[[str, int], str]) -> Iterator[str]:
    """Yield the proof with one step a line; nothing if there is none."""
    if not steps:
        return
    yield _label("proof")
    places = [f"{step.path}:{step.row}" for step in steps]
    place_width = max(map(len, places))
    text_width = max(len(step.text) for step in steps)
    for place, step in zip(places, steps, strict=True):
        line = line_of(step.path, step.row)
        yield f"    {place:{place_width}}  {step.text:{text_width}}  {line}".rstrip()


def _reader(outcome: Outcome) -> Callable[[str, int], str]:
    """Return what gives a line of a file, as the run leaves it; "" if it cannot be read."""
    sources = {result.after.path: result.after for result in outcome.results}

    @cache
    def lines(path: str) -> list[str]:
        try:
            source = sources.get(path) or read(path)
        except SourceError:
            return []
        return list(StringIO(source.text, newline=None))

    return lambda path, row: "".join(lines(path)[row - 1 : row]).strip()
