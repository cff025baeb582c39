"""Whether something in a project opens a context for the jobs of a runner.

Where it may be, nothing is said of the runner's jobs: of real ones, most are right because of a
base class, a signal or a worker script in quite another file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.aliases import classes_of
from flask_ctxfix.applications import imported_packages, is_set_for
from flask_ctxfix.codemods.jobs.jobs import jobs_in
from flask_ctxfix.context_flow import ContextFlow, Need
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance, Value
from flask_ctxfix.flask_facts import (
    CLASSES,
    CONTEXT_MAKERS,
    JOB_BASES,
    JOB_INTEGRATIONS,
    Runner,
    is_well_known,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import arguments_of

# A file none of whose names has this in it has nothing to do with the runner.
_PARTS: dict[Runner, str] = {
    "APScheduler": "scheduler",
    "Celery": "celery",
    "Dramatiq": "dramatiq",
    "Flask-APScheduler": "scheduler",
    "Huey": "huey",
    "RQ": "rq",
}
# Names of what replaces the class of tasks, or runs before each, for all of a project.
_SIGNS: dict[Runner, frozenset[str]] = {
    "APScheduler": frozenset(),
    "Celery": frozenset(
        {
            "celeryd_init",
            "task_prerun",
            "worker_init",
            "worker_process_init",
            "worker_ready",
        }
    ),
    "Dramatiq": frozenset(),
    "Flask-APScheduler": frozenset(),
    "Huey": frozenset({"context_task", "on_startup", "pre_execute"}),
    "RQ": frozenset(),
}
_KEYWORDS: dict[Runner, frozenset[str]] = {
    "APScheduler": frozenset(),
    "Celery": frozenset({"base", "task_cls"}),
    "Dramatiq": frozenset({"middleware"}),
    "Flask-APScheduler": frozenset(),
    "Huey": frozenset(),
    "RQ": frozenset({"job_class", "worker_class"}),
}
# What starts a worker: a context around it, or one that a command has, is there for its jobs.
_WORKS = frozenset({"create_consumer", "main", "run", "start", "work", "worker_main"})
_WORKERS = frozenset({"create_consumer", "work", "worker_main"})
_SERVER = Foreign("flask.Flask().run")
_COMMANDS = frozenset({"cli", "command", "with_appcontext"})
# Their jobs run in threads, which do not see what is pushed for the process.
_SCHEDULERS: frozenset[Runner] = frozenset({"APScheduler", "Flask-APScheduler"})
# Settings that have jobs run at once, in the context of the caller.
_EAGER: dict[Runner, dict[str, bool]] = {
    "APScheduler": {},
    "Celery": {
        "CELERY_ALWAYS_EAGER": True,
        "CELERY_TASK_ALWAYS_EAGER": True,
        "task_always_eager": True,
    },
    "Dramatiq": {},
    "Flask-APScheduler": {},
    "Huey": {"immediate": True},
    "RQ": {"is_async": False},
}
# Packages that are handed a Celery and do not change how it runs tasks.
_KNOWN = frozenset({"celery", "sentry_sdk", "opentelemetry"})
_REQUEST_MAKERS = ("RequestContextTask", "request_context", "test_request_context")


def provided(runner: Runner, project: Project, path: str) -> Need:
    """Return which context jobs of a runner in a file may find; of a request where it may be."""
    if any(_is_set_for(runner, project, each, path) for each in _eager_in(runner, project)):
        return Need.REQUEST  # jobs run where they are called

    def compute() -> Need:
        if runner == "Celery" and not _makers_of_celery(project):
            return Need.REQUEST  # what runs the tasks is another project's
        if not any(_provides(module, project, runner) for module in _using(project, runner)):
            if runner in _SCHEDULERS or not any(map(_pushes, _modules(project, "push"))):
                return Need.NONE
        makers = (word for word in _REQUEST_MAKERS if _is_named(project, word))
        return Need.REQUEST if any(makers) else Need.APP

    return project.memo(("provided to jobs", runner), compute)


def _is_named(project: Project, name: str) -> bool:
    """Whether code of a project, but for tests, has a name or an attribute of this name."""
    return any(module.scopes.named(name) for module in _modules(project, name))


def _modules(project: Project, name: str) -> Iterator[Module]:
    """Yield the modules whose code has a name, but for tests."""
    return project.parsed(project.naming_outside_tests(name))


def _using(project: Project, runner: Runner) -> Iterator[Module]:
    """Yield the modules that may have to do with a runner, but for tests."""
    paths = project.index.naming_part(_PARTS[runner])
    return project.parsed(path for path in paths if not project.is_test(path))


def _provides(module: Module, project: Project, runner: Runner) -> bool:
    return (
        bool(imported_packages(module) & JOB_INTEGRATIONS[runner])
        or _replaces(module, project, runner)
        or _derives(module, project, runner)
        or (runner == "Celery" and _hands_celery_on(module, project))
        or (runner not in _SCHEDULERS and _works_in_a_command(module))
        or any(_is_for_others(module, project, each, runner) for each in _contexts(module, project))
    )


def _is_set_for(runner: Runner, project: Project, setter: str, path: str) -> bool:
    """Whether what one file sets is a setting of what runs the jobs of another."""
    if is_set_for(project, setter, path):
        return True
    folder = project.projects.folder(path)
    makers = map(project.projects.folder, _makers_of_celery(project))
    return runner == "Celery" and folder not in makers


def _eager_in(runner: Runner, project: Project) -> tuple[str, ...]:
    """Return the files that have jobs run at once, but in settings for tests and development."""

    def compute() -> tuple[str, ...]:
        return tuple(
            module.path
            for name, value in _EAGER[runner].items()
            for module in _modules(project, name)
            if _is_eager(module, project, name, value)
        )

    return project.memo(("jobs run at once", runner), compute)


def _is_eager(module: Module, project: Project, name: str, value: bool) -> bool:
    return any(
        node.value == value and _is_set(module, project, node, name)
        for node in module.scopes.nodes(ast.Constant)
        if isinstance(node.value, bool)
    )


def _is_set(module: Module, project: Project, value: ast.Constant, name: str) -> bool:
    parents = module.scopes.parents
    owner = parents[value]
    around = (each for each in module.scopes.ancestors(value) if isinstance(each, ast.ClassDef))
    if any(_is_one_of_several(module, project, each, name, value.value) for each in around):
        return False
    if isinstance(owner, ast.keyword):
        return owner.arg == name
    if isinstance(owner, ast.Dict):
        keys = [key for key, each in zip(owner.keys, owner.values, strict=True) if each is value]
        return any(isinstance(key, ast.Constant) and key.value == name for key in keys)
    if not isinstance(owner, ast.Assign):
        return False
    (target,) = owner.targets[:1]
    if isinstance(target, ast.Subscript):
        return isinstance(target.slice, ast.Constant) and target.slice.value == name
    return name in (getattr(target, "attr", ""), getattr(target, "id", ""))


def _is_one_of_several(
    module: Module, project: Project, owner: ast.ClassDef, name: str, value: object
) -> bool:
    """Whether settings of a class are those of some deployments only, as tests are one.

    Its tests say so, or settings beside it, or those it builds on, do not set the name.
    """
    values = ContextFlow.of(project).values
    own = Class(module, owner)
    bases = [each for each in values.bases(own) if isinstance(each, Class)]
    if any(_switches(module, owner, each) for each in ("DEBUG", "TESTING")):
        return True
    users = [path for path in project.naming(owner.name) if path != module.path]
    if users and all(map(project.is_test, users)):
        return True
    beside = [
        Class(module, each)
        for each in module.tree.body
        if isinstance(each, ast.ClassDef) and each is not owner
    ]
    others = [each for each in beside if own not in values.bases(each)]
    return any(
        _has_settings(each, values) and not _binds(each, name, value) for each in (*others, *bases)
    )


def _switches(module: Module, owner: ast.ClassDef, name: str) -> bool:
    """Whether the body of a class turns a setting on."""
    bindings = module.scopes.opened_by(owner).bindings.get(name, ())
    return any(isinstance(v := b.value, ast.Constant) and v.value is True for b in bindings)


def _has_settings(owner: Class, values: Values) -> bool:
    """Whether a class of the project's own has settings that Flask loads: names in capitals."""
    is_own = all(isinstance(each, Class) for each in values.bases(owner))
    bindings = owner.module.scopes.opened_by(owner.node).bindings
    return is_own and any(name.isupper() for name in bindings)


