"""Patterns as .gitignore files write them.

Each pattern is matched against one file or folder, not against what lies below it: the walk does
not enter an ignored folder. A folder's name ends with a slash.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec.pattern import Pattern

_TRAILING = re.compile(r"(?<!\\) +$")
_SPECIAL = frozenset("*?[\\")
_ALL_BELOW = re.compile(r"(^!?|/)\*\*(/?)$")


class Patterns(NamedTuple):
    """Successive patterns that all ignore, or all take back what earlier ones ignore."""

    ignores: bool
    names: frozenset[str]
    paths: frozenset[str]
    others: tuple[Pattern, ...]

    def match(self, name: str, path: str) -> bool:
        """Whether one matches an entry by its name or by its path from the patterns' folder."""
        if name in self.names or path in self.paths:
            return True
        marked = _marked(path, "\0") if self.others else ""
        return any(pattern.match_file(marked) is not None for pattern in self.others)


def parse(lines: Iterable[str]) -> tuple[Patterns, ...]:
    """Return the patterns of a file, the last first: the first that matches decides.

    A pattern that is not valid matches nothing.
    """
    texts = (_TRAILING.sub("", line.rstrip("\r\n")) for line in lines)
    patterns = (text for text in texts if text and not text.startswith("#"))
    runs = groupby(patterns, key=lambda text: text.startswith("!"))
    return tuple(_join(not takes_back, run) for takes_back, run in runs)[::-1]


def _join(ignores: bool, run: Iterable[str]) -> Patterns:
    """Return a run of patterns; pathspec is imported only if one has more than plain characters."""
    names: set[str] = set()
    paths: set[str] = set()
    others: list[Pattern] = []
    for text in run:
        glob = text.removeprefix("!")
        if not _SPECIAL.isdisjoint(glob):
            others += _compile(text)
            continue
        folder = glob.removeprefix("/").removesuffix("/") + "/"
        entries = (folder,) if glob.endswith("/") else (folder, folder[:-1])
        (paths if "/" in glob[:-1] else names).update(entries)
    return Patterns(ignores, frozenset(names), frozenset(paths), tuple(others))


def _compile(text: str) -> Sequence[Pattern]:
    from pathspec import GitIgnoreSpec

    # What "**" ends with matches what lies in a folder, in pathspec also the folder itself.
    text = _ALL_BELOW.sub(r"\1**/*\2", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return GitIgnoreSpec.from_lines([_marked(text, "\\\0")]).patterns
    except (ValueError, re.error):
        return ()


def _marked(path: str, mark: str) -> str:
    """Mark the end of the last name.

    With marks on both, a pattern of pathspec matches an entry only, and nothing below it.
    """
    return f"{path[:-1]}{mark}/" if path.endswith("/") else path + mark
