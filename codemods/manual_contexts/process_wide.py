"""CTX301: app contexts that are pushed for as long as the process runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.applications import constructions, imported_packages, makes_application
from flask_ctxfix.codemod import Advice, Finding, Fix, Level, Rule, Step
from flask_ctxfix.codemods.manual_contexts.imported_files import importers, importing
from flask_ctxfix.codemods.manual_contexts.left_contexts import may_be_needed
from flask_ctxfix.codemods.manual_contexts.pushes import Push, pushes_in
from flask_ctxfix.codemods.manual_contexts.roles import is_script, main_guard, role_of
from flask_ctxfix.codemods.manual_contexts.startup import asks_for_context
from flask_ctxfix.codemods.manual_contexts.texts import said, with_of
from flask_ctxfix.codemods.manual_contexts.wraps import wrap
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Function, is_parameter
from flask_ctxfix.flask_facts import GIVING_VIEWS, VIEW_REGISTRATIONS
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module, stem_of
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import last_name, root_of, without_call

_SHARED = "never pops its {}, so one request can read another user's `g`"
_KEPT = "never pops its {}, whose teardown functions never run"
_NOT_CLOSED = "what teardown functions close, such as a database session, stays open until the end"
_IN_IT = "requests on the thread that runs this line use the pushed context and share its `g`"
_NOT_TORN_DOWN = "`teardown_appcontext` functions do not run after these requests"
_UP_TO = "up to Flask 3.1 only, since on Flask 3.2 each request has a context of its own"
_SETUP = "use {} around the setup code that needs the context"
_CODE = "use {} around the code that needs the context"
_PER_JOB = "in a job worker, open an app context in each job"
_NEEDS = "needs the context"
_IN_BRANCH = "the push is inside another block, such as an `if`"
_READ = "other code uses the context object"
_REMOVE = "remove the push, if no module that is imported later needs the context"
_UNSURE = "no line below the push needs the context, but another module may"
_DEFINED = "functions or classes are defined between the push and the last line that needs it"
_LATER = "code that runs later, in this or another module, may need the context"
_IMPORTED = "modules that are imported later no longer run in this context"
_SHARED_LINES = "another statement is on one of the lines"
_WORKERS = {"celery", "dramatiq", "huey", "rq"}
_SERVED_NAMES = {"application", "asgi", "passenger_wsgi", "uwsgi", "wsgi"}
_APPLICATIONS = {"app", "application"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class ContextPushedForProcess(Rule):
    """An app context is pushed while the application starts, and is never popped.

    Who is hurt

    Users. In a server that answers requests on the thread that imported the module, such as a sync
    worker of gunicorn, all requests share the pushed context: one user reads what another one left
    in `g`, and both work in one database session. Functions registered with `teardown_appcontext`
    do not run after these requests, so nothing closes that session.

    How it fails

    No exception. Ann's request is `/?user=ann`, and the next one names no user:

        GET /?user=ann   ann
        GET /            ann

    Before

        from flask import Flask, current_app, g, request

        app = Flask(__name__)
        app.app_context().push()
        current_app.config["READY"] = True


        @app.get("/")
        def index():
            if "user" in request.args:
                g.user = request.args["user"]
            return g.get("user", "nobody")

    After

        from flask import Flask, current_app, g, request

        app = Flask(__name__)
        with app.app_context():
            current_app.config["READY"] = True


        @app.get("/")
        def index():
            if "user" in request.args:
                g.user = request.args["user"]
            return g.get("user", "nobody")

    What the fix changes

    The statements up to the last one that needs a context run in a `with` block. Each request then
    has a `g` of its own, and `teardown_appcontext` functions run after it.

    When there is no fix

    No line below the push is known to need the context, the push is inside another block, functions
    or classes are defined between the two, or code that runs later may need the context: in this
    module, in one that imports it, or in a job. Remove the push, or move the code that needs the
    context into a function, and call that in `with app.app_context():`.

    Safe or unsafe

    Always unsafe: code that imports the module later, such as a script or a shell, may rely on the
    context.

    Versions

    Up to Flask 3.1 a request on the same thread takes the pushed context. On Flask 3.2 each request
    has a context of its own, and the finding is a warning: what is opened in the pushed context is
    never closed. It is a warning, too, in an extension whose applications are in other projects. In
    scripts, workers, and modules that no server is known to import, it is information.

    Sources

    Flask's documentation of the application context; flask-login issue 905; a sync worker of
    gunicorn run with Flask 2.2 and 3.1.
    """

    code = "CTX301"
    name = "context-pushed-for-process"
    message = "a context stays pushed for the whole process"
    levels = ("error", "warning", "info")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the contexts that a module pushes at its top level or while it makes the app."""
        if project.is_test(module.path):
            return
        for push in pushes_in(module, project):
            uses = {use for use, _ in push.uses()}
            if uses & {"pop", "escape"} or push.is_popped_elsewhere(project):
                continue
            function = push.function
            if function is not None and role_of(module, project, function) != "factory":
                continue
            is_served = _is_served(push, project)
            if main_guard(module, push.statement) or not (
                is_served or _is_for_applications_elsewhere(push, project)
            ):
                yield self._of_script(push, project)
                continue
            is_error = is_served and target.newest < ONE_CONTEXT
            level: Level = "error" if is_error else "warning"
            only_new = target.oldest >= ONE_CONTEXT
            fix, reason, needing = _repair(push, project)
            path = push.path(project, *needing)
            message = said(function, (_KEPT if only_new else _SHARED).format(push.kind))
            help_ = _REMOVE if reason == _UNSURE else _SETUP.format(with_of(push))
            advice = Advice(help_, reason if fix is None else None, _notes(target))
            yield self.finding(module, level, push.statement, message, advice, fix, path)

    def _of_script(self, push: Push, project: Project) -> Finding:
        """Return the finding for a push in a process that answers no requests."""
        message = said(push.function, _KEPT.format(push.kind))
        is_worker = not _WORKERS.isdisjoint(imported_packages(push.module))
        notes = (_PER_JOB,) if is_worker else ()
        advice = Advice(_CODE.format(with_of(push)), notes=notes)
        path = push.path(project)
        return self.finding(push.module, "info", push.statement, message, advice, None, path)


