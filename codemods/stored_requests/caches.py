"""Functions whose results are kept: what keeps them, and what tells two results apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.aliases import calls_of_any, known_as_any, may_be
from flask_ctxfix.codemods.stored_requests.own_caches import (
    attributes_of_key,
    names_of_own,
    told_by,
)
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.direct_calls import calls_of
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.values import Class, Foreign, Function, passed_arguments
from flask_ctxfix.flask_facts import (
    CACHES,
    ENTRY_BASES,
    TOLD_BY_PATH,
    TOLD_BY_QUERY,
    CacheKey,
    spelled,
)
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.shared_instances import is_shared
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionDefinition
from flask_ctxfix.syntax import without_call

NAMES = spelled(CACHES)
# What decides on the key, or on whether there is one: the author has thought of the request.
_DECIDING = frozenset({"key", "make_cache_key", "make_name", "unless"})
# The attributes of a class of views that hold decorators: of the whole view, and of its methods.
_LISTS = ("decorators", "method_decorators")


class CachedFunction(NamedTuple):
    """A function whose results are kept for the process, told apart by `key`.

    `attributes` are those of the request that are a part of the key. `inside` are the decorators
    that do not run for what is kept.
    """

    module: Module
    node: FunctionDefinition
    decorator: ast.expr
    key: CacheKey
    attributes: frozenset[str] = frozenset()
    inside: tuple[ast.expr, ...] = ()


def cached_functions(module: Module, project: Project) -> Iterator[CachedFunction]:
    """Yield the functions of a module whose results outlive the request."""
    for node in functions_of(module):
        found = cached_function(module, project, node)
        if found is not None:
            yield found
    yield from _cached_by_calls(module, project)


def cached_function(
    module: Module, project: Project, node: FunctionDefinition
) -> CachedFunction | None:
    """Return how the results of a function are kept, if they outlive the request."""
    decorators = (*decorators_of_class(module, project, node), *node.decorator_list)
    for place, decorator in enumerate(decorators):
        found = _kept_by(module, project, node, decorator)
        if found is not None:
            # What is registered inside of it is the function without its cache.
            inner = decorators[place + 1 :]
            entries = ContextFlow.of(project).entries
            is_used = all(entries.by_decorator(module, each) is None for each in inner)
            return found._replace(inside=inner) if is_used else None
    return None


def decorators_of_class(
    module: Module, project: Project, node: FunctionDefinition
) -> tuple[ast.expr, ...]:
    """Return what a class of views decorates its methods with, the outermost first.

    Those are in a list: ``decorators = [cache.cached(60)]``.
    """
    owner = module.scopes.parents[node]
    if not isinstance(owner, ast.ClassDef):
        return ()
    values = ContextFlow.of(project).values
    methods = (ENTRY_BASES.get(base) or () for base in values.base_names(Class(module, owner)))
    if not any(node.name in each for each in methods):
        return ()
    body = module.scopes.opened_by(owner).bindings
    lists = [each.value for name in _LISTS for each in body.get(name, ())]
    by_method = [each for each in lists if isinstance(each, ast.Dict)]
    lists += [
        value
        for each in by_method
        for key, value in zip(each.keys, each.values, strict=True)
        if getattr(key, "value", None) == node.name
    ]
    given = (each for each in lists if isinstance(each, ast.List | ast.Tuple))
    return tuple(decorator for each in given for decorator in reversed(each.elts))


def _kept_by(
    module: Module, project: Project, node: FunctionDefinition, decorator: ast.expr
) -> CachedFunction | None:
    """Return how a decorator keeps the results of a function, if it does."""
    called = without_call(decorator)
    if not may_be(module, called, known_as_any(project, NAMES | names_of_own(project))):
        return None
    name = _name_of(module, project, called)
    attributes = attributes_of_key(module, project, called)
    if attributes is not None:
        return CachedFunction(module, node, decorator, "arguments", attributes)
    if name in CACHES and _lasts(module, project, node, CACHES[name]):
        return _keyed(CachedFunction(module, node, decorator, CACHES[name]), project)
    return None


def _cached_by_calls(module: Module, project: Project) -> Iterator[CachedFunction]:
    """Yield the functions that a call has cached: ``lru_cache(load)``, ``cached(60)(load)``."""
    scopes = module.scopes
    values = ContextFlow.of(project).values
    names = known_as_any(project, NAMES | names_of_own(project))
    for call in scopes.nodes(ast.Call):
        is_decorator = call in getattr(scopes.parents[call], "decorator_list", ())
        if (
            is_decorator
            or len(call.args) != 1
            or not may_be(module, without_call(call.func), names)
        ):
            continue
        run = values.of(module, call.args[0])
        if not isinstance(run, Function) or run.module is not module or run.given:
            continue
        if isinstance(run.node, FunctionDefinition) and _is_set_up(module, project, call):
            found = _kept_by(module, project, run.node, call.func)
            if found is not None:
                yield found._replace(inside=tuple(run.node.decorator_list))


def _is_set_up(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code runs while the application is set up."""
    if module.scopes.function_of(node) is None:
        return True
    where = ContextFlow.of(project).reachability.of(module, node).where
    return where in (Where.OUTSIDE, Where.APP)


