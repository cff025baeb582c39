"""CTX505: results that depend on the request, and are kept for all requests to come."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Rule, Step
from flask_ctxfix.codemods.stored_requests.caches import (
    CachedFunction,
    cached_functions,
    calls_of_cached,
)
from flask_ctxfix.codemods.stored_requests.hand_caches import KeptByHand, kept_by_hand
from flask_ctxfix.codemods.stored_requests.kept_paths import one_after_the_other
from flask_ctxfix.context_flow import ContextFlow, Reach, Use, Where
from flask_ctxfix.context_flow.direct_calls import calls_of
from flask_ctxfix.context_flow.paths import AT_IMPORT, path_to
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Kind
from flask_ctxfix.context_flow.said_uses import verb_of
from flask_ctxfix.context_flow.values import Function, receiving_class
from flask_ctxfix.flask_facts import (
    LETTING_IN,
    REQUEST_GETTERS,
    REQUEST_PROXIES,
    TOLD_BY_PATH,
    TOLD_BY_QUERY,
    USERS,
)
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.steps import expression_at, step_at
from flask_ctxfix.syntax import arguments_of, defaults_of, parameters_in, without_call
from flask_ctxfix.wording import fitting

_READS = REQUEST_PROXIES | REQUEST_GETTERS
_OF_USER = USERS | REQUEST_GETTERS | {"flask.session"}
_ADVICE_QUERY = "add the value to the cache key, with `query_string=True` or `make_cache_key`"
_ADVICE_KEY = "add the value to the cache key with `make_cache_key`"
_ADVICE_USER = Advice(
    "add the user's id to the cache key with `make_cache_key`, or do not cache the view",
    notes=("`query_string=True` does not tell users apart",),
)
_ADVICE_VIEW = "read the value in the view, and pass the value to a cached function"
_ADVICE_READ = "read the value in the caller, and pass it as an argument"
_ADVICE_INSIDE = "put the cache below the decorators that check the user"
_ADVICE_PREFIX = "leave `key_prefix` out, so that the key is the path, or use `make_cache_key`"
_ADVICE_BY_HAND = "add the value, or the user's id, to the key, or do not keep it"
_MIXED_UP = "so users can get each other's results"
_ADVICE_ARGUMENT = "pass the values that the function needs, such as strings and numbers"
# What another request comes to that calls a function whose result is kept.
_GETS = "gets the result of request A"


class CachedFunctionReadsRequest(Rule):
    """A cached function reads the request, so one user's result is given to all users.

    A decorator of the project counts as a cache if it keeps the results of what it decorates; so
    does code that asks for a key by itself, and puts the result there. What is in the key is not
    found, as is the path in `request.path`. Two caches of views are found as well: one that stands
    outside of `login_required`, or of another decorator that checks the user, so that everyone
    gets what one user may see; and one whose `key_prefix` is the same for all URLs of a view, so
    that everyone gets the page of the first URL.

    Who is hurt

    Your users: they get the result that was made for the first of them. `lru_cache`, `cache` and
    `cached_property` keep it for all requests of their process. `cached` and `memoize` of
    Flask-Caching keep it for everyone, if processes share the cache.

    How it fails

    A browser in German opens the page below, and then one in French. The function runs once:

        de gets: de
        fr gets: de

    If a cached function takes the proxy `request` as an argument, all requests have the same key,
    and its hash is that of an object that is gone. Now and then, a user gets the result of another
    one: 21 of 200 requests did in one run. If it takes the request itself, the cache keeps that
    request in memory.

    Before

        from functools import lru_cache

        from flask import Flask, request

        app = Flask(__name__)


        @lru_cache
        def language():
            return request.headers.get("Accept-Language", "en")


        @app.get("/")
        def index():
            return language()

    When there is no fix

    There never is a fix, as the code does not say what the key should be. Read the value in the
    caller, and pass it as an argument: strings and numbers are good keys. For a cached view, make
    it a part of the key, with `make_cache_key` or `query_string=True` of Flask-Caching. Do not
    cache what one user alone may see, unless the user's id is in the key.

    Versions

    The same on all versions of Flask: the example was run on 2.2, 2.3 and 3.1.

    Sources

    Python's documentation, `functools.lru_cache`; Flask's, "Notes On Proxies"; Flask-Caching's,
    "Caching View Functions".
    """

    code = "CTX505"
    name = "cached-function-reads-request"
    message = "a cached function reads the request, so users share its result"
    levels = ("error",)
    is_of_kept_data = True

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the cached functions that read a request, and the proxies given to one."""
        if project.is_test(module.path):
            return
        told: set[ast.expr] = set()  # a decorator of a class is one of each of its methods
        for cached in cached_functions(module, project):
            if cached.decorator in told:
                continue
            use = _read_of_request(cached, project)
            if use is not None:
                told.add(cached.decorator)
                read = f"{verb_of(use)} `{use.name}`"
                message = fitting(
                    f"`{cached.node.name}` is cached for everyone, but {read}",
                    f"this function is cached for everyone, but {read}",
                    "this function is cached for everyone, but reads the request",
                )
                advice = _advice_on(cached, use, project)
                path = _path(cached, use.steps, project)
                yield self.finding(module, "error", cached.decorator, message, advice, None, path)
            else:
                found = [*self._let_in(module, project, cached)]
                told.update([cached.decorator] if found else [])
                yield from found
        for call, cached in calls_of_cached(module, project):
            yield from self._passed(module, project, call, cached)
        for kept in kept_by_hand(module, project):
            yield from self._by_hand(module, project, kept)

    def _by_hand(self, module: Module, project: Project, kept: KeptByHand) -> Iterator[Finding]:
        """Yield the finding on what code keeps in a cache by itself, for everyone."""
        reach = ContextFlow.of(project).reachability.of(module, kept.call)
        if reach.where is not Where.REQUEST:
            return
        read = kept.use.name if kept.use is not None else kept.datum.of if kept.datum else ""
        steps = kept.use.steps if kept.use is not None else kept.datum.steps if kept.datum else ()
        named = kept.call.func if isinstance(kept.call, ast.Call) else kept.call.value
        written, key = module.segment(named), module.segment(kept.key)
        message = fitting(
            f"`{written}` keeps `{read}` for everyone: `{key}` does not tell users apart",
            f"`{written}` keeps `{read}` for everyone, under a key without it",
            "a value of one request is kept for everyone here, under a key without it",
        )
        step = step_at(module, kept.call, "call" if isinstance(kept.call, ast.Call) else "write")
        first = (*steps, step) if kept.datum is not None else (step, *steps)
        path = path_to(reach, *first)
        yield self.finding(module, "error", kept.call, message, _ADVICE_BY_HAND, None, path)

    def _let_in(
        self, module: Module, project: Project, cached: CachedFunction
    ) -> Iterator[Finding]:
        """Yield the result that everyone gets, though the view decides by its URL or its user."""
        name = f"`{cached.node.name}`"
        guard = _guard_inside(cached, project)
        argument = _argument_of_url(cached, project)
        if guard is not None:
            written = module.segment(without_call(guard))
            message = fitting(
                f"{name} is cached outside of `{written}`, so everyone gets its result",
                f"this view is cached outside of `{written}`, so everyone gets its result",
                "this view is cached outside of what checks its user, so everyone gets its result",
            )
            yield self._kept(cached, message, _ADVICE_INSIDE, project)
        elif argument is not None:
            message = fitting(
                f"{name} is cached under one key, but its result depends on `{argument}`",
                f"this view is cached under one key, but its result depends on `{argument}`",
                "this view is cached under one key, but its result depends on its URL",
            )
            yield self._kept(cached, message, _ADVICE_PREFIX, project)

    def _kept(self, cached: CachedFunction, message: str, advice: str, project: Project) -> Finding:
        """Return the finding on a view whose result another request gets."""
        path = _path(cached, (), project)
        return self.finding(cached.module, "error", cached.decorator, message, advice, None, path)

    def _passed(
        self, module: Module, project: Project, call: ast.Call, cached: CachedFunction
    ) -> Iterator[Finding]:
        data = RequestData.of_project(project)
        for argument in arguments_of(call):
            datum = data.of(module, argument)
            if datum is None or datum.kind is Kind.VALUE or datum.is_caught:
                continue
            written, name = module.segment(argument), cached.node.name
            message = fitting(
                f"the cached `{name}` takes the proxy `{written}` as key, {_MIXED_UP}",
                f"the cached `{name}` takes `{written}` as key, {_MIXED_UP}",
                f"this cached function takes a proxy as key, {_MIXED_UP}",
            )
            if datum.kind is Kind.OBJECT:
                message = fitting(
                    f"the cached `{name}` keeps `{written}` as key, and so its request in memory",
                    "this cached function keeps a request as key, and so in memory",
                )
            reach = ContextFlow.of(project).reachability.of(module, call)
            path = path_to(reach, *datum.steps, step_at(module, call, "call"))
            yield self.finding(module, "error", argument, message, _ADVICE_ARGUMENT, None, path)