def _notes(target: TargetVersion) -> tuple[str, ...]:
    """Return what else comes of a push, on the versions of a target."""
    if target.oldest >= ONE_CONTEXT:
        return (_NOT_CLOSED,)
    always = (_IN_IT, _NOT_TORN_DOWN)
    return (*always, _UP_TO) if target.newest >= ONE_CONTEXT else always


def _is_for_applications_elsewhere(push: Push, project: Project) -> bool:
    """Whether a function is given the application, and only other projects make one to give.

    So it is with `init_app` of an extension: what serves the application runs the push.
    """
    made = without_call(push.made or push.receiver)
    owner = made.value if isinstance(made, ast.Attribute) else None
    is_given = owner is not None and is_parameter(push.module, root_of(owner))
    return is_given and not any(True for _ in constructions(project))


def _is_served(push: Push, project: Project) -> bool:
    """Whether the process that answers requests runs a push."""
    function, module = push.function, push.module
    if isinstance(function, ast.FunctionDef) and makes_application(module, project, function):
        if _registers(module, project, function) or _is_started(module, project, function.name):
            return True
        users = [module, *importers(module, project)]
        return any(_is_served_by(each, project, function.name) for each in users)
    return _is_served_module(module, project)


def _is_served_by(module: Module, project: Project, factory: str) -> bool:
    """Whether a module makes the application with a factory, and answers requests with it."""
    called = (last_name(c.func) for c in _calls(module.tree))
    is_serving = _is_for_server(module, project) or _registers_views(module.tree)
    return factory in called and is_serving


def _is_served_module(module: Module, project: Project) -> bool:
    """Whether a server imports a module, as far as the project tells."""

    def is_for_workers(other: Module) -> bool:
        is_worker = not _WORKERS.isdisjoint(imported_packages(other))
        return is_worker and not _defines_application(other, project)

    every = importing(module, project, is_end=is_for_workers)
    return any(_defines_application(each, project) for each in every)


