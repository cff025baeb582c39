"""Handlers that let anything depend on which error they caught."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.codemods.removed_apis.tested import is_tested, none_test
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import EVERY_ERROR, SHOWING_ERRORS, is_log
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import is_handling, nodes_of, own_nodes
from flask_ctxfix.syntax import starred_in

_SHOWS_LOGS = ("logging.Handler", "logging.StreamHandler", "logging.Filter", "logging.handlers.")
_SPELLS_OUT = frozenset({"builtins.str", "builtins.repr", "builtins.type", "builtins.format"})
_PARTS = (
    ast.JoinedStr,
    ast.FormattedValue,
    ast.BinOp,
    ast.Tuple,
    ast.Starred,
    ast.Subscript,
    ast.keyword,
)


class AskedErrors:
    """Answers whether code depends on which error was caught.

    It does not where the error has no name, or its name is not used; where it is raised again,
    for that is a question to the handlers further out; and where it is only logged, as it is or
    spelled out, by a call whose value is dropped: logs are read by people, who are told by the new
    text what the old one meant. A module that handles the records of a log itself may do anything
    with them, and what is printed may be what a program answers: these count as asking. The cause
    in ``raise … from error`` does not: it is there for tracebacks, as the context is that Python
    adds by itself. Nor does a question that every error answers with yes.
    """

    def __init__(self, project: Project) -> None:
        self._values = ContextFlow.of(project).values

    def in_handler(self, module: Module, handler: ast.ExceptHandler) -> bool:
        """Whether a handler asks which error it caught."""
        return self.in_block(module, handler.body, handler.name)

    def in_block(self, module: Module, body: Iterable[ast.stmt], name: str | None = None) -> bool:
        """Whether statements ask which error is handled, which has `name`."""
        nodes = (node for statement in body for node in ast.walk(statement))
        called: list[Function] = []
        for node in nodes:
            if self._asks(module, node, name):
                return True
            called += self._called(module, node)
        return self._any_asks(called)

    def in_exit(self, exit_method: Function) -> bool:
        """Whether the ``__exit__`` of a context manager asks more than if there is an error."""
        module, node = exit_method.module, exit_method.node
        arguments = node.args
        told = [*arguments.posonlyargs, *arguments.args][1:] + starred_in(arguments)
        reads = module.scopes.opened_by(node).reads
        return any(
            not _asks_if_there_is_any(module, read)
            for each in told
            for read in reads.get(each.arg, ())
        )

    def _asks(self, module: Module, node: ast.AST, name: str | None) -> bool:
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            return not self._is_harmless(module, node)
        if not isinstance(node, ast.Call):
            return False
        is_asking = self._values.name_of(module, node.func) in SHOWING_ERRORS
        return is_asking and not self._is_harmless(module, node)

    def _called(self, module: Module, node: ast.AST) -> Iterator[Function]:
        called = self._values.of(module, node.func) if isinstance(node, ast.Call) else None
        if isinstance(called, Function):
            yield called

    def _any_asks(self, functions: Iterable[Function]) -> bool:
        """Whether functions that a handler calls, or theirs, ask for the error being handled."""
        left = [*functions]
        seen: set[ast.AST] = set()
        while left:
            function = left.pop()
            if function.node in seen:
                continue
            seen.add(function.node)
            for node in own_nodes(function.node):
                is_raised = isinstance(node, ast.Raise) and node.exc is None
                if is_raised and not is_handling(function.module, node, finally_=False):
                    return True
                if self._asks(function.module, node, None):
                    return True
                left += self._called(function.module, node)
        return False

    def _is_harmless(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression that is, or holds, the error is only logged or raised again."""
        parents = module.scopes.parents
        parent = parents[node]
        if isinstance(parent, ast.Raise):
            return isinstance(node, ast.Name) and (parent.cause in (None, node))
        if isinstance(parent, ast.Call) and self._is_any_error(module, parent):
            return True
        if isinstance(parent, ast.Expr) and isinstance(node, ast.Call):
            return self._prints_traceback(module, node)
        part: ast.AST = node
        while self._passes_on(module, part, parent):
            part, parent = parent, parents[parent]
        if not isinstance(parent, ast.Call) or part is parent.func:
            return False
        return isinstance(parents[parent], ast.Expr) and self._logs(module, parent)

    def _is_any_error(self, module: Module, call: ast.Call) -> bool:
        """Whether a call asks no more than if something is an error at all."""
        if self._values.name_of(module, call.func) != "builtins.isinstance":
            return False
        return len(call.args) == 2 and self._values.name_of(module, call.args[1]) in EVERY_ERROR

    def _prints_traceback(self, module: Module, call: ast.Call) -> bool:
        """Whether a call writes the traceback to the standard error, where a log goes."""
        called = self._values.of(module, call.func)
        return called == Foreign("traceback.print_exc") and not (call.args or call.keywords)

    def _passes_on(self, module: Module, part: ast.AST, parent: ast.AST) -> bool:
        """Whether `parent` is but another form of the error that `part` holds."""
        if isinstance(parent, _PARTS):
            return True
        if isinstance(parent, ast.Attribute):  # which every exception has, and every class
            return parent.attr == "args" or parent.attr.startswith("__")
        if not isinstance(parent, ast.Call) or part is parent.func:
            return False
        return self._values.name_of(module, parent.func) in _SPELLS_OUT or (
            isinstance(parent.func, ast.Attribute)
            and isinstance(parent.func.value, ast.Constant)
            and parent.func.attr == "format"
        )

    def _logs(self, module: Module, call: ast.Call) -> bool:
        is_written = is_log(self._values.name_of(module, call.func))
        return is_written and not self._shows_logs(module)

    def _shows_logs(self, module: Module) -> bool:
        """Whether a module sees to it itself where records of a log go."""
        return module.memo("shows logs", lambda: any(self._handlers_of_logs(module)))

    def _handlers_of_logs(self, module: Module) -> Iterator[bool]:
        for node in (*module.scopes.nodes(ast.Name), *module.scopes.nodes(ast.Attribute)):
            yield self._values.name_of(module, node).startswith(_SHOWS_LOGS)


def _asks_if_there_is_any(module: Module, read: ast.Name) -> bool:
    parent = module.scopes.parents[read]
    if isinstance(parent, ast.Compare) and none_test(parent) is not None:
        return True
    return isinstance(read.ctx, ast.Del) or is_tested(module, read)


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Whether a handler may raise the error again that it caught."""
    return any(
        each.exc is None or (isinstance(each.exc, ast.Name) and each.exc.id == handler.name)
        for each in nodes_of(handler.body)
        if isinstance(each, ast.Raise)
    )
