"""Uses of the private functions that looked names up in a context, and what replaces them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix import flask_facts
from flask_ctxfix.aliases import may_know
from flask_ctxfix.codemod import Advice, Fix, Need, ReplaceExpression
from flask_ctxfix.codemods.removed_apis import texts
from flask_ctxfix.codemods.removed_apis.fallbacks import works_without
from flask_ctxfix.codemods.removed_apis.spelling import both_contexts
from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, serves_newer_flask
from flask_ctxfix.codemods.removed_apis.stores import Store, group_of, store_of
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.imports import local_name
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record, replace
from flask_ctxfix.scopes import Binding, Scope
from flask_ctxfix.source import Span
from flask_ctxfix.syntax import root_of

PRIVATE = frozenset((*flask_facts.LOOKUPS, *flask_facts.ERROR_MESSAGES, "_find_app"))
_BY_HAND = Advice(
    "write a function of your own that reads `g` or the proxies",
    "no public API does the same",
)
_REMOVED = "2.2"
_BUILT_IN: dict[Kind, frozenset[str]] = {
    "app": flask_facts.APP_CONTEXT_ATTRIBUTES,
    "request": flask_facts.REQUEST_CONTEXT_ATTRIBUTES,
}


class LookupUse(Record):
    """One use, or the import, of a private name."""

    message: str
    node: ast.AST
    advice: Advice
    fix: Fix | None


def lookup_uses(module: Module, project: Project, target: TargetVersion) -> Iterator[LookupUse]:
    """Yield the uses of the private names in a module, and their imports."""
    if not may_know(module, project, PRIVATE):
        return
    for scope in module.scopes.every:
        for local in list(scope.bindings):
            yield from _Lookup(module, project, target, scope, local).uses()
    reads = module.scopes.attribute_reads
    for node in (node for name in sorted(PRIVATE) for node in reads.get(name, ())):
        base = root_of(node)
        if not isinstance(base, ast.Name) or project.flask_name(module, node) != node.attr:
            continue
        if not serves_newer_flask(module, project, node):
            home = module.scopes.home_of(base)
            yield _Lookup(module, project, target, home, base.id).through_module(node)


class _Lookup:
    """One local name that may be bound to a private name."""

    def __init__(
        self, module: Module, project: Project, target: TargetVersion, scope: Scope, local: str
    ) -> None:
        self._module = module
        self._project = project
        self._target = target
        self._scope = scope
        self._local = local
        self._bindings = scope.bindings[local]
        self._needs: list[Need] = []
        self._groups: tuple[str, ...] = ()
        self._doubt: str | None = None

    def uses(self) -> Iterator[LookupUse]:
        """Yield a use for each read of the name, then the import."""
        name = self._name()
        if name is None:
            return
        retired = tuple(
            self._module.span(b.alias or b.node) for b in (*self._bindings, *self._partials())
        )
        all_fixed = True
        for read in self._scope.reads.get(self._local, ()):
            use = self._use(name, read)
            all_fixed = all_fixed and use.fix is not None
            yield use
        fix = Fix(texts.unused().help, retires=retired) if all_fixed else None
        for binding in self._bindings:
            if binding.alias is not None:
                advice = texts.unused() if fix else texts.still_used()
                message = texts.import_fails(binding, name, _REMOVED)
                yield LookupUse(message, binding.alias, advice, fix)

    def through_module(self, read: ast.Attribute) -> LookupUse:
        """Return the use of a private name that is read as an attribute of Flask's module."""
        use = self._use(read.attr, read)
        if use.fix is None:
            return use
        spans = tuple(self._module.span(b.alias or b.node) for b in self._partials())
        return replace(use, fix=replace(use.fix, retires=spans))

    def _name(self) -> str | None:
        names = {self._name_bound(binding) for binding in self._bindings}
        name = names.pop() if len(names) == 1 else None
        if name not in PRIVATE:
            return None
        served = any(
            asks(self._module, self._project, binding.node)
            for binding in self._bindings
            for asks in (serves_newer_flask, works_without)
        )
        return None if served else name

    def _name_bound(self, binding: Binding) -> str | None:
        if binding.alias is None or not isinstance(binding.node, ast.ImportFrom):
            return None
        origins = self._project.binding_origins(self._module, binding)
        names = {flask_facts.name_of(origin) for origin in origins}
        return names.pop() if len(names) == 1 else None

    def _partials(self) -> Iterator[Binding]:
        """Yield the imports of ``functools.partial``, which may lose their last use."""
        for bindings in self._module.scopes.module.bindings.values():
            for binding in bindings:
                if binding.alias is not None and self._project.binding_origins(
                    self._module, binding
                ) in ({"functools.partial"}, {"functools"}):
                    yield binding

    def _use(self, name: str, read: ast.expr) -> LookupUse:
        self._needs = []
        self._groups = ()
        self._doubt = None
        parent = self._module.scopes.parents[read]
        if name in flask_facts.ERROR_MESSAGES:
            text = repr(flask_facts.ERROR_MESSAGES[name]).replace("'", '"')
            return self._replaced(name, read, read, text)
        if name == "_find_app":
            return self._find_app(read, parent)
        kind: Kind = "app" if name == "_lookup_app_object" else "request"
        if isinstance(parent, ast.Call) and not parent.keywords:
            if parent.func is read and len(parent.args) == 1:
                code = self._read(kind, parent.args[0], read)
                return self._replaced(name, read, parent, code)
            if self._is_partial(parent) and parent.args[0] is read and len(parent.args) == 2:
                code = self._read(kind, parent.args[1], read)
                return self._replaced(name, read, parent, f"lambda: {code}")
        return LookupUse(self._gone(name, read), read, _BY_HAND, None)

    def _gone(self, name: str, read: ast.expr) -> str:
        """Say what the use of a private name comes to."""
        return texts.name_fails(self._module, self._project, read, name, _REMOVED)

    def _is_partial(self, call: ast.Call) -> bool:
        return self._project.origins(self._module, call.func) == {"functools.partial"}

    def _find_app(self, read: ast.expr, parent: ast.AST) -> LookupUse:
        proxy = self._flask(read, "flask", "current_app")
        app = f"{proxy}._get_current_object()"
        if isinstance(parent, ast.Call) and parent.func is read:
            is_consumed = isinstance(self._module.scopes.parents[parent], ast.Attribute)
            return self._replaced("_find_app", read, parent, proxy if is_consumed else app)
        if isinstance(parent, ast.Call) and read in parent.args:
            return self._replaced("_find_app", read, read, f"lambda: {app}")
        return LookupUse(self._gone("_find_app", read), read, _BY_HAND, None)

    def _read(self, kind: Kind, name: ast.expr, at: ast.expr) -> str:
        """Return the code that reads the attribute `name` of a context."""
        text = name.value if isinstance(name, ast.Constant) else None
        attribute = text if isinstance(text, str) and text.isidentifier() else None
        store = self._store(kind, attribute)
        holder = self._flask(at, "flask", "g") if store.on_g else self._context(kind, at)
        if attribute is not None:
            return f"{holder}.{store.name}"
        return f"getattr({holder}, {self._module.segment(name)})"

    def _store(self, kind: Kind, attribute: str | None) -> Store:
        if attribute in _BUILT_IN[kind]:
            return Store(False, attribute, True)
        store = store_of(self._module, self._project, self._target, kind, attribute)
        if store.on_g and attribute is not None and attribute == store.name:
            self._groups = (group_of(kind, attribute),)
        if not store.is_exact:
            self._doubt = texts.LIVES_LONGER
        return store

    def _context(self, kind: Kind, at: ast.expr) -> str:
        if kind == "app" or self._target.oldest >= ONE_CONTEXT:
            return self._flask(at, "flask.globals", "app_ctx")
        if self._target.newest < ONE_CONTEXT:
            return self._flask(at, "flask.globals", "request_ctx")
        anchor = self._anchor()
        found = local_name(self._module, self._project, at, "flask.globals", "request_ctx", anchor)
        if found.need is not None:
            self._needs += both_contexts(self._module, self._project, at, found.code, anchor)
        return found.code

    def _flask(self, at: ast.expr, home: str, name: str) -> str:
        found = local_name(self._module, self._project, at, home, name, self._anchor())
        if found.need is not None:
            self._needs.append(found.need)
        return found.code

    def _anchor(self) -> Span:
        return self._module.span(self._bindings[0].node)

    def _replaced(self, name: str, read: ast.expr, node: ast.expr, code: str) -> LookupUse:
        edit = ReplaceExpression(self._module.span(node), code)
        needs = tuple(dict.fromkeys(self._needs))
        changes, doubt = texts.replacement(self._module.segment(node), code), self._doubt
        fix = Fix(changes, (edit,), needs, groups=self._groups, unsafe_reason=doubt)
        return LookupUse(self._gone(name, read), node, Advice(changes), fix)
