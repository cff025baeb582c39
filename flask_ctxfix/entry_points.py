"""The entry points that installed distributions have: as ``importlib.metadata`` finds them.

It takes longer to import than a small run does to search, so it is only asked where distributions
are not plain folders.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

_SUFFIXES = (".dist-info", ".egg-info")
_VALUE = re.compile(r"(?P<module>[\w.]+)\s*(:\s*(?P<attributes>[\w.]+)\s*)?(\[.*\]\s*)?")
_SEPARATORS = re.compile(r"[-_.]+")


def entry_points(group: str) -> list[tuple[str, str]]:
    """Return the names and values of the entry points of a group, in their order."""
    if not _is_plain():
        from importlib import metadata

        return sorted((each.name, each.value) for each in metadata.entry_points(group=group))
    return sorted(each for text in _texts() for each in _of_group(text, group))


def load(value: str) -> Any:
    """Return what the value of an entry point names. Raises whatever its import raises."""
    match = _VALUE.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} names no object")
    found: Any = import_module(match["module"])
    for name in filter(None, (match["attributes"] or "").split(".")):
        found = getattr(found, name)
    return found


def _is_plain() -> bool:
    """Whether all distributions are folders in folders of the path."""
    others = (finder for finder in sys.meta_path if finder is not PathFinder)
    return not any(hasattr(finder, "find_distributions") for finder in others) and not any(
        place.endswith(".egg") or os.path.isfile(place)  # noqa: PTH113
        for place in sys.path
    )


def _texts() -> Iterator[str]:
    """Yield the files with entry points; of two distributions of one name, the first counts."""
    seen: set[str] = set()
    for place in sys.path:
        for child in _listed(place):
            name = _SEPARATORS.sub("_", child.rpartition(".")[0].partition("-")[0]).lower()
            if not child.endswith(_SUFFIXES) or name in seen:
                continue
            seen.add(name)
            try:
                with open(f"{place or '.'}/{child}/entry_points.txt", encoding="utf-8") as file:  # noqa: PTH123
                    yield file.read()
            except OSError:
                continue


def _listed(place: str) -> list[str]:
    try:
        return os.listdir(place or ".")  # noqa: PTH208
    except OSError:
        return []


def _of_group(text: str, group: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in map(str.strip, text.splitlines() if group in text else ()):
        if line.startswith("["):
            section = line.strip("[]")
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()