def _name_of(module: Module, project: Project, called: ast.expr) -> str:
    """Return what a decorator is, also one of a parameter that calls give a value."""
    values = ContextFlow.of(project).values
    name = values.name_of(module, called)
    if name or not isinstance(called, ast.Attribute) or not isinstance(called.value, ast.Name):
        return name
    root = called.value
    around = module.scopes.home_of(root).node
    if not isinstance(around, FunctionDefinition):
        return name
    for home, call in calls_of(project, module, around):
        for parameter, argument in passed_arguments(call, Function(module, around)):
            owner = values.of(home, argument) if parameter == root.id else None
            if isinstance(owner, Foreign):
                return f"{owner.name}.{called.attr}"
    return name


def _lasts(module: Module, project: Project, node: FunctionDefinition, key: CacheKey) -> bool:
    """Whether there is one cache for all requests, which nothing clears."""
    if module.scopes.function_of(node) is not None:
        return _is_set_up(module, project, node)
    owner = module.scopes.parents[node]
    if isinstance(owner, ast.ClassDef) and key != "path":
        names = {getattr(each, "id", "") for each in node.decorator_list}
        is_of_class = bool(names & {"classmethod", "staticmethod"})
        return is_of_class or is_shared(Class(module, owner), project)
    return key != "nothing" and not _is_cleared(module, project, node)


def _is_cleared(module: Module, project: Project, node: FunctionDefinition) -> bool:
    """Whether something empties the cache of a function."""
    paths = {*project.naming(node.name)} & {*project.naming("cache_clear")}
    for other in project.parsed(sorted(paths)):
        for each in other.scopes.nodes(ast.Attribute):
            if each.attr == "cache_clear" and _may_be(other, project, each.value, module, node):
                return True
    return False


def _may_be(
    module: Module, project: Project, named: ast.expr, home: Module, node: FunctionDefinition
) -> bool:
    """Whether an expression is a function of a module, or a variable that may stand for it."""
    for other, binding in project.bindings(module, named):
        if isinstance(binding.node, FunctionDefinition):
            if other.key_of(binding.node) == home.key_of(node):
                return True
        elif binding.value is not None:
            if _may_be(other, project, binding.value, home, node):
                return True
        elif isinstance(binding.node, ast.For) and isinstance(
            binding.node.iter, ast.Tuple | ast.List
        ):
            if any(_may_be(other, project, e, home, node) for e in binding.node.iter.elts):
                return True
        elif binding.kind != "import":
            return True  # a parameter, say: nobody knows which functions it stands for
    return False


def _keyed(cached: CachedFunction, project: Project) -> CachedFunction | None:
    """Return the function with what its key holds; None if its author says what that is."""
    keywords = cached.decorator.keywords if isinstance(cached.decorator, ast.Call) else []
    given = {each.arg: each.value for each in keywords}
    if given.keys() & {*_DECIDING, None}:
        return None
    if cached.key != "path":
        return cached
    prefix = given.get("key_prefix")
    if isinstance(prefix, ast.Lambda):
        return _keyed_by(cached, prefix, project)
    if prefix is not None and not isinstance(prefix, ast.Constant):
        return None
    attributes: set[str] = set()
    if prefix is None or "%s" in str(getattr(prefix, "value", "")):
        attributes |= TOLD_BY_PATH
    query = given.get("query_string")
    if query is not None and getattr(query, "value", True):
        attributes |= TOLD_BY_QUERY
    return cached._replace(attributes=frozenset(attributes))


def _keyed_by(
    cached: CachedFunction, prefix: ast.Lambda, project: Project
) -> CachedFunction | None:
    """Return the function with what a lambda puts into its key; None if the user is among it."""
    uses = ContextFlow.of(project).needs.of(Function(cached.module, prefix)).uses
    if any(each.of != "flask.request" for each in uses):
        return None
    return cached._replace(attributes=told_by({each.attribute for each in uses}))


def calls_of_cached(module: Module, project: Project) -> Iterator[tuple[ast.Call, CachedFunction]]:
    """Yield the calls that may key results of functions by data of a request."""
    data = RequestData.of_project(project)
    if not data.may_be_in(module):
        return
    names = _names_of_cached(project)
    for call in calls_of_any(module, names) if names else ():
        if not data.may_be_given(module, call):
            continue
        for home, node in _called(module, project, call.func):
            cached = cached_function(home, project, node)
            if cached is not None and cached.key == "arguments":
                yield call, cached


def _names_of_cached(project: Project) -> frozenset[str]:
    """Return the names under which code may have a function whose results are kept."""

    def compute() -> frozenset[str]:
        paths = {p for name in known_as_any(project, NAMES) for p in project.naming(name)}
        modules = project.parsed(sorted(paths))
        names = {each.node.name for m in modules for each in cached_functions(m, project)}
        return known_as_any(project, frozenset(names))

    return project.memo("names of cached functions", compute)


def _called(
    module: Module, project: Project, node: ast.expr
) -> Iterator[tuple[Module, FunctionDefinition]]:
    """Yield the function of the project that an expression certainly names."""
    value = ContextFlow.of(project).values.of(module, node)
    if isinstance(value, Function):
        if isinstance(value.node, FunctionDefinition):
            yield value.module, value.node
        return
    bindings = project.bindings(module, node)
    if value is None and len(bindings) == 1:
        home, binding = bindings[0]
        if isinstance(binding.node, FunctionDefinition):
            yield home, binding.node
