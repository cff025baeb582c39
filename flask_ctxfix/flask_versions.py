"""Versions of Flask as rules see them: the inclusive range that the result must run on."""

from __future__ import annotations

from typing import NamedTuple

KNOWN = ((2, 2), (2, 3), (3, 0), (3, 1), (3, 2))
NEWEST_RELEASED = (3, 1)
# The first version without the context stacks.
STACKS_REMOVED = (3, 0)
# The first version whose request contexts have a session that cannot be assigned, from 3.1.3 on.
FIXED_SESSION = (3, 1)
# The first version in which a request is part of the app context.
ONE_CONTEXT = (3, 2)


class TargetVersion(NamedTuple):
    """The inclusive range of Flask versions that the result must run on, each as (major, minor)."""

    oldest: tuple[int, int]
    newest: tuple[int, int]

    @classmethod
    def parse(cls, text: str) -> TargetVersion:
        """Read ``3.1`` or ``2.2-3.2``.

        Raises ValueError for anything but one known version or a rising range of two.
        """
        parts = text.strip().split("-")
        try:
            versions = [tuple(int(number) for number in part.split(".")) for part in parts]
        except ValueError:
            versions = []
        if not 1 <= len(versions) <= 2 or any(version not in KNOWN for version in versions):
            known = ", ".join(f"{major}.{minor}" for major, minor in KNOWN)
            raise ValueError(f'unknown version "{text}"; use {known} or a range such as 2.2-3.2')
        oldest, newest = versions[0], versions[-1]
        if oldest > newest:
            raise ValueError(f'the range "{text}" ends before it starts')
        return cls((oldest[0], oldest[1]), (newest[0], newest[1]))

    def __str__(self) -> str:
        """Write the range as ``--target-version`` reads it."""
        oldest, newest = (f"{major}.{minor}" for major, minor in self)
        return oldest if oldest == newest else f"{oldest}-{newest}"
