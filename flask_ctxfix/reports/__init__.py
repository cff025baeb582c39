"""What a run writes to stdout, and the summary that it writes to stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_ctxfix.outcome import Outcome
    from flask_ctxfix.settings import Settings


def render(outcome: Outcome, settings: Settings, *, colour: bool) -> bytes:
    """Return the diff of a run in mode "diff", and otherwise the findings that remain."""
    if outcome.mode == "diff":
        from flask_ctxfix.reports import diff

        return diff.render(outcome, colour=colour)
    if settings.output_format == "json":
        from flask_ctxfix.reports import json

        return json.render(outcome)
    from flask_ctxfix.reports import text

    full = settings.output_format == "text"
    return text.render(outcome, settings, full=full, colour=colour)
