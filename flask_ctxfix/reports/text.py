"""Findings for people: with the code and the advice, or in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from click import style, unstyle

if TYPE_CHECKING:
    from flask_ctxfix.outcome import Located, Outcome
    from flask_ctxfix.settings import Settings


def render(outcome: Outcome, settings: Settings, *, full: bool, colour: bool) -> bytes:
    """Return the findings that remain, one line each, or if `full` with code and advice."""
    lines: list[str] = []
    for result in outcome.results:
        for located in result.remaining:
            lines.append(_headline(located, settings))
            if full:
                lines += _code(located)
                lines.append(
                    f"  {style('= help:', fg='cyan', bold=True)} {_help(located, settings)}"
                )
                lines.append("")
    text = "".join(f"{line}\n" for line in lines)
    return (text if colour else unstyle(text)).encode("utf-8", "surrogateescape")


def _headline(located: Located, settings: Settings) -> str:
    finding = located.finding
    row, column = located.start
    place = f"{style(finding.path, bold=True)}:{row}:{column}:"
    code = style(finding.code, fg="red" if finding.level == "error" else "yellow", bold=True)
    fixable = finding.fix is not None and settings.allows(finding.fix)
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


def _help(located: Located, settings: Settings) -> str:
    finding = located.finding
    if finding.fix is None or settings.allows(finding.fix):
        return finding.advice
    return f"{finding.advice} (fixed with --unsafe-fixes)"
