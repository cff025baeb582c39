"""CTX405: the context classes, made and tested by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix import flask_facts
from flask_ctxfix.aliases import may_know
from flask_ctxfix.codemod import Advice, Finding, Fix, Level, ReplaceExpression, Rule
from flask_ctxfix.codemods.removed_apis.stack_uses import StackUses, serves_newer_flask
from flask_ctxfix.codemods.removed_apis.texts import in_short, replacement
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.source import Span

_MAKERS = {"RequestContext": ("request_context", 2), "AppContext": ("app_context", 1)}
_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
_BY_HAND = {
    "RequestContext": "use `app.request_context()`, which takes the environ alone",
    "AppContext": "use `app.app_context()`, which takes no argument",
}
_ASK_CONTEXT = "read the attribute `has_request` of the context, which exists on Flask 3.2"
_OVERRIDDEN = "if the application overrides `{}()`, the fix uses its version"
_BOTH = '{0}.has_request if hasattr(type({0}), "has_request") else hasattr({0}, "request")'


class ContextClassUse(Rule):
    """Code makes or tests the context classes itself, which Flask 3.2 merges into one.

    These are calls of `RequestContext` and `AppContext`, `isinstance(x, RequestContext)`, and
    subclasses of `RequestContext`.

    Who is hurt

    Nobody up to Flask 3.1. On Flask 3.2 the code that makes the context raises, and code that
    tests for the class takes a context without a request for one with a request.

    How it fails

    On Flask 3.2:

        TypeError: AppContext.__init__() takes 2 positional arguments but 3 were given

    Before

        from flask.ctx import RequestContext

        def open_context(app, environ):
            return RequestContext(app, environ)

    After

        def open_context(app, environ):
            return app.request_context(environ)

    What the fix changes

    If the class of the application overrides `request_context()` or `app_context()`, that method
    is used.

    When there is no fix

    * The call has other arguments than the application and the environ: use
      `app.request_context()`, and set the rest by other means.
    * A subclass of `RequestContext`: remove it, and use signals such as `request_started`.
    * A test of the class, for a target below 3.2: ask the context for `has_request` on Flask 3.2.

    Safe or unsafe

    Safe for a call: the method of the application makes the same object on every version. Unsafe
    for `isinstance`, because the object may be of a class that is no context and has no
    `has_request`.

    Versions

    On Flask 3.2 `RequestContext` is another name of `AppContext`, and importing it warns. For a
    target below 3.2 all findings are information.

    Sources

    The source of Flask 2.1 to 3.1 and its main branch.
    """

    code = "CTX405"
    name = "context-class-use"
    message = "code uses the context classes, which Flask 3.2 merges into one"
    levels = ("error", "info")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield constructor calls, class tests and subclasses."""
        if not may_know(module, project, flask_facts.CLASSES):
            return
        for use in project.uses_of(module, flask_facts.CLASSES):
            parent = module.scopes.parents[use]
            if isinstance(parent, ast.Call):
                yield from self._call(module, project, target, parent)
            elif isinstance(parent, ast.ClassDef) and use in parent.bases:
                if project.flask_name(module, use) == "RequestContext":
                    advice = "remove the class, and use a signal such as `request_started` instead"
                    message = f"the base class of `{parent.name}` takes no environ on Flask 3.2"
                    yield self._finding(module, target, use, message, advice, None)

    def _call(
        self, module: Module, project: Project, target: TargetVersion, node: ast.Call
    ) -> Iterator[Finding]:
        name = project.flask_name(module, node.func)
        fix = fix_of(module, project, target, node)
        if name in _MAKERS and not serves_newer_flask(module, project, node):
            advice = _BY_HAND[name] if fix is None else fix.message
            yield self._finding(module, target, node, _made_by_hand(name, node), advice, fix)
        elif _tests_for_request_context(module, project, node):
            message = f"{_test(module, project, node)} is true on Flask 3.2 even without a request"
            advice = _ASK_CONTEXT if fix is None else fix.message
            yield self._finding(module, target, node, message, advice, fix)

    def _finding(
        self,
        module: Module,
        target: TargetVersion,
        node: ast.AST,
        message: str,
        advice: Advice | str,
        fix: Fix | None,
    ) -> Finding:
        level: Level = "error" if target.newest >= ONE_CONTEXT else "info"
        return self.finding(module, level, node, message, advice, fix)


