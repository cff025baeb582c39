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
    arrow: str = "→",
    is_explained: bool = False,
) -> bytes:
    """Return the diff of a run in mode "diff", and otherwise the findings that remain.

    `arrow` leads from step to step of a proof; if `is_explained`, each step has a line of its own.
    """
    if outcome.mode == "diff":
        from flask_ctxfix.reports import diff

        return diff.render(outcome, colour=colour)
    if settings.output_format == "json" and not is_explained:
        from flask_ctxfix.reports import json

        return json.render(outcome)
    from flask_ctxfix.reports import text

    return text.render(outcome, settings, colour=colour, arrow=arrow, is_explained=is_explained)
