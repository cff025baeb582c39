"""What a run writes to stdout, and the summary that it writes to stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_ctxfix.outcome import Outcome
    from flask_ctxfix.settings import Settings


def render(
    outcome: Outcome,
    settings: Settings,
    *,
    colour: bool,
    is_ascii: bool = False,
    is_explained: bool = False,
) -> bytes:
    """Return the diff of a run in mode "diff", and otherwise the findings that remain.

    If `is_ascii`, so are its signs; if `is_explained`, it is for people whatever the settings say.
    """
    if outcome.mode == "diff":
        from flask_ctxfix.reports import diff

        return diff.render(outcome, colour=colour)
    if settings.output_format == "json" and not is_explained:
        from flask_ctxfix.reports import json

        return json.render(outcome)
    from flask_ctxfix.reports import text
    from flask_ctxfix.reports.paths import ASCII, Marks

    marks = ASCII if is_ascii else Marks()
    return text.render(outcome, settings, colour=colour, marks=marks, is_explained=is_explained)
