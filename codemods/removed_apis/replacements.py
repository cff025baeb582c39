"""What is to stand in place of a use of a removed API: in the making, and done."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from flask_ctxfix.codemod import Advice, Applicability, Edit, Need
from flask_ctxfix.codemods.removed_apis.stack_uses import Top
from flask_ctxfix.module import Module
from flask_ctxfix.records import Record
from flask_ctxfix.source import Span

Shape = Literal["atom", "comparison", "not", "and", "or", "conditional"]

_TIGHT = (ast.Compare, ast.BinOp, ast.Await, ast.Starred, ast.Attribute, ast.Subscript)
_LOOSE = (*_TIGHT, ast.UnaryOp)
_BINDS_TIGHTER: dict[Shape, tuple[type[ast.AST], ...]] = {
    "atom": (),
    "comparison": _TIGHT,
    "not": _TIGHT,
    "and": _LOOSE,
    "or": (*_LOOSE, ast.BoolOp),
    "conditional": (*_LOOSE, ast.BoolOp, ast.comprehension),
}


class Rewrite(Record):
    """The edits for one use at `span`, and the code that stands there afterwards."""

    span: Span
    edits: tuple[Edit, ...]
    needs: tuple[Need, ...]
    applicability: Applicability
    code: str
    note: str = ""
    raises_differently: bool = False
    groups: tuple[str, ...] = ()


class Refusal(Record):
    """A use that has no sane rewrite: what to do instead, and why.

    `code` and `message` are those of the finding where it is about more than the stack.
    `expects_old_error` says that it is what a rewrite raises that does not fit in.
    """

    advice: Advice
    code: str | None = None
    message: str | None = None
    expects_old_error: bool = False


@dataclass(slots=True)
class Draft:
    """What is to stand in the place of `node`, around or at the use `top`.

    `shape` is how tightly `code` binds; a name of `holes` in it stands for an old expression.
    `travels` says that the context object itself is kept or passed on.
    """

    top: Top
    node: ast.expr
    code: str = ""
    shape: Shape = "atom"
    holes: dict[str, ast.expr] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    applicability: Applicability = "safe"
    raises_differently: bool = False
    travels: bool = False
    note: str = ""
    groups: tuple[str, ...] = ()
    handlers: list[Edit] = field(default_factory=list)

    @property
    def variable(self) -> str | None:
        """The name of the variable that this is a read of, which goes with its last read."""
        return self.top.node.id if isinstance(self.top.node, ast.Name) else None


def needs_parentheses(module: Module, draft: Draft) -> bool:
    """Whether the code of a draft would fall apart where it is to stand."""
    parent = module.scopes.parents[draft.node]
    if isinstance(parent, ast.Call) and parent.func is draft.node and draft.shape != "atom":
        return True
    if not isinstance(parent, _BINDS_TIGHTER[draft.shape]):
        if isinstance(parent, ast.IfExp) and draft.shape == "conditional":
            return draft.node is not parent.orelse
        return False
    if isinstance(parent, ast.Subscript) and parent.slice is draft.node:
        return False
    span = module.span(draft.node)
    text = module.text
    return not (text[span.start - 1 : span.start] == "(" and text[span.end : span.end + 1] == ")")


def worst(rewrites: Sequence[Rewrite]) -> Applicability:
    """Return the applicability of several rewrites that are made together."""
    return "unsafe" if any(r.applicability == "unsafe" for r in rewrites) else "safe"