def _defines_application(module: Module, project: Project) -> bool:
    """Whether a module makes an application that answers requests."""

    def compute() -> bool:
        if _is_for_server(module, project):
            return True
        functions = module.scopes.nodes(ast.FunctionDef)
        makers = [each for each in functions if makes_application(module, project, each)]
        if any(_registers(module, project, each) for each in makers):
            return True
        makes = bool(makers) or makes_application(module, project, module.tree)
        return (makes and _registers_views(module.tree)) or _is_loaded_by_flask(module, project)

    return project.memo(("defines application", module.key), compute)


def _is_loaded_by_flask(module: Module, project: Project) -> bool:
    """Whether `flask run` finds an application in a module, made by what gives it views."""
    if not project.projects.served(module.path):
        return False
    values = ContextFlow.of(project).values
    assigned = (each for each in module.tree.body if isinstance(each, ast.Assign))
    made = (
        values.of(module, each.value.func) for each in assigned if isinstance(each.value, ast.Call)
    )
    return any(
        isinstance(each, Function)
        and isinstance(each.node, ast.FunctionDef)
        and makes_application(each.module, project, each.node)
        and _registers(each.module, project, each.node)
        for each in made
    )


def _is_for_server(module: Module, project: Project) -> bool:
    """Whether a server is told to import a module, or would by its name and that of its own."""
    if _is_started(module, project):
        return True
    bindings = module.scopes.module.bindings
    return stem_of(module.path) in _SERVED_NAMES and bool(_APPLICATIONS & bindings.keys())


def _is_started(module: Module, project: Project, factory: str | None = None) -> bool:
    """Whether a server is started for a module, or for what the factory in it makes."""
    served = project.projects.served(module.path)
    return any(each.is_started and factory in (None, each.attribute) for each in served)


def _registers(module: Module, project: Project, function: ast.FunctionDef) -> bool:
    """Whether a function gives an application views, itself or in what it calls."""
    values = ContextFlow.of(project).values
    called = (values.of(module, call.func) for call in _calls(function))
    return (
        _registers_views(function)
        or any(isinstance(each, Function) and _registers_views(each.node) for each in called)
        or (_registers_views(module.tree) and _is_imported(module, project))
    )


def _is_imported(module: Module, project: Project) -> bool:
    """Whether a module is more than a script that is run by hand."""
    return not is_script(module, project) or _is_started(module, project)


def _registers_views(node: ast.AST) -> bool:
    called = (getattr(call.func, "attr", "") for call in _calls(node))
    decorators = (
        getattr(each.func, "attr", "")
        for function in ast.walk(node)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in function.decorator_list
        if isinstance(each, ast.Call)
    )
    return not GIVING_VIEWS.isdisjoint(called) or not VIEW_REGISTRATIONS.isdisjoint(decorators)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    yield from (each for each in ast.walk(node) if isinstance(each, ast.Call))


class _Repair(NamedTuple):
    """The fix of a push, or why it has none, and the last step that needs its context."""

    fix: Fix | None
    reason: str = ""
    needing: tuple[Step, ...] = ()


def _repair(push: Push, project: Project) -> _Repair:
    module, block, function = push.module, push.block, push.function
    outer = module.tree.body if function is None else getattr(function, "body", [])
    if block is not outer:
        return _Repair(None, _IN_BRANCH)
    if any(use == "read" for use, _ in push.uses()):
        return _Repair(None, _READ)
    following = block[block.index(push.statement) + 1 :]
    asks = [asks_for_context(module, project, each) for each in following]
    last = max((i for i, each in enumerate(asks) if each == "yes"), default=-1)
    needed = following[: last + 1]
    if not needed:
        return _Repair(None, _UNSURE)
    verb = "imports" if isinstance(needed[-1], ast.Import | ast.ImportFrom) else "runs"
    needing = (step_at(module, needed[-1], "read", message=_NEEDS, verb=verb),)
    if any(isinstance(each, _DEFINITIONS) for each in needed):
        return _Repair(None, _DEFINED, needing)
    if "unknown" in asks[last + 1 :] or may_be_needed(push, project, needed):
        return _Repair(None, _LATER, needing)
    edits = wrap(push, needed[-1])
    if edits is None:
        return _Repair(None, _SHARED_LINES, needing)
    return _Repair(Fix(_SETUP.format(with_of(push)), edits, unsafe_reason=_IMPORTED), "", needing)
