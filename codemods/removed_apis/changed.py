"""CTX407: what Flask 3.2 changes without a deprecation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix import flask_facts
from flask_ctxfix.applications import class_kind, instance_of
from flask_ctxfix.codemod import Edit, Finding, Fix, Level, Need, ReplaceExpression, Rule
from flask_ctxfix.codemods.removed_apis.guards import none_test
from flask_ctxfix.codemods.removed_apis.stack_uses import serves_newer_flask
from flask_ctxfix.codemods.removed_apis.top_rewriter import both_contexts
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.imports import local_name
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import Binding, Scope

_ONE_CONTEXT = (3, 2)
_FIXED_SESSION = (3, 1)
_READ_ONLY = {"flashes", "request", "session"}
_WITHOUT_CTX = (
    "Flask 3.2 passes the context as first argument; call it through a client or a context"
)


class ChangedIn32(Rule):
    """Flask 3.2 merges the two contexts and changes what depends on there being two.

    What it finds

    Imports of `request_ctx`, `RequestContext` and `_cv_request`; truth tests of `request_ctx`;
    assignments to `.session`, `.request` and `.flashes` of a context; dispatch methods of the
    application that are called or overridden without `ctx`; `ctx.pop()` in a handler, where the
    exception was passed on by itself.

    What goes wrong

    On Flask 3.2 `request_ctx` is another name of `app_ctx` that warns when it is imported, and true
    in a command without a request; `_cv_request` is gone; the assignments fail or do nothing; the
    calls are a TypeError; teardown functions get None instead of the exception.

    Before

        from flask.globals import request_ctx

        def adapter():
            return request_ctx.url_adapter if request_ctx else None

    After

        from flask import has_request_context
        from flask.globals import request_ctx

        def adapter():
            return request_ctx.url_adapter if has_request_context() else None

    When the fix is safe

    A truth test becomes `has_request_context()`: the same up to Flask 3.1, unsafe on 3.2, where it
    was true without a request. For a target from 3.2 on `request_ctx` becomes `app_ctx`, the same
    object; for a range that reaches 3.2 the import asks first which of the two is there. The rest
    is reported, and only once the target reaches 3.2.

    What changes

    The warning on import goes.

    Sources

    Flask's main branch, compared with 3.1.
    """

    code = "CTX407"
    name = "changed-in-3.2"
    message = "Flask 3.2 changes this without a deprecation"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield truth tests for every target, the rest for targets that reach 3.2."""
        yield from self._truth_tests(module, project, target)
        yield from self._assignments(module, project, target)
        if target.newest >= _ONE_CONTEXT:
            yield from self._imports(module, project, target)
            yield from self._dispatch(module, project)
            yield from self._overrides(module, project)
            yield from self._implicit_pops(module)

    def _finding(
        self,
        module: Module,
        level: Level,
        node: ast.AST,
        message: str,
        advice: str,
        fix: Fix | None = None,
    ) -> Finding:
        span = module.span(node)
        return Finding(self.code, self.name, level, message, advice, module.path, span, fix)

    def _truth_tests(
        self, module: Module, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        for scope, binding in _bindings_of(module, project, {"request_ctx"}):
            for read in scope.reads.get(binding.name, ()):
                if not _is_tested(module, read) or serves_newer_flask(module, read):
                    continue
                found = local_name(
                    module,
                    project,
                    read,
                    "flask",
                    "has_request_context",
                    module.span(binding.node),
                )
                code = f"{found.code}()"
                reaches = target.newest >= _ONE_CONTEXT
                fix = Fix(
                    "unsafe" if reaches else "safe",
                    f"use `{code}`",
                    (ReplaceExpression(module.span(read), code),),
                    (found.need,) if found.need is not None else (),
                )
                message = "`request_ctx` is true without a request on Flask 3.2"
                advice = "best done before the upgrade: up to Flask 3.1 the outcome is the same"
                level: Level = "error" if reaches else "info"
                yield self._finding(module, level, read, message, advice, fix)

    def _assignments(
        self, module: Module, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        for node in module.scopes.nodes(ast.Attribute):
            if isinstance(node.ctx, ast.Load) or node.attr not in _READ_ONLY:
                continue
            if project.flask_name(module, node.value) != "request_ctx":
                continue
            if target.newest < (_FIXED_SESSION if node.attr == "session" else _ONE_CONTEXT):
                continue
            since = "3.1.3" if node.attr == "session" else "3.2"
            message = f"`{node.attr}` of a context cannot be assigned since Flask {since}"
            yield self._finding(module, "error", node, message, "change the object's items instead")

    def _imports(
        self, module: Module, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        names = {"request_ctx", "RequestContext", "_cv_request"}
        for scope, binding in _bindings_of(module, project, names):
            assert binding.alias is not None
            name = binding.alias.name
            fix = None
            advice = "read `_cv_app`, and ask `has_request_context()` whether there is a request"
            if name == "RequestContext":
                advice = "use `AppContext`, and ask a context for `has_request`"
            elif name == "request_ctx":
                advice = "the same object, without the warning"
                fix = _renamed(module, project, target, scope, binding)
            message = f"`{name}` is deprecated or gone on Flask 3.2"
            yield self._finding(module, "warning", binding.alias, message, advice, fix)

    def _dispatch(self, module: Module, project: Project) -> Iterator[Finding]:
        for node in module.scopes.nodes(ast.Call):
            if not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr not in flask_facts.DISPATCH_METHODS or _passes_context(node):
                continue
            if instance_of(module, project, node.func.value) == "Flask":
                message = f"`{node.func.attr}` takes a context first on Flask 3.2"
                yield self._finding(module, "error", node.func, message, _WITHOUT_CTX)

    def _overrides(self, module: Module, project: Project) -> Iterator[Finding]:
        for node in module.scopes.nodes(ast.ClassDef):
            if not any(class_kind(module, project, base) == "Flask" for base in node.bases):
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and (
                    method.name in flask_facts.DISPATCH_METHODS
                    and [arg.arg for arg in method.args.args][1:2] != ["ctx"]
                ):
                    message = f"`{method.name}` is overridden without `ctx`"
                    advice = "add `ctx: AppContext` as the first parameter for Flask 3.2"
                    yield self._finding(module, "warning", method, message, advice)

    def _implicit_pops(self, module: Module) -> Iterator[Finding]:
        for scope in module.scopes.every:
            for name, bindings in scope.bindings.items():
                if not bindings or not all(_makes_context(b.value) for b in bindings):
                    continue
                for read in scope.reads.get(name, ()):
                    if _is_implicit_pop(module, read):
                        message = "on Flask 3.2 `pop()` passes no exception on by itself"
                        advice = "use `with ctx:`, which hands the exception to teardown functions"
                        yield self._finding(module, "warning", read, message, advice)


def _bindings_of(
    module: Module, project: Project, names: set[str]
) -> Iterator[tuple[Scope, Binding]]:
    """Yield the imports that are the only binding of a name, and import one of Flask's `names`."""
    for scope in module.scopes.every:
        for bindings in scope.bindings.values():
            for binding in bindings if len(bindings) == 1 else ():
                if binding.alias is None or module.scopes.in_type_checking(binding.node):
                    continue
                origins = project.binding_origins(module, binding)
                found = {flask_facts.name_of(origin) for origin in origins}
                if found <= names and not serves_newer_flask(module, binding.node):
                    yield scope, binding


def _is_tested(module: Module, node: ast.expr) -> bool:
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
        return parent.test is node
    if isinstance(parent, ast.UnaryOp):
        return isinstance(parent.op, ast.Not)
    return isinstance(parent, ast.BoolOp) and _is_tested(module, parent)


def _renamed(
    module: Module, project: Project, target: TargetVersion, scope: Scope, binding: Binding
) -> Fix | None:
    """Return the fix after which the code uses the name that Flask 3.2 has, where it has it."""
    assert binding.alias is not None
    anchor = module.span(binding.node)
    retires = (module.span(binding.alias),)
    if target.oldest < _ONE_CONTEXT:
        if not isinstance(binding.node, ast.ImportFrom) or len(binding.node.names) > 1:
            return None
        needs = both_contexts(module, project, binding.node, binding.name, anchor)
        return Fix("safe", "ask which of the two is there", (), needs, retires)
    edits: list[Edit] = []
    found_needs: list[Need] = []
    for read in scope.reads.get(binding.name, ()):
        parent = module.scopes.parents[read]
        if _is_tested(module, read) or (
            isinstance(parent, ast.expr) and none_test(parent) is not None
        ):
            return None
        found = local_name(module, project, read, "flask.globals", "app_ctx", anchor)
        edits.append(ReplaceExpression(module.span(read), found.code))
        if found.need is not None:
            found_needs.append(found.need)
    return Fix("safe", "use `app_ctx`", tuple(edits), tuple(dict.fromkeys(found_needs)), retires)


def _passes_context(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Name) and first.id in {"ctx", "app_ctx", "context"}


def _makes_context(value: ast.expr | None) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in flask_facts.CONTEXT_MAKERS
    )


def _is_implicit_pop(module: Module, read: ast.Name) -> bool:
    """Whether this is ``ctx.pop()`` without an exception, in a handler or a `finally`."""
    attribute = module.scopes.parents[read]
    if not isinstance(attribute, ast.Attribute) or attribute.attr != "pop":
        return False
    call = module.scopes.parents[attribute]
    if not isinstance(call, ast.Call) or call.args or call.keywords:
        return False
    child: ast.AST = call
    for parent in module.scopes.ancestors(call):
        if isinstance(parent, ast.ExceptHandler):
            return True
        if isinstance(parent, ast.Try) and child in parent.finalbody:
            return True
        child = parent
    return False
