"""Which findings a comment or a setting silences."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from flask_ctxfix.patterns import parse

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Finding
    from flask_ctxfix.module import Module
    from flask_ctxfix.settings import Settings

_NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z]+\d+(?:[\s,]+[A-Z]+\d+)*))?", re.IGNORECASE)
_SKIP_FILE = re.compile(r"^[ \t]*#[ \t]*flask-ctxfix:[ \t]*skip-file[ \t]*\r?$", re.MULTILINE)


def reported(module: Module, findings: Sequence[Finding], settings: Settings) -> list[Finding]:
    """Return those of `findings` that are neither silenced nor too unimportant."""
    if not findings or module.memo("skip file", lambda: _is_skipped(module.text)):
        return []
    ignored = _ignored(module.path, settings)
    return [
        finding
        for finding in findings
        if not finding.code.startswith(ignored)
        and (finding.level != "info" or settings.names(finding.code))
        and not is_silenced(module, finding)
    ]


def _is_skipped(text: str) -> bool:
    return "skip-file" in text and _SKIP_FILE.search(text) is not None


def _ignored(path: str, settings: Settings) -> tuple[str, ...]:
    """Return the prefixes of codes that ``per-file-ignores`` lists for `path`."""
    if not settings.per_file_ignores:
        return ()
    parts = PurePath(os.path.relpath(path, settings.root)).parts
    above = [("".join(f"{part}/" for part in parts[:i]), parts[i]) for i in range(len(parts))]
    entries = [(f"{name}/", f"{folder}{name}/") for folder, name in above[:-1]]
    entries += [(name, folder + name) for folder, name in above[-1:]]
    return tuple(
        prefix
        for pattern, prefixes in settings.per_file_ignores
        for run in parse([pattern])
        if run.ignores and any(run.match(name, path) for name, path in entries)
        for prefix in prefixes
    )


def is_silenced(module: Module, finding: Finding) -> bool:
    """Whether a comment in the line of a finding silences it."""
    row, _ = module.position(finding.span.start)
    noqa = module.memo(("noqa", row), lambda: _NOQA.search(module.line(row)))
    if noqa is None:
        return False
    codes = noqa["codes"]
    return codes is None or finding.code.startswith(tuple(re.split(r"[\s,]+", codes.upper())))
