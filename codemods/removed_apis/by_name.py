"""What takes the place of getattr(), hasattr(), setattr() and delattr() of a context."""

from __future__ import annotations

import ast

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import BY_HAND, Advice
from flask_ctxfix.codemods.removed_apis.assigned_parts import PARTS, advice_for, since, what_happens
from flask_ctxfix.codemods.removed_apis.replacements import Draft, Refusal, Shape
from flask_ctxfix.codemods.removed_apis.spelling import Spelling
from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, StackUses
from flask_ctxfix.codemods.removed_apis.stores import Store
from flask_ctxfix.codemods.removed_apis.tested import is_tested, none_test
from flask_ctxfix.flask_facts import FLASK_PROXIES
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.syntax import is_constant_none, is_falsy

FLASHES = Advice("use `get_flashed_messages()`", "`flashes` is private on Flask 3.2")
_HOLE = "HOLE_{}"


class ByName:
    """Drafts the replacement of calls that name an attribute of a context."""

    def __init__(
        self, module: Module, uses: StackUses, spelling: Spelling, target: TargetVersion
    ) -> None:
        self._module = module
        self._uses = uses
        self._spelling = spelling
        self._target = target

    def draft(self, draft: Draft, call: ast.Call, function: str) -> Refusal | None:
        """Draft what takes the place of `call`, whose second argument names the attribute."""
        name = call.args[1].value if isinstance(call.args[1], ast.Constant) else None
        name = name if isinstance(name, str) and name.isidentifier() else None
        if name in flask_facts.REMOVED_CONTEXT_ATTRIBUTES:
            return gone(name)
        if name in flask_facts.CONTEXT_ATTRIBUTES[draft.top.kind]:
            return self._built_in_by_name(draft, call, function, str(name))
        store = self._spelling.store(draft, name)
        if name is None and store.note:
            return Refusal(Advice(BY_HAND, store.note))
        if function == "hasattr":
            self._hasattr(draft, call, store)
        elif function == "getattr" and len(call.args) == 3:
            self._getattr(draft, call, store)
        else:
            draft.code = self._spelling.holder(draft, store)
            draft.raises_differently = True
            if name is not None and store.name != name:
                self._rename_argument(draft, call, store)
        return None

    def _rename_argument(self, draft: Draft, call: ast.Call, store: Store) -> None:
        rest = {_HOLE.format(i): argument for i, argument in enumerate(call.args[2:])}
        draft.node, draft.holes = call, rest
        arguments = ", ".join([draft.code, self._quoted(draft, call, store), *rest])
        draft.code = f"{self._module.segment(call.func)}({arguments})"

    def _quoted(self, draft: Draft, call: ast.Call, store: Store) -> str:
        """Return the name argument: the old code, or the new name in the old quotes."""
        argument = call.args[1]
        if isinstance(argument, ast.Constant) and store.name != argument.value:
            return self._module.segment(argument).replace(str(argument.value), str(store.name))
        hole = _HOLE.format("NAME")
        draft.holes[hole] = argument
        return hole

    def _hasattr(self, draft: Draft, call: ast.Call, store: Store) -> None:
        draft.node = call
        active = self._uses.is_active(draft.top)
        name = self._quoted(draft, call, store)
        if not store.on_g:
            found = f"hasattr({self._spelling.context(draft)}, {name})"
            shape: Shape = "atom"
        else:
            g = self._spelling.name(draft, "flask", "g")
            found, shape = f"{name} in {g}", "comparison"
            negation = self._module.scopes.parents[call]
            if active and isinstance(negation, ast.UnaryOp) and isinstance(negation.op, ast.Not):
                draft.node, found = negation, f"{name} not in {g}"
        draft.code = found if active else f"{self._spelling.has(draft)} and {found}"
        draft.shape = shape if active else "and"

    def _getattr(self, draft: Draft, call: ast.Call, store: Store) -> None:
        draft.node = call
        default = _HOLE.format("DEFAULT")
        draft.holes[default] = call.args[2]
        name = self._quoted(draft, call, store)
        if store.on_g:
            g = self._spelling.name(draft, "flask", "g")
            found = (
                f"{g}.get({name})"
                if is_constant_none(call.args[2])
                else f"{g}.get({name}, {default})"
            )
        else:
            found = f"getattr({self._spelling.context(draft)}, {name}, {default})"
        self._or_default(draft, found, call.args[2], default)

    def _or_default(self, draft: Draft, found: str, node: ast.expr, default: str) -> None:
        """Let the draft be `found`, or the default `node` where there is no context."""
        if self._uses.is_active(draft.top):
            draft.code = found
            return
        has = self._spelling.has(draft)
        parent = self._module.scopes.parents[draft.node]
        tested = none_test(parent) if isinstance(parent, ast.expr) else None
        if isinstance(parent, ast.Compare) and tested is not None and is_constant_none(node):
            positive = tested[1]
            draft.node = parent
            draft.shape = "and" if positive else "or"
            draft.code = (
                f"{has} and {found} is not None" if positive else f"not {has} or {found} is None"
            )
        elif is_falsy(node) and is_tested(self._module, draft.node):
            draft.code = f"{has} and {found}"
            draft.shape = "and"
        else:
            otherwise = f"({default})" if isinstance(node, ast.Lambda) else default
            draft.code = f"{found} if {has} else {otherwise}"
            draft.shape = "conditional"

    def _built_in_by_name(
        self, draft: Draft, call: ast.Call, function: str, name: str
    ) -> Refusal | None:
        if function in {"setattr", "delattr"}:
            draft.code = self._spelling.context(draft)
            draft.raises_differently = True
            return cannot_write(self._module, call, self._target, draft.top.kind, name)
        draft.node = call
        if function == "hasattr":
            draft.code = self._spelling.has(draft)
            return None
        proxy = {"app": "current_app"}.get(name, name)
        if proxy in FLASK_PROXIES:
            value = f"{self._spelling.name(draft, 'flask', proxy)}._get_current_object()"
        elif name == "flashes" and self._target.newest >= ONE_CONTEXT:
            return Refusal(FLASHES)
        else:
            value = f"{self._spelling.context(draft)}.{name}"
        if len(call.args) == 2:
            draft.code, draft.raises_differently = value, True
            return None
        default = _HOLE.format("DEFAULT")
        draft.holes[default] = call.args[2]
        self._or_default(draft, value, call.args[2], default)
        return None


def gone(attribute: str) -> Refusal:
    """Return why an attribute of a context that Flask 2.2 took away has no rewrite."""
    advice = Advice(
        "use the test client in a `with` block, or `stream_with_context`",
        f"no public API replaces `{attribute}`",
    )
    return Refusal(advice, "CTX406", f"a context has no `{attribute}` from Flask 2.2 on")


def cannot_write(
    module: Module, node: ast.AST, target: TargetVersion, kind: Kind, attribute: str
) -> Refusal | None:
    """Return why an attribute of a context cannot be assigned on `target`; None if it can."""
    version = since(attribute, target) if attribute in PARTS else None
    if version is None or (attribute == "session" and kind != "request"):
        return None
    reason = what_happens(attribute, version)
    return Refusal(advice_for(module, node, attribute, target)._replace(no_fix_reason=reason))
