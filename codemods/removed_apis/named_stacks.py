"""Findings where code only names a stack: imports, shims, assignments, patches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import Advice, Finding, Fix, Level
from flask_ctxfix.codemods.removed_apis import texts
from flask_ctxfix.codemods.removed_apis.shims import shims
from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, StackUses, serves_newer_flask
from flask_ctxfix.codemods.removed_apis.stores import exported, facts_of_project
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_versions import STACKS_REMOVED, TargetVersion
from flask_ctxfix.left_imports import exported_names
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.scopes import Binding, Scope

_STACK_NAME = {kind: name for name, kind in flask_facts.REMOVED_STACKS.items()}
_PATCHED = re.compile(r"([\w.]+\.)?(_request_ctx_stack|_app_ctx_stack)(\.[\w.]+)?")
_FOR_OLDER = "the project may still support the older Flask"
_WITH_USES = "another line uses this name, and its fix is unsafe"
_REEXPORTED = "another package may import this name from here"
_CHOSEN = Advice(
    "replace every use of this stack at once, then remove the version check",
    "a version check chooses between imports, and none of them works from Flask 3.0 on",
)
_PATCHES = Advice("patch what the module uses instead, or push a real context")

NAMES = {
    "CTX401": "request-context-stack",
    "CTX402": "app-context-stack",
    "CTX403": "private-context-lookup",
    "CTX406": "removed-context-flags",
}
_CODES = {"request": "CTX401", "app": "CTX402"}
_REMOVED = "3.0"
# CTX403 is about modules of Flask that only had the stacks for themselves.
_REMOVED_INSIDE = "2.2"
_PUBLIC = frozenset({"flask", "flask.globals"})


class NamedStacks:
    """What names the stacks in one module, for one target."""

    def __init__(self, module: Module, project: Project, target: TargetVersion) -> None:
        self._module = module
        self._project = project
        self._target = target
        self._uses = StackUses.of(module, project)
        self._level: Level = "error" if target.newest >= STACKS_REMOVED else "warning"
        self._stays: set[ast.AST] = set()
        self._unsafe: set[ast.AST] = set()

    def _finding(
        self,
        kind: Kind,
        node: ast.AST,
        message: str,
        advice: Advice,
        fix: Fix | None,
        code: str | None = None,
    ) -> Finding:
        code = code or _CODES[kind]
        return Finding(
            code,
            NAMES[code],
            "error" if code == "CTX403" else self._level,
            message,
            self._module.path,
            self._module.span(node),
            help=advice.help,
            notes=advice.notes if fix is None else fix.notes,
            fix=fix,
            no_fix_reason=advice.no_fix_reason if fix is None else None,
        )

    def _gone(self, kind: Kind, stack: ast.expr) -> str:
        """Say what a use of a stack comes to."""
        module, project = self._module, self._project
        return texts.name_fails(module, project, stack, _STACK_NAME[kind], _REMOVED)

    def _imports(self) -> Iterator[Finding]:
        kept = self._kept_names()
        retires = tuple(
            self._module.span(binding.alias or binding.node)
            for scope, binding in self._uses.bindings
            if not scope.is_class and not (scope.parent is None and binding.name in kept)
        )
        groups = tuple(
            exported(self._module.path, binding.name)
            for scope, binding in self._uses.bindings
            if scope.parent is None and binding.name not in kept
        )
        for scope, binding in self._uses.bindings:
            place = binding.alias or _attribute_in(binding.value)
            if place is None or self._module.scopes.in_type_checking(binding.node):
                continue
            reads = {id(read) for read in scope.reads.get(binding.name, ())}
            what = "assignment" if binding.alias is None else "import"
            fix, advice = None, texts.unused(what)
            if any(id(first_name(node)) in reads for node in self._stays) or scope.is_class:
                advice = texts.still_used(what)
            elif scope.parent is None and binding.name in kept:
                advice = texts.used_elsewhere(what)
            else:
                doubt = _REEXPORTED if self._may_be_reexported(scope, binding) else None
                if any(id(first_name(node)) in reads for node in self._unsafe):
                    doubt = _WITH_USES
                fix = Fix(advice.help, retires=retires, groups=groups, unsafe_reason=doubt)
            yield self._binding_finding(binding, place, advice, fix)
        for binding in self._uses.chosen:
            if binding.alias is not None:
                yield self._binding_finding(binding, binding.alias, _CHOSEN, None)

    def _may_be_reexported(self, scope: Scope, binding: Binding) -> bool:
        """Whether others may import a name from this package, on a Flask that still has it."""
        is_package = self._module.path.endswith("__init__.py")
        is_unused = scope.parent is None and not scope.reads.get(binding.name)
        return is_package and is_unused and self._target.oldest < STACKS_REMOVED

    def _kept_names(self) -> set[str]:
        """Return the names of the module that another file goes on using, and what they are."""
        path = self._module.path
        used = facts_of_project(self._module, self._project).kept | self._project.pinned
        kept = {*exported_names(self._module)}
        kept |= {b.name for _, b in self._uses.bindings if exported(path, b.name) in used}
        for scope, binding in reversed(self._uses.bindings):
            if scope.parent is None and binding.name in kept and binding.value is not None:
                read = ast.walk(binding.value)
                kept |= {node.id for node in read if isinstance(node, ast.Name)}
        return kept

    def _binding_finding(
        self, binding: Binding, place: ast.AST, advice: Advice, fix: Fix | None
    ) -> Finding:
        origins = self._project.binding_origins(self._module, binding)
        names = {flask_facts.name_of(origin) for origin in origins}
        kind: Kind = "app" if "_app_ctx_stack" in names else "request"
        public = {f"{home}.{name}" for home in _PUBLIC for name in names}
        if origins <= public:
            message = texts.import_fails(binding, _STACK_NAME[kind], _REMOVED)
            if isinstance(place, ast.Attribute):
                message = self._gone(kind, place)
            return self._finding(kind, place, message, advice, fix)
        homes = {origin.rpartition(".")[0] for origin in origins - {NONE}} - _PUBLIC
        message = texts.removed(_STACK_NAME[kind], _REMOVED)
        if homes:
            inside = " and ".join(f"`{home}`" for home in sorted(homes))
            removed = f"Flask {_REMOVED_INSIDE} removed `{_STACK_NAME[kind]}` from {inside}"
            message = f"{removed}, so this import fails"
        return self._finding(kind, place, message, advice, fix, "CTX403")

    def _shims(self) -> Iterator[Finding]:
        """Offer to drop what the target does not need; it works as it is, so only if asked for."""
        for shim in shims(self._module, self._project, self._target):
            changes, dead = shim.kept, shim.dead
            fix = Fix(changes, (shim.edit,), unsafe_reason=_FOR_OLDER)
            message = f"{dead} runs only on a Flask older than the target Flask, {self._target}"
            finding = self._finding(shim.kind, shim.node, message, Advice(changes), fix)
            yield replace(finding, level="info")

    def _assigned_to_flask(self) -> Iterator[Finding]:
        """Report the shim that hangs a stack of its own on Flask: nothing is ever pushed to it."""
        for stack in flask_facts.REMOVED_STACKS:
            for node in self._module.scopes.attribute_stores.get(stack, ()):
                origins = self._project.origins(self._module, node)
                names = {flask_facts.name_of(origin) for origin in origins}
                if len(names) == 1 and names <= flask_facts.REMOVED_STACKS.keys():
                    kind: Kind = "app" if "_app_ctx_stack" in names else "request"
                    message = f"this sets `{stack}`, to which Flask has pushed nothing since 2.2"
                    yield self._finding(kind, node, message, Advice("remove the assignment"), None)

    def _patched(self) -> Iterator[Finding]:
        """Report strings that name a stack as the target of a patch."""
        for node in self._module.scopes.nodes(ast.Constant):
            match = _PATCHED.fullmatch(node.value) if isinstance(node.value, str) else None
            call = self._module.scopes.parents[node]
            if match is None or not isinstance(call, ast.Call) or node not in call.args:
                continue
            if not self._replaces(call.func):
                continue
            if not serves_newer_flask(self._module, self._project, node):
                kind: Kind = "app" if match[2] == "_app_ctx_stack" else "request"
                name = _STACK_NAME[kind]
                message = f"this patch names `{name}`, which was removed in Flask {_REMOVED}"
                yield self._finding(kind, node, message, _PATCHES, None)

    def _replaces(self, called: ast.expr) -> bool:
        """Whether a function, or a method of who knows what, replaces what it is given by name."""
        value = ContextFlow.of(self._project).values.of(self._module, called)
        if isinstance(value, Foreign):
            return f"{value.name}.".startswith(("unittest.mock.patch.", "mock.patch."))
        names = {each.attr for each in ast.walk(called) if isinstance(each, ast.Attribute)}
        return not names.isdisjoint({"delattr", "patch", "setattr"})


def _attribute_in(value: ast.expr | None) -> ast.Attribute | None:
    """Return the stack that is an attribute of Flask in what a name is assigned."""
    nodes = ast.walk(value) if value is not None else ()
    return next((node for node in nodes if isinstance(node, ast.Attribute)), None)


def first_name(node: ast.AST) -> ast.AST:
    """Return the name that an expression such as ``a.b`` or ``a or b`` starts with."""
    while isinstance(node, ast.Attribute | ast.BoolOp):
        node = node.value if isinstance(node, ast.Attribute) else node.values[0]
    return node
