"""The one name by which a thing is known here, however code reaches it."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def spelled(names: Iterable[str]) -> frozenset[str]:
    """Return the last parts of qualified names: what code spells that uses one of them."""
    return frozenset(name.rpartition(".")[2] for name in names)


def is_well_known(name: str) -> bool:
    """Whether a name is one of Python's, Flask's or Werkzeug's, of which the facts are here."""
    package = name.partition(".")[0]
    return package in {"flask", "werkzeug"} or package in sys.stdlib_module_names


def without_vendor(origin: str) -> str:
    """Return the name that something has in its own package, of which another holds a copy."""
    package, separator, name = origin.partition(".vendor.")
    if not separator:
        package, separator, name = origin.partition("._vendor.")
    return name if separator and "." in name and "(" not in package else origin


def without_private_modules(origin: str, heads: frozenset[str]) -> str:
    """Return a qualified name without the private modules of its package, if that is a head."""
    head, call, rest = origin.partition("()")
    parts = head.split(".")
    while len(parts) > 2 and ".".join(parts) not in heads:
        parts = [*parts[:-2], parts[-1]]
    public = ".".join(parts)
    return public + call + rest if public in heads else origin