def _binds(owner: Class, name: str, value: object) -> bool:
    """Whether a class gives a setting this value, or one that is not known."""
    bindings = owner.module.scopes.opened_by(owner.node).bindings.get(name, ())
    return any(getattr(each.value, "value", value) is value for each in bindings)


def _replaces(module: Module, project: Project, runner: Runner) -> bool:
    """Whether a module sets a class of tasks, or what runs before each of them."""
    signs = _SIGNS[runner]
    names = (alias.name for node in module.scopes.nodes(ast.ImportFrom) for alias in node.names)
    attributes = module.scopes.nodes(ast.Attribute)
    if not signs.isdisjoint(names) or any(each.attr in signs for each in attributes):
        return True
    if any(each.arg in _KEYWORDS[runner] for each in module.scopes.nodes(ast.keyword)):
        return True
    if runner == "Dramatiq" and any(_is_own(module, project, each) for each in attributes):
        return True
    stored = (each.attr for each in attributes if isinstance(each.ctx, ast.Store))
    return runner == "Celery" and not {"Task", "task_cls"}.isdisjoint(stored)


def _makers_of_celery(project: Project) -> frozenset[str]:
    """Return the files that make a Celery themselves, and do not only have tasks of another's."""

    def compute() -> frozenset[str]:
        values = ContextFlow.of(project).values
        return frozenset(
            module.path
            for name in classes_of(project, "Celery")
            for module in project.parsed(project.naming(name))
            if any(
                _is_celery(values, values.of(module, call))
                for call in module.scopes.calls.get(name, ())
            )
        )

    return project.memo("makers of a Celery", compute)