def _guard_inside(cached: CachedFunction, project: Project) -> ast.expr | None:
    """Return the decorator that lets users in, and that does not run for what is in the cache."""
    values = ContextFlow.of(project).values
    for each in cached.inside:
        if values.name_of(cached.module, without_call(each)) in LETTING_IN:
            return None if _lets_everyone_in(each) else each
    return None


def _lets_everyone_in(decorator: ast.expr) -> bool:
    """Whether a decorator that lets users in does so with others: ``optional=True``."""
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return any(each.arg == "optional" and getattr(each.value, "value", True) for each in keywords)


def _argument_of_url(cached: CachedFunction, project: Project) -> str | None:
    """Return an argument that the URL gives a view, and that its key leaves out."""
    if cached.key != "path" or cached.attributes >= TOLD_BY_PATH:
        return None
    if not ContextFlow.of(project).callers.give_data(cached.module, cached.node):
        return None
    usual = {argument.arg for argument, _ in defaults_of(cached.node.args)}
    arguments = (each for each in parameters_in(cached.node.args) if each.arg not in usual)
    own = (each for each in arguments if receiving_class(cached.module, each) is None)
    return next((each.arg for each in own), None)


def _path(cached: CachedFunction, reads: tuple[Step, ...], project: Project) -> tuple[Step, ...]:
    """Return the path of a result: from what is cached, over one request that makes it, to another.

    Who calls the function is not known everywhere.
    """
    kept = step_at(cached.module, cached.decorator, "register", message="keeps the results")
    at = AT_IMPORT if kept.function is None else Reach(Where.UNKNOWN)
    begin = path_to(at, kept)
    reach = ContextFlow.of(project).reachability.of_function(cached.module, cached.node)
    if reach.where is not Where.REQUEST or not reach.steps:
        return (*begin, *reads)
    *way, call = path_to(reach)
    second = (*way, call._replace(message=_GETS))
    return (*begin, *one_after_the_other(path_to(reach, *reads), second))


