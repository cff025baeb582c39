"""What a module has a job runner call, in a worker that has no context of Flask."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.aliases import classes_of, known_as_any
from flask_ctxfix.codemod import Step
from flask_ctxfix.codemods.jobs import NAME
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.starts import Start, target_of
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Value
from flask_ctxfix.flask_facts import (
    JOB_BASES,
    JOB_DECORATORS,
    JOB_METHODS,
    JOB_NOUNS,
    JOB_STARTERS,
    Runner,
    Starter,
    spelled,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionDefinition, FunctionNode
from flask_ctxfix.syntax import last_name, without_call

_RUNNERS: dict[str, Runner] = {
    **JOB_DECORATORS,
    **JOB_BASES,
    **{name: runner for name, (runner, _) in JOB_STARTERS.items()},
}
# How a sentence names a job of a runner, some of which begin with a vowel as they are spoken.
_AN = ("APScheduler", "RQ")
A_JOB = {each: f"{'an' if each in _AN else 'a'} {noun}" for each, noun in JOB_NOUNS.items()}
_DECORATORS = spelled(JOB_DECORATORS)
_BASES = spelled(JOB_BASES)
_CALLS = spelled(JOB_STARTERS)
_TASK = Foreign("celery.Task()")
_METHODS = frozenset(name for methods in JOB_METHODS.values() for name in methods if name)


class Facts(NamedTuple):
    """What one module tells of its jobs: their names, and how those of Celery lose the application.

    `proofs` are the ways to what they lack.
    """

    names: frozenset[str]
    proofs: tuple[tuple[Step, ...], ...]


class Job(NamedTuple):
    """A function that a runner calls; `start` says where it is made a job of, or handed over."""

    runner: Runner
    start: Start

    @property
    def is_class(self) -> bool:
        """Whether it is a class of its own, which no class of tasks stands behind."""
        return self.start.call is self.start.target


class _Named(NamedTuple):
    """A job by its name: `function` is what its runner calls."""

    runner: Runner
    function: Value | None


def jobs_in(module: Module, project: Project) -> list[Job]:
    """Return the jobs that a module defines or registers; nothing for tests."""
    if project.is_test(module.path) or not _runners_in(project):
        return []

    def collect() -> list[Job]:
        handed = ((runner, start) for runner, start in _handed(module, project))
        registered = (Job(runner, start) for runner, start in handed if start.value is not None)
        return [*_decorated(module, project), *_classes(module, project), *registered]

    return module.memo("jobs", collect)


def names_of_jobs(module: Module, project: Project) -> frozenset[str]:
    """Return the names of what a module defines by which others make jobs, or hand over to them."""
    if not _runners_in(project):
        return frozenset()
    jobs = [job.start for job in jobs_in(module, project)]
    given = (each.function for each in jobs)
    found = {each.name for each in given if each is not None and each.module is module}
    found |= {each.call.name for each in jobs if isinstance(each.call, FunctionDefinition)}
    return frozenset(found.union(node.name for node, _ in _classes_of_jobs(module, project)))


def hand_overs_in(module: Module, project: Project) -> Iterator[Job]:
    """Yield the calls of a module that hand arguments to jobs."""
    if project.is_test(module.path) or not _runners_in(project):
        return
    yield from (Job(runner, start) for runner, start in _handed(module, project))
    for method, call in _calls_of_jobs(module, project):
        called = call.func
        owner = called.value if isinstance(called, ast.Attribute) else called
        job = _job_named(module, project, owner)
        passing = JOB_METHODS.get(job.runner, {}).get(method) if job is not None else None
        if job is not None and passing is not None:
            position = -1 if passing == "rest" else 0
            starter = Starter("job", JOB_NOUNS[job.runner], position, "", passing)
            yield Job(job.runner, Start(module, call, starter, called, job.function))


def _calls_of_jobs(module: Module, project: Project) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of methods that jobs have, or of what may be a job itself."""
    names = _jobs_known_as(project)
    for call in module.scopes.calls_of(_METHODS):
        if isinstance(call.func, ast.Attribute):
            if last_name(without_call(call.func.value)) in names:
                yield call.func.attr, call
    for call in module.scopes.calls_of(names):
        if isinstance(call.func, ast.Name):
            yield "", call


def _jobs_known_as(project: Project) -> frozenset[str]:
    """Return the names under which code may have a job of the project."""

    def compute() -> frozenset[str]:
        surveys = (each for each in project.surveys.get(NAME, []) if isinstance(each, Facts))
        names = frozenset().union(*(each.names for each in surveys))
        return known_as_any(project, names)

    return project.memo("jobs known as", compute)