_NO_CONTEXT = "the object may not be a context, and then has no `has_request`"


def _test(module: Module, project: Project, call: ast.Call) -> str:
    """Return how a test of a class is spelled, if no fix changes that."""
    code, tested = in_short(module.segment(call)), call.args[0]
    is_kept = isinstance(tested, ast.Name) and project.flask_name(module, tested) is None
    return f"`{code}`" if is_kept and code is not None else "this test for `RequestContext`"


def _made_by_hand(name: str, call: ast.Call) -> str:
    """Say what a call of a context class comes to."""
    has_environ = len(call.args) > 1 or any(each.arg == "environ" for each in call.keywords)
    if name == "AppContext":
        return "calling `AppContext` skips `app.app_context()`, which an application may override"
    if has_environ:
        return "`RequestContext` takes no environ on Flask 3.2, so this call raises TypeError"
    return "`RequestContext` is another name of `AppContext` on Flask 3.2"


def fix_of(module: Module, project: Project, target: TargetVersion, node: ast.Call) -> Fix | None:
    """Return the fix of a call that makes a context, or asks for the class of one."""
    if serves_newer_flask(module, project, node):
        return None
    name = project.flask_name(module, node.func)
    if name in _MAKERS:
        return _constructor(module, project, node, *_MAKERS[name])
    if _tests_for_request_context(module, project, node):
        return _class_test(module, project, target, node)
    return None


def _constructor(
    module: Module, project: Project, node: ast.Call, maker: str, count: int
) -> Fix | None:
    if len(node.args) != count or node.keywords or _holds_comment(module, node):
        return None
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    app = "HOLE_APP" if isinstance(node.args[0], _ATOMS) else "(HOLE_APP)"
    holes = [("HOLE_APP", module.span(node.args[0]))]
    arguments = ""
    if count == 2:
        holes.append(("HOLE_ENVIRON", module.span(node.args[1])))
        arguments = "HOLE_ENVIRON"
    edit = ReplaceExpression(module.span(node), f"{app}.{maker}({arguments})", tuple(holes))
    retires = tuple(_class_imports(module, project))
    shown = edit.code
    for hole, span in edit.holes:
        shown = shown.replace(hole, module.text[span.start : span.end])
    text = replacement(module.segment(node), shown)
    return Fix(text, (edit,), retires=retires, notes=(_OVERRIDDEN.format(maker),))


def _holds_comment(module: Module, call: ast.Call) -> bool:
    """Whether a comment may stand beside the arguments of a call; it would get lost."""
    text = module.segment(call)
    for argument in call.args:
        text = text.replace(module.segment(argument), "", 1)
    return "#" in text


def _class_imports(module: Module, project: Project) -> Iterator[Span]:
    """Yield where a module imports the context classes."""
    for scope in module.scopes.every:
        for bindings in scope.bindings.values():
            for binding in bindings:
                if binding.alias is not None and not module.scopes.in_type_checking(binding.node):
                    origins = project.binding_origins(module, binding)
                    if {flask_facts.name_of(origin) for origin in origins} <= flask_facts.CLASSES:
                        yield module.span(binding.alias)


def _tests_for_request_context(module: Module, project: Project, node: ast.Call) -> bool:
    if project.origins(module, node.func) != {"builtins.isinstance"} or len(node.args) != 2:
        return False
    if project.flask_name(module, node.args[1]) != "RequestContext":
        return False
    is_top = StackUses.of(module, project).kind_of(node.args[0]) is not None
    return not is_top and not serves_newer_flask(module, project, node)


def _class_test(
    module: Module, project: Project, target: TargetVersion, node: ast.Call
) -> Fix | None:
    tested = node.args[0]
    if target.newest < ONE_CONTEXT or not isinstance(tested, ast.Name):
        return None
    code = f"{tested.id}.has_request"
    if target.oldest < ONE_CONTEXT:
        code = _BOTH.format(tested.id)
        if not isinstance(module.scopes.parents[node], ast.Return | ast.Assign):
            code = f"({code})"
    edit = ReplaceExpression(module.span(node), code)
    retires = tuple(_class_imports(module, project))
    text = replacement(module.segment(node), code)
    return Fix(text, (edit,), retires=retires, unsafe_reason=_NO_CONTEXT)
