"""Findings for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.codemod import RewriteError
from flask_ctxfix.module import Module
from flask_ctxfix.rewrite import rewrite, without_conflicts
from flask_ctxfix.source import SourceError

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Fix, Step
    from flask_ctxfix.outcome import Located, Outcome

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

Object = dict[str, object]


def render(outcome: Outcome) -> bytes:
    """Return the findings that remain as a JSON array, in the shape that Ruff gives them."""
    changes = _Changes(outcome)
    findings = [
        _finding(changes, located) for result in outcome.results for located in result.remaining
    ]
    return json.dumps(findings, indent=2).encode() + b"\n"


def _finding(changes: _Changes, located: Located) -> Object:
    finding = located.finding
    return {
        "code": finding.code,
        "name": finding.name,
        "level": finding.level,
        "message": finding.message,
        "filename": finding.filename,
        "location": _location(*located.start),
        "end_location": _location(*located.end),
        "path": [_step(step) for step in finding.path],
        "help": finding.help,
        "notes": list(finding.notes),
        "labels": [label._asdict() for label in finding.labels],
        "fix": _fix(changes, finding.filename, finding.fix) if finding.fix is not None else None,
        "no_fix_reason": finding.no_fix_reason,
        "url": None,
    }


def _location(row: int, column: int) -> Object:
    return {"row": row, "column": column}


def _step(step: Step) -> Object:
    return {
        "role": step.role,
        "kind": step.kind,
        "function": step.function.name if step.function is not None else None,
        "code": step.code,
        "filename": step.filename,
        "row": step.row,
        "column": step.column,
        "end_row": step.end_row,
        "end_column": step.end_column,
        "context": step.context,
        "verb": step.does,
        "message": ": ".join(text for text in (step.lane, step.says) if text),
        "error": step.error or None,
    }


def _fix(changes: _Changes, path: str, fix: Fix) -> Object:
    return {
        "applicability": fix.applicability,
        "message": fix.message,
        "unsafe_reason": fix.unsafe_reason,
        "edits": changes.of(_Placed(path, fix)),
    }


class _Placed(NamedTuple):
    """A fix, and the file that it is made in."""

    path: str
    fix: Fix


class _Changes:
    """What the fixes of a run do to the files, each with those that it cannot be made without."""

    def __init__(self, outcome: Outcome) -> None:
        self._programs = outcome.programs
        self._sources = {result.path: result.after for result in outcome.results}
        self._modules: dict[str, Module] = {}
        self._known: dict[frozenset[_Placed], list[Object]] = {}
        self._groups: dict[str, list[_Placed]] = {}
        for result in outcome.results:
            fixes = [each.finding.fix for each in result.remaining if each.finding.fix is not None]
            for fix in (*fixes, *result.parts):
                for group in fix.groups:
                    self._groups.setdefault(group, []).append(_Placed(result.path, fix))

    def of(self, placed: _Placed) -> list[Object]:
        """Return all that a fix does to whole lines; nothing if it cannot be made.

        That includes what it does to imports, so that the edits of two findings may meet.
        """
        together = self._made_with(placed)
        if together not in self._known:
            try:
                self._known[together] = [*self._edits(together)]
            except (RewriteError, SourceError, RecursionError):
                self._known[together] = []
        return self._known[together]

    def _made_with(self, placed: _Placed) -> frozenset[_Placed]:
        """Return a fix and all that take part in its groups, or in theirs."""
        found = {placed}
        left = [placed]
        while left:
            groups = left.pop().fix.groups
            more = {each for group in groups for each in self._groups[group]} - found
            found |= more
            left += more
        return frozenset(found)

    def _edits(self, together: frozenset[_Placed]) -> Iterator[Object]:
        for path in sorted({each.path for each in together}):
            module = self._module(path)
            fixes = [each.fix for each in together if each.path == path]
            ordered = sorted(fixes, key=lambda fix: [edit.span for edit in fix.edits])
            new = rewrite(module, without_conflicts(ordered), self._programs.get(path))
            yield from _lines(path, module.text, new)

    def _module(self, path: str) -> Module:
        if path not in self._modules:
            self._modules[path] = Module(self._sources[path])
        return self._modules[path]


def _lines(path: str, before: str, after: str) -> Iterator[Object]:
    """Yield the lines of a file that change."""
    old, new = _LINE.findall(before), _LINE.findall(after)
    for kind, first, last, start, end in SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            yield {
                "filename": path,
                "content": "".join(new[start:end]),
                "location": _location(first + 1, 1),
                "end_location": _location(last + 1, 1),
            }
