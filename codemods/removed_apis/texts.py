"""What the rules of the family say alike: what Flask removed, and what takes the place of it.

A message is how a finding is known again after the fixes of others, so it has no code that one may
change, as all that is read from a context.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from flask_ctxfix.codemod import SEE_DIFF, Advice, ReplaceExpression
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import Binding
from flask_ctxfix.source import Span

# Code that is longer is left out, and so is what makes a text longer than that.
_LONGEST_CODE = 60
_LONGEST = 90

LIVES_LONGER = "`g` lives as long as the app context, not the request"
OTHER_ERROR = "without a context the replacement raises RuntimeError, not AttributeError"


def unused(what: str = "import") -> Advice:
    """Advise to remove what binds a name that nothing uses after the fixes."""
    return Advice(f"remove the {what} with its last use")


def still_used(what: str = "import") -> Advice:
    """Advise on what binds a name of which a use has no fix."""
    text = f"replace by hand what still uses this name, then remove the {what}"
    return Advice(text, "a use of this name stays")


def used_elsewhere(what: str = "import") -> Advice:
    """Advise on what binds a name that other files may import."""
    text = f"replace its uses in other files, then remove the {what}"
    return Advice(text, "another file may import this name from here")


def removed(name: str, version: str) -> str:
    """Say that a name is gone."""
    return f"`{name}` was removed in Flask {version}"


def import_fails(binding: Binding, name: str, version: str) -> str:
    """Say what the import of a name does; of one that is not Flask's, that the name is gone."""
    source = binding.node.module if isinstance(binding.node, ast.ImportFrom) else None
    if (source or "").partition(".")[0] != "flask":
        return removed(name, version)
    return f"importing `{name}` raises ImportError from Flask {version} on"


def read_fails(module: Module, node: ast.Attribute, version: str) -> str:
    """Say what a read of an attribute does; of one that is set, or long, that it is gone."""
    text = f"`{module.segment(node)}` raises AttributeError from Flask {version} on"
    is_told = isinstance(node.ctx, ast.Load) and _is_plain(node.value)
    return text if is_told and _fits(text) else removed(node.attr, version)


def _is_plain(owner: ast.expr) -> bool:
    """Whether this is a name, or an attribute of an object's own or of Flask."""
    if isinstance(owner, ast.Attribute) and getattr(owner.value, "id", "") in {"self", "flask"}:
        return True
    return isinstance(owner, ast.Name)


def in_short(code: str) -> str | None:
    """Return code if it can be told: it is short, and on one line."""
    return code if len(code) <= _LONGEST_CODE and "\n" not in code else None


def replacement(old: str, new: str) -> str:
    """Say what takes the place of one expression, as far as that can be told."""
    before, after = in_short(old), in_short(new)
    if after is None:
        return f"replace it ({SEE_DIFF})"
    text = f"replace `{before}` with `{after}`"
    return text if before is not None and _fits(text) else f"use `{after}` instead"


def _fits(text: str) -> bool:
    return len(text) <= _LONGEST and "\n" not in text


def replacements(
    module: Module,
    edits: Iterable[tuple[ReplaceExpression, str]],
    unfinished: Collection[Span],
    variable: str | None = None,
) -> str:
    """Say what takes the place of expressions, or of the uses of a variable.

    Each edit comes with the code that it leaves. Where one of `unfinished` is in a hole of it, that
    code still has something in it which is replaced as well.
    """
    every = list(edits)
    told = {(module.text[edit.span.start : edit.span.end], code) for edit, code in every}
    is_finished = not any(
        hole.holds(span) for edit, _ in every for _, hole in edit.holes for span in unfinished
    )
    if len(told) == 1 and is_finished:
        return replacement(*told.pop())
    uses = "it" if len(every) == 1 else f"its {len(every)} uses"
    if variable is not None:
        uses = f"the {len(every)} uses of `{variable}`" if len(every) > 1 else f"`{variable}`"
    return f"replace {uses} ({SEE_DIFF})"
