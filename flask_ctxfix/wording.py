"""How long the texts of findings may be, and what is said where the code of a user is too long."""

from __future__ import annotations

# A message, a help or a note is read in one line of a terminal.
LONGEST = 90
# Longer code is left out of a sentence. It is never cut.
LONGEST_CODE = 60


def fits(text: str) -> bool:
    """Whether a text is short enough."""
    return len(text) <= LONGEST


def fitting(*texts: str) -> str:
    """Return the first text that is short enough, or else the last one."""
    return next(filter(fits, texts), texts[-1])


def is_short(code: str) -> bool:
    """Whether code can stand in a sentence: it is short, and on one line."""
    return len(code) <= LONGEST_CODE and "\n" not in code
