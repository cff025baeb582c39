"""What the uses of a function say about it, beyond which context they need."""

from __future__ import annotations

from flask_ctxfix.context_flow.summaries import Summary, Use
from flask_ctxfix.flask_facts import CHANGING, SESSION_WRITERS


def left_on_g(summary: Summary) -> list[Use]:
    """Return the uses of what a function expects on `g` and does not put there itself."""
    of_g = [use for use in summary.uses if use.of == "flask.g"]
    own = {use.attribute for use in of_g if use.access == "write"}
    return [use for use in of_g if use.access in ("read", "call") and use.attribute not in own]


def writes_session(use: Use) -> bool:
    """Whether a use changes the session, which is saved with the response and never again."""
    if use.of in SESSION_WRITERS:
        return True
    is_session = use.of == "flask.session"
    return is_session and (use.access == "write" or use.attribute in CHANGING)
