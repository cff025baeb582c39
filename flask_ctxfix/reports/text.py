"""Findings for people: with the code, the path and the advice, or in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from click import style, unstyle

from flask_ctxfix.codemod import Untold
from flask_ctxfix.reports import paths

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Finding
    from flask_ctxfix.outcome import Located, Outcome
    from flask_ctxfix.reports.paths import Marks
    from flask_ctxfix.settings import Settings


def render(
    outcome: Outcome, settings: Settings, *, colour: bool, marks: Marks, is_explained: bool
) -> bytes:
    """Return the findings that remain, one line each if the settings say so.

    Otherwise, and if `is_explained`, each comes with its code, its path and its advice.
    """
    is_concise = settings.output_format == "concise" and not is_explained
    lines: list[str] = []
    for result in outcome.results:
        settings = outcome.projects.settings(result.before.path)
        for located in result.remaining:
            headline = _headline(located, settings)
            if is_concise:
                way = paths.line(located.finding, located.start[0], marks)
                lines.append(f"{headline} [{way}]" if way else headline)
            else:
                lines += [headline, *_code(located), *_path(located, marks)]
                lines += [f"{_label(name)} {said}" for name, said in _said(located, settings)]
                lines.append("")
    text = "".join(f"{line}\n" for line in lines)
    return (text if colour else unstyle(text)).encode("utf-8", "surrogateescape")


def _headline(located: Located, settings: Settings) -> str:
    finding = located.finding
    row, column = located.start
    place = f"{style(finding.filename, bold=True)}:{row}:{column}:"
    colour = "red" if finding.level == "error" else "yellow"
    code, level = (style(text, fg=colour, bold=True) for text in (finding.code, finding.level))
    fixable = finding.fix is not None and settings.allows(finding.fix.applicability)
    mark = f" [{style('*', fg='cyan')}]" if fixable else ""
    return f"{place} {code}{mark} {level}: {finding.message}"


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


def _path(located: Located, marks: Marks) -> Iterator[str]:
    rows = list(paths.table(located.finding, located.start[0], marks))
    if rows:
        yield _label("path")
        yield from (f"      {row}" for row in rows)


def _said(located: Located, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a finding below its path, each with its label."""
    finding, fix = located.finding, located.finding.fix
    if finding.help:
        yield "help", f"{finding.help}{_shown_by(finding, settings)}"
    for note in finding.notes:
        yield "note", note
    for label in finding.labels:
        yield "note", f"{label.filename}:{label.row}: {label.text}"
    if fix is not None and fix.unsafe_reason is not None:
        is_off = not settings.allows(fix.applicability)
        how = " (--unsafe-fixes makes the fix)" if is_off else ""
        yield "unsafe", f"{fix.unsafe_reason}{how}"
    if finding.no_fix_reason is not None:
        yield "no fix", finding.no_fix_reason


def _shown_by(finding: Finding, settings: Settings) -> str:
    """Return where to see what a fix does, in brackets, if the help does not tell all of it."""
    if finding.fix is None or not isinstance(finding.help, Untold):
        return ""
    is_off = not settings.allows(finding.fix.applicability)
    return f" (see `--diff{' --unsafe-fixes' if is_off else ''}`)"
