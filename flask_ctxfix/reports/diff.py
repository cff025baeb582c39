"""The rewrite as a unified diff that plain ``git apply`` takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
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
    changes = [_closed(line) for line in hunks(before, after)]
    if colour:
        header = [style(line, bold=True) for line in header]
        changes = [style(line, fg=_COLOURS.get(line[0])) for line in changes]
    return "".join([*header, *changes]).encode("latin-1")


def _lines(data: bytes) -> list[str]:
    """Return the lines as git sees them: any bytes, ended by a line feed."""
    lines = data.decode("latin-1").split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a unified diff, those that `difflib.unified_diff` gives."""
    for group in _Matcher(before, after).get_grouped_opcodes():
        _, old_start, _, new_start, _ = group[0]
        _, _, old_end, _, new_end = group[-1]
        yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@\n"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[old_start:old_end])
            else:
                yield from (f"-{line}" for line in before[old_start:old_end])
                yield from (f"+{line}" for line in after[new_start:new_end])


def _range(start: int, end: int) -> str:
    """Return which lines those are; where there are none, the line before."""
    length = end - start
    if length == 1:
        return str(end)
    return f"{start + 1 if length else start},{length}"


class _Matcher(SequenceMatcher[str]):
    """Matches the lines of two texts, and gives what `SequenceMatcher` gives.

    That one goes all through what is left of the texts for each block. But no run of equal lines is
    longer in a part than in the whole, so the first that is as long is the one to take.
    """

    a: Sequence[str]
    b: Sequence[str]
    b2j: dict[str, list[int]]

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__(None, before, after)
        # The longest run that a part can have, by where the part starts and ends in both texts.
        self._longest: dict[tuple[int, int, int, int], int] = {}

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        """Return the longest block of equal lines in a part: the first of them."""
        a_end = len(self.a) if ahi is None else ahi
        b_end = len(self.b) if bhi is None else bhi
        longest = self._longest.pop((alo, a_end, blo, b_end), a_end - alo)
        start, other, length = self._longest_run(alo, a_end, blo, b_end, longest)
        run = length
        while start > alo and other > blo and self.a[start - 1] == self.b[other - 1]:
            start, other, length = start - 1, other - 1, length + 1
        end, other_end = start + length, other + length
        while end < a_end and other_end < b_end and self.a[end] == self.b[other_end]:
            end, other_end = end + 1, other_end + 1
        self._longest[alo, start, blo, other] = run
        self._longest[end, a_end, other_end, b_end] = run
        return Match(start, other, end - start)

    def _longest_run(
        self, alo: int, ahi: int, blo: int, bhi: int, longest: int
    ) -> tuple[int, int, int]:
        """Return where the longest run of equal lines starts, the first of them, and its length.

        Lines that are all over the text do not count. The run has at most `longest` lines.
        """
        best = alo, blo, 0
        runs: dict[int, int] = {}  # the lengths of those that reach the line, by the line in `b`
        for line in range(alo, ahi):
            longer = {}
            for other in self.b2j.get(self.a[line], ()):
                if other < blo:
                    continue
                if other >= bhi:
                    break
                length = longer[other] = runs.get(other - 1, 0) + 1
                if length > best[2]:
                    best = line - length + 1, other - length + 1, length
                    if length == longest:
                        return best
            runs = longer
        return best


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