def _advice_on(cached: CachedFunction, use: Use, project: Project) -> Advice | str:
    """Return what makes the key of results tell apart those that differ."""
    flow = ContextFlow.of(project)
    if cached.key != "path":
        reach = flow.reachability.of_function(cached.module, cached.node)
        return _ADVICE_VIEW if len(reach.steps) == 1 else _read_in_caller(cached, use, reach.steps)
    uses = flow.needs.of(Function(cached.module, cached.node)).uses
    decorators = map(without_call, (*cached.inside, *cached.node.decorator_list))
    asked = {flow.values.name_of(cached.module, each) for each in decorators}
    if asked & LETTING_IN or any(each.of in _OF_USER for each in uses):
        return _ADVICE_USER
    return _ADVICE_QUERY if use.attribute in TOLD_BY_QUERY else _ADVICE_KEY


def _read_in_caller(cached: CachedFunction, use: Use, steps: tuple[Step, ...]) -> str:
    """Return the advice to read in the function that calls the cached one, by its name if known."""
    name, around = cached.node.name, steps[-1].function if steps else None
    caller = around.name if around is not None else ""
    if not caller.isidentifier() or caller in (name, "lambda"):
        return _ADVICE_READ
    value = "the value" if use.access == "call" else f"`{use.name}`"
    return fitting(
        f"read {value} in `{caller}`, and pass it to `{name}` as an argument",
        f"read the value in `{caller}`, and pass it to `{name}` as an argument",
        _ADVICE_READ,
    )


def _read_of_request(cached: CachedFunction, project: Project) -> Use | None:
    """Return what a function reads of a request that does not tell its results apart."""
    function = Function(cached.module, cached.node)
    roots = _roots_passed(cached, project) if cached.key == "arguments" else set()
    for use in ContextFlow.of(project).needs.of(function).uses:
        if use.of not in _READS or use.access == "write" or use.attribute in cached.attributes:
            continue
        if use.of == "flask.g" and not _is_of_request(cached, use, project):
            continue
        if use.name.partition(".")[0].partition("[")[0] not in roots:
            return use
    return None


def _roots_passed(cached: CachedFunction, project: Project) -> set[str]:
    """Return the proxies of which callers pass a part: then that tells the results apart."""
    data = RequestData.of_project(project)
    roots: set[str] = set()
    for module, call in calls_of(project, cached.module, cached.node):
        for argument in arguments_of(call):
            datum = data.of(module, argument)
            if datum is not None and datum.kind is Kind.VALUE:
                roots.add(datum.of.partition(".")[0].partition("[")[0])
    return roots


def _is_of_request(cached: CachedFunction, use: Use, project: Project) -> bool:
    """Whether the attribute of `g` that is read holds data of the request."""
    found = expression_at(cached.module, project, use.steps[-1])
    datum = RequestData.of_project(project).of(*found) if found is not None else None
    return datum is not None and datum.kind is not Kind.PROXY
