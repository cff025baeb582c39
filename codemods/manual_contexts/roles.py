"""What runs a function that pushes a context: a fixture, a view, a thread, a script."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Literal

from flask_ctxfix.applications import makes_application
from flask_ctxfix.codemods.manual_contexts.imported_files import importers
from flask_ctxfix.context_flow import ContextFlow, Reach, Where
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.context_flow.values import Function, Value
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.only_use import is_only_started
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode

Role = Literal[
    "fixture",
    "set-up",
    "test",
    "view",
    "thread",
    "job",
    "initializer",
    "factory",
    "script",
    "other",
]

_SET_UPS = {"setUp", "setUpClass", "setUpModule", "setup_class", "setup_method", "setup_module"}
_SET_UPS |= {"asyncSetUp", "setup", "setup_function"}
_FACTORIES = {"create_app", "init_app", "make_app", "__init__"}
_POOLS = {"ThreadPoolExecutor", "ProcessPoolExecutor", "Pool", "ThreadPool"}


def role_of(module: Module, project: Project, function: FunctionNode) -> Role:
    """Return what a function is for."""
    name = getattr(function, "name", "")
    if any(True for _ in _pools_of(module, function)):
        return "initializer"
    kinds = {each.kind for each in ContextFlow.of(project).entries.of(module, function)}
    if "fixture" in kinds:
        return "fixture"
    if project.is_test(module.path):
        return "set-up" if name in _SET_UPS else "test"
    if "job" in kinds:
        return "job"
    reach = reach_of(module, project, function)
    if reach.where is Where.REQUEST and len(reach.steps) == 1:
        return "view"
    if name in _FACTORIES or makes_application(module, project, function):
        return "factory"
    if only_starts(module, project, function):
        return "thread"
    return "script" if is_script(module, project) else "other"


def reach_of(module: Module, project: Project, function: FunctionNode) -> Reach:
    """Return where the body of a function runs."""
    return ContextFlow.of(project).reachability.of_function(module, function)


def _pools_of(module: Module, function: FunctionNode) -> Iterator[ast.Call]:
    """Yield the pools of a module that run a function in each of their threads at first."""
    for call in module.scopes.calls_of(_POOLS):
        for keyword in call.keywords:
            given = keyword.value
            is_it = given is function or (
                isinstance(given, ast.Name) and given.id == getattr(function, "name", None)
            )
            if keyword.arg == "initializer" and is_it:
                yield call


def only_starts(module: Module, project: Project, function: FunctionNode) -> list[Start]:
    """Return what starts a function elsewhere, if nothing else in the project names it."""
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return []
    starts = [each for each in starts_in(module, project) if _runs(each.value, function)]
    return starts if starts and is_only_started(module, project, function) else []


def _runs(value: Value | None, function: FunctionNode) -> bool:
    return isinstance(value, Function) and value.node is function


def main_guard(module: Module, node: ast.AST) -> bool:
    """Whether code stands under ``if __name__ == "__main__"``."""
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.If) and child in _of_main(module, parent):
            return True
        child = parent
    return False


def is_script(module: Module, project: Project) -> bool:
    """Whether a file is run by itself, and no other file of the project imports it."""
    is_run = any(isinstance(each, ast.If) and _of_main(module, each) for each in module.tree.body)
    return is_run and not any(True for _ in importers(module, project))


def _of_main(module: Module, statement: ast.If) -> list[ast.stmt]:
    """Return the branch that runs only where the file itself is run."""
    if _is_main(module, statement.test, ast.Eq | ast.In):
        return statement.body
    return statement.orelse if _is_main(module, statement.test, ast.NotEq | ast.NotIn) else []


def _is_main(module: Module, test: ast.expr, operators: Any) -> bool:
    """Whether a condition compares the name of the module with that of the main one."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_is_main(module, each, operators) for each in test.values)
    if isinstance(test, ast.Name):
        bindings = module.scopes.home_of(test).bindings.get(test.id, [])
        values = [each.value for each in bindings]
        return len(values) == 1 and values[0] is not None and _compares(values[0], operators)
    return _compares(test, operators)


def _compares(test: ast.expr, operators: Any) -> bool:
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], operators):
        return False
    parts = [*ast.walk(test.left), *ast.walk(test.comparators[0])]
    is_name = any(isinstance(each, ast.Name) and each.id == "__name__" for each in parts)
    is_main = any(isinstance(each, ast.Constant) and each.value == "__main__" for each in parts)
    return is_name and is_main
