"""The check for wrong forms finds each of them, and lets the right ones pass."""

from __future__ import annotations

from textwrap import dedent

import pytest

from flask_ctxfix.flask_versions import TargetVersion
from tests.equality.never_emit import never_emitted

OLD = "from flask import _request_ctx_stack\n\n_request_ctx_stack.top\n"
RELEASED = TargetVersion((2, 2), (3, 1))
NEXT = TargetVersion((3, 2), (3, 2))


def _check(new: str, target: TargetVersion = RELEASED) -> list[str]:
    return never_emitted(OLD, dedent(new), target)


@pytest.mark.parametrize(
    "new",
    [
        "request_ctx is None",
        "request_ctx is not None",
        "request_ctx == None",
        "None is flask.globals.request_ctx",
        "not request_ctx",
        "1 if request_ctx else 2",
        "bool(request_ctx)",
        "request_ctx and request_ctx.u",
        "isinstance(request_ctx, RequestContext)",
        "ctx = request_ctx",
        "found = request",
        "keep(current_app)",
        "[session]",
        "request_ctx.g",
        "app_ctx.url_adapter",
        "app_ctx._get_current_object() if has_request_context() else None",
        "request_ctx.session = {}",
        "hasattr(request_ctx, 'u')",
        "getattr(request_ctx, 'u', None)",
        "g.get('u')",
        "'u' in g",
        "'u' in flask.g or has_app_context()",
        "g.u = 1\nrequest_ctx.u",
        "g.u = 1\nflask.globals.request_ctx.u",
        "from flask import request_ctx",
        "from flask.globals import _cv_request",
        "try:\n    request.path\nexcept AttributeError:\n    pass",
        "try:\n    request_ctx.u\nexcept (AttributeError, KeyError):\n    pass",
    ],
)
def test_wrong_form_is_found(new: str) -> None:
    assert _check(new)


@pytest.mark.parametrize(
    "new",
    [
        "not request_ctx",
        "request_ctx.u\nfrom flask.globals import request_ctx",
        "app_ctx.flashes = []",
        "app_ctx.session = {}",
    ],
)
def test_wrong_form_for_the_next_version_is_found(new: str) -> None:
    assert _check(new, NEXT)


@pytest.mark.parametrize(
    "new",
    [
        "not has_request_context()",
        "request_ctx._get_current_object() if has_request_context() else None",
        "request.path",
        "'k' in session",
        "session['k'] = 1",
        "request_ctx.u = 1",
        "from flask.globals import request_ctx",
        "has_request_context() and hasattr(request_ctx, 'u')",
        "getattr(request_ctx, 'u', None) if has_request_context() else None",
        "if not has_request_context():\n    raise LookupError\nhasattr(request_ctx, 'u')",
        "assert has_app_context()\n'u' in g",
        "try:\n    request.path\nexcept (AttributeError, RuntimeError):\n    pass",
        "try:\n    request.path\nexcept Exception:\n    pass",
        """
        try:
            if has_request_context():
                request_ctx.u
        except AttributeError:
            pass
        """,
    ],
)
def test_right_form_passes(new: str) -> None:
    assert not _check(new)
