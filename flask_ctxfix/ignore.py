"""Patterns as .gitignore files write them.

Each pattern is matched against one file or folder, not against what lies below it: the walk does
not enter an ignored folder. A folder's name ends with a slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<stars>\*+)|(?P<one>\?)"
    r"|\[(?P<negated>[!^]?)(?P<members>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]|(?P<literal>.)",
    re.DOTALL,
)
_MEMBER = re.compile(
    r"\[:(?P<kind>[a-z]+):\]|(?P<low>\\.|[^\\])-(?P<high>\\.|[^\\])|(?P<one>\\.|[^\\])",
    re.DOTALL,
)
_KINDS = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_SPECIAL = frozenset("*?[\\")
_NEVER = "(?!)"


class _Pattern(NamedTuple):
    ignores: bool
    glob: str
    anchored: bool
    folders_only: bool


class Patterns(NamedTuple):
    """Successive patterns that all ignore, or all take back what earlier ones ignore."""

    ignores: bool
    names: frozenset[str]
    name: re.Pattern[str] | None
    path: re.Pattern[str] | None

    def match(self, name: str, path: str) -> bool:
        """Whether one matches an entry by its name or by its path from the patterns' folder."""
        return (
            name in self.names
            or (self.name is not None and self.name.fullmatch(name) is not None)
            or (self.path is not None and self.path.fullmatch(path) is not None)
        )


def parse(lines: Iterable[str]) -> tuple[Patterns, ...]:
    """Return the patterns of a file, the last first: the first that matches decides."""
    parsed = filter(None, map(_parse, lines))
    runs = [_join(list(run)) for _, run in groupby(parsed, key=lambda pattern: pattern.ignores)]
    return tuple(reversed(runs))


def _parse(line: str) -> _Pattern | None:
    text = re.sub(r"(?<!\\) +$", "", line.rstrip("\r\n"))
    if not text or text.startswith("#"):
        return None
    ignores = not text.startswith("!")
    glob = text if ignores else text[1:]
    folders_only = glob.endswith("/")
    glob = glob.removesuffix("/")
    if not glob:
        return None
    return _Pattern(ignores, glob.removeprefix("/"), "/" in glob, folders_only)


def _join(run: list[_Pattern]) -> Patterns:
    names: set[str] = set()
    by_name: list[str] = []
    by_path: list[str] = []
    for pattern in run:
        end = "/" if pattern.folders_only else "/?"
        if pattern.anchored:
            by_path.append(_path(pattern.glob) + end)
        elif _SPECIAL.isdisjoint(pattern.glob):
            names.add(pattern.glob + "/")
            names.update(() if pattern.folders_only else (pattern.glob,))
        else:
            by_name.append(_segment(pattern.glob) + end)
    return Patterns(run[0].ignores, frozenset(names), _compile(by_name), _compile(by_path))


def _compile(regexes: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(regexes), re.DOTALL) if regexes else None


def _path(glob: str) -> str:
    *folders, last = glob.split("/")
    regexes = ["(?:.+/)?" if _is_deep(folder) else _segment(folder) + "/" for folder in folders]
    return "".join(regexes) + (".+" if _is_deep(last) else _segment(last))


def _is_deep(segment: str) -> bool:
    return len(segment) > 1 and not segment.strip("*")


def _segment(glob: str) -> str:
    return "".join(map(_token, _TOKEN.finditer(glob)))


def _token(token: re.Match[str]) -> str:
    if token["stars"]:
        return "[^/]*"
    if token["one"]:
        return "[^/]"
    if token["members"] is not None:
        members = "".join(map(_member, _MEMBER.finditer(token["members"])))
        if token["negated"]:
            return f"[^/{members}]"
        return f"(?!/)[{members}]" if members else _NEVER
    if token["literal"] in ("[", "\\"):
        return _NEVER
    return re.escape(token["escaped"] or token["literal"])


def _member(member: re.Match[str]) -> str:
    if member["kind"]:
        return _KINDS.get(member["kind"], "")
    if member["one"]:
        return re.escape(member["one"][-1])
    low, high = member["low"][-1], member["high"][-1]
    return f"{re.escape(low)}-{re.escape(high)}" if low <= high else re.escape(low)
