"""Which application code runs for, and which variable holds it where a piece of code stands."""

from __future__ import annotations

import ast

from flask_ctxfix.aliases import known_as
from flask_ctxfix.applications import constructions
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Function, Instance
from flask_ctxfix.flask_facts import APPLICATIONS
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.same_value import has_one_value
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, Scope
from flask_ctxfix.source import SourceError, Span
from flask_ctxfix.syntax import root_of, without_call

_APPLICATION = Foreign("flask.Flask()")
_PROXY = Foreign("flask.current_app")
_REAL = "flask.current_app._get_current_object"


def is_application(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether an expression is an application, its proxy, or an instance of a class of its own."""
    values = ContextFlow.of(project).values
    value = values.of(module, node)
    if isinstance(value, Instance):
        return Foreign("flask.Flask") in values.bases(value.of)
    return isinstance(value, Foreign) and value.name in APPLICATIONS


def is_current_app(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether `node`, where an application is active, certainly is that application."""
    values = ContextFlow.of(project).values
    if values.of(module, node) == _PROXY:
        return True
    if not isinstance(node, ast.Name | ast.Attribute):
        return _is_real_object(module, project, node)
    bound = project.bindings(module, node)
    if len(bound) != 1 or not isinstance(bound[0][1].value, ast.Call):
        return False
    owner, binding = bound[0]
    call = binding.value
    assert isinstance(call, ast.Call)
    if _is_real_object(owner, project, call):
        return owner is module and module.scopes.function_of(call) is not None
    if owner is not module and _may_be_loaded_twice(module, owner, node):
        return False
    is_registrar = owner is module and _is_registered_with(module, node, binding)
    return is_registrar or (owner.path, owner.span(call)) == _the_application(project)


def _is_real_object(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether `node` takes the application out of its proxy."""
    values = ContextFlow.of(project).values
    return isinstance(node, ast.Call) and values.of(module, node.func) == Foreign(_REAL)


def may_be_another(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether another application may be active where `node`, a current one, is.

    One that is named, and not asked for where it is used, need not be the active one where the code
    around it is called by other code of a project with several.
    """
    values = ContextFlow.of(project).values
    is_proxy = values.of(module, node) == _PROXY
    if is_proxy or isinstance(node, ast.Call) or _the_application(project) is not None:
        return False
    function = module.scopes.function_of(node)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    bound = project.bindings(module, node)
    taken = (each.value for owner, each in bound if owner is module)
    if any(each is not None and module.scopes.function_of(each) is function for each in taken):
        return False
    references = ContextFlow.of(project).every_caller.references(module, function)
    return any(not project.is_test(other.path) for other, _ in references)


def _is_registered_with(module: Module, node: ast.expr, binding: Binding) -> bool:
    """Whether a decorator registers the function around `node` with the application it names."""
    function = module.scopes.function_of(node)
    if not isinstance(node, ast.Name) or function is None:
        return False
    home = module.scopes.scope_of(node).home(node.id)
    for decorator in getattr(function, "decorator_list", ()):
        root = root_of(without_call(decorator))
        if isinstance(root, ast.Name) and root.id == node.id:
            scope = module.scopes.scope_of(root).home(root.id)
            return scope is home and scope.bindings[node.id] == [binding]
    return False


def _may_be_loaded_twice(module: Module, owner: Module, node: ast.expr) -> bool:
    """Whether the module of the application, run as a script, is imported again when this runs."""
    root = root_of(node)
    if not isinstance(root, ast.Name) or "__main__" not in owner.names:
        return False
    return module.scopes.scope_of(root).home(root.id) is not module.scopes.module


def _the_application(project: Project) -> tuple[str, Span] | None:
    """Return the call at the top of a module that makes the one application of the project."""
    return project.memo("the application", lambda: _find_application(project))


def _find_application(project: Project) -> tuple[str, Span] | None:
    made = list(constructions(project))
    if len(made) != 1:
        return None
    module, call = made[0]
    function = module.scopes.function_of(call)
    if function is not None:
        factory_call = _only_call(module, project, function)
        if factory_call is None:
            return None
        call = factory_call
    return module.path, module.span(call)


def has_one_application(project: Project) -> bool:
    """Whether no code but tests makes a second application, which might be another one."""
    return project.memo("one application", lambda: len([*constructions(project)]) <= 1)


def application_of_module(module: Module, project: Project) -> str | None:
    """Return the name of the one application that a module itself makes whenever it is imported."""
    values = ContextFlow.of(project).values
    home = module.scopes.module
    found = [
        name
        for name, bindings in home.bindings.items()
        if isinstance(bindings[0].value, ast.Call)
        and _stays(module, project, home, bindings[0])
        and values.of(module, bindings[0].value.func) == Foreign("flask.Flask")
    ]
    return found[0] if len(found) == 1 else None


def _only_call(module: Module, project: Project, factory: ast.AST) -> ast.Call | None:
    """Return the only call of a factory, if its own module makes it when it is imported."""
    if not isinstance(factory, ast.FunctionDef) or module.scopes.function_of(factory) is not None:
        return None
    values = ContextFlow.of(project).values
    found: list[ast.Call] = []
    names = known_as(project, factory.name)
    for path in project.naming_outside_tests(factory.name):
        try:
            other = project.module(path)
            nodes = [node for name in names for node in other.scopes.named(name)]
        except SourceError:
            return None
        for node in nodes:
            value = values.of(other, node)
            if not isinstance(value, Function) or value.node is not factory:
                continue
            parent = other.scopes.parents[node]
            is_call = isinstance(parent, ast.Call) and parent.func is node
            if other is not module or not is_call or other.scopes.function_of(node) is not None:
                return None
            assert isinstance(parent, ast.Call)
            found.append(parent)
    return found[0] if len(found) == 1 else None


def application_seen(module: Module, project: Project, scope: Scope) -> str | None:
    """Return the one variable of the innermost scope, seen from `scope`, that is an application."""
    for owner in scope.chain():
        names = [
            name
            for name, bindings in owner.bindings.items()
            if scope.home(name) is owner
            and _stays(module, project, owner, bindings[0])
            and _is_application(module, project, owner, bindings[0])
        ]
        if names:
            return names[0] if len(names) == 1 else None
    return None


def _stays(module: Module, project: Project, owner: Scope, binding: Binding) -> bool:
    """Whether a variable has its value whenever its scope is complete, and keeps it."""
    is_always = binding.kind == "parameter" or binding.node in getattr(owner.node, "body", ())
    return is_always and has_one_value(module, project, owner, binding.name)


def _is_application(module: Module, project: Project, owner: Scope, binding: Binding) -> bool:
    values = ContextFlow.of(project).values
    if binding.value is not None:
        return values.of(module, binding.value) == _APPLICATION
    reads = owner.reads.get(binding.name)
    if reads and values.of(module, reads[0]) == _APPLICATION:
        return True
    return binding.kind == "parameter" and binding.name in _given(module, project, owner.node)


def _given(module: Module, project: Project, function: ast.AST) -> frozenset[str]:
    """Return the parameters of a function that all its calls, one at least, give an application."""
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return frozenset()

    def compute() -> frozenset[str]:
        found: frozenset[str] | None = None
        for other in project.parsed(project.naming_outside_tests(function.name)):
            for call in other.scopes.calls.get(function.name, ()):
                given = _given_by(other, project, call, module, function)
                found = given if found is None else found & given
        return found or frozenset()

    return module.memo(("given applications", function), compute)


def _given_by(
    other: Module, project: Project, call: ast.Call, module: Module, function: ast.FunctionDef
) -> frozenset[str]:
    """Return the parameters that a call gives an application, if it is one of that function."""
    values = ContextFlow.of(project).values
    value = values.of(other, call.func)
    if not isinstance(value, Function):
        return frozenset()
    if value.module.key_of(value.node) != module.key_of(function):
        return frozenset()
    given = values.arguments(other, call, value, ())
    return frozenset(each.name for each in given if each.value == _APPLICATION)
