"""CTX404: functions that ran before the first request."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flask_ctxfix.applications import imports_flask, instance_of
from flask_ctxfix.codemod import (
    Edit,
    Finding,
    Fix,
    InsertStatement,
    Level,
    RemoveDecorator,
    RemoveStatement,
    Rule,
)
from flask_ctxfix.codemods.removed_apis.stack_uses import serves_newer_flask
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project

_REGISTERS = {"before_first_request", "before_app_first_request"}
_HOOK_REMOVED = (2, 3)
_FLAG_DEPRECATED = (2, 3)
_FLAG_REMOVED = (3, 0)
_ADVICE = {
    "before_first_request": "call the function where the application is set up, under "
    "`with app.app_context():`",
    "before_app_first_request": "call the function when the blueprint is registered: "
    "`bp.record_once`, under `with state.app.app_context():`",
    "before_first_request_funcs": "call the functions where the application is set up",
    "got_first_request": "nothing public tells; keep a flag of your own if you need one",
    "try_trigger_before_first_request_functions": "there is nothing to trigger any more",
}
_AT_SETUP = "\n{blank}with {app}.app_context():\n    {function}()\n"
_AT_REGISTRATION = """

@{blueprint}.record_once
def {name}(state):
    with state.app.app_context():
        {function}()
"""
_NEEDS_REQUEST = {"request", "session", "url_for"}


class _Registration(NamedTuple):
    """A function that is registered to run before the first request."""

    owner: ast.expr
    function: ast.FunctionDef
    removal: Edit


class BeforeFirstRequest(Rule):
    """Functions that run before the first request were removed in Flask 2.3.

    What it finds

    `before_first_request` and `before_app_first_request`, as decorators and as calls, the list
    `before_first_request_funcs`, `got_first_request`, and
    `try_trigger_before_first_request_functions()`.

    What goes wrong

    An AttributeError when the module is imported. The usual quick fix, `before_request`, runs the
    function for every request; one that starts a thread then starts a thread per request.

    Before

        from flask import Flask

        app = Flask(__name__)

        @app.before_first_request
        def warm_up():
            app.config["WARM"] = True

    After

        from flask import Flask

        app = Flask(__name__)

        def warm_up():
            app.config["WARM"] = True


        with app.app_context():
            warm_up()

    When the fix is safe

    It never is: the function used to run inside the first request of each worker process, and now
    runs once, where the application is set up. It is offered where the application or the blueprint
    is made in the same module or factory and the function reads no request. A call that triggers
    the functions by hand goes, safely.

    What changes

    When the function runs, how often with several workers, and that an error stops the start
    instead of the first request.

    Sources

    Flask's change log for 2.2 and 2.3; pallets/flask issue 5123.
    """

    code = "CTX404"
    name = "before-first-request"
    message = "functions before the first request were removed in Flask 2.3"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the uses of the hooks, of their list, and of what triggers them."""
        for node in module.scopes.nodes(ast.Attribute):
            if node.attr in _ADVICE:
                if _is_flasks(module, project, node):
                    yield from self._use(module, project, target, node)

    def _use(
        self, module: Module, project: Project, target: TargetVersion, node: ast.Attribute
    ) -> Iterator[Finding]:
        level: Level = "error"
        removed = "2.3"
        if node.attr == "got_first_request":
            if target.newest < _FLAG_DEPRECATED:
                return
            level, removed = ("error" if target.newest >= _FLAG_REMOVED else "warning"), "3.0"
        elif node.attr in _REGISTERS and target.newest < _HOOK_REMOVED:
            level = "warning"
        elif node.attr.startswith("try_"):
            removed = "2.2"
        yield Finding(
            self.code,
            self.name,
            level,
            f"`{node.attr}` was removed in Flask {removed}",
            _ADVICE[node.attr],
            module.path,
            module.span(node),
            _fix(module, project, node),
        )


def _is_flasks(module: Module, project: Project, node: ast.Attribute) -> bool:
    """Whether the attribute is that of a Flask application or blueprint, not of a look-alike."""
    kind = instance_of(module, project, node.value)
    if kind == "other" or serves_newer_flask(module, node) or _handles_its_absence(module, node):
        return False
    return kind is not None or imports_flask(module)


def _handles_its_absence(module: Module, node: ast.Attribute) -> bool:
    child: ast.AST = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.Try) and child in parent.body:
            names = {
                name.id
                for handler in parent.handlers
                for name in ast.walk(handler.type or ast.Pass())
                if isinstance(name, ast.Name)
            }
            if "AttributeError" in names:
                return True
        child = parent
    return False


