"""How code at one place spells the names of Flask that it comes to use."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Need
from flask_ctxfix.codemods.removed_apis.replacements import Draft
from flask_ctxfix.codemods.removed_apis.stack_uses import Stack
from flask_ctxfix.codemods.removed_apis.stores import Store, group_of, store_of
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.imports import local_name
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project
from flask_ctxfix.source import Span
from flask_ctxfix.syntax import root_of

_FEATURE_TEST = """\
if hasattr({classes}, "has_request"):
    from flask.globals import app_ctx as {local}
else:
    from flask.globals import request_ctx{alias}
"""


class Spelling:
    """Names for the drafts of one module and one target; what they need is noted in the draft."""

    def __init__(self, module: Module, project: Project, target: TargetVersion) -> None:
        self._module = module
        self._project = project
        self._target = target

    def name(self, draft: Draft, home: str, name: str) -> str:
        """Return how the code at the draft spells a name of Flask's module `home`."""
        stack = draft.top.stack.node
        prefix = self._module_prefix(stack)
        if prefix is not None:
            return f"{prefix}.{name}" if home == "flask" else f"{prefix}.globals.{name}"
        anchor = self._anchor(draft.top.stack)
        found = local_name(
            self._module, self._project, draft.node, home, name, anchor, draft.variable
        )
        if found.need is not None:
            draft.needs.append(found.need)
        return found.code

    def _module_prefix(self, stack: ast.expr) -> str | None:
        """Return the source of the module ``flask`` where the stack is read as its attribute."""
        if not isinstance(stack, ast.Attribute):
            return None
        node = stack.value
        if self._project.origins(self._module, node) - {NONE} == {"flask"}:
            return self._module.segment(node)
        if isinstance(node, ast.Attribute):
            return self._module_prefix(node)
        return None

    def _anchor(self, stack: Stack) -> Span:
        node = stack.node
        while isinstance(node, ast.BoolOp):
            node = node.values[0]
        node = root_of(node)
        assert isinstance(node, ast.Name)
        home = self._module.scopes.home_of(node)
        return self._module.span(home.bindings[node.id][0].node)

    def has(self, draft: Draft) -> str:
        """Return the test for a context of the kind that the draft is about."""
        return self.name(draft, "flask", f"has_{draft.top.kind}_context") + "()"

    def context(self, draft: Draft) -> str:
        """Return the proxy of the context itself, as the target has it."""
        if draft.top.kind == "app" or self._target.oldest >= ONE_CONTEXT:
            return self.name(draft, "flask.globals", "app_ctx")
        if self._target.newest < ONE_CONTEXT:
            return self.name(draft, "flask.globals", "request_ctx")
        anchor = self._anchor(draft.top.stack)
        found = local_name(
            self._module,
            self._project,
            draft.node,
            "flask.globals",
            "request_ctx",
            anchor,
            draft.variable,
        )
        if found.need is not None:
            draft.needs += both_contexts(
                self._module, self._project, draft.node, found.code, anchor
            )
        return found.code

    def store(self, draft: Draft, name: str | None) -> Store:
        """Return where an attribute goes; what follows from that is noted in the draft."""
        store = store_of(self._module, self._project, self._target, draft.top.kind, name)
        if store.on_g and name is not None and name == store.name:
            draft.groups = (group_of(draft.top.kind, name),)
        draft.note = store.note
        if not store.is_exact:
            draft.applicability = "unsafe"
        return store

    def holder(self, draft: Draft, store: Store) -> str:
        """Return what a store's attributes are read from."""
        return self.name(draft, "flask", "g") if store.on_g else self.context(draft)


def both_contexts(
    module: Module, project: Project, at: ast.AST, local: str, anchor: Span
) -> tuple[Need, ...]:
    """Return what binds `local` to the request context's proxy on Flask 2.2 to 3.2, unwarned."""
    classes = local_name(module, project, at, "flask.ctx", "AppContext", anchor)
    alias = "" if local == "request_ctx" else f" as {local}"
    code = _FEATURE_TEST.format(classes=classes.code, local=local, alias=alias)
    needs = [need for need in (classes.need,) if need is not None]
    return (*needs, Need(anchor, "flask.globals", "request_ctx", local, code))
