"""Handlers that caught the AttributeError of a missing context, which is a RuntimeError now."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Edit, ReplaceExpression
from flask_ctxfix.project import Module, Project

_CATCHES_BOTH = {"Exception", "BaseException"}
_EXPECTS_ERRORS = {"contextlib.suppress", "pytest.raises"}
_ASKS_BY_NAME = {"getattr": 3, "hasattr": 2}


class ConflictError(Exception):
    """Why no handler can be taught to catch a RuntimeError as well, in one line."""


def widened_handlers(module: Module, project: Project, node: ast.AST) -> list[Edit]:
    """Return edits after which the innermost handler around `node` catches both errors.

    Empty where none expects an AttributeError. Raises ConflictError where a handler in between
    treats a RuntimeError differently, or a caller of the function expects an AttributeError.
    """
    return _Handlers(module, project).widened(node)


class _Handlers:
    """The handlers of one module."""

    def __init__(self, module: Module, project: Project) -> None:
        self._module = module
        self._project = project

    def widened(self, node: ast.AST) -> list[Edit]:
        child = node
        for parent in self._module.scopes.ancestors(node):
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                self._check_callers(parent)
                break
            if isinstance(parent, ast.Try) and child in parent.body:
                edits = self._of_try(parent)
            elif isinstance(parent, ast.With | ast.AsyncWith) and child in parent.body:
                edits = list(self._of_items(parent)) or None
            else:
                edits = None
            if edits is not None:
                return edits
            child = parent
        return []

    def _of_try(self, statement: ast.Try) -> list[Edit] | None:
        """Return the edit of the handler that is concerned; None if none is."""
        for place, handler in enumerate(statement.handlers):
            caught = self._caught(handler.type)
            if caught & _CATCHES_BOTH or {"AttributeError", "RuntimeError"} <= caught:
                return []
            later = [self._caught(each.type) for each in statement.handlers[place + 1 :]]
            treated = "RuntimeError" in caught or any("RuntimeError" in each for each in later)
            if treated and caught & {"AttributeError", "RuntimeError"}:
                raise ConflictError("a handler around it catches RuntimeError for something else")
            if "AttributeError" in caught and handler.type is not None:
                code = self._with_runtime_error(handler.type)
                return [ReplaceExpression(self._module.span(handler.type), code)]
        return None

    def _caught(self, kinds: ast.expr | None) -> set[str]:
        """Return the names of the exceptions that an exception type, or a tuple of them, holds."""
        if kinds is None:
            return {"BaseException"}
        if isinstance(kinds, ast.Tuple):
            return set().union(*map(self._caught, kinds.elts))
        if isinstance(kinds, ast.Starred):
            return self._caught(kinds.value)
        origins = self._project.origins(self._module, kinds)
        names = {o.removeprefix("builtins.") for o in origins if o.startswith("builtins.")}
        for owner, binding in self._project.bindings(self._module, kinds):
            if isinstance(binding.value, ast.Tuple):
                names |= _Handlers(owner, self._project)._caught(binding.value)
        return names

    def _with_runtime_error(self, kinds: ast.expr) -> str:
        if isinstance(kinds, ast.Tuple):
            listed = ", ".join(map(self._module.segment, kinds.elts))
        else:
            listed = "*" * self._is_group(kinds) + self._module.segment(kinds)
        return f"({listed}, RuntimeError)"

    def _is_group(self, kinds: ast.expr) -> bool:
        """Whether a name stands for a tuple of exceptions."""
        bindings = self._project.bindings(self._module, kinds)
        return any(isinstance(binding.value, ast.Tuple) for _, binding in bindings)

    def _of_items(self, statement: ast.With | ast.AsyncWith) -> Iterator[Edit]:
        """Yield the edits of ``suppress(AttributeError)`` and its like."""
        for item in statement.items:
            call = item.context_expr
            if not isinstance(call, ast.Call):
                continue
            origins = self._project.origins(self._module, call.func)
            caught = [self._caught(argument) for argument in call.args]
            if not origins & _EXPECTS_ERRORS or "RuntimeError" in set().union(*caught):
                continue
            concerned = [
                a for a, names in zip(call.args, caught, strict=True) if "AttributeError" in names
            ]
            if concerned and origins == {"contextlib.suppress"}:
                listed = ", ".join(map(self._module.segment, call.args))
                code = f"{self._module.segment(call.func)}({listed}, RuntimeError)"
                yield ReplaceExpression(self._module.span(call), code)
            elif concerned:
                code = self._with_runtime_error(concerned[0])
                yield ReplaceExpression(self._module.span(concerned[0]), code)

    def _check_callers(self, function: ast.AST) -> None:
        """Raise ConflictError if a caller of `function` expects an AttributeError."""
        name = getattr(function, "name", None)
        if name is None:
            return
        for call in self._module.scopes.nodes(ast.Call):
            called = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if len(call.args) == _ASKS_BY_NAME.get(called):
                if getattr(call.args[1], "value", None) == name:
                    raise ConflictError(f"`{name}` may be missing where it is asked for by name")
            if called == name:
                self._check_call(call, name)

    def _check_call(self, call: ast.Call, name: str) -> None:
        child: ast.AST = call
        for parent in self._module.scopes.ancestors(call):
            if isinstance(parent, ast.Try) and child in parent.body:
                caught = set().union(*(self._caught(each.type) for each in parent.handlers))
                if "AttributeError" in caught and "RuntimeError" not in caught:
                    if not caught & _CATCHES_BOTH:
                        raise ConflictError(f"a caller of `{name}` expects an AttributeError")
            child = parent