def _runners_in(project: Project) -> frozenset[Runner]:
    """Return the runners whose packages the code of a project names."""
    return project.memo(
        "runners of jobs",
        lambda: frozenset(
            runner
            for name, runner in _RUNNERS.items()
            if project.naming_outside_tests(name.partition(".")[0])
        ),
    )


def _job_named(module: Module, project: Project, node: ast.expr) -> _Named | None:
    """Return the job that an expression names."""
    if isinstance(node, ast.Call):  # an instance of a class
        node = node.func
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    jobs = [_bound(owner, project, each.node) for owner, each in project.bindings(module, node)]
    runners = {None if each is None else each.runner for each in jobs}
    return jobs[0] if len(runners) == 1 else None


def _bound(module: Module, project: Project, node: ast.AST) -> _Named | None:
    values = ContextFlow.of(project).values
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
        decorator = node.decorator_list[0]
        runner = _runner_by(module, project, decorator)
        task = _TASK if _is_bound(decorator) else None
        return None if runner is None else _Named(runner, Function(module, node, task))
    if isinstance(node, ast.ClassDef):
        runner = _runner_of_class(module, project, node)
        run = values.member(Class(module, node), "run", of_instance=True)
        return None if runner is None else _Named(runner, run)
    return None


def _is_bound(decorator: ast.expr) -> bool:
    """Whether a decorator of Celery has its function take the task as its first parameter."""
    given = decorator.keywords if isinstance(decorator, ast.Call) else []
    return any(each.arg == "bind" and getattr(each.value, "value", True) for each in given)


def _runner_by(module: Module, project: Project, decorator: ast.expr) -> Runner | None:
    """Return the runner that a decorator makes its function a job of."""
    called = without_call(decorator)
    return JOB_DECORATORS.get(ContextFlow.of(project).values.name_of(module, called))


def _decorated(module: Module, project: Project) -> Iterator[Job]:
    names = known_as_any(project, _DECORATORS)
    if module.names.isdisjoint(names):
        return
    values = ContextFlow.of(project).values
    for node in functions_of(module):
        for decorator in node.decorator_list:
            if not _may_be_of_runner(module, decorator, names):
                continue
            runner = _runner_by(module, project, decorator)
            # What RQ calls is what the module has under the name of the function.
            if runner is None or (runner == "RQ" and decorator is not node.decorator_list[0]):
                continue
            starter = Starter("job", JOB_NOUNS[runner], 0, "", "each")
            value = values.below(module, node, decorator)
            yield Job(runner, Start(module, node, starter, decorator, value))


def _may_be_of_runner(module: Module, decorator: ast.expr, names: frozenset[str]) -> bool:
    """Whether a decorator has one of the names, or is a variable of a function: any may be one."""
    called = without_call(decorator)
    is_variable = isinstance(called, ast.Name) and isinstance(
        module.scopes.home_of(called).node, FunctionNode
    )
    return is_variable or last_name(called) in names


def _runner_of_class(module: Module, project: Project, node: ast.ClassDef) -> Runner | None:
    bases = ContextFlow.of(project).values.base_names(Class(module, node))
    return next((JOB_BASES[base] for base in bases if base in JOB_BASES), None)


def _classes(module: Module, project: Project) -> Iterator[Job]:
    """Yield the `run` of each class of jobs, unless something else is called before it."""
    values = ContextFlow.of(project).values
    for node, runner in _classes_of_jobs(module, project):
        owner = Class(module, node)
        if isinstance(values.member(owner, "__call__", of_instance=True), Function):
            continue
        for run in node.body:
            if isinstance(run, ast.FunctionDef) and run.name == "run" and not run.decorator_list:
                value = values.member(owner, "run", of_instance=True)
                starter = Starter("job", JOB_NOUNS[runner], 0, "", "each")
                yield Job(runner, Start(module, run, starter, run, value))


def _classes_of_jobs(module: Module, project: Project) -> Iterator[tuple[ast.ClassDef, Runner]]:
    names = frozenset().union(*(classes_of(project, each) for each in _BASES))
    for node in module.scopes.nodes(ast.ClassDef) if module.names & names else ():
        runner = _runner_of_class(module, project, node)
        if runner is not None:
            yield node, runner


def _handed(module: Module, project: Project) -> list[tuple[Runner, Start]]:
    """Return the calls that hand a function to a runner."""

    def collect() -> Iterator[tuple[Runner, Start]]:
        values = ContextFlow.of(project).values
        for call in module.scopes.calls_of(_CALLS):
            called = call.func
            if not isinstance(called, ast.Attribute):
                continue
            known = JOB_STARTERS.get(values.name_of(module, called))
            target = target_of(call, known[1]) if known is not None else None
            if known is not None and target is not None:
                yield known[0], Start(module, call, known[1], target, values.of(module, target))

    return module.memo("handed to runners", lambda: list(collect()))
