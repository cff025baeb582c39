"""What takes the place of each use of the context on top of a removed stack."""

from __future__ import annotations

import ast

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import Advice, Edit, ReplaceExpression
from flask_ctxfix.codemods.removed_apis.by_name import FLASHES, ByName, cannot_write, gone
from flask_ctxfix.codemods.removed_apis.callers import widened_handlers
from flask_ctxfix.codemods.removed_apis.handlers import ConflictError
from flask_ctxfix.codemods.removed_apis.replacements import (
    Draft,
    Refusal,
    Rewrite,
    needs_parentheses,
)
from flask_ctxfix.codemods.removed_apis.spelling import Spelling
from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, StackUses, Top
from flask_ctxfix.codemods.removed_apis.tested import is_tested, none_test
from flask_ctxfix.codemods.removed_apis.texts import OTHER_ERROR
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

_HOLE = "HOLE_{}"
_ASK_FIRST = "check `has_{}_context()` first, instead of catching the error"


class TopRewriter:
    """Rewrites the uses of one module for one target."""

    def __init__(
        self, module: Module, project: Project, uses: StackUses, target: TargetVersion
    ) -> None:
        self._module = module
        self._project = project
        self._target = target
        self._scopes = module.scopes
        self._uses = uses
        self._spelling = Spelling(module, project, target)
        self._by_name = ByName(module, uses, self._spelling, target)

    def rewrite(self, top: Top) -> Rewrite | Refusal:
        """Return what takes the place of one use of a top."""
        draft = Draft(top, top.node)
        refusal = self._describe(draft) or self._taught(draft)
        return refusal if refusal is not None else self._finish(draft)

    def refusal(self, top: Top) -> Refusal | None:
        """Return why a use has no rewrite even if the context object itself stays in its place."""
        return self._describe(Draft(top, top.node))

    def groups(self, top: Top) -> tuple[str, ...]:
        """Return the moves that the rewrite of a use takes part in."""
        draft = Draft(top, top.node)
        self._describe(draft)
        return draft.groups

    def value(self, top: Top) -> Rewrite:
        """Return the context object itself, or None: the form for a context that travels."""
        draft = Draft(top, top.node)
        self._use_value(draft)
        return self._finish(draft)

    def travels(self, top: Top) -> bool:
        """Whether the context object itself is kept or passed on here."""
        draft = Draft(top, top.node)
        self._describe(draft)
        return draft.travels

    def _taught(self, draft: Draft) -> Refusal | None:
        """Have the handlers around a draft catch what is raised now; return why they cannot."""
        draft.raises_differently &= not self._uses.is_active(draft.top)
        if draft.raises_differently:
            try:
                draft.handlers = widened_handlers(self._module, self._project, draft.node)
            except ConflictError as conflict:
                text = _ASK_FIRST.format(draft.top.kind)
                advice = Advice(text, conflict.about("this use"), (OTHER_ERROR,))
                return Refusal(advice, expects_old_error=True)
        return None

    def _finish(self, draft: Draft) -> Rewrite:
        edits: list[Edit] = list(draft.handlers)
        code = draft.code
        if needs_parentheses(self._module, draft):
            code = f"({code})"
        holes = tuple(
            (name, self._module.span(node)) for name, node in draft.holes.items() if name in code
        )
        edits.insert(0, ReplaceExpression(self._module.span(draft.node), code, holes))
        shown = code
        for name, node in draft.holes.items():
            shown = shown.replace(name, self._module.segment(node))
        needs = tuple(draft.needs)
        return Rewrite(
            self._module.span(draft.node),
            tuple(edits),
            needs,
            draft.applicability,
            shown,
            draft.note,
            draft.raises_differently,
            draft.groups,
        )

    def _describe(self, draft: Draft) -> Refusal | None:
        parent = self._scopes.parents[draft.top.node]
        if isinstance(parent, ast.Attribute):
            return self._attribute(draft, parent)
        if isinstance(parent, ast.Call) and draft.top.node in parent.args:
            return self._argument(draft, parent)
        if isinstance(parent, ast.Compare) and none_test(parent) is not None:
            self._compare(draft, parent)
        elif is_tested(self._module, draft.top.node):
            draft.code = self._spelling.has(draft)
            self._ask_once(draft)
        elif _is_left_of_and(parent, draft.top.node):
            self._guarded_value(draft, parent)
        else:
            self._use_value(draft)
        return None

    def _compare(self, draft: Draft, parent: ast.Compare) -> None:
        tested = none_test(parent)
        assert tested is not None
        draft.node = parent
        negated = not tested[1]
        draft.code = f"not {self._spelling.has(draft)}" if negated else self._spelling.has(draft)
        draft.shape = "not" if negated else "atom"
        if not negated:
            self._ask_once(draft)

    def _ask_once(self, draft: Draft) -> None:
        """Take the question for a context out where the same ``and`` asks it already."""
        parent = self._scopes.parents[draft.node]
        if not isinstance(parent, ast.BoolOp) or not isinstance(parent.op, ast.And):
            return
        kept = [each for each in parent.values if each is not draft.node]
        if not any(self._asks_for(draft.top.kind, each) for each in kept):
            return
        draft.holes = {_HOLE.format(index): each for index, each in enumerate(kept)}
        draft.code = " and ".join(map(_operand, draft.holes, kept))
        draft.node = parent

    def _asks_for(self, kind: Kind, node: ast.expr) -> bool:
        """Whether an expression asks for a context of a kind."""
        if not isinstance(node, ast.Call):
            return False
        return self._project.flask_name(self._module, node.func) == f"has_{kind}_context"

    def _use_value(self, draft: Draft) -> None:
        draft.travels = True
        context = self._spelling.context(draft)
        if self._uses.is_active(draft.top):
            draft.code = f"{context}._get_current_object()"
        else:
            draft.code = f"{context}._get_current_object() if {self._spelling.has(draft)} else None"
            draft.shape = "conditional"

    def _guarded_value(self, draft: Draft, parent: ast.AST) -> None:
        """Rewrite ``top and value``, which is None without a context."""
        assert isinstance(parent, ast.BoolOp)
        draft.node = parent
        draft.holes = {_HOLE.format("VALUE"): parent.values[1]}
        value = _operand(_HOLE.format("VALUE"), parent.values[1])
        draft.code = f"{value} if {self._spelling.has(draft)} else None"
        draft.shape = "conditional"

    def _attribute(self, draft: Draft, node: ast.Attribute) -> Refusal | None:
        if node.attr.startswith("__") and node.attr.endswith("__"):
            # None has these as well, and a proxy may answer for itself.
            self._use_value(draft)
            return None
        draft.node = node
        draft.raises_differently = True
        if node.attr in flask_facts.REMOVED_CONTEXT_ATTRIBUTES:
            return gone(node.attr)
        if node.attr not in flask_facts.CONTEXT_ATTRIBUTES[draft.top.kind]:
            return self._custom_attribute(draft, node)
        if not isinstance(node.ctx, ast.Load):
            return self._written(draft, node)
        return self._built_in(draft, node)

    def _custom_attribute(self, draft: Draft, node: ast.Attribute) -> Refusal | None:
        store = self._spelling.store(draft, node.attr)
        draft.code = f"{self._spelling.holder(draft, store)}.{store.name}"
        return None

    def _written(self, draft: Draft, node: ast.Attribute) -> Refusal | None:
        refusal = cannot_write(self._module, node, self._target, draft.top.kind, node.attr)
        if refusal is not None:
            return refusal
        if node.attr == "g":
            draft.code = f"{self._spelling.name(draft, 'flask.globals', 'app_ctx')}.g"
        else:
            draft.code = f"{self._spelling.context(draft)}.{node.attr}"
        return None

    def _built_in(self, draft: Draft, node: ast.Attribute) -> Refusal | None:
        name = {"app": "current_app"}.get(node.attr, node.attr)
        if name in flask_facts.FLASK_PROXIES:
            proxy = self._spelling.name(draft, "flask", name)
            consumed = self._is_consumed(node)
            draft.code = proxy if consumed else f"{proxy}._get_current_object()"
            return None
        newest = self._target.newest
        if node.attr == "flashes" and newest >= ONE_CONTEXT:
            return Refusal(FLASHES)
        if node.attr == "pop" and newest >= ONE_CONTEXT:
            draft.applicability = "unsafe"
        draft.code = f"{self._spelling.context(draft)}.{node.attr}"
        return None

    def _is_consumed(self, node: ast.expr) -> bool:
        """Whether a proxy does where the object stood: used at once, not kept or passed on."""
        parent = self._scopes.parents[node]
        if isinstance(parent, ast.Attribute | ast.Subscript):
            return parent.value is node
        if isinstance(parent, ast.Compare) and len(parent.ops) == 1:
            return isinstance(parent.ops[0], ast.In | ast.NotIn) and node is parent.comparators[0]
        return False

    def _argument(self, draft: Draft, call: ast.Call) -> Refusal | None:
        function = self._builtin(call.func)
        first = call.args[0] is draft.top.node
        if (function == "bool" and len(call.args) == 1) or self._asks_for_class(draft, call):
            draft.node, draft.code = call, self._spelling.has(draft)
            self._ask_once(draft)
        elif function in flask_facts.ATTRIBUTE_FUNCTIONS and first and _names_attribute(call):
            return self._by_name.draft(draft, call, function)
        else:
            self._use_value(draft)
        return None

    def _builtin(self, function: ast.expr) -> str:
        origins = self._project.origins(self._module, function)
        only = next(iter(origins)) if len(origins) == 1 else ""
        return only.removeprefix("builtins.") if only.startswith("builtins.") else ""

    def _asks_for_class(self, draft: Draft, call: ast.Call) -> bool:
        """Whether this is ``isinstance(top, RequestContext)``, or the same for an app context."""
        wanted = {"request": "RequestContext", "app": "AppContext"}[draft.top.kind]
        return (
            self._builtin(call.func) == "isinstance"
            and len(call.args) == 2
            and self._project.flask_name(self._module, call.args[1]) == wanted
        )


def _operand(hole: str, node: ast.expr) -> str:
    """Return a hole as it stands beside an operator that binds less than what a call does."""
    return f"({hole})" if isinstance(node, ast.BoolOp | ast.IfExp | ast.Lambda) else hole


def _is_left_of_and(parent: ast.AST, node: ast.expr) -> bool:
    return (
        isinstance(parent, ast.BoolOp)
        and isinstance(parent.op, ast.And)
        and len(parent.values) == 2
        and parent.values[0] is node
    )


def _names_attribute(call: ast.Call) -> bool:
    """Whether a call of getattr() or its like names an attribute that None has not as well."""
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    if call.keywords or len(call.args) < 2 or starred:
        return False
    name = getattr(call.args[1], "value", None)
    return not isinstance(name, str) or not hasattr(None, name)
