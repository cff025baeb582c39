"""Classes that have one instance, whoever calls them: what makes it keeps it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class, Foreign, Function, parameters_of
from flask_ctxfix.flask_facts import ONCE_DECORATORS, SINGLETON_DECORATORS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import own_nodes
from flask_ctxfix.syntax import without_call

_ADD_METACLASS = Foreign("six.add_metaclass")


def is_kept_by_its_class(owner: Class, project: Project) -> bool:
    """Whether a decorator, the metaclass or `__new__` of a class gives the same instance again."""
    values = ContextFlow.of(project).values
    new = values.member(owner, "__new__", of_instance=False)
    if isinstance(new, Function) and _keeps(new.module, new.node, _makes_by_super):
        return True
    for metaclass in _metaclasses(owner, values):
        kind = values.of(owner.module, metaclass)
        call = (
            values.member(kind, "__call__", of_instance=True) if isinstance(kind, Class) else None
        )
        if isinstance(call, Function) and _keeps(call.module, call.node, _makes_by_super):
            return True
    return any(_is_keeping(owner, project, each) for each in owner.node.decorator_list)


def _metaclasses(owner: Class, values: Values) -> Iterator[ast.expr]:
    """Yield what a class names as its metaclass, also as old code for both Pythons does."""
    yield from (each.value for each in owner.node.keywords if each.arg == "metaclass")
    for decorator in owner.node.decorator_list:
        if isinstance(decorator, ast.Call) and len(decorator.args) == 1:
            if values.of(owner.module, decorator.func) == _ADD_METACLASS:
                yield decorator.args[0]


def _is_keeping(owner: Class, project: Project, decorator: ast.expr) -> bool:
    """Whether a decorator of a class has one instance made of it, and hands out that one."""
    values = ContextFlow.of(project).values
    maker = values.of(owner.module, without_call(decorator))
    if isinstance(maker, Foreign):
        if maker.name in ONCE_DECORATORS:
            init = values.member(owner, "__init__", of_instance=True)
            return not isinstance(init, Function) or len(parameters_of(init)) == 1
        return maker.name in SINGLETON_DECORATORS
    if isinstance(maker, Function):
        return _is_keeping_function(maker)
    return isinstance(maker, Class) and _is_keeping_class(maker, project)


def _is_keeping_function(maker: Function) -> bool:
    """Whether a decorator returns a function that keeps what it makes of its class."""
    names = parameters_of(maker)[:1]
    nested = (each for each in ast.walk(maker.node) if isinstance(each, FunctionNode))

    def makes(call: ast.Call) -> bool:
        return isinstance(call.func, ast.Name) and call.func.id in names

    return any(_keeps(maker.module, each, makes) for each in nested if each is not maker.node)


def _is_keeping_class(maker: Class, project: Project) -> bool:
    """Whether the instances of a class, which replace those they are given, keep what they make."""
    values = ContextFlow.of(project).values
    init = values.member(maker, "__init__", of_instance=True)
    given = parameters_of(init)[1:2] if isinstance(init, Function) else []
    kept = {
        name
        for name, assigned in values.assigned(maker).items()
        if any(isinstance(each, ast.Name) and each.id in given for each in assigned)
    }

    def makes(call: ast.Call) -> bool:
        return isinstance(call.func, ast.Attribute) and call.func.attr in kept

    methods = (each for each in maker.node.body if isinstance(each, ast.FunctionDef))
    return any(_keeps(maker.module, each, makes) for each in methods)


def _makes_by_super(call: ast.Call) -> bool:
    """Whether a call makes an instance by the method that its own one replaces."""
    called = call.func
    if not isinstance(called, ast.Attribute) or called.attr not in ("__new__", "__call__"):
        return False
    owner = without_call(called.value)
    return isinstance(owner, ast.Name) and owner.id in ("super", "object", "type")


def _keeps(module: Module, function: FunctionNode, makes: Callable[[ast.Call], bool]) -> bool:
    """Whether a function makes an instance where there is none yet, and returns the kept one."""
    calls = [n for n in own_nodes(function) if isinstance(n, ast.Call) and makes(n)]
    places = {place for call in calls for place in _kept_at(module, function, call)}
    if not calls or not places:
        return False
    returned = module.scopes.returned.get(function, ())
    return bool(returned) and all(ast.unparse(each) in places for each in returned)


def _kept_at(module: Module, function: FunctionNode, call: ast.Call) -> Iterator[str]:
    """Yield what outlives the function and is set to what a call makes, under a condition."""
    statement = module.scopes.parents[call]
    around = module.scopes.ancestors(statement)
    is_asked = any(
        isinstance(each, ast.If) and module.scopes.function_of(each) is function for each in around
    )
    if not isinstance(statement, ast.Assign) or not is_asked:
        return
    for target in statement.targets:
        is_local = isinstance(target, ast.Name) and module.scopes.home_of(target).node is function
        if not is_local and isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
            yield ast.unparse(target)
