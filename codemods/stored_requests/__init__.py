"""Request data that outlives the request: CTX501 to CTX507."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.lazy_commands import giving_command

NAME = "stored_requests"

# A module may keep what it is given, under any name, without a word of Flask.
CODEMOD = Codemod(name=NAME, home=f"{__name__}.rules", names=None, in_tests=False)

__getattr__ = giving_command(CODEMOD)
