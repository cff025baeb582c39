"""CTX407: what Flask 3.2 changes where it merges the two contexts."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from flask_ctxfix import flask_facts
from flask_ctxfix.aliases import may_know
from flask_ctxfix.applications import class_kind, instance_of
from flask_ctxfix.codemod import (
    Advice,
    Edit,
    Finding,
    Fix,
    Level,
    Need,
    ReplaceExpression,
    Rule,
    Untold,
)
from flask_ctxfix.codemods.removed_apis.assigned_parts import PARTS, advice_for, since, what_happens
from flask_ctxfix.codemods.removed_apis.classes import fix_of
from flask_ctxfix.codemods.removed_apis.spelling import both_contexts
from flask_ctxfix.codemods.removed_apis.stack_uses import serves_newer_flask
from flask_ctxfix.codemods.removed_apis.tested import is_tested, none_test
from flask_ctxfix.codemods.removed_apis.texts import in_short, replacement, unused
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.caught import catches_import_error
from flask_ctxfix.context_flow.made_contexts import made_context
from flask_ctxfix.context_flow.values import Foreign, Switch
from flask_ctxfix.flask_facts import REQUEST_CONTEXT_MAKERS
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.imports import local_name
from flask_ctxfix.left_imports import exported_names
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, Scope
from flask_ctxfix.statements import is_handling

_REMOVED = {"_cv_request"}
_USE_IT = "use `app_ctx`, which is the same object on Flask 3.2"
_USE_EITHER = Untold("import `app_ctx` instead on Flask 3.2")
_BEFORE_UPGRADE = "up to Flask 3.1 the fix changes nothing, so make it before you upgrade"
_OTHER_ANSWER = "on Flask 3.2 the answer changes in an app context without a request"
_DECIDES = Advice(
    "ask `has_request_context()` first, and use the context separately",
    "the value of this expression may be the context itself",
)
# What to use instead of a name where there is no fix.
_RENAMED = "use `app_ctx`, and ask `has_request_context()` whether there is a request"
_INSTEAD = {
    "RequestContext": "use `AppContext`, and ask a context for `has_request`",
    "_cv_request": "read `_cv_app`, and ask `has_request_context()` whether there is a request",
}
# No way does for a range: what takes the place is there, or means the same, from Flask 3.2 on only.
_BY_VERSION = "switch by version, since this works from Flask 3.2 on only"
# What Flask's own names of the active context give.
_ACTIVE = ("flask.app_ctx._get_current_object", "flask.request_ctx._get_current_object")


class ChangedIn32(Rule):
    """Code relies on there being two contexts, which Flask 3.2 merges into one.

    These are imports of `request_ctx`, `RequestContext` and `_cv_request`; `request_ctx` as a
    condition; assignments to `.session`, `.request` and `.flashes` of a context; methods such as
    `preprocess_request` that are called or overridden without `ctx`; and `ctx.pop()` in a
    handler, which passed the exception on by itself.

    Who is hurt

    Up to Flask 3.1, only who sets `session`, which raises from 3.1.3 on. On Flask 3.2, commands
    and other code without a request take the branch that is meant for a request; a call without
    `ctx` raises; and teardown functions get None instead of the exception.

    How it fails

    In a command, the condition below is true on Flask 3.2, and the read raises:

        RuntimeError: There is no request in this context.

    Before

        from flask.globals import request_ctx

        def path():
            return request_ctx.request.path if request_ctx else None

    After

        from flask import has_request_context
        from flask.globals import request_ctx

        def path():
            return request_ctx.request.path if has_request_context() else None

    What the fix changes

    `request_ctx` as a condition becomes `has_request_context()`. For a target from 3.2 on,
    `request_ctx` becomes `app_ctx`, the same object without the warning; for a range that reaches
    3.2, the import asks first which of the two is there.

    When there is no fix

    * The code sets a part of a context: change the items of the session, or open another context.
    * A method is called without `ctx`: use a test client, so that Flask calls it.
    * A method is overridden without `ctx`: add the parameter once you require Flask 3.2.
    * `ctx.pop()` in a handler: use `with ctx:`, which passes the exception to teardown functions.

    Safe or unsafe

    Safe up to Flask 3.1, where nothing changes; make these changes before you upgrade. Unsafe for
    a condition on 3.2, where the answer changes in an app context without a request. Renaming to
    `app_ctx` is safe.

    Versions

    On Flask 3.2 `request_ctx` and `RequestContext` warn when they are imported, and 4.0 will
    remove them; `_cv_request` is gone. `session` of a context cannot be set from 3.1.3 on,
    `request` from 3.2 on, and 3.2 does not read `flashes`. A method that is overridden without
    `ctx` still works on 3.2, with a warning. Most of this is reported only where the target
    reaches 3.2.

    Sources

    Flask's main branch, compared with 3.1.
    """

    code = "CTX407"
    name = "changed-in-3.2"
    message = "code relies on the two contexts that Flask 3.2 merges into one"
    levels = ("error", "warning", "info")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield truth tests for every target, the rest for targets that reach 3.2."""
        yield from self._truth_tests(module, project, target)
        yield from self._assignments(module, project, target)
        if target.newest >= ONE_CONTEXT:
            yield from self._imports(module, project, target)
            yield from self._dispatch(module, project)
            yield from self._overrides(module, project)
            yield from self._implicit_pops(module)

    def _truth_tests(
        self, module: Module, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        reaches = target.newest >= ONE_CONTEXT
        level: Level = "error" if reaches else "info"
        message = "on Flask 3.2 `request_ctx` is also true in an app context without a request"
        for scope, binding in _bindings_of(module, project, {"request_ctx"}):
            for read in scope.reads.get(binding.name, ()):
                if serves_newer_flask(module, project, read):
                    continue
                tested = _test_of(module, read)
                if tested is None:
                    if _decides(module, read):
                        yield self.finding(module, level, read, message, _DECIDES)
                    continue
                anchor = module.span(binding.node)
                home, name = "flask", "has_request_context"
                found = local_name(module, project, read, home, name, anchor)
                code = f"{found.code}()"
                fix = Fix(
                    replacement(module.segment(tested), code),
                    (ReplaceExpression(module.span(tested), code),),
                    (found.need,) if found.need is not None else (),
                    notes=(_BEFORE_UPGRADE,),
                    unsafe_reason=_OTHER_ANSWER if reaches else None,
                )
                yield self.finding(module, level, read, message, fix.message, fix)

    def _assignments(
        self, module: Module, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        changes = module.scopes.attribute_changes
        for node in (node for name in PARTS for node in changes.get(name, ())):
            version = since(node.attr, target)
            if version is None or not _is_context(module, project, target, node.value):
                continue
            if project.flask_name(module, node.value) == "app_ctx":
                version = "3.2"  # before, an app context has none of these
            message = what_happens(node.attr, version)
            advice = advice_for(module, node, node.attr, target)
            yield self.finding(module, "error", node, message, advice)

    def _imports(
        self, module: Module, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        names = {"request_ctx", "RequestContext", "_cv_request"}
        found = list(_bindings_of(module, project, names))
        for scope, binding in found:
            assert binding.alias is not None
            name = binding.alias.name.rpartition(".")[2]
            fix = None
            if name == "RequestContext":
                fix = _unused(module, project, target, scope, binding)
            elif name == "request_ctx":
                fix = _renamed(module, project, target, scope, binding)
            advice = _instead(name, target) if fix is None else Advice(fix.message)
            message = _imported(name)
            yield self.finding(module, "warning", binding.alias, message, advice, fix)
        for binding in _in_vain(module, project, names - _REMOVED):
            if all(binding is not each for _, each in found):
                assert binding.alias is not None
                name = binding.alias.name
                advice, message = _instead(name, target), _imported(name)
                yield self.finding(module, "warning", binding.alias, message, advice)
        for node in module.scopes.attributes.get("request_ctx", ()):
            if project.flask_name(module, node) == "request_ctx":
                fix = _renamed_attribute(module, target, node)
                advice = _instead(node.attr, target) if fix is None else Advice(fix.message)
                if not serves_newer_flask(module, project, node):
                    code = in_short(module.segment(node)) or node.attr
                    message = f"`{code}` warns on Flask 3.2, and Flask 4.0 will remove it"
                    yield self.finding(module, "warning", node, message, advice, fix)

    def _dispatch(self, module: Module, project: Project) -> Iterator[Finding]:
        for node in module.scopes.calls_of(flask_facts.DISPATCH_METHODS):
            if not isinstance(node.func, ast.Attribute):
                continue
            if _passes_context(module, project, node, node.func.attr):
                continue
            if instance_of(module, project, node.func.value) == "Flask":
                name = node.func.attr
                message = f"`{name}` takes the context first on Flask 3.2, so this may fail"
                advice = "use a test client instead, so that Flask calls it"
                yield self.finding(module, "error", node.func, message, advice)

    def _overrides(self, module: Module, project: Project) -> Iterator[Finding]:
        if module.names.isdisjoint(flask_facts.DISPATCH_METHODS):
            return
        for node in module.scopes.nodes(ast.ClassDef):
            if not any(class_kind(module, project, base) == "Flask" for base in node.bases):
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and (
                    method.name in flask_facts.DISPATCH_METHODS and not _takes_context(method)
                ):
                    message = f"Flask 3.2 warns that `{method.name}` lacks the parameter `ctx`"
                    advice = "add `ctx: AppContext` as the first parameter for Flask 3.2"
                    yield self.finding(module, "warning", method, message, advice)

    def _implicit_pops(self, module: Module) -> Iterator[Finding]:
        if all(call.args for call in module.scopes.calls.get("pop", ())):
            return
        for scope in module.scopes.every:
            for name, bindings in scope.bindings.items():
                if not bindings or not all(_makes_context(b.value) for b in bindings):
                    continue
                for read in scope.reads.get(name, ()):
                    if _is_implicit_pop(module, read):
                        message = (
                            f"on Flask 3.2 `{name}.pop()` passes no exception to teardown functions"
                        )
                        advice = (
                            f"use `with {name}:`, which passes teardown functions the exception"
                        )
                        yield self.finding(module, "warning", read, message, advice)


def _imported(name: str) -> str:
    """Say what the import of a name comes to."""
    if name in _REMOVED:
        return f"importing `{name}` raises ImportError on Flask 3.2"
    return f"importing `{name}` warns on Flask 3.2, and Flask 4.0 will remove it"


def _bindings_of(
    module: Module, project: Project, names: set[str]
) -> Iterator[tuple[Scope, Binding]]:
    """Yield the imports that are the only binding of a name, and import one of Flask's `names`."""
    if not may_know(module, project, frozenset(names)):
        return
    for scope in module.scopes.every:
        for bindings in scope.bindings.values():
            for binding in bindings if len(bindings) == 1 else ():
                if binding.alias is None or module.scopes.in_type_checking(binding.node):
                    continue
                origins = project.binding_origins(module, binding)
                found = {flask_facts.name_of(origin) for origin in origins}
                if found <= names and not serves_newer_flask(module, project, binding.node):
                    yield scope, binding


def _in_vain(module: Module, project: Project, names: set[str]) -> Iterator[Binding]:
    """Yield the imports of `names` that a ``try`` is around, which they pass with a warning."""
    if not may_know(module, project, frozenset(names)):
        return
    for scope in module.scopes.every:
        for bindings in scope.bindings.values():
            for binding in bindings:
                if binding.alias is None or not _is_tried(module, project, binding.node):
                    continue
                if serves_newer_flask(module, project, binding.node, is_there=True):
                    continue
                origins = project.binding_origins(module, binding)
                if {flask_facts.name_of(origin) for origin in origins} <= names:
                    yield binding


def _is_tried(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether an import stands where a handler catches that there is no such name."""
    around = module.scopes.parents[node]
    return (
        isinstance(around, ast.Try)
        and node in around.body
        and any(catches_import_error(module, project, each) for each in around.handlers)
    )


def _instead(name: str, target: TargetVersion) -> Advice:
    """Return what to use instead of a name where there is no fix, on every Flask of the target."""
    notes = () if target.oldest >= ONE_CONTEXT else (_BY_VERSION,)
    return Advice(_INSTEAD.get(name, _RENAMED), notes=notes)


def _test_of(module: Module, node: ast.expr) -> ast.expr | None:
    """Return the expression of which only the truth counts: `node`, or the `bool()` of it."""
    if not is_tested(module, node):
        return None
    parent = module.scopes.parents[node]
    return parent if isinstance(parent, ast.Call) else node


def _decides(module: Module, node: ast.expr) -> bool:
    """Whether the truth of `node` decides what an ``and`` or ``or`` gives."""
    parent = module.scopes.parents[node]
    return isinstance(parent, ast.BoolOp) and parent.values[-1] is not node


def _is_context(module: Module, project: Project, target: TargetVersion, node: ast.expr) -> bool:
    """Whether `node` is the context of a request: the proxy, or a name for one made by hand."""
    name = project.flask_name(module, node)
    if name == "request_ctx" or (name == "app_ctx" and target.newest >= ONE_CONTEXT):
        return True
    made = project.bindings(module, node) if isinstance(node, ast.Name) else []
    return bool(made) and all(
        _makes_context(_value(binding), REQUEST_CONTEXT_MAKERS) for _, binding in made
    )


def _value(binding: Binding) -> ast.expr | None:
    """Return what a name is assigned, or entered as by a `with`."""
    node = binding.node
    return node.context_expr if isinstance(node, ast.withitem) else binding.value


def _unused(
    module: Module, project: Project, target: TargetVersion, scope: Scope, binding: Binding
) -> Fix | None:
    """Return the fix after which an import goes because every use of its name went."""
    fixes = []
    for read in scope.reads.get(binding.name, ()):
        call = module.scopes.parents[read]
        fixes.append(fix_of(module, project, target, call) if isinstance(call, ast.Call) else None)
    if not all(fixes) or _is_exported(module, scope, binding):
        return None
    doubts = (fix.unsafe_reason for fix in fixes if fix is not None and fix.unsafe_reason)
    span = module.span(binding.alias or scope.node)
    return Fix(unused().help, retires=(span,), unsafe_reason=next(doubts, None))


def _is_exported(module: Module, scope: Scope, binding: Binding) -> bool:
    return scope.parent is None and binding.name in exported_names(module)


def _renamed_attribute(module: Module, target: TargetVersion, node: ast.Attribute) -> Fix | None:
    if target.oldest < ONE_CONTEXT or _is_asked(module, node):
        return None
    edit = ReplaceExpression(module.span(node), f"{module.segment(node.value)}.app_ctx")
    return Fix(_USE_IT, (edit,))


def _is_asked(module: Module, node: ast.expr) -> bool:
    """Whether the code asks if there is such a context, which has another answer on Flask 3.2."""
    parent = module.scopes.parents[node]
    return (
        _test_of(module, node) is not None
        or _decides(module, node)
        or (isinstance(parent, ast.expr) and none_test(parent) is not None)
    )


def _renamed(
    module: Module, project: Project, target: TargetVersion, scope: Scope, binding: Binding
) -> Fix | None:
    """Return the fix after which the code uses the name that Flask 3.2 has, where it has it."""
    assert binding.alias is not None
    anchor = module.span(binding.node)
    retires = (module.span(binding.alias),)
    reads = scope.reads.get(binding.name, ())
    if _is_exported(module, scope, binding):
        return None
    if reads and all(_test_of(module, read) is not None for read in reads):
        return Fix(unused().help, retires=retires, unsafe_reason=_OTHER_ANSWER)
    if target.oldest < ONE_CONTEXT:
        needs = both_contexts(module, project, binding.node, binding.name, anchor)
        return Fix(_USE_EITHER, (), needs, retires)
    edits: list[Edit] = []
    found_needs: list[Need] = []
    for read in reads:
        if _is_asked(module, read):
            return None
        found = local_name(module, project, read, "flask.globals", "app_ctx", anchor)
        edits.append(ReplaceExpression(module.span(read), found.code))
        if found.need is not None:
            found_needs.append(found.need)
    every = tuple(dict.fromkeys(found_needs))
    return Fix(_USE_IT, tuple(edits), every, retires)


def _passes_context(module: Module, project: Project, call: ast.Call, method: str) -> bool:
    """Whether a call passes more than before Flask 3.2, or something that is a context, first."""
    if len(call.args) + len(call.keywords) > flask_facts.DISPATCH_METHODS[method]:
        return True
    values = ContextFlow.of(project).values
    passed = [values.of(module, each) for each in call.args[:2]]
    if method == "finalize_request" and len(passed) == 2:
        return not isinstance(passed[1], Switch)  # it said whether an error handler answered
    first = passed[0] if passed else None
    is_active = isinstance(first, Foreign) and first.name.startswith(_ACTIVE)
    return is_active or bool(made_context(first))


def _takes_context(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    parameters = [*method.args.posonlyargs, *method.args.args]
    return [parameter.arg for parameter in parameters][1:2] == ["ctx"]


def _makes_context(
    value: ast.expr | None, makers: Collection[str] = flask_facts.CONTEXT_MAKERS
) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in makers
    )


def _is_implicit_pop(module: Module, read: ast.Name) -> bool:
    """Whether this is ``ctx.pop()`` without an exception, in a handler or a `finally`."""
    attribute = module.scopes.parents[read]
    if not isinstance(attribute, ast.Attribute) or attribute.attr != "pop":
        return False
    call = module.scopes.parents[attribute]
    if not isinstance(call, ast.Call) or call.args or call.keywords:
        return False
    return is_handling(module, call)
