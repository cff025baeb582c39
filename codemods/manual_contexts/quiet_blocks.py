"""Blocks of code to which it is all the same whether they have an app context of their own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator

from flask_ctxfix.codemods.manual_contexts.unseen import sees_another_context
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Foreign, Function, Property, Proxy, Value
from flask_ctxfix.flask_facts import PROXIES, WITHOUT_TEARDOWN
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.source import SourceError
from flask_ctxfix.statements import nodes_of

_QUIET_FUNCTION = QuestionKind("quiet", True, lambda one, other: one and other)
# What else than a teardown function notices that a context comes or goes, or is asked by `url_for`.
_WATCHERS = (
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "teardown_appcontext_funcs",
    "app_url_defaults",
    "url_default_functions",
    "url_defaults",
)
_TEARDOWNS = ("teardown_app_request", "teardown_appcontext")
_CONTEXT_FREE = frozenset({"flask.current_app", "flask.request"})
_QUIET_OWNERS = (
    "flask.Flask().config.",
    "flask.Flask().logger.",
    "flask.current_app.config.",
    "flask.current_app.logger.",
    "flask.request.",
    "flask_caching.Cache().",
)
_QUIET = frozenset(
    {
        "flask.Flask().app_context",
        "flask.current_app.app_context",
        "flask.jsonify",
        "flask.redirect",
    }
)
_URL_FOR = "flask.url_for"
_LOUD = frozenset({"builtins.eval", "builtins.exec", "builtins.__import__"})
_LITERALS = (ast.Constant, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.Tuple)
_DISPLAYS = (*_LITERALS, ast.ListComp, ast.SetComp, ast.DictComp)


def is_quiet(module: Module, project: Project, body: Iterable[ast.AST], *, with_urls: bool) -> bool:
    """Whether nothing in a block, nor at the end of its context, depends on that context.

    It uses no database, session or `g`, and all that it calls is known; no teardown function, of
    the project or an extension, does anything in a context whose `g` is empty. Nor does any code
    of the project that objects may run unseen, such as a property. `with_urls` says that `url_for`
    gives the same URLs in either context. What the managers of the block itself do when they are
    entered and left is not asked here.
    """
    if not _nobody_watches(project) or not _Quiet(project, with_urls).block(module, body):
        return False
    return not sees_another_context(project)


class _Quiet:
    """Looks at blocks, or else at the functions that they call."""

    def __init__(self, project: Project, with_urls: bool, *, is_called: bool = False) -> None:
        self._project = project
        self._with_urls = with_urls
        self._is_called = is_called
        self._values = ContextFlow.of(project).values
        self._names = _QUIET | {_URL_FOR} if with_urls else _QUIET

    def block(self, module: Module, body: Iterable[ast.AST]) -> bool:
        return all(self._node(module, each) for each in nodes_of(body))

    def _node(self, module: Module, node: ast.AST) -> bool:
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.AsyncWith):
            return False
        if isinstance(node, ast.With) and self._is_called:
            return False
        if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef | ast.AsyncFor):
            return False
        if isinstance(node, ast.Call):
            return self._call(module, node)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._named(module, node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._definition(module, node)
        if isinstance(node, ast.Lambda):
            return self.block(module, [node.body, *_defaults(node)])
        return True

    def _definition(self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether what runs when a function is defined is quiet: decorators and defaults."""
        makers = [self._values.of(module, each) for each in node.decorator_list]
        is_known = all(self._called(each) for each in makers)
        return is_known and self.block(module, [*node.decorator_list, *_defaults(node)])

    def _named(self, module: Module, node: ast.Name | ast.Attribute) -> bool:
        value = self._values.of(module, node)
        if isinstance(value, Proxy):
            value = value.function
        if isinstance(value, Property):
            return self._function(value.function)
        if isinstance(value, Function):
            return self._function(value)
        if not isinstance(value, Foreign):
            return True
        is_proxy = value.name in PROXIES and value.name not in _CONTEXT_FREE
        return not is_proxy and not value.name.startswith("flask_sqlalchemy.")

    def _call(self, module: Module, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Attribute) and _is_plain(module, call.func.value):
            return True
        return self._called(self._values.of(module, call.func))

    def _called(self, value: Value | None) -> bool:
        if isinstance(value, Function):
            return self._function(value)
        if not isinstance(value, Foreign):
            return False
        return value.name in self._names or is_quiet_name(value.name)

    def _function(self, function: Function) -> bool:
        module, node = function.module, function.node
        if function.is_generator or not isinstance(node, ast.FunctionDef):
            return False

        def compute() -> bool:
            called = _Quiet(self._project, self._with_urls, is_called=True)
            return called.block(module, node.body)

        table = ContextFlow.of(self._project).table
        return table.ask(module, _QUIET_FUNCTION, ("quiet", node, self._with_urls), compute)


