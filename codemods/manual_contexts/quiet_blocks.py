"""Blocks of code to which it is all the same whether they have an app context of their own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator

from flask_ctxfix.codemods.manual_contexts.unseen import sees_another_context
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Foreign, Function, Property, Proxy, Value
from flask_ctxfix.flask_facts import ALIKE_IN_APP_CONTEXTS, PROXIES, RUNNING_ANY_CODE
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.teardown import ends_unnoticed
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import nodes_of

_QUIET_FUNCTION = QuestionKind("quiet", True, lambda one, other: one and other)
_QUIET_OWNERS = (
    "flask.Flask().config.",
    "flask.Flask().logger.",
    "flask.current_app.config.",
    "flask.current_app.logger.",
    "flask.request.",
    "flask_caching.Cache().",
)
_URL_FOR = "flask.url_for"
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
    if not ends_unnoticed(project) or not _Quiet(project, with_urls).block(module, body):
        return False
    return not sees_another_context(project)


class _Quiet:
    """Looks at blocks, or else at the functions that they call."""

    def __init__(self, project: Project, with_urls: bool, *, is_called: bool = False) -> None:
        self._project = project
        self._with_urls = with_urls
        self._is_called = is_called
        self._values = ContextFlow.of(project).values
        self._names = ALIKE_IN_APP_CONTEXTS if with_urls else ALIKE_IN_APP_CONTEXTS - {_URL_FOR}

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
        is_proxy = value.name in PROXIES and value.name not in ALIKE_IN_APP_CONTEXTS
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
    if name in RUNNING_ANY_CODE:
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
