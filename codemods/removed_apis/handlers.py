"""Handlers that caught the AttributeError of a missing context, which is a RuntimeError now."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import cast

from flask_ctxfix.codemod import Edit, ReplaceExpression
from flask_ctxfix.codemods.removed_apis.asked_errors import AskedErrors, raises_again
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.caught import catches, is_group, may_catch, names_of
from flask_ctxfix.context_flow.values import Function, Instance
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import arguments_of, without_call
from flask_ctxfix.wording import fitting

# The error of a missing context before Flask 2.2, and since.
BEFORE = "AttributeError"
SINCE = "RuntimeError"
_EXCEPT = "an `except`"
_ANOTHER = "catches RuntimeError, but not for a missing context"
_UNKNOWN = "it is not known which errors an `except`"
EXPECTS = "expects AttributeError, not RuntimeError"
_EXAMINES = "examines the error, which the fix would change"
_TRY_STAR: type[ast.AST] = getattr(ast, "TryStar", ast.Try)


class ConflictError(Exception):
    """Why no handler can be taught to catch a RuntimeError as well, in one line.

    Either `who` says all, or `does` says what is done by `who` stands around a use.
    """

    def __init__(self, who: str, does: str = "") -> None:
        super().__init__(who, does)
        self._who = who
        self._does = does

    def about(self, *uses: str) -> str:
        """Return the reason, with the first of some words for the use that leaves it short."""
        if not self._does:
            return self._who
        return fitting(*(f"{self._who} around {use} {self._does}" for use in uses))


class Handlers:
    """The handlers that an error meets on its way out of the function that it is raised in.

    Given a list of `edits`, they are taught to catch the new error as well as the old one. Without
    it they can only be asked whether they tell the two apart.
    """

    def __init__(self, module: Module, project: Project, edits: list[Edit] | None = None) -> None:
        self._module = module
        self._project = project
        self._edits = edits
        self._asked = AskedErrors(project)
        self._values = ContextFlow.of(project).values

    def passed(self, node: ast.AST) -> FunctionNode | None:
        """Return the function that an error raised at `node` leaves; None if it does not.

        Raises ConflictError where a handler on the way treats the two errors differently.
        """
        child = node
        for parent in self._module.scopes.ancestors(node):
            if isinstance(parent, FunctionNode):
                return parent
            if not self._goes_on(parent, child, node):
                return None
            child = parent
        return None

    def _goes_on(self, parent: ast.AST, child: ast.AST, node: ast.AST) -> bool:
        """Whether both errors go on behind `parent`, of which `child` holds `node`."""
        statement = _as_try(parent)
        if statement is not None and child in statement.body:
            return self._of_try(statement, node)
        if isinstance(parent, ast.With | ast.AsyncWith):
            items = parent.items
            if isinstance(child, ast.withitem):
                items = items[: items.index(child)]
            return all(map(self._of_item, reversed(items)))
        return True

    def _of_try(self, statement: ast.Try, node: ast.AST) -> bool:
        if self._asked.in_block(self._module, statement.finalbody):
            raise ConflictError("a `finally`", _EXAMINES)
        before = self._catching(statement.handlers, BEFORE)
        since = self._catching(statement.handlers, SINCE, before)
        if before is None and since is None:
            return True
        if before is None or (since is not None and since is not before):
            raise ConflictError(_EXCEPT, _ANOTHER)
        if self._asked.in_handler(self._module, before):
            raise ConflictError(_EXCEPT, _EXAMINES)
        if since is None:
            self._check_others(statement, node, before)
            self._widen(before.type, statement)
        return raises_again(before)

    def _catching(
        self,
        handlers: Sequence[ast.ExceptHandler],
        error: str,
        known: ast.ExceptHandler | None = None,
    ) -> ast.ExceptHandler | None:
        """Return the first handler that catches `error`; `known` is one of which more is known."""
        for handler in handlers:
            names = names_of(self._module, self._project, handler.type)
            if catches(names, error):
                return handler
            if may_catch(names, error) and handler is not known:
                raise ConflictError(_UNKNOWN, "catches")
        return None

    def _check_others(self, statement: ast.Try, node: ast.AST, handler: ast.ExceptHandler) -> None:
        """Raise ConflictError if `handler` would take other errors from a handler further out."""
        if raises_again(handler) or not self._fails_otherwise(statement, node):
            return
        for outer in self._handlers_around(statement):
            if may_catch(names_of(self._module, self._project, outer.type), SINCE):
                raise ConflictError(
                    "an outer `except` catches RuntimeError for what else may fail here"
                )

    def _handlers_around(self, statement: ast.Try) -> Iterator[ast.ExceptHandler]:
        child: ast.AST = statement
        for parent in self._module.scopes.ancestors(statement):
            if isinstance(parent, FunctionNode):
                return
            outer = _as_try(parent)
            if outer is not None and child in outer.body:
                yield from outer.handlers
            child = parent

    def _fails_otherwise(self, statement: ast.Try, node: ast.AST) -> bool:
        """Whether the body of a ``try`` may raise a RuntimeError elsewhere than at `node`."""
        use = self._module.span(node)
        return any(
            isinstance(each, ast.Call | ast.Raise) and not use.holds(self._module.span(each))
            for part in statement.body
            for each in ast.walk(part)
        )

    def _widen(self, kinds: ast.expr | None, statement: ast.Try) -> None:
        assert kinds is not None
        if self._edits is None or type(statement) is not ast.Try:
            raise ConflictError(_EXCEPT, EXPECTS)
        code = self._with_runtime_error(kinds)
        self._edits.append(ReplaceExpression(self._module.span(kinds), code))

    def _with_runtime_error(self, kinds: ast.expr) -> str:
        if isinstance(kinds, ast.Tuple):
            listed = ", ".join(map(self._module.segment, kinds.elts))
        else:
            star = "*" * is_group(self._module, self._project, kinds)
            listed = star + self._module.segment(kinds)
        return f"({listed}, RuntimeError)"

    # --- with ------------------------------------------------------------------------------

    def _of_item(self, item: ast.withitem) -> bool:
        """Whether both errors go on behind what a ``with`` enters."""
        manager = item.context_expr
        named = self._named(manager) if isinstance(manager, ast.Call) else {}
        every = frozenset().union(*named.values())
        before, since = catches(every, BEFORE), catches(every, SINCE)
        if not (before or since):
            self._check_manager(manager)
            return True
        assert isinstance(manager, ast.Call)
        if not before:
            raise ConflictError("a `with`", _ANOTHER)
        origins = self._project.origins(self._module, manager.func)
        if origins == {"contextlib.suppress"}:
            if not since:
                self._replace(manager, self._with_argument(manager))
        elif origins == {"pytest.raises"}:
            if manager.keywords or self._is_used(item.optional_vars):
                raise ConflictError("a test", _EXAMINES)
            if not since:
                kinds = next(each for each, names in named.items() if BEFORE in names)
                self._replace(kinds, self._with_runtime_error(kinds))
        elif not since:
            called = self._module.segment(manager.func)
            raise ConflictError(f"`{called}`", EXPECTS)
        return False

    def _named(self, call: ast.Call) -> dict[ast.expr, frozenset[str]]:
        """Return the exceptions that each argument of a call names."""
        arguments = arguments_of(call)
        return {each: names_of(self._module, self._project, each) for each in arguments}

    def _with_argument(self, call: ast.Call) -> str:
        listed = ", ".join(map(self._module.segment, call.args))
        return f"{self._module.segment(call.func)}({listed}, RuntimeError)"

    def _replace(self, node: ast.expr, code: str) -> None:
        if self._edits is None:
            raise ConflictError("a `with`", EXPECTS)
        self._edits.append(ReplaceExpression(self._module.span(node), code))

    def _is_used(self, target: ast.expr | None) -> bool:
        """Whether something reads what a ``with`` gave a name."""
        if not isinstance(target, ast.Name):
            return target is not None
        return bool(self._module.scopes.home_of(target).reads.get(target.id))

    def _check_manager(self, manager: ast.expr) -> None:
        """Raise ConflictError if a context manager of the project tells the errors apart."""
        value = self._values.of(self._module, manager)
        if isinstance(value, Instance):
            leave = self._values.member(value.of, "__exit__", of_instance=True)
            if isinstance(leave, Function) and self._asked.in_exit(leave):
                raise ConflictError("a `with`", _EXAMINES)
        maker = self._values.of(self._module, without_call(manager))
        if isinstance(maker, Function) and maker.is_generator:
            handlers = Handlers(maker.module, self._project)
            for each in _yields(maker):
                handlers.passed(each)


def _as_try(node: ast.AST) -> ast.Try | None:
    """Return a ``try``, also one with ``except*``, which has the same parts."""
    return cast("ast.Try", node) if isinstance(node, ast.Try | _TRY_STAR) else None


def _yields(generator: Function) -> Iterator[ast.AST]:
    scopes = generator.module.scopes
    return (each for each in scopes.nodes(ast.Yield) if scopes.function_of(each) is generator.node)
