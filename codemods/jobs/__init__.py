"""Jobs that need what their worker does not have: CTX201 to CTX203."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.flask_facts import JOB_BASES, JOB_DECORATORS, JOB_METHODS, JOB_STARTERS, spelled
from flask_ctxfix.lazy_commands import giving_command

NAME = "jobs"
# A job that is called by its own name, as those of Huey are, is found by a lead.
_METHODS = frozenset(name for methods in JOB_METHODS.values() for name in methods if name)

CODEMOD = Codemod(
    name=NAME,
    home=f"{__name__}.rules",
    names=spelled((*JOB_DECORATORS, *JOB_BASES, *JOB_STARTERS)) | _METHODS | {"Celery"},
    in_tests=False,
)

__getattr__ = giving_command(CODEMOD)
