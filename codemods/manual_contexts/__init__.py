"""Contexts that are opened by hand: CTX301 to CTX305."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.lazy_commands import giving_command

# What is imported may read a proxy through functions of any name.
CODEMOD = Codemod(name="manual_contexts", home=f"{__name__}.rules", names=None)

__getattr__ = giving_command(CODEMOD)
