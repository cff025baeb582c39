"""The rewrite as a unified diff that plain ``git apply`` takes."""

from __future__ import annotations

import os
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from click import style

if TYPE_CHECKING:
    from flask_ctxfix.outcome import FileResult, Outcome

_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
_COLOURS = {"@": "cyan", "+": "green", "-": "red"}


def render(outcome: Outcome, *, colour: bool) -> bytes:
    """Return the diff of all files that change.

    Like git's own, it names files from the top of the repository, or from the current folder where
    there is none.
    """
    top = _repository(Path.cwd().resolve())
    parts = (_file(result, top, colour) for result in outcome.results if result.is_changed)
    return b"".join(parts)


def _repository(folder: Path) -> Path:
    return next((path for path in (folder, *folder.parents) if (path / ".git").exists()), folder)


def _file(result: FileResult, top: Path, colour: bool) -> bytes:
    name = os.path.relpath(Path(result.before.path).resolve(), top)
    old, new = _quoted(f"a/{name}"), _quoted(f"b/{name}")
    # Git ends a name that holds a blank with a tab.
    end = "\t" if " " in name else ""
    header = [f"diff --git {old} {new}\n", f"--- {old}{end}\n", f"+++ {new}{end}\n"]
    before, after = (_lines(source.data) for source in (result.before, result.after))
    hunks = [_closed(line) for line in islice(unified_diff(before, after), 2, None)]
    if colour:
        header = [style(line, bold=True) for line in header]
        hunks = [style(line, fg=_COLOURS.get(line[0])) for line in hunks]
    return "".join([*header, *hunks]).encode("latin-1")


def _lines(data: bytes) -> list[str]:
    """Return the lines as git sees them: any bytes, ended by a line feed."""
    lines = data.decode("latin-1").split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _closed(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _quoted(name: str) -> str:
    """Return a file name as git writes it: in quotes if it holds anything but printable ASCII."""
    data = os.fsencode(name)
    escaped = "".join(map(_escaped, data))
    return f'"{escaped}"' if len(escaped) > len(data) else name


def _escaped(byte: int) -> str:
    if byte in _ESCAPES:
        return f"\\{_ESCAPES[byte]}"
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