def _defaults(function: FunctionNode) -> Iterator[ast.expr]:
    every = (*function.args.defaults, *function.args.kw_defaults)
    yield from (each for each in every if each is not None)


def is_quiet_name(name: str) -> bool:
    """Whether calling a name from elsewhere uses no more of a context than its application."""
    if name in _LOUD:
        return False
    package = name.partition(".")[0]
    is_standard = package == "builtins" or package in sys.stdlib_module_names
    return is_standard or name.startswith(_QUIET_OWNERS)


def _is_plain(module: Module, node: ast.expr) -> bool:
    """Whether `node` is a string or a collection that the same function has written down."""
    if not isinstance(node, ast.Name):
        return isinstance(node, _LITERALS)
    bindings = module.scopes.scope_of(node).home(node.id).bindings.get(node.id, [])
    return bool(bindings) and all(isinstance(each.value, _DISPLAYS) for each in bindings)


def _nobody_watches(project: Project) -> bool:
    return project.memo("nobody watches contexts", lambda: _find_no_watcher(project))


def _find_no_watcher(project: Project) -> bool:
    if any(project.naming_outside_tests(name) for name in _WATCHERS):
        return False
    for path in project.index.naming_part("flask"):
        if not project.is_test(path) and _imports_watcher(project, path):
            return False
    teardowns = (path for name in _TEARDOWNS for path in project.naming_outside_tests(name))
    return all(_looks_at_g_only(project, path) for path in teardowns)


def _imports_watcher(project: Project, path: str) -> bool:
    """Whether a file imports an extension that may do something at the end of contexts.

    That is one of Flask, or what another package has for Flask; the project's own code is searched.
    """
    try:
        scopes = project.module(path).scopes
    except SourceError:
        return True
    sources = (node for node in scopes.nodes(ast.ImportFrom) if node.level == 0)
    names = {f"{node.module}.{alias.name}" for node in sources for alias in node.names}
    names |= {alias.name for node in scopes.nodes(ast.Import) for alias in node.names}
    return any(
        _may_watch(name) and project.find_module(name.partition(".")[0], path) is None
        for name in names
    )


def _may_watch(name: str) -> bool:
    package, *parts = name.split(".")
    if package == "flask" or package in WITHOUT_TEARDOWN:
        return False
    return "flask" in package or not {"flask", "flask_utils"}.isdisjoint(parts)


def _looks_at_g_only(project: Project, path: str) -> bool:
    """Whether the teardown functions of a module do nothing where `g` is empty."""
    values = ContextFlow.of(project).values
    try:
        module = project.module(path)
        registrations = [
            node for name in _TEARDOWNS for node in module.scopes.attributes.get(name, ())
        ]
    except SourceError:
        return False
    for node in registrations:
        function = module.scopes.parents[node]
        if isinstance(function, ast.Call) and function.func is node and len(function.args) == 1:
            value = values.of(module, function.args[0])
            if not isinstance(value, Function):
                return False
            module, function = value.module, value.node
        if not isinstance(function, ast.FunctionDef) or not _is_idle(values, module, function):
            return False
    return True


def _is_idle(values: Values, module: Module, function: ast.FunctionDef) -> bool:
    """Whether a function does nothing unless it finds on `g` what it asks for."""
    asked: set[str] = set()
    for statement in function.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            if not _asks_g(values, module, statement.value):
                return False
            asked.add(statement.targets[0].id)
        elif isinstance(statement, ast.If) and not statement.orelse:
            if not _is_found(values, module, statement.test, asked):
                return False
        elif not isinstance(statement, ast.Pass) and not (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            return False
    return True


def _is_found(values: Values, module: Module, test: ast.expr, asked: set[str]) -> bool:
    """Whether a test is false where nothing was found on `g`."""
    if isinstance(test, ast.Name):
        return test.id in asked
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(test.ops[0], ast.IsNot):
            is_none = isinstance(right, ast.Constant) and right.value is None
            return is_none and isinstance(left, ast.Name) and left.id in asked
        if isinstance(test.ops[0], ast.In):
            return values.of(module, right) == Foreign("flask.g")
    return isinstance(test, ast.Call) and _asks_g(values, module, test)


def _asks_g(values: Values, module: Module, node: ast.expr) -> bool:
    """Whether `node` is a look at `g` that gives None, or False, where there is nothing."""
    if not isinstance(node, ast.Call) or node.keywords or not node.args:
        return False
    default = node.args[-1]
    is_none = isinstance(default, ast.Constant) and default.value is None
    called = values.of(module, node.func)
    if called in (Foreign("flask.g.pop"), Foreign("flask.g.get")):
        is_short = len(node.args) == 1 and called == Foreign("flask.g.get")
        return is_short or (len(node.args) == 2 and is_none)
    if values.of(module, node.args[0]) != Foreign("flask.g"):
        return False
    is_asked = called == Foreign("builtins.getattr") and len(node.args) == 3 and is_none
    return is_asked or called == Foreign("builtins.hasattr")