def _is_celery(values: Values, value: Value | None) -> bool:
    if isinstance(value, Instance):
        return Foreign("celery.Celery") in values.bases(value.of)
    return value in (Foreign("celery.Celery()"), Foreign("celery.app.base.Celery()"))


def _hands_celery_on(module: Module, project: Project) -> bool:
    """Whether a module gives its Celery to code from elsewhere, or has that make one."""
    values = ContextFlow.of(project).values
    for call in module.scopes.nodes(ast.Call):
        package = values.name_of(module, call.func).partition(".")[0]
        if package and package not in _KNOWN and not is_well_known(package):
            given = arguments_of(call)
            if any(_is_celery(values, values.of(module, each)) for each in given):
                return True
    return False


def _is_own(module: Module, project: Project, node: ast.Attribute) -> bool:
    """Whether what is added to a broker is a middleware that is not one of Dramatiq's."""
    call = module.scopes.parents.get(node)
    if node.attr != "add_middleware" or not isinstance(call, ast.Call):
        return False
    values = ContextFlow.of(project).values
    return not all(values.name_of(module, each).startswith("dramatiq.") for each in call.args[:1])


def _derives(module: Module, project: Project, runner: Runner) -> bool:
    """Whether a module has a class of its own that runs jobs."""
    values = ContextFlow.of(project).values
    package = {"RQ": "rq", "Flask-APScheduler": "flask_apscheduler"}.get(runner, runner.lower())
    for node in module.scopes.nodes(ast.ClassDef):
        owner = Class(module, node)
        for base in values.bases(owner):
            if not isinstance(base, Foreign) or base.name.partition(".")[0] != package:
                continue
            if base.name not in JOB_BASES:
                return True
            if isinstance(values.member(owner, "__call__", of_instance=True), Function):
                return True
    return False


def _works_in_a_command(module: Module) -> bool:
    """Whether a module starts a worker where there may be a command, which has a context."""
    names = {node.id for node in module.scopes.nodes(ast.Name)}
    attributes = {node.attr for node in module.scopes.nodes(ast.Attribute)}
    return not attributes.isdisjoint(_WORKERS) and not (names | attributes).isdisjoint(_COMMANDS)


def _contexts(module: Module, project: Project) -> Iterator[ast.Call]:
    """Yield the contexts that a module makes, but for those of single jobs."""
    own = {job.start.function.node for job in jobs_in(module, project) if job.start.function}
    for call in module.scopes.nodes(ast.Call):
        if makes_context(call) is not Need.NONE:
            if own.isdisjoint(module.scopes.ancestors(call)):
                yield call


def _is_for_others(module: Module, project: Project, made: ast.Call, runner: Runner) -> bool:
    """Whether a context is there for what other code does: a method, a decorator, a worker."""
    scopes = module.scopes
    parent = scopes.parents[made]
    function = scopes.function_of(made)
    if not isinstance(parent, ast.withitem):
        return function is not None or runner not in _SCHEDULERS
    with_ = scopes.parents[parent]
    if function is not None and isinstance(scopes.parents.get(function), ast.ClassDef):
        return True
    assert isinstance(with_, ast.With | ast.AsyncWith)
    nodes = [node for statement in with_.body for node in ast.walk(statement)]
    if any(isinstance(node, ast.Yield | ast.YieldFrom | ast.FunctionDef) for node in nodes):
        return True
    return any(isinstance(node, ast.Call) and _runs(module, project, node) for node in nodes)


def _runs(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a call starts a worker, or calls what a function around it was given."""
    if isinstance(call.func, ast.Attribute):
        is_server = ContextFlow.of(project).values.of(module, call.func) == _SERVER
        return call.func.attr in _WORKS and not is_server
    if not isinstance(call.func, ast.Name):
        return True
    home = module.scopes.home_of(call.func)
    return isinstance(home.node, FunctionNode) or call.func.id in _WORKS


def _pushes(module: Module) -> bool:
    """Whether a module pushes a context that stays: for the process that imports or calls it."""
    makes_one = not module.names.isdisjoint(CONTEXT_MAKERS | CLASSES)
    return makes_one and any(not call.args for call in module.scopes.calls.get("push", ()))