def _fix(module: Module, project: Project, node: ast.Attribute) -> Fix | None:
    if node.attr.startswith("try_"):
        return _untriggered(module, node)
    registration = _registration(module, project, node) if node.attr in _REGISTERS else None
    if registration is None or not _can_run_at_setup(module, project, registration.function):
        return None
    edits = [registration.removal, *_run_at_setup(module, project, registration)]
    if len(edits) == 1:
        return None
    return Fix("unsafe", f"call `{registration.function.name}` at setup", tuple(edits))


def _untriggered(module: Module, node: ast.Attribute) -> Fix | None:
    call = module.scopes.parents[node]
    statement = module.scopes.parents[call]
    if not isinstance(call, ast.Call) or not isinstance(statement, ast.Expr):
        return None
    return Fix("safe", "remove the call", (RemoveStatement(module.span(statement)),))


def _registration(module: Module, project: Project, node: ast.Attribute) -> _Registration | None:
    """Return the function that a decorator or a call statement registers."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.FunctionDef) and node in parent.decorator_list:
        return _Registration(node.value, parent, RemoveDecorator(module.span(node)))
    statement = module.scopes.parents[parent]
    if not isinstance(parent, ast.Call) or not isinstance(statement, ast.Expr):
        return None
    if len(parent.args) != 1 or parent.keywords:
        return None
    for owner, binding in project.bindings(module, parent.args[0]):
        if owner is module and isinstance(binding.node, ast.FunctionDef):
            removal = RemoveStatement(module.span(statement))
            return _Registration(node.value, binding.node, removal)
    return None


def _can_run_at_setup(module: Module, project: Project, function: ast.FunctionDef) -> bool:
    """Whether a function takes no argument and names nothing that needs a request."""
    arguments = function.args
    if arguments.args or arguments.posonlyargs or arguments.kwonlyargs:
        return False
    return not any(
        isinstance(node, ast.Yield | ast.YieldFrom)
        or (
            isinstance(node, ast.Name | ast.Attribute)
            and project.flask_name(module, node) in _NEEDS_REQUEST
        )
        for node in ast.walk(function)
    )


def _run_at_setup(module: Module, project: Project, registration: _Registration) -> Iterator[Edit]:
    owner, function, _ = registration
    made = project.bindings(module, owner)
    if len(made) != 1 or made[0][0] is not module or not isinstance(owner, ast.Name):
        return
    kind = instance_of(module, project, owner)
    block = _block_of(module, made[0][1].node)
    if kind == "Flask" and block is not None:
        yield from _after_setup(module, owner.id, function, block)
    elif kind == "Blueprint" and block is module.tree.body and function in block:
        yield _at_registration(module, owner.id, function)


def _block_of(module: Module, statement: ast.AST) -> Sequence[ast.stmt] | None:
    parent = module.scopes.parents[statement]
    body = getattr(parent, "body", None)
    is_scope = isinstance(parent, ast.Module | ast.FunctionDef)
    return body if is_scope and isinstance(body, list) and statement in body else None


def _after_setup(
    module: Module, app: str, function: ast.FunctionDef, block: Sequence[ast.stmt]
) -> Iterator[Edit]:
    """Yield the call of a function at the end of the block that makes the application."""
    visible = function in block or function in module.tree.body
    if not visible:
        return
    if block is module.tree.body:
        code = _AT_SETUP.format(app=app, function=function.name, blank="\n")
        guard = next((s for s in block if _is_main_guard(s)), None)
        if guard is not None:
            before = code.lstrip("\n") + "\n\n"
            yield InsertStatement(module.span(guard), before, "before")
        else:
            yield InsertStatement(module.span(block[-1]), code, "after")
    elif isinstance(block[-1], ast.Return) and getattr(block[-1].value, "id", "") == app:
        code = _AT_SETUP.format(app=app, function=function.name, blank="").lstrip("\n")
        yield InsertStatement(module.span(block[-1]), code, "before")


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in {
        name.id for name in ast.walk(statement.test) if isinstance(name, ast.Name)
    }


def _at_registration(module: Module, blueprint: str, function: ast.FunctionDef) -> Edit:
    name = f"run_{function.name}"
    while module.scopes.module.binds(name):
        name = f"_{name}"
    code = _AT_REGISTRATION.format(blueprint=blueprint, function=function.name, name=name)
    return InsertStatement(module.span(function), code, "after")


WORDS = tuple(name.encode() for name in sorted(_ADVICE))
