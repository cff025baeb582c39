"""Functions whose results are kept: what keeps them, and what tells two results apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.aliases import calls_of_any, known_as_any, may_be
from flask_ctxfix.codemods.stored_requests.own_caches import keeps_results, names_of_own
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.direct_calls import calls_of
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.values import Class, Foreign, Function, passed_arguments
from flask_ctxfix.flask_facts import CACHES, TOLD_BY_PATH, TOLD_BY_QUERY, CacheKey, spelled
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.shared_instances import is_shared
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionDefinition
from flask_ctxfix.syntax import without_call

NAMES = spelled(CACHES)
# What decides on the key, or on whether there is one: the author has thought of the request.
_DECIDING = frozenset({"key", "make_cache_key", "make_name", "unless"})


class CachedFunction(NamedTuple):
    """A function whose results are kept for the process, told apart by `key`.

    `attributes` are those of the request that are a part of the key.
    """

    module: Module
    node: FunctionDefinition
    decorator: ast.expr
    key: CacheKey
    attributes: frozenset[str] = frozenset()


def cached_functions(module: Module, project: Project) -> Iterator[CachedFunction]:
    """Yield the functions of a module whose results outlive the request."""
    for node in functions_of(module):
        found = cached_function(module, project, node)
        if found is not None:
            yield found


def cached_function(
    module: Module, project: Project, node: FunctionDefinition
) -> CachedFunction | None:
    """Return how the results of a function are kept, if they outlive the request."""
    names = known_as_any(project, NAMES | names_of_own(project))
    for place, decorator in enumerate(node.decorator_list):
        called = without_call(decorator)
        if not may_be(module, called, names):
            continue
        found: CachedFunction | None = None
        name = _name_of(module, project, called)
        if keeps_results(module, project, called):
            found = CachedFunction(module, node, decorator, "arguments")
        elif name in CACHES and _lasts(module, project, node, CACHES[name]):
            found = _keyed(CachedFunction(module, node, decorator, CACHES[name]), project)
        if found is not None:
            # What is registered inside of it is the function without its cache.
            inner = node.decorator_list[place + 1 :]
            entries = ContextFlow.of(project).entries
            is_used = all(entries.by_decorator(module, each) is None for each in inner)
            return found if is_used else None
    return None


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
    around = module.scopes.function_of(node)
    if around is not None:
        where = ContextFlow.of(project).reachability.of(module, node).where
        return where in (Where.OUTSIDE, Where.APP)  # while the application is set up
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
    attributes: set[str] = set()
    for use in ContextFlow.of(project).needs.of(Function(cached.module, prefix)).uses:
        if use.of != "flask.request":
            return None
        attributes.add(use.attribute)
        if use.attribute in TOLD_BY_PATH:
            attributes |= TOLD_BY_PATH
        elif use.attribute in TOLD_BY_QUERY:
            attributes |= TOLD_BY_PATH | TOLD_BY_QUERY
    return cached._replace(attributes=frozenset(attributes))


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
            cached = cached_function(home, project, node) if node.decorator_list else None
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
