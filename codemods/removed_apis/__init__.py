"""Removed and changed context APIs: CTX401 to CTX407."""

from __future__ import annotations

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import Codemod
from flask_ctxfix.flask_versions import FIXED_SESSION, ONE_CONTEXT
from flask_ctxfix.lazy_commands import giving_command

NAME = "removed_apis"

_NAMES = frozenset(
    {
        *flask_facts.REMOVED_STACKS,
        *flask_facts.LOOKUPS,
        *flask_facts.ERROR_MESSAGES,
        *flask_facts.FIRST_REQUEST,
        *flask_facts.CLASSES,
        *flask_facts.SIGNALS,
        flask_facts.PRESERVE_SETTING,
        flask_facts.PRESERVE_PROPERTY,
        *flask_facts.spelled([flask_facts.PRESERVE_ENVIRON_KEY]),
        "_find_app",
        "request_ctx",
    }
)
_NAMES_OF_ONE_CONTEXT = frozenset(
    {*flask_facts.DISPATCH_METHODS, *flask_facts.CONTEXT_MAKERS, *flask_facts.GLOBALS}
)

CODEMOD = Codemod(
    name=NAME,
    home=f"{__name__}.rules",
    names=_NAMES,
    names_since=(
        (FIXED_SESSION, flask_facts.REQUEST_CONTEXT_MAKERS),
        (ONE_CONTEXT, _NAMES_OF_ONE_CONTEXT),
    ),
)

__getattr__ = giving_command(CODEMOD)
