"""What takes the place of each use of the context on top of a removed stack."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import Applicability, Edit, Need, ReplaceExpression, Span
from flask_ctxfix.codemods.removed_apis.guards import Guards, none_test
from flask_ctxfix.codemods.removed_apis.handlers import ConflictError, widened_handlers
from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, Stack, StackUses, Top
from flask_ctxfix.codemods.removed_apis.stores import Store, group_of, store_of
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.imports import local_name
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Module, Project

Shape = Literal["atom", "comparison", "not", "and", "or", "conditional"]

_HOLE = "HOLE_{}"
_ONE_CONTEXT = (3, 2)
_FIXED_SESSION = (3, 1)
_FEATURE_TEST = """\
if hasattr({classes}, "has_request"):
    from flask.globals import app_ctx as {local}
else:
    from flask.globals import request_ctx{alias}
"""
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


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The edits for one use, and the code that stands there afterwards."""

    edits: tuple[Edit, ...]
    needs: tuple[Need, ...]
    applicability: Applicability
    code: str
    note: str = ""
    raises_differently: bool = False
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a use has no sane rewrite, and what to do instead."""

    advice: str
    code: str | None = None


@dataclass(slots=True)
class _Draft:
    """A replacement in the making."""

    top: Top
    node: ast.expr
    code: str = ""
    shape: Shape = "atom"
    holes: dict[str, ast.expr] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    applicability: Applicability = "safe"
    raises_differently: bool = False
    travels: bool = False
    groups: tuple[str, ...] = ()

    @property
    def variable(self) -> str | None:
        """The name of the variable that this is a read of, which goes with its last read."""
        return self.top.node.id if isinstance(self.top.node, ast.Name) else None


class TopRewriter:
    """Rewrites the uses of one module for one target."""

    def __init__(
        self, module: Module, project: Project, uses: StackUses, target: TargetVersion
    ) -> None:
        self._module = module
        self._project = project
        self._uses = uses
        self._target = target
        self._scopes = module.scopes
        self._guards = Guards(module, project, uses)

    def rewrite(self, top: Top) -> Rewrite | Refusal:
        """Return what takes the place of one use of a top."""
        draft = _Draft(top, top.node)
        refusal = self._describe(draft)
        return refusal if refusal is not None else self._finish(draft)

    def value(self, top: Top) -> Rewrite:
        """Return the context object itself, or None: the form for a context that travels."""
        draft = _Draft(top, top.node)
        self._use_value(draft)
        return self._finish(draft)

    def is_entered_later(self, read: Top) -> bool:
        """Whether a function that is made here enters the context once it is called."""
        parent = self._scopes.parents[read.node]
        return isinstance(parent, ast.withitem) and self._scopes.function_of(
            read.node
        ) is not self._scopes.function_of(read.stack.node)

    def travels(self, top: Top) -> bool:
        """Whether the context object itself is kept or passed on here."""
        draft = _Draft(top, top.node)
        self._describe(draft)
        return draft.travels

    def _finish(self, draft: _Draft) -> Rewrite:
        edits: list[Edit] = []
        note = ""
        applicability = draft.applicability
        differs = draft.raises_differently and not self._is_active(draft.top)
        if differs:
            try:
                edits += widened_handlers(self._module, self._project, draft.node)
            except ConflictError as conflict:
                applicability, note = "unsafe", str(conflict)
        code = draft.code
        if self._needs_parentheses(draft):
            code = f"({code})"
        holes = tuple(
            (name, self._module.span(node)) for name, node in draft.holes.items() if name in code
        )
        edits.insert(0, ReplaceExpression(self._module.span(draft.node), code, holes))
        shown = code
        for name, node in draft.holes.items():
            shown = shown.replace(name, self._module.segment(node))
        needs = tuple(draft.needs)
        return Rewrite(tuple(edits), needs, applicability, shown, note, differs, draft.groups)

    def _needs_parentheses(self, draft: _Draft) -> bool:
        parent = self._scopes.parents[draft.node]
        if isinstance(parent, ast.Call) and parent.func is draft.node and draft.shape != "atom":
            return True
        if not isinstance(parent, _BINDS_TIGHTER[draft.shape]):
            if isinstance(parent, ast.IfExp) and draft.shape == "conditional":
                return draft.node is not parent.orelse
            return False
        if isinstance(parent, ast.Subscript) and parent.slice is draft.node:
            return False
        span = self._module.span(draft.node)
        text = self._module.text
        return not (
            text[span.start - 1 : span.start] == "(" and text[span.end : span.end + 1] == ")"
        )

    # --- names -----------------------------------------------------------------------------

    def _name(self, draft: _Draft, home: str, name: str) -> str:
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
        while isinstance(node, ast.Attribute):
            node = node.value
        assert isinstance(node, ast.Name)
        home = self._scopes.scope_of(node).home(node.id)
        return self._module.span(home.bindings[node.id][0].node)

    def _has(self, draft: _Draft) -> str:
        return self._name(draft, "flask", f"has_{draft.top.kind}_context") + "()"

    def _context(self, draft: _Draft) -> str:
        if draft.top.kind == "app" or self._target.oldest >= _ONE_CONTEXT:
            return self._name(draft, "flask.globals", "app_ctx")
        if self._target.newest < _ONE_CONTEXT:
            return self._name(draft, "flask.globals", "request_ctx")
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

    # --- what a use becomes ----------------------------------------------------------------

    def _is_active(self, top: Top) -> bool:
        return top.kind in self._guards.active(top.node)

    def _describe(self, draft: _Draft) -> Refusal | None:
        parent = self._scopes.parents[draft.top.node]
        if isinstance(parent, ast.Attribute):
            return self._attribute(draft, parent)
        if isinstance(parent, ast.Call) and draft.top.node in parent.args:
            return self._argument(draft, parent)
        if isinstance(parent, ast.Compare) and none_test(parent) is not None:
            self._compare(draft, parent)
        elif self._is_tested(draft.top.node):
            draft.code = self._has(draft)
        elif _is_left_of_and(parent, draft.top.node):
            self._guarded_value(draft, parent)
        else:
            self._use_value(draft)
        return None

    def _compare(self, draft: _Draft, parent: ast.Compare) -> None:
        tested = none_test(parent)
        assert tested is not None
        draft.node = parent
        negated = not tested[1]
        draft.code = f"not {self._has(draft)}" if negated else self._has(draft)
        draft.shape = "not" if negated else "atom"

    def _use_value(self, draft: _Draft) -> None:
        draft.travels = True
        context = self._context(draft)
        if self._is_active(draft.top):
            draft.code = f"{context}._get_current_object()"
        else:
            draft.code = f"{context}._get_current_object() if {self._has(draft)} else None"
            draft.shape = "conditional"

    def _guarded_value(self, draft: _Draft, parent: ast.AST) -> None:
        """Rewrite ``top and value``, which is None without a context."""
        assert isinstance(parent, ast.BoolOp)
        draft.node = parent
        draft.holes = {_HOLE.format("VALUE"): parent.values[1]}
        value = _HOLE.format("VALUE")
        if isinstance(parent.values[1], ast.BoolOp | ast.IfExp | ast.Lambda):
            value = f"({value})"
        draft.code = f"{value} if {self._has(draft)} else None"
        draft.shape = "conditional"

    def _is_tested(self, node: ast.expr) -> bool:
        """Whether only the truth of `node` matters."""
        parent = self._scopes.parents[node]
        if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
            return parent.test is node
        if isinstance(parent, ast.UnaryOp):
            return isinstance(parent.op, ast.Not)
        if isinstance(parent, ast.comprehension):
            return node in parent.ifs
        return isinstance(parent, ast.BoolOp) and self._is_tested(parent)

    def _attribute(self, draft: _Draft, node: ast.Attribute) -> Refusal | None:
        if node.attr.startswith("__") and node.attr.endswith("__"):
            # None has these as well, and a proxy may answer for itself.
            self._use_value(draft)
            return None
        draft.node = node
        draft.raises_differently = True
        known = (
            flask_facts.REQUEST_CONTEXT_ATTRIBUTES
            if draft.top.kind == "request"
            else flask_facts.APP_CONTEXT_ATTRIBUTES
        )
        if node.attr in flask_facts.REMOVED_CONTEXT_ATTRIBUTES:
            return Refusal(
                f"`{node.attr}` went with Flask 2.2 and has no counterpart; "
                "see the test client and `stream_with_context`",
                "CTX406",
            )
        if node.attr not in known:
            return self._custom_attribute(draft, node)
        if not isinstance(node.ctx, ast.Load):
            return self._written(draft, node)
        return self._built_in(draft, node)

    def _custom_attribute(self, draft: _Draft, node: ast.Attribute) -> Refusal | None:
        store = self._store(draft, node.attr)
        draft.code = f"{self._holder(draft, store)}.{store.name}"
        return None

    def _store(self, draft: _Draft, name: str | None) -> Store:
        store = store_of(self._module, self._project, self._target, draft.top.kind, name)
        if store.on_g and name is not None and name == store.name:
            draft.groups = (group_of(draft.top.kind, name),)
        if not store.is_exact:
            draft.applicability = "unsafe"
        return store

    def _holder(self, draft: _Draft, store: Store) -> str:
        return self._name(draft, "flask", "g") if store.on_g else self._context(draft)

    def _written(self, draft: _Draft, node: ast.Attribute) -> Refusal | None:
        refusal = self._cannot_write(draft.top.kind, node.attr)
        if refusal is not None:
            return refusal
        if node.attr == "g":
            draft.code = f"{self._name(draft, 'flask.globals', 'app_ctx')}.g"
        else:
            draft.code = f"{self._context(draft)}.{node.attr}"
        return None

    def _cannot_write(self, kind: Kind, attribute: str) -> Refusal | None:
        newest = self._target.newest
        if kind == "request" and attribute == "session" and newest >= _FIXED_SESSION:
            return Refusal(
                "the session of a context is read-only since Flask 3.1.3; "
                "change the session's items, or open it through a session interface"
            )
        if attribute in {"request", "flashes"} and newest >= _ONE_CONTEXT:
            return Refusal(f"`{attribute}` cannot be assigned on Flask 3.2; rework this by hand")
        return None

    def _built_in(self, draft: _Draft, node: ast.Attribute) -> Refusal | None:
        name = {"app": "current_app"}.get(node.attr, node.attr)
        if name in {"current_app", "g", "request", "session"}:
            proxy = self._name(draft, "flask", name)
            consumed = self._is_consumed(node)
            draft.code = proxy if consumed else f"{proxy}._get_current_object()"
            return None
        newest = self._target.newest
        if node.attr == "flashes" and newest >= _ONE_CONTEXT:
            return Refusal("`flashes` is private on Flask 3.2; use `get_flashed_messages()`")
        if node.attr == "pop" and newest >= _ONE_CONTEXT:
            draft.applicability = "unsafe"
        draft.code = f"{self._context(draft)}.{node.attr}"
        return None

    def _is_consumed(self, node: ast.expr) -> bool:
        """Whether a proxy does where the object stood: used at once, not kept or passed on."""
        parent = self._scopes.parents[node]
        if isinstance(parent, ast.Attribute | ast.Subscript):
            return parent.value is node
        if isinstance(parent, ast.Compare) and len(parent.ops) == 1:
            return isinstance(parent.ops[0], ast.In | ast.NotIn) and node is parent.comparators[0]
        return False

    # --- getattr, hasattr, setattr, delattr, isinstance, bool ---------------------------------

    def _argument(self, draft: _Draft, call: ast.Call) -> Refusal | None:
        function = self._builtin(call.func)
        first = call.args[0] is draft.top.node
        if (function == "bool" and len(call.args) == 1) or self._asks_for_class(draft, call):
            draft.node, draft.code = call, self._has(draft)
        elif function in {"getattr", "hasattr", "setattr", "delattr"} and first:
            return self._by_name(draft, call, function)
        else:
            self._use_value(draft)
        return None

    def _builtin(self, function: ast.expr) -> str:
        origins = self._project.origins(self._module, function)
        only = next(iter(origins)) if len(origins) == 1 else ""
        return only.removeprefix("builtins.") if only.startswith("builtins.") else ""

    def _asks_for_class(self, draft: _Draft, call: ast.Call) -> bool:
        """Whether this is ``isinstance(top, RequestContext)``, or the same for an app context."""
        wanted = {"request": "RequestContext", "app": "AppContext"}[draft.top.kind]
        return (
            self._builtin(call.func) == "isinstance"
            and len(call.args) == 2
            and self._project.flask_name(self._module, call.args[1]) == wanted
        )

    def _by_name(self, draft: _Draft, call: ast.Call, function: str) -> Refusal | None:
        if (
            call.keywords
            or len(call.args) < 2
            or any(isinstance(a, ast.Starred) for a in call.args)
        ):
            self._use_value(draft)
            return None
        name = call.args[1].value if isinstance(call.args[1], ast.Constant) else None
        name = name if isinstance(name, str) and name.isidentifier() else None
        known = (
            flask_facts.REQUEST_CONTEXT_ATTRIBUTES
            if draft.top.kind == "request"
            else flask_facts.APP_CONTEXT_ATTRIBUTES
        )
        if name in flask_facts.REMOVED_CONTEXT_ATTRIBUTES:
            return Refusal(f"`{name}` went with Flask 2.2 and has no counterpart", "CTX406")
        if name in known:
            return self._built_in_by_name(draft, call, function, str(name))
        store = self._store(draft, name)
        if function == "hasattr":
            self._hasattr(draft, call, store)
        elif function == "getattr" and len(call.args) == 3:
            self._getattr(draft, call, store)
        else:
            draft.code = self._holder(draft, store)
            draft.raises_differently = True
            if name is not None and store.name != name:
                self._rename_argument(draft, call, store)
        return None

    def _rename_argument(self, draft: _Draft, call: ast.Call, store: Store) -> None:
        rest = {_HOLE.format(i): argument for i, argument in enumerate(call.args[2:])}
        draft.node, draft.holes = call, rest
        arguments = ", ".join([draft.code, repr(store.name), *rest])
        draft.code = f"{self._module.segment(call.func)}({arguments})"

    def _quoted(self, draft: _Draft, call: ast.Call, store: Store) -> str:
        """Return the name argument: the old code, or the new name in the old quotes."""
        argument = call.args[1]
        if isinstance(argument, ast.Constant) and store.name != argument.value:
            return self._module.segment(argument).replace(str(argument.value), str(store.name))
        hole = _HOLE.format("NAME")
        draft.holes[hole] = argument
        return hole

    def _hasattr(self, draft: _Draft, call: ast.Call, store: Store) -> None:
        draft.node = call
        active = self._is_active(draft.top)
        name = self._quoted(draft, call, store)
        if not store.on_g:
            found = f"hasattr({self._context(draft)}, {name})"
            shape: Shape = "atom"
        else:
            g = self._name(draft, "flask", "g")
            found, shape = f"{name} in {g}", "comparison"
            negation = self._scopes.parents[call]
            if active and isinstance(negation, ast.UnaryOp) and isinstance(negation.op, ast.Not):
                draft.node, found = negation, f"{name} not in {g}"
        draft.code = found if active else f"{self._has(draft)} and {found}"
        draft.shape = shape if active else "and"

    def _getattr(self, draft: _Draft, call: ast.Call, store: Store) -> None:
        draft.node = call
        default = _HOLE.format("DEFAULT")
        draft.holes[default] = call.args[2]
        name = self._quoted(draft, call, store)
        if store.on_g:
            g = self._name(draft, "flask", "g")
            is_none = isinstance(call.args[2], ast.Constant) and call.args[2].value is None
            found = f"{g}.get({name})" if is_none else f"{g}.get({name}, {default})"
        else:
            found = f"getattr({self._context(draft)}, {name}, {default})"
        self._or_default(draft, found, call.args[2], default)

    def _or_default(self, draft: _Draft, found: str, node: ast.expr, default: str) -> None:
        if self._is_active(draft.top):
            draft.code = found
            return
        parent = self._scopes.parents[draft.node]
        tested = none_test(parent) if isinstance(parent, ast.expr) else None
        is_none = isinstance(node, ast.Constant) and node.value is None
        if isinstance(parent, ast.Compare) and tested is not None and is_none:
            operator = "is not" if tested[1] else "is"
            draft.node = parent
            draft.shape = "and" if tested[1] else "or"
            outside = f"{self._has(draft)} and" if tested[1] else f"not {self._has(draft)} or"
            draft.code = f"{outside} {found} {operator} None"
        elif isinstance(node, ast.Constant) and not node.value and self._is_tested(draft.node):
            draft.code = f"{self._has(draft)} and {found}"
            draft.shape = "and"
        else:
            otherwise = f"({default})" if isinstance(node, ast.Lambda) else default
            draft.code = f"{found} if {self._has(draft)} else {otherwise}"
            draft.shape = "conditional"

    def _built_in_by_name(
        self, draft: _Draft, call: ast.Call, function: str, name: str
    ) -> Refusal | None:
        if function in {"setattr", "delattr"}:
            draft.code = self._context(draft)
            draft.raises_differently = True
            return self._cannot_write(draft.top.kind, name)
        draft.node = call
        if function == "hasattr":
            draft.code = self._has(draft)
            return None
        proxy = {"app": "current_app"}.get(name, name)
        if proxy in {"current_app", "g", "request", "session"}:
            value = f"{self._name(draft, 'flask', proxy)}._get_current_object()"
        elif name == "flashes" and self._target.newest >= _ONE_CONTEXT:
            return Refusal("`flashes` is private on Flask 3.2; use `get_flashed_messages()`")
        else:
            value = f"{self._context(draft)}.{name}"
        if len(call.args) == 2:
            draft.code, draft.raises_differently = value, True
            return None
        default = _HOLE.format("DEFAULT")
        draft.holes[default] = call.args[2]
        self._or_default(draft, value, call.args[2], default)
        return None


def both_contexts(
    module: Module, project: Project, at: ast.AST, local: str, anchor: Span
) -> tuple[Need, ...]:
    """Return what binds `local` to the request context's proxy on Flask 2.2 to 3.2, unwarned."""
    classes = local_name(module, project, at, "flask.ctx", "AppContext", anchor)
    alias = "" if local == "request_ctx" else f" as {local}"
    code = _FEATURE_TEST.format(classes=classes.code, local=local, alias=alias)
    needs = [need for need in (classes.need,) if need is not None]
    return (*needs, Need(anchor, "flask.globals", "request_ctx", local, code))


def _is_left_of_and(parent: ast.AST, node: ast.expr) -> bool:
    return (
        isinstance(parent, ast.BoolOp)
        and isinstance(parent.op, ast.And)
        and len(parent.values) == 2
        and parent.values[0] is node
    )


def worst(rewrites: Sequence[Rewrite]) -> Applicability:
    """Return the applicability of several rewrites that are made together."""
    return "unsafe" if any(r.applicability == "unsafe" for r in rewrites) else "safe"
