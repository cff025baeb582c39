"""Findings for programs."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from flask_ctxfix.codemod import RewriteError
from flask_ctxfix.module import Module
from flask_ctxfix.rewrite import rewrite

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Fix, Step
    from flask_ctxfix.outcome import Located, Outcome

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

Object = dict[str, object]


def render(outcome: Outcome) -> bytes:
    """Return the findings that remain as a JSON array, in the shape that Ruff gives them."""
    findings: list[Object] = []
    for result in outcome.results:
        if result.remaining:
            module = Module(result.after)
            findings += [_finding(module, located) for located in result.remaining]
    return json.dumps(findings, indent=2).encode() + b"\n"


def _finding(module: Module, located: Located) -> Object:
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
        "fix": _fix(module, finding.fix) if finding.fix is not None else None,
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
        "message": step.message,
    }


def _fix(module: Module, fix: Fix) -> Object:
    return {
        "applicability": fix.applicability,
        "message": fix.message,
        "unsafe_reason": fix.unsafe_reason,
        "edits": _edits(module, fix),
    }


def _edits(module: Module, fix: Fix) -> list[Object]:
    """Return what `fix` alone does to whole lines; nothing if it cannot be applied alone."""
    try:
        new = _LINE.findall(rewrite(module, [fix]))
    except RewriteError:
        return []
    old = _LINE.findall(module.text)
    return [
        {
            "filename": module.path,
            "content": "".join(new[start:end]),
            "location": _location(first + 1, 1),
            "end_location": _location(last + 1, 1),
        }
        for kind, first, last, start, end in SequenceMatcher(None, old, new).get_opcodes()
        if kind != "equal"
    ]
