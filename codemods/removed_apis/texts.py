"""What the rules of the family say alike: what Flask removed, and what takes the place of it.

A message is how a finding is known again after the fixes of others, so it has no code that one of
them may change, such as what is read from a context.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from flask_ctxfix.codemod import Advice, ReplaceExpression, Untold
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.source import Span
from flask_ctxfix.wording import fitting, is_short

LIVES_LONGER = "`g` lives as long as the app context, not the request"
OTHER_ERROR = "without a context the replacement raises RuntimeError, not AttributeError"


def unused(what: str = "import") -> Advice:
    """Advise to remove what binds a name that nothing uses after the fixes."""
    return Advice(f"remove the {what} once nothing uses the name")


def still_used(what: str = "import") -> Advice:
    """Advise on what binds a name of which a use has no fix."""
    text = f"replace by hand what still uses this name, then remove the {what}"
    return Advice(text, "another line uses this name, and has no fix")


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


def read_fails(node: ast.Attribute, version: str, code: str | None = None) -> str:
    """Say what a read of an attribute does, spelled `code`; of one that is set, that it is gone."""
    if not isinstance(node.ctx, ast.Load):
        return removed(node.attr, version)
    return f"`{code or node.attr}` raises AttributeError from Flask {version} on"


def name_fails(module: Module, project: Project, node: ast.expr, name: str, version: str) -> str:
    """Say what a use of Flask's `name` comes to: a read from Flask's module, or the name alone."""
    if isinstance(node, ast.Attribute):
        homes = project.origins(module, node.value) - {NONE}
        if {home.partition(".")[0] for home in homes} == {"flask"}:
            text = read_fails(node, version, in_short(module.segment(node)))
            return fitting(text, removed(name, version))
    return removed(name, version)


def in_short(code: str) -> str | None:
    """Return code if it can be told: it is short, and on one line."""
    return code if is_short(code) else None


def replacement(old: str, new: str) -> str:
    """Say what takes the place of one expression, as far as that can be told."""
    before, after = in_short(old), in_short(new)
    if after is None:
        return Untold("replace this use")
    short = f"use `{after}` instead"
    return short if before is None else fitting(f"replace `{before}` with `{after}`", short)


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
    uses = "this use" if len(every) == 1 else f"its {len(every)} uses"
    if variable is not None:
        uses = f"the {len(every)} uses of `{variable}`" if len(every) > 1 else f"`{variable}`"
    return Untold(f"replace {uses}")
